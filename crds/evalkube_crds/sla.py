"""The words of a service level: which figures of a load it speaks of, and what is asked of them. Pure.

A criterion is a figure's name and a condition such as `<=0.5`; `max` and `min` ask for the best value there is.
Times are in seconds; `rps`, `tps` (output tokens), `inputs_per_second`, `documents_per_second` and
`input_tps` per second; `success_rate` is from 0 to 1. Not all models have all of them (`kinds`). `goodput`
(from 0 to 1) and `goodput_rps` are of tests that say what a good request is.
"""

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evalkube_crds.figure import KINDS, STATISTICS, Quantity
from evalkube_crds.figures import GOODPUT, QUANTITIES, RATES, SUCCESS_RATE
from evalkube_crds.perf_point import PerfPoint

__all__ = [
    "CONDITION",
    "FIGURES",
    "METRICS",
    "METRICS_BY_KINDS",
    "OF_GOODPUT",
    "STREAMED",
    "Criterion",
    "figures_of",
    "forgives_failures",
    "group_of",
    "parse",
    "requests_needed",
]

_RATES: Final = tuple(figure for figure in RATES if figure.criterion)
_TIMES: Final = tuple(quantity for quantity in QUANTITIES if quantity.criterion)


def _names(quantity: Quantity) -> list[str]:
    return [quantity.figure(statistic).criterion for statistic in STATISTICS]


FIGURES: Final = {
    figure.criterion: figure
    for figure in (*(time.figure(statistic) for time in _TIMES for statistic in STATISTICS), *_RATES)
}
"""By the names that criteria have."""
METRICS: Final = tuple(FIGURES)
STREAMED: Final = tuple(name for time in _TIMES if time.streamed for name in _names(time))
"""Those that there are only of streamed answers."""
OF_GOODPUT: Final = tuple(figure.criterion for figure in _RATES if figure.asked)
"""Those that there are only where a test says what a good request is."""
_FAILURES_COUNT: Final = (SUCCESS_RATE.criterion, *OF_GOODPUT)

METRICS_BY_KINDS: Final = {
    kinds: [name for name, figure in FIGURES.items() if figure.kinds == kinds]
    for kinds in dict.fromkeys(figure.kinds for figure in FIGURES.values())
    if kinds != KINDS
}
"""Those that not all models have, by what those do that have them."""

CONDITION: Final = r"^\s*(max|min|(<=|>=|<|>|≤|≥)\s*([0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?))\s*$"
"""How a condition is written; for Python and for CEL (RE2) alike."""

_COMPARE: Final = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
_PLAIN: Final = {"≤": "<=", "≥": ">="}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition. `bound` is None for `max` and `min`, which no value can fail."""

    metric: str
    op: str
    bound: float | None = None

    def met(self, figures: Mapping[str, float]) -> bool:
        """Whether `figures` has the metric, and as it should be."""
        if self.metric not in figures:
            return False
        return self.bound is None or _COMPARE[self.op](figures[self.metric], self.bound)

    def __str__(self) -> str:
        return f"{self.metric} {self.op}" + (f" {self.bound:g}" if self.bound is not None else "")


def parse(metric: str, condition: str) -> Criterion:
    """The criterion, or ValueError with what is wrong."""
    if metric not in METRICS:
        raise ValueError(f"{metric!r} is not one of {', '.join(METRICS)}")
    found = re.match(CONDITION, condition)
    if found is None:
        raise ValueError(f"{metric}: {condition!r} must be <=, <, >= or > and a number, or max, or min")
    if found[2] is None:
        return Criterion(metric, found[1])
    return Criterion(metric, _PLAIN.get(found[2], found[2]), float(found[3]))


def group_of(conditions: Mapping[str, str]) -> tuple[Criterion, ...]:
    """The criteria that must hold together. ValueError: as `parse`, and where `max` or `min` is not alone."""
    group = tuple(parse(metric, condition) for metric, condition in conditions.items())
    if len(group) > 1 and any(criterion.bound is None for criterion in group):
        raise ValueError("max and min cannot be combined with other criteria; make them groups of their own")
    return group


def forgives_failures(group: Iterable[Criterion]) -> bool:
    """Whether a group says itself how many requests may fail; else none may."""
    return any(criterion.metric in _FAILURES_COUNT for criterion in group)


def requests_needed(groups: Iterable[Mapping[str, str]]) -> int:
    """How many requests a value is judged by, at least: a percentile is one of them, and not just the slowest, and a
    goodput of x is missed by more than one that is bad.
    """
    return max((_needed(parse(*each)) for conditions in groups for each in conditions.items()), default=_NEEDED)


_NEEDED: Final = 20
_MOST_NEEDED: Final = 100
_MOST_OF_SHARES: Final = 1000


def _needed(criterion: Criterion) -> int:
    if criterion.metric.startswith("p99_"):
        return _MOST_NEEDED
    if criterion.metric != GOODPUT.criterion or criterion.bound is None or criterion.bound >= 1:
        return _NEEDED
    return max(_NEEDED, min(_MOST_OF_SHARES, round(1 / (1 - criterion.bound))))


def figures_of(point: PerfPoint, *, intended: bool) -> dict[str, float]:
    """All figures that `point` has. `intended`: latency and TTFT count from when a request should have left, so
    that a wait for a free slot is in them.
    """
    found = {figure.criterion: figure.of(point) for figure in _RATES}
    for quantity in _TIMES:
        late = quantity.intended if intended else None
        source = late if late is not None and late.counted(point).count else quantity
        found |= zip(_names(quantity), source.values(point, STATISTICS), strict=True)
    return {name: value for name, value in found.items() if value is not None}
