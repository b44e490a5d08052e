"""The common start of a load test's shards: which shards are ready, and the instant that all are given. Pure; times
come in.

A shard is there while it waits, and for a moment after its poll ended (it is about to ask again). Once all are there
an instant is named and never changed: a pod that comes back in time is told the same one, a later one that it is late.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

__all__ = ["Arrival", "Barrier", "Late", "Start", "Wait", "arrive", "leave", "missing_shards"]

_GRACE_NS: Final = 10_000_000_000
"""Between two polls of one shard; longer away, and its pod counts as gone."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A pod that has asked to begin. `polls` is how many of its requests wait now."""

    pod_uid: str
    polls: int
    left_at_ns: int = 0


@dataclass(frozen=True, slots=True)
class Barrier:
    """The barrier of one attempt."""

    shards: int
    arrivals: Mapping[int, Arrival] = field(default_factory=dict)
    start_at_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """The answer that all shards begin at this instant, in Unix nanoseconds."""

    start_at_ns: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The answer that not all shards are there yet."""


@dataclass(frozen=True, slots=True)
class Late:
    """The answer that the others have begun without this pod."""

    start_at_ns: int


def arrive(
    barrier: Barrier, shard: int, pod_uid: str, *, now_ns: int, lead_ns: int
) -> tuple[Barrier, Start | Wait | Late]:
    """A pod asks to begin. `lead_ns`: how far ahead the instant is set, so that all hear of it before."""
    if barrier.start_at_ns is not None:
        return barrier, _after_opening(barrier.start_at_ns, now_ns)
    before = barrier.arrivals.get(shard)
    polls = before.polls + 1 if before is not None and before.pod_uid == pod_uid else 1
    barrier = replace(barrier, arrivals={**barrier.arrivals, shard: Arrival(pod_uid, polls)})
    if missing_shards(barrier, now_ns):
        return barrier, Wait()
    start_at_ns = now_ns + lead_ns
    return replace(barrier, start_at_ns=start_at_ns), Start(start_at_ns)


def _after_opening(start_at_ns: int, now_ns: int) -> Start | Late:
    return Start(start_at_ns) if now_ns < start_at_ns else Late(start_at_ns)


def leave(barrier: Barrier, shard: int, pod_uid: str, *, now_ns: int) -> Barrier:
    """A poll of that pod ended without an answer: its time was up, or its connection went."""
    there = barrier.arrivals.get(shard)
    if there is None or there.pod_uid != pod_uid or there.polls == 0:
        return barrier  # its place is another pod's by now
    gone = replace(there, polls=there.polls - 1, left_at_ns=now_ns)
    return replace(barrier, arrivals={**barrier.arrivals, shard: gone})


def missing_shards(barrier: Barrier, now_ns: int) -> list[int]:
    """The shards that are not there."""
    return [shard for shard in range(barrier.shards) if not _there(barrier.arrivals.get(shard), now_ns)]


def _there(arrival: Arrival | None, now_ns: int) -> bool:
    return arrival is not None and (arrival.polls > 0 or now_ns - arrival.left_at_ns <= _GRACE_NS)
