"""The merge of shards: adds up their results to exactly what one process would have reported. Pure.

It refuses results that do not belong together: of another run, a shard twice, shards of another split, a missing shard.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from evalkube_crds import verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.point_merge import counts_added, merge_points
from evalkube_crds.results import (
    DatasetEstimate,
    DatasetResult,
    Estimate,
    EvalResult,
    Judgements,
    PerfResult,
    ScoreSum,
    Spending,
    SubsetResult,
    TokenUsage,
)

__all__ = ["MergeError", "merge_points", "merge_results"]

Result = TypeVar("Result", EvalResult, PerfResult)


class MergeError(ValueError):
    """The results are not the complete shards of one run."""


def merge_results(results: Sequence[Result]) -> Result:
    """The merged result of all shards, in any order. Raises MergeError.

    Each point of several shards gets a new verdict (`verdict.judge_shards`).
    """
    if not results:
        raise MergeError("there are no results to merge")
    first = results[0]
    if any((part.run_id, part.of_shards, part.kind) != (first.run_id, first.of_shards, first.kind) for part in results):
        raise MergeError("the results are of different runs; merge the shards of one run")
    shards = sorted(shard for part in results for shard in part.shards)
    if shards != list(range(first.of_shards)):
        raise MergeError(f"expected the shards 0 to {first.of_shards - 1}, each once; got {shards}")
    ordered = sorted(results, key=lambda part: part.shards)
    merged = _added(ordered)
    merged.started_at_ns = min(part.started_at_ns for part in ordered)
    merged.ended_at_ns = max(part.ended_at_ns for part in ordered)
    merged.shards = shards
    if len(ordered) > 1:
        _judge(merged, ordered)
    return merged


def _added(parts: Sequence[Result]) -> Result:
    """The sum of what all parts measured.

    Points are added up in one step: in pairs, each sum would be copied again.
    """
    first = parts[0]
    if isinstance(first, PerfResult):
        points = _transposed([part.points for part in parts])
        rest = first.model_copy(update={"points": [], "gone": _gone(parts)})
        return rest.model_copy(deep=True, update={"points": [merge_points(same) for same in points]})
    merged = first.model_copy(deep=True)
    for part in parts[1:]:
        if isinstance(part, EvalResult):
            merged.datasets = [_dataset(mine, other) for mine, other in _paired(merged.datasets, part.datasets)]
            merged.sandbox = [one for one in merged.sandbox if one in part.sandbox]  # what held on every node
            merged.at_once += part.at_once
            merged.judges = [_spending(mine, other) for mine, other in zip(merged.judges, part.judges, strict=True)]
            merged.estimate = _estimate(merged.estimate, part.estimate)
    return merged


def _gone(parts: Iterable[EvalResult | PerfResult]) -> str:
    """The reason why the target is gone for all shards; None where some of them found it until the end."""
    results = [part for part in parts if isinstance(part, PerfResult)]
    words = [part.gone for part in results if any(point.health.processes for point in part.points)]
    return words[0] if words and all(words) else ""


def _transposed(parts: Sequence[Sequence[PerfPoint]]) -> list[list[PerfPoint]]:
    """The parts of each point. Raises MergeError if the results have different points."""
    for other in parts[1:]:
        _paired(parts[0], other)
    return [list(same) for same in zip(*parts, strict=True)]


def _judge(merged: EvalResult | PerfResult, parts: Sequence[EvalResult | PerfResult]) -> None:
    if not isinstance(merged, PerfResult):
        return
    for at, point in enumerate(merged.points):
        shards = {part.shards[0]: part.points[at] for part in parts if isinstance(part, PerfResult)}
        point.stopped = [f"shard {shard}: {reason}" for shard, part in shards.items() for reason in part.stopped]
        point.verdict, point.verdict_reasons = verdict.judge_shards(point, shards)


Part = TypeVar("Part", DatasetEstimate, DatasetResult, PerfPoint, SubsetResult)


def _paired(mine: Sequence[Part], others: Sequence[Part]) -> list[tuple[Part, Part]]:
    by_name = {other.name: other for other in others}
    if [part.name for part in mine] != [part.name for part in others]:
        raise MergeError(f"the shards measured different points: {[part.name for part in mine]} and {sorted(by_name)}")
    return list(zip(mine, others, strict=True))


def _dataset(into: DatasetResult, part: DatasetResult) -> DatasetResult:
    merged = into.model_copy(deep=True)
    merged.subsets = [_subset(mine, other) for mine, other in _paired(merged.subsets, part.subsets)]
    merged.usage = TokenUsage.added([merged.usage, part.usage])
    merged.judging = _judging(merged.judging, part.judging)
    merged.latency_ns.merge(part.latency_ns)
    merged.ttft_ns.merge(part.ttft_ns)
    merged.output_tokens.merge(part.output_tokens)
    merged.revision = merged.revision or part.revision
    return merged


_JUDGED = ("judgements", "unreadable", "failed", "asked_again", "inconsistent")


def _judging(mine: Judgements | None, other: Judgements | None) -> Judgements | None:
    if mine is None or other is None:
        return mine or other
    counts = {name: getattr(mine, name) + getattr(other, name) for name in _JUDGED}
    return Judgements(**counts, usage=TokenUsage.added([mine.usage, other.usage]))


def _spending(mine: Spending, other: Spending) -> Spending:
    return mine.model_copy(update={"usage": TokenUsage.added([mine.usage, other.usage])})


def _estimate(mine: Estimate | None, other: Estimate | None) -> Estimate | None:
    if mine is None or other is None:
        return None
    datasets = [
        DatasetEstimate(
            name=one.name,
            samples=one.samples + two.samples,
            kept=one.kept + two.kept,
            judged=one.judged + two.judged,
            usage=TokenUsage.added([one.usage, two.usage]),
        )
        for one, two in _paired(mine.datasets, other.datasets)
    ]
    return Estimate(
        counted_by=mine.counted_by,
        model=_spending(mine.model, other.model),
        judges=[_spending(one, two) for one, two in zip(mine.judges, other.judges, strict=True)],
        datasets=datasets,
    )


def _subset(into: SubsetResult, part: SubsetResult) -> SubsetResult:
    for name, score in part.metrics.items():
        into.metrics.setdefault(name, ScoreSum()).join(score)
    into.requested += part.requested
    into.scored += part.scored
    into.truncated += part.truncated
    into.empty += part.empty
    into.reused += part.reused
    into.errored = counts_added([into.errored, part.errored])
    into.states = counts_added([into.states, part.states])
    return into
