"""Wanted times of a load test (service level, threshold, goodput) as lines in plots. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evalkube_crds import sla
from evalkube_crds.figure import STATISTICS, Quantity
from evalkube_crds.figures import LATENCY, TPOT, TTFT
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import formats
from evalkube_report.formats import Unit
from evalkube_report.plots.values import Limit

__all__ = ["Level", "across", "along", "of"]

_TIMES: Final = (TTFT, TPOT, LATENCY)
_BY_CRITERION: Final = {time.figure(at).criterion: (time, at) for time in _TIMES for at in STATISTICS}
_BY_NAME: Final = {time.figure(at).name: (time, at) for time in _TIMES for at in STATISTICS}


@dataclass(frozen=True, slots=True)
class Level:
    """The highest wanted value of a time, in seconds. `label` has the statistic and the bound: "p99 <= 500 ms"."""

    time: Quantity
    seconds: float
    label: str


def of(result: PerfResult, spec: PerfRunSpec) -> list[Level]:
    """All wanted times, each once."""
    found = {(level.time.name, level.label): level for level in _wanted(result, spec)}
    return list(found.values())


def _wanted(result: PerfResult, spec: PerfRunSpec) -> Iterator[Level]:
    for group in result.sla.groups if result.sla is not None else ():
        for criterion in sla.group_of(group.criteria):
            if criterion.metric in _BY_CRITERION and criterion.bound is not None:
                yield _level(*_BY_CRITERION[criterion.metric], criterion.op, criterion.bound)
    for threshold in spec.thresholds:
        name = threshold.metric.rpartition("/")[2]
        if name in _BY_NAME:
            yield _level(*_BY_NAME[name], threshold.op, threshold.value)
    if spec.goodput is not None:
        for time in _TIMES:
            bound = getattr(spec.goodput, time.name)
            if bound is not None:
                yield Level(time, bound, f"good <= {formats.bound(time.unit, bound)}")


def _level(time: Quantity, statistic: float | None, op: str, bound: float) -> Level:
    short = "mean" if statistic is None else f"p{statistic:g}"
    return Level(time, bound, f"{short} {op} {formats.bound(time.unit, bound)}")


def across(levels: Sequence[Level], time: Quantity, unit: Unit) -> tuple[Limit, ...]:
    """The wanted values of a time as lines across a y axis in `unit` (of nanoseconds)."""
    return tuple(Limit("y", level.seconds * NANO / unit.size, level.label) for level in levels if level.time is time)


def along(levels: Sequence[Level], time: Quantity) -> tuple[Limit, ...]:
    """The wanted values of a time as lines across an x axis in nanoseconds."""
    return tuple(Limit("x", level.seconds * NANO, level.label) for level in levels if level.time is time)
