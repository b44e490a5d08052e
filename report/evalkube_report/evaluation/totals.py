"""Totals of an evaluation: scores, their uncertainty, sums over subsets and categories. Pure arithmetic."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from evalkube_crds import score_intervals
from evalkube_crds.intervals import Interval
from evalkube_crds.names import ErrorClass, SampleState
from evalkube_crds.results import DatasetResult, ScoreSum, SubsetResult

__all__ = ["Tally", "by_category", "metrics_of", "tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """The sum of some subsets. `score` is the mean over samples, `macro` the unweighted mean over subsets."""

    score: float | None
    macro: float | None
    interval: Interval | None
    macro_interval: Interval | None
    scored: int
    requested: int
    errored: int
    causes: dict[ErrorClass, int]
    truncated: int
    empty: int
    reused: int
    states: dict[SampleState, int]
    """All samples by state; empty where that was not counted."""


def tally(subsets: Iterable[SubsetResult], metric: str) -> Tally:
    """The sum of `subsets` for one metric."""
    subsets = list(subsets)
    sums = [subset.metrics.get(metric, ScoreSum()) for subset in subsets]
    total = ScoreSum.joined(sums)
    means = [part.mean for part in sums if part.mean is not None]
    causes: dict[ErrorClass, int] = {}
    for subset in subsets:
        for cause, times in subset.errored.items():
            causes[cause] = causes.get(cause, 0) + times
    return Tally(
        score=total.mean,
        macro=sum(means) / len(means) if means else None,
        interval=score_intervals.of_sum(total),
        macro_interval=score_intervals.macro(sums),
        scored=sum(subset.scored for subset in subsets),
        requested=sum(subset.requested for subset in subsets),
        errored=sum(causes.values()),
        causes=dict(sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
        truncated=sum(subset.truncated for subset in subsets),
        empty=sum(subset.empty for subset in subsets),
        reused=sum(subset.reused for subset in subsets),
        states=_states(subsets),
    )


def _states(subsets: Iterable[SubsetResult]) -> dict[SampleState, int]:
    found: Counter[SampleState] = Counter()
    for subset in subsets:
        found.update(subset.by_state)
    return {state: found[state] for state in SampleState if found[state]}


def metrics_of(dataset: DatasetResult) -> list[str]:
    """The dataset's metrics, the main one first."""
    names = dict.fromkeys([dataset.main_metric])
    for subset in dataset.subsets:
        names.update(dict.fromkeys(subset.metrics))
    return list(names)


def by_category(dataset: DatasetResult) -> dict[tuple[str, ...], list[SubsetResult]]:
    """The subsets of each category, in order of appearance."""
    found: dict[tuple[str, ...], list[SubsetResult]] = {}
    for subset in dataset.subsets:
        found.setdefault(tuple(subset.category), []).append(subset)
    return found
