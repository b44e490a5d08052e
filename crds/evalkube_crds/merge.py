"""Adds up the results of a run's shards to exactly what one shard would have reported. Pure.

Refuses what does not belong together: another run, a shard twice, shards of another split, a missing one.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from evalkube_crds import server_view, verdict
from evalkube_crds.histogram import Histogram
from evalkube_crds.results import (
    ClientHealth,
    DatasetResult,
    EvalResult,
    PerfPoint,
    PerfResult,
    PerfSeries,
    ScoreSum,
    SubsetResult,
    TokenUsage,
)

__all__ = ["MergeError", "merge_points", "merge_results"]

Result = TypeVar("Result", EvalResult, PerfResult)
Key = TypeVar("Key")


class MergeError(ValueError):
    """The results are not the shards of one run."""


def merge_results(results: Sequence[Result]) -> Result:
    """One result of all shards; the order they come in makes no difference. Each point of several shards is judged
    anew (``verdict.judge_shards``). Raises MergeError.
    """
    if not results:
        raise MergeError("there is nothing to merge")
    first = results[0]
    if any((part.run_id, part.of_shards, part.kind) != (first.run_id, first.of_shards, first.kind) for part in results):
        raise MergeError("the results are of different runs")
    shards = sorted(shard for part in results for shard in part.shards)
    if shards != list(range(first.of_shards)):
        raise MergeError(f"wanted the shards 0 to {first.of_shards - 1}, each once; got {shards}")
    ordered = sorted(results, key=lambda part: part.shards)
    merged = ordered[0].model_copy(deep=True)
    for part in ordered[1:]:
        _add(merged, part)
    merged.shards = shards
    if len(ordered) > 1:
        _judge(merged, ordered)
    return merged


def _add(into: EvalResult | PerfResult, part: EvalResult | PerfResult) -> None:
    if isinstance(into, EvalResult) and isinstance(part, EvalResult):
        into.datasets = [_dataset(mine, other) for mine, other in _paired(into.datasets, part.datasets)]
    elif isinstance(into, PerfResult) and isinstance(part, PerfResult):
        into.points = [merge_points([mine, other]) for mine, other in _paired(into.points, part.points)]
    into.started_at_ns = min(into.started_at_ns, part.started_at_ns)
    into.ended_at_ns = max(into.ended_at_ns, part.ended_at_ns)


def _judge(merged: EvalResult | PerfResult, parts: Sequence[EvalResult | PerfResult]) -> None:
    if not isinstance(merged, PerfResult):
        return
    for at, point in enumerate(merged.points):
        shards = {part.shards[0]: part.points[at] for part in parts if isinstance(part, PerfResult)}
        point.verdict, point.verdict_reasons = verdict.judge_shards(point, shards)


Part = TypeVar("Part", DatasetResult, PerfPoint, SubsetResult)


def _paired(mine: Sequence[Part], others: Sequence[Part]) -> list[tuple[Part, Part]]:
    by_name = {other.name: other for other in others}
    if [part.name for part in mine] != [part.name for part in others]:
        raise MergeError(f"the shards measured different things: {[part.name for part in mine]} and {sorted(by_name)}")
    return list(zip(mine, others, strict=True))


def _dataset(into: DatasetResult, part: DatasetResult) -> DatasetResult:
    merged = into.model_copy(deep=True)
    merged.subsets = [_subset(mine, other) for mine, other in _paired(merged.subsets, part.subsets)]
    merged.usage = _usage(merged.usage, part.usage)
    merged.latency_ns.merge(part.latency_ns)
    merged.ttft_ns.merge(part.ttft_ns)
    merged.output_tokens.merge(part.output_tokens)
    merged.revision = merged.revision or part.revision
    return merged


def _usage(mine: TokenUsage, other: TokenUsage) -> TokenUsage:
    return TokenUsage(**{name: getattr(mine, name) + getattr(other, name) for name in TokenUsage.model_fields})


def _subset(into: SubsetResult, part: SubsetResult) -> SubsetResult:
    for name, score in part.metrics.items():
        mine = into.metrics.setdefault(name, ScoreSum())
        mine.count += score.count
        mine.total_nano += score.total_nano
    into.requested += part.requested
    into.scored += part.scored
    into.truncated += part.truncated
    into.empty += part.empty
    into.reused += part.reused
    into.errored = _counts([into.errored, part.errored])
    return into


def _counts(parts: Iterable[dict[Key, int]]) -> dict[Key, int]:
    total: dict[Key, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


_POINT_COUNTS = (
    "succeeded",
    "failed",
    "cancelled",
    "warmup",
    "resent",
    "late",
    "truncated",
    "inputs",
    "input_tokens",
    "output_tokens",
)


def merge_points(parts: Sequence[PerfPoint]) -> PerfPoint:
    """One point of several processes or shards. The verdict stays the first part's: the caller judges the sum."""
    merged = parts[0].model_copy(deep=True)
    for part in parts[1:]:
        for name in _POINT_COUNTS:
            setattr(merged, name, getattr(merged, name) + getattr(part, name))
        merged.stopped = [*merged.stopped, *part.stopped]
        merged.errors = _counts([merged.errors, part.errors])
        merged.token_basis = _counts([merged.token_basis, part.token_basis])
        merged.finish_reasons = _counts([merged.finish_reasons, part.finish_reasons])
        merged.answer_notes = _counts([merged.answer_notes, part.answer_notes])
        merged.clocks = _counts([merged.clocks, part.clocks])
        merged.error_samples = {**part.error_samples, **merged.error_samples}
        _add_histograms(merged.histograms, part.histograms)
        merged.series = _series(merged, part)
        merged.health = _health(merged.health, part.health)
        merged.server = server_view.added(merged.server, part.server)
        merged.ended_at_ns = max(merged.ended_at_ns, part.ended_at_ns)
        starts = [start for start in (merged.started_at_ns, part.started_at_ns) if start]
        merged.started_at_ns = min(starts, default=0)
    return merged


