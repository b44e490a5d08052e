"""What an evaluation's counts come to: scores, their uncertainty, sums over subsets and categories. Pure arithmetic."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evalkube_crds.names import ErrorClass
from evalkube_crds.results import DatasetResult, ScoreSum, SubsetResult

__all__ = ["Tally", "by_category", "metrics_of", "tally", "wilson"]

_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Tally:
    """Some subsets added up. ``score`` is the mean over samples, ``macro`` the plain mean over subsets."""

    score: float | None
    macro: float | None
    interval: tuple[float, float] | None
    scored: int
    requested: int
    errored: int
    causes: dict[ErrorClass, int]
    truncated: int
    empty: int
    reused: int


def wilson(mean: float, count: float) -> tuple[float, float]:
    """The 95 % score interval of a share ``mean`` (0 to 1) seen in ``count`` > 0 trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927). Where scores lie
    between 0 and 1 and not only at the ends it is wider than need be, never narrower.
    """
    squared = _Z_95 * _Z_95
    centre = (mean + squared / (2 * count)) / (1 + squared / count)
    spread = mean * (1 - mean) / count + squared / (4 * count * count)
    half = _Z_95 * math.sqrt(max(0.0, spread)) / (1 + squared / count)
    return max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))


def tally(subsets: Iterable[SubsetResult], metric: str, *, repeats: int = 1) -> Tally:
    """``subsets`` added up for one metric. Repeats are no further evidence: the interval counts questions."""
    subsets = list(subsets)
    sums = [subset.metrics.get(metric, ScoreSum()) for subset in subsets]
    total = ScoreSum(count=sum(part.count for part in sums), total_nano=sum(part.total_nano for part in sums))
    means = [part.mean for part in sums if part.mean is not None]
    causes: dict[ErrorClass, int] = {}
    for subset in subsets:
        for cause, times in subset.errored.items():
            causes[cause] = causes.get(cause, 0) + times
    scored, requested = sum(subset.scored for subset in subsets), sum(subset.requested for subset in subsets)
    questions = min(total.count, math.ceil(max(requested, scored) / repeats))
    return Tally(
        score=total.mean,
        macro=sum(means) / len(means) if means else None,
        interval=_interval(total.mean, questions),
        scored=scored,
        requested=requested,
        errored=sum(causes.values()),
        causes=dict(sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
        truncated=sum(subset.truncated for subset in subsets),
        empty=sum(subset.empty for subset in subsets),
        reused=sum(subset.reused for subset in subsets),
    )


def _interval(mean: float | None, count: int) -> tuple[float, float] | None:
    return wilson(mean, count) if mean is not None and 0 <= mean <= 1 and count > 0 else None


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
