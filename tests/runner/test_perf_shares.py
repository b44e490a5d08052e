"""Which part of a point is whose."""

from dataclasses import replace
from pathlib import Path

import pytest

from evalkube_runner.perf import shares
from evalkube_runner.perf.point import Point
from evalkube_runner.perf.rates import Stage
from evalkube_runner.perf.schedule import Arrivals


def point(parallel: int | None, rate: float | None = None, number: int = 100, warmup: int = 10) -> Point:
    """A load."""
    return Point("p", number, parallel, rate, warmup, 0)


STAGES = Arrivals(stages=(Stage(10.0, 10.0, 1.0), Stage(300.0, 300.0, 1.0)))
POINTS = {
    "closed loop": point(10),
    "as many slots as workers": point(6),
    "fewer slots than shards": point(2),
    "closed loop with a rate": point(7, 3.5),
    "open loop": point(None, 200.0),
    "a slow open loop": point(None, 0.5),
    "stages": replace(point(None, 20.0), arrivals=STAGES),
    "hardly a request": point(4, number=1, warmup=0),
}


@pytest.mark.parametrize("load", POINTS.values(), ids=POINTS)
def test_the_parts_are_the_whole(load: Point) -> None:
    """Three shards of two workers: every lane once, all slots, all requests, and the rate."""
    parts = [shares.shard_load(load, shard, 3) for shard in range(3)]
    assert sum(part.measured for part in parts) == load.number
    assert sum(part.warmup for part in parts) == load.warmup
    assert sum(part.slots or 0 for part in parts) == (load.parallel or 0)
    assert sum(part.rate or 0 for part in parts) == pytest.approx(load.rate or 0)
    busy = shares.busy_shards(load, 3)
    own = [share for shard in range(busy) for share in shares.worker_shares(load, shard, 3, [Path("a"), Path("b")])]
    assert sorted(share.lane.lane for share in own) == list(range(2 * busy))
    assert {share.lane.lanes for share in own} == {2 * busy}
    assert sum(share.slots or 0 for share in own) == (load.parallel or 0)
    assert all(share.connections <= (load.total if share.slots is None else share.slots) for share in own)


def test_a_shard_without_a_slot_has_no_load() -> None:
    """It takes part in the start alone."""
    assert shares.busy_shards(point(2), 3) == 2
    assert shares.shard_load(point(2), 2, 3).requests == 0


def test_what_stages_ask_of_a_shard() -> None:
    """Its part of the mean, for the time that is left, and of the highest rate, for its workers and connections."""
    load = Point("p", 100, None, 20.0, 25, 0, arrivals=STAGES)
    part = shares.shard_load(load, 0, 2)
    assert (part.rate, part.peak_rate) == (10.0, 150.0)
    assert part.warmup_s == pytest.approx(1.05)
    (share,) = shares.worker_shares(load, 0, 1, [Path("a")])
    assert share.connections == 64


@pytest.mark.parametrize(
    ("parallel", "ramp_up_s", "step_ns"), [(10, None, 100_000), (10, 5.0, 500_000_000), (None, None, 100_000)]
)
def test_slots_begin_one_after_the_other(parallel: int | None, ramp_up_s: float | None, step_ns: int) -> None:
    """Within the time that was asked for, else as fast as does no harm."""
    assert Point("p", 100, parallel, None, 0, 0, ramp_up_s=ramp_up_s).slot_step_ns == step_ns


@pytest.mark.parametrize(("rate", "opened"), [(0.5, 1), (9.0, 10), (63.0, 64), (5000.0, 64)])
def test_connections_opened_ahead_in_open_loop(rate: float, opened: int) -> None:
    """About a second's requests, and no more than 64."""
    (share,) = shares.worker_shares(point(None, rate, number=1000), 0, 1, [Path("a")])
    assert share.connections == opened
