"""The figures of a result by name, flat: what a status shows, what thresholds test, what a table prints. Pure.

A name is `<dataset>/<metric>` or `<point>/<figure>`; times are in seconds, rates per second, shares
from 0 to 1. Beside them stand the two that a list of runs shows: `score` (mean of the datasets' main metrics) and
`rps` (of the fastest point); and what a search found: `sla/1/parallel` or `sla/1/rate` for the first group,
and `sla/unmet`: how many groups no load met. The figures of each point's steady part (`<point>/steady_rps`) come
last, and after them, where the fastest point is not valid, `best_rps` and a few more of the fastest that is.

The ends of a score's 95 % interval are `<dataset>/<metric>_low` and `_high` (`score_low` and `score_high` of
the mean of all), after the other figures of an evaluation; of one that may end early `<dataset>/saved_samples` too.
The confidence intervals of percentiles are not among them: a status is small, and they would be twice its figures. They
stand in the percentiles of an answer (`seed.load_test`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from evalkube_crds import cost, score_intervals, server_view, steady, weighted_index
from evalkube_crds.figure import STATISTICS
from evalkube_crds.figures import (
    FIRST_TURN_TTFT,
    INTENDED_LATENCY,
    INTENDED_TTFT,
    ITL,
    LATENCY,
    LATER_TURN_TTFT,
    RATES,
    RPS,
    START_SKEW,
    TPOT,
    TTFT,
)
from evalkube_crds.headline import BEST, POINT_FIGURES, figures_of
from evalkube_crds.intervals import Interval
from evalkube_crds.names import ErrorClass, SampleState, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.scores import dataset_score, metric_sum, weighted_score

__all__ = [
    "SUMMARIZED",
    "evaluation_names",
    "failed",
    "failures",
    "headline",
    "load_test_names",
    "point_figures",
    "requested",
    "start_skew_s",
    "summary",
]

_SAID = 6  # figures in one line
_SAID_CLASSES = 3
SUMMARIZED = (LATENCY, TTFT, FIRST_TURN_TTFT, LATER_TURN_TTFT, TPOT, ITL, INTENDED_LATENCY, INTENDED_TTFT)
"""What was measured of requests and stands in a summary."""


def summary(result: EvalResult | PerfResult) -> dict[str, float]:
    """Every figure of `result` that there is; none that is not a number."""
    return _eval_summary(result) if isinstance(result, EvalResult) else _perf_summary(result)


def load_test_names() -> tuple[str, ...]:
    """The names that the figures of a load test's points can have, but for those of the server's own view."""
    quantities = [quantity.figure(statistic).name for quantity in SUMMARIZED for statistic in STATISTICS]
    steady_times = [f"steady_{time.figure(statistic).name}" for time in steady.TIMES for statistic in STATISTICS]
    steady_rates = [f"steady_{figure.name}" for figure in steady.RATES]
    return (*(figure.name for figure in (*RATES, START_SKEW)), *quantities, *steady_rates, *steady_times)


def evaluation_names() -> tuple[str, ...]:
    """The names that the figures of an evaluation can have, but for those of metrics and collections."""
    counts = ("scored", "errored", "truncated", "judgements", "judgements_excluded", "saved_samples", "no_answer")
    return ("score", "score_low", "score_high", *counts, "cost")


def requested(result: EvalResult | PerfResult) -> int:
    """Samples, requests or conversations that the run was asked for."""
    if isinstance(result, EvalResult):
        return sum(subset.requested for dataset in result.datasets for subset in dataset.subsets)
    return sum(
        point.succeeded + point.failed if point.conversations is None else point.conversations.over
        for point in result.points
    )


def failed(result: EvalResult | PerfResult) -> int:
    """Samples, requests or conversations of `requested` that failed."""
    if isinstance(result, EvalResult):
        return sum(sum(subset.errored.values()) for dataset in result.datasets for subset in dataset.subsets)
    return sum(point.failed if point.conversations is None else point.conversations.failed for point in result.points)


def start_skew_s(result: EvalResult | PerfResult) -> float | None:
    """The most that the shards' starts of a point can have been apart, of the point where that is most; None where it
    is of none.
    """
    points = result.points if isinstance(result, PerfResult) else []
    return max((skew for point in points if (skew := START_SKEW.of(point)) is not None), default=None)


def headline(result: EvalResult | PerfResult, figures: Mapping[str, float]) -> str:
    """What a finished run says in one line: requests that failed, then its headline figures.

    A run without any, such as a dry run, says the first of its `figures`.
    """
    said = [f"{name} {value:.4g}" for name, value in list((figures_of(figures) or figures).items())[:_SAID]]
    troubles = failures(result.points) if isinstance(result, PerfResult) else ""
    return "; ".join(part for part in (troubles, ", ".join(said)) if part) or "completed"


def failures(points: Sequence[PerfPoint]) -> str:
    """How many requests of `points` failed and by what, the leading class first: ``297 of 400 requests failed:
    connect``, with counts where there are several. Empty where none did.
    """
    classes: Counter[ErrorClass] = Counter()
    for point in points:
        classes.update(point.errors)
    lost = sum(point.failed for point in points)
    if not lost:
        return ""
    total = lost + sum(point.succeeded for point in points)
    leading = sorted(classes.items(), key=lambda item: (-item[1], item[0]))
    said = [f"{error} ({count})" if len(leading) > 1 else str(error) for error, count in leading[:_SAID_CLASSES]]
    more = len(leading) - _SAID_CLASSES
    if more > 0:
        said.append(f"{more} further classes")
    return f"{lost} of {total} requests failed: {', '.join(said)}" if said else f"{lost} of {total} requests failed"


def _eval_summary(result: EvalResult) -> dict[str, float]:
    scores = [score for dataset in result.datasets if (score := dataset_score(dataset)) is not None]
    figures = {"score": sum(scores) / len(scores)} if scores else {}
    for dataset in result.datasets:
        names = {name: None for subset in dataset.subsets for name in subset.metrics}
        figures.update(
            {f"{dataset.name}/{name}": score for name in names if (score := weighted_score(dataset, name)) is not None}
        )
        figures[f"{dataset.name}/scored"] = sum(subset.scored for subset in dataset.subsets)
        figures[f"{dataset.name}/errored"] = sum(sum(subset.errored.values()) for subset in dataset.subsets)
        if any(subset.states for subset in dataset.subsets):  # a result of before does not say
            unread = sum(subset.states.get(SampleState.NO_ANSWER, 0) for subset in dataset.subsets)
            figures[f"{dataset.name}/no_answer"] = unread
        figures[f"{dataset.name}/truncated"] = sum(subset.truncated for subset in dataset.subsets)
        if dataset.judging is not None:
            figures[f"{dataset.name}/judgements"] = dataset.judging.judgements
            figures[f"{dataset.name}/judgements_excluded"] = dataset.judging.excluded
    return figures | _whole_run(result) | _score_ends(result)


def _score_ends(result: EvalResult) -> dict[str, float]:
    """The ends of the scores' 95 % intervals, and what a run that ended early saved. They come last."""
    ends: dict[str, float] = {}
    main: list[tuple[float, Interval]] = []
    for dataset in result.datasets:
        names = dict.fromkeys(name for subset in dataset.subsets for name in subset.metrics)
        for name in names:
            interval = score_intervals.of_sum(metric_sum(dataset, name))
            if interval is not None:
                ends[f"{dataset.name}/{name}_low"], ends[f"{dataset.name}/{name}_high"] = interval
                if name == dataset.main_metric and (score := dataset_score(dataset)) is not None:
                    main.append((score, interval))
        if dataset.precision is not None:
            ends[f"{dataset.name}/saved_samples"] = dataset.precision.saved_samples
    whole = score_intervals.combined(main, [1.0] * len(main))
    return ends if whole is None else {"score_low": whole.low, "score_high": whole.high, **ends}


