"""Divides a point among the shards of a run, and among the worker processes of a shard. Pure.

An index belongs to a shard by its remainder, whatever the number of workers that each shard has.
"""

from collections.abc import Sequence
from pathlib import Path

from evalkube_runner.perf.pace import Load
from evalkube_runner.perf.point import Point
from evalkube_runner.perf.schedule import Lane, lane_slots, lane_total
from evalkube_runner.perf.task import Share

__all__ = ["busy_shards", "shard_load", "worker_shares"]

_OPEN_LOOP_CONNECTIONS = 64  # opened ahead where nobody knows how many it takes


def busy_shards(point: Point, shards: int) -> int:
    """The shards that a point has work for: each has a slot at least."""
    return min(shards, point.parallel) if point.parallel is not None else shards


def shard_load(point: Point, shard: int, shards: int) -> Load:
    """The load of one of `shards` shards."""
    lane = Lane(shard, busy_shards(point, shards))
    if lane.lane >= lane.lanes:
        return Load(0, 0, 0, None)
    warmup = lane_total(lane, point.warmup)
    return Load(
        measured=lane_total(lane, point.total) - warmup,
        warmup=warmup,
        slots=None if point.parallel is None else lane_slots(lane, point.parallel),
        rate=None if point.rate is None else point.rate / lane.lanes,
        peak_rate=None if point.peak_rate is None else point.peak_rate / lane.lanes,
        warmup_s=point.warmup_s,
        ramp_up_s=point.ramp_up_s or 0.0,
    )


def worker_shares(point: Point, shard: int, shards: int, rows: Sequence[Path]) -> list[Share]:
    """The shares of one shard's workers, one for each file of `rows`."""
    workers, busy = len(rows), busy_shards(point, shards)
    slots = shard_load(point, shard, shards).slots
    shares = []
    for at, path in enumerate(rows):
        lane = Lane(shard + busy * at, busy * workers)
        own = None if slots is None else lane_slots(Lane(at, workers), slots)
        most = own if own is not None else -(-_open_loop_connections(point) // workers)
        shares.append(Share(lane, own, min(most, lane_total(lane, point.total)), path))
    return shares


def _open_loop_connections(point: Point) -> int:
    return min(_OPEN_LOOP_CONNECTIONS, int(point.peak_rate or 1) + 1)