def _health(mine: ClientHealth, other: ClientHealth) -> ClientHealth:
    total = mine.model_copy(deep=True)
    for name in ("processes", "cpu_ns", "wall_ns", "offered", "sent", "connections_peak", "connections_limit"):
        setattr(total, name, getattr(mine, name) + getattr(other, name))
    total.clock_step_ns = max(mine.clock_step_ns, other.clock_step_ns)
    total.schedule_lag_ns.merge(other.schedule_lag_ns)
    total.loop_lag_ns.merge(other.loop_lag_ns)
    total.gc_pause_ns.merge(other.gc_pause_ns)
    _add_histograms(total.delayed, other.delayed)
    _add_histograms(total.undelayed, other.undelayed)
    return total


def _add_histograms(into: dict[str, Histogram], part: dict[str, Histogram]) -> None:
    for name, histogram in part.items():
        into.setdefault(name, Histogram()).merge(histogram)


_SERIES = ("sent", "succeeded", "failed", "output_tokens", "latency_ns_sum", "ttft_ns_sum")


def _series(mine: PerfPoint, other: PerfPoint) -> PerfSeries:
    """Both series on the wider interval, from the earlier start."""
    starts = [point.started_at_ns for point in (mine, other) if point.started_at_ns]
    start = min(starts, default=0)
    interval = max(mine.series.interval_ns, other.series.interval_ns)
    total = PerfSeries(interval_ns=interval)
    for name in _SERIES:
        buckets: list[int] = []
        for point in (mine, other):
            for index, amount in enumerate(getattr(point.series, name)):
                at = (max(point.started_at_ns - start, 0) + index * point.series.interval_ns) // interval
                buckets.extend([0] * (at + 1 - len(buckets)))
                buckets[at] += amount
        setattr(total, name, buckets)
    return total
