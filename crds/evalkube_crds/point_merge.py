"""The sum of what several processes or shards measured of one point of a load test. Pure."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from evalkube_crds import server_view, steady
from evalkube_crds.histogram import Histogram, merged_by_name
from evalkube_crds.perf_point import Begun, ClientHealth, Conversations, PerfPoint, PerfSeries

__all__ = ["counts_added", "merge_points"]

Key = TypeVar("Key")


def counts_added(parts: Iterable[dict[Key, int]]) -> dict[Key, int]:
    """Counts added up by key."""
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
    """One point of several processes or shards.

    The verdict is still that of the first part: the caller must judge the sum.
    """
    rest = parts[0].model_copy(update={"histograms": {}, "health": ClientHealth()})
    merged = rest.model_copy(deep=True)
    for name in _POINT_COUNTS:
        setattr(merged, name, sum(getattr(part, name) for part in parts))
    merged.errors = counts_added(part.errors for part in parts)
    merged.token_basis = counts_added(part.token_basis for part in parts)
    merged.finish_reasons = counts_added(part.finish_reasons for part in parts)
    merged.answer_notes = counts_added(part.answer_notes for part in parts)
    merged.clocks = counts_added(part.clocks for part in parts)
    merged.conversations = _conversations(parts)
    merged.stopped = [reason for part in parts for reason in part.stopped]
    counted = [part.good for part in parts if part.good is not None]
    merged.good = sum(counted) if counted else None  # a shard that had nothing to do counted none
    merged.histograms = merged_by_name(part.histograms for part in parts)
    merged.health = _health([part.health for part in parts])
    merged.stopped_at_ns = min((part.stopped_at_ns for part in parts if part.stopped_at_ns), default=0)
    for part in parts[1:]:
        merged.error_samples = {**part.error_samples, **merged.error_samples}
        merged.server = server_view.added(merged.server, part.server)
    merged.steady = steady.added([part.steady for part in parts if part.steady is not None])
    merged.series = _series(parts)
    merged.ended_at_ns = max(part.ended_at_ns for part in parts)
    merged.started_at_ns = min((part.started_at_ns for part in parts if part.started_at_ns), default=0)
    merged.begun = _begun(parts)
    return merged


def _begun(parts: Iterable[PerfPoint]) -> Begun | None:
    """The sum over all parts that sent anything; None if it is not known for one of them."""
    known = [part.begun for part in parts if part.health.sent or part.begun is not None]
    begun = [each for each in known if each is not None]
    if not begun or len(begun) < len(known):
        return None
    return Begun(first_ns=min(each.first_ns for each in begun), last_ns=max(each.last_ns for each in begun))


def _conversations(parts: Sequence[PerfPoint]) -> Conversations | None:
    found = [part.conversations for part in parts if part.conversations is not None]
    if not found:
        return None
    return Conversations(**{name: sum(getattr(one, name) for one in found) for name in Conversations.model_fields})


_HEALTH_COUNTS = (
    *("processes", "cpu_ns", "wall_ns", "doubtful", "offered", "sent"),
    *("connections_peak", "connections_limit"),
)


_HEALTH_HISTOGRAMS = ("schedule_lag_ns", "loop_lag_ns", "gc_pause_ns")


def _health(parts: Sequence[ClientHealth]) -> ClientHealth:
    return ClientHealth(
        **{name: sum(getattr(part, name) for part in parts) for name in _HEALTH_COUNTS},
        **{name: Histogram.merged(getattr(part, name) for part in parts) for name in _HEALTH_HISTOGRAMS},
        clock_step_ns=max(part.clock_step_ns for part in parts),
        delayed=merged_by_name(part.delayed for part in parts),
        undelayed=merged_by_name(part.undelayed for part in parts),
        bunched=merged_by_name(part.bunched for part in parts),
        unbunched=merged_by_name(part.unbunched for part in parts),
    )


_SERIES = ("sent", "succeeded", "failed", "output_tokens", "latency_ns_sum", "ttft_ns_sum")


def _series(points: Sequence[PerfPoint]) -> PerfSeries:
    """All series, with the widest interval and from the earliest start."""
    start = min((point.started_at_ns for point in points if point.started_at_ns), default=0)
    interval = max(point.series.interval_ns for point in points)
    total = PerfSeries(interval_ns=interval)
    for name in _SERIES:
        buckets: list[int] = []
        for point in points:
            behind = max(point.started_at_ns - start, 0)
            for index, amount in enumerate(getattr(point.series, name)):
                at = (behind + index * point.series.interval_ns) // interval
                if at >= len(buckets):
                    buckets.extend([0] * (at + 1 - len(buckets)))
                buckets[at] += amount
        setattr(total, name, buckets)
    return total
