"""`summary.csv`: a row for each point of a load test, or for each metric of an evaluation's data sets and subsets."""

from collections.abc import Iterator, Sequence
from typing import Final

from evalkube_crds import score_intervals, scores, steady, summary
from evalkube_crds.names import SampleState
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, SubsetResult
from evalkube_crds.score_sum import ScoreSum
from evalkube_report.csv_file import Cell
from evalkube_report.evaluation.totals import metrics_of

__all__ = ["rows"]

_POINT: Final = (
    "point",
    "parallel",
    "rate",
    "number",
    "succeeded",
    "failed",
    "cancelled",
    "verdict",
    "verdict_reasons",
)
_METRIC: Final = ("dataset", "subset", "category", "metric", "is_main", "score", "score_low", "score_high", "scores")
_COUNTS: Final = ("requested", "scored", *SampleState, "truncated", "empty", "reused")


def rows(result: EvalResult | PerfResult) -> Iterator[tuple[Cell, ...]]:
    """The rows after the head. Figures have the names of `crds.summary`: times in seconds, shares and scores 0 to 1."""
    return _of_evaluation(result) if isinstance(result, EvalResult) else _of_load_test(result)


def _of_load_test(result: PerfResult) -> Iterator[tuple[Cell, ...]]:
    figures = [summary.point_figures(point) | steady.figures(point) for point in result.points]
    names = list(dict.fromkeys(name for found in figures for name in found))
    yield (*_POINT, *names)
    for point, found in zip(result.points, figures, strict=True):
        yield (
            *(point.name, point.parallel, point.rate, point.number, point.succeeded, point.failed, point.cancelled),
            *(point.verdict, "; ".join(point.verdict_reasons)),
            *(found.get(name) for name in names),
        )


def _of_evaluation(result: EvalResult) -> Iterator[tuple[Cell, ...]]:
    """The rows of an evaluation. The row of a whole data set comes first and has no subset."""
    yield (*_METRIC, *_COUNTS)
    for dataset in result.datasets:
        for metric in metrics_of(dataset):
            whole = scores.metric_sum(dataset, metric)
            yield (*_scored(dataset, "", "", metric, whole), *_counted(dataset.subsets))
            for subset in dataset.subsets:
                total = subset.metrics.get(metric, ScoreSum())
                category = "/".join(subset.category)
                yield (*_scored(dataset, subset.name, category, metric, total), *_counted([subset]))


def _scored(dataset: DatasetResult, subset: str, category: str, metric: str, total: ScoreSum) -> tuple[Cell, ...]:
    low, high = score_intervals.of_sum(total) or (None, None)
    is_main = metric == dataset.main_metric
    return (dataset.name, subset, category, metric, is_main, total.mean, low, high, total.count)


def _counted(subsets: Sequence[SubsetResult]) -> tuple[Cell, ...]:
    """The counts of samples by state; empty for results of earlier versions, which did not count them."""
    known = [subset.by_state for subset in subsets]
    is_told = any(subset.states for subset in subsets)
    states = (
        sum(counts.get(state, 0) for counts in known) if is_told or state is SampleState.ERRORED else None
        for state in SampleState
    )
    return (
        sum(subset.requested for subset in subsets),
        sum(subset.scored for subset in subsets),
        *states,
        *(sum(getattr(subset, name) for subset in subsets) for name in ("truncated", "empty", "reused")),
    )