def _whole_run(result: EvalResult) -> dict[str, float]:
    """The figures that are of no one dataset."""
    indices = {f"index/{one.name}": weighted_index.index_of(result, one) for one in result.collections}
    figures = {**indices, "cost": cost.total(result)}
    if (estimate := result.estimate) is not None:
        asked = [one.usage for one in (estimate.model, *estimate.judges)]
        figures |= {
            "estimate/calls": float(sum(usage.samples for usage in asked)),
            "estimate/prompt_tokens": float(sum(usage.prompt_tokens for usage in asked)),
            "estimate/most_output_tokens": float(sum(usage.completion_tokens for usage in asked)),
            "estimate/most_cost": cost.most_cost(estimate),
        }
    return {name: value for name, value in figures.items() if value is not None}


def _perf_summary(result: PerfResult) -> dict[str, float]:
    figures: dict[str, float] = {}
    for point in result.points:
        figures.update({f"{point.name}/{name}": value for name, value in point_figures(point).items()})
    for point in result.points:
        figures.update({f"{point.name}/{name}": value for name, value in steady.figures(point).items()})
    found = _found(result)
    rates = [rate for point in result.points if (rate := RPS.of(point)) is not None]
    figures |= _best(result.points)
    return {RPS.name: max(rates), **found, **figures} if rates else {**found, **figures}


def _best(points: Sequence[PerfPoint]) -> dict[str, float]:
    """The headline figures of the fastest valid point, where that is not the fastest of all."""
    fastest = sorted((point for point in points if RPS.of(point) is not None), key=lambda point: RPS.of(point) or 0.0)
    best = next((point for point in reversed(fastest) if point.verdict is Verdict.VALID), None)
    if best is None or best is fastest[-1]:
        return {}
    figures = point_figures(best)
    return {f"{BEST}{name}": figures[name] for name in POINT_FIGURES if name in figures}


def _found(result: PerfResult) -> dict[str, float]:
    if result.sla is None:
        return {}
    found = {at: group.best for at, group in enumerate(result.sla.groups, start=1)}
    figures = {f"sla/{at}/{result.sla.variable}": best for at, best in found.items() if best is not None}
    return {**figures, "sla/unmet": float(len(found) - len(figures))}


def point_figures(point: PerfPoint) -> dict[str, float]:
    """The figures of a point by name, but for those of its steady part (`steady.figures`)."""
    found = {figure.name: figure.of(point) for figure in (*RATES, START_SKEW)}
    for quantity in SUMMARIZED:
        names = [quantity.figure(statistic).name for statistic in STATISTICS]
        found |= zip(names, quantity.values(point, STATISTICS), strict=True)
    return {name: value for name, value in found.items() if value is not None} | server_view.figures(point)
