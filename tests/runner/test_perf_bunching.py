"""Stalls of a client on a schedule, at servers of limited capacity: what they do to the server's times is told."""

import heapq
import random
from dataclasses import dataclass, replace

import pytest

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Clock, Verdict
from evalkube_crds.perf_point import ClientHealth, PerfPoint
from evalkube_crds.verdict import judge_point
from evalkube_runner.perf.bunching import Bunching

MS = 1_000_000
S = 1000 * MS


@dataclass(frozen=True)
class Load:
    """Arrivals at `rate` at a server that answers `servers` at once, each in `service_ms`; the client stands still for
    `stall_ms` in every `every_s`.
    """

    rate: float
    servers: int
    service_ms: float
    stall_ms: float = 0.0
    every_s: float = 10.0
    number: int = 6000
    jitter_ms: float = 0.0
    """Each send is late by up to this besides."""
    slow_ms: float = 0.0
    """The server itself does nothing for so long, once in every `every_s`."""

    def held_until_ns(self, at_ns: float) -> float:
        """When the client does what is due then."""
        period_ns = self.every_s * S
        since_ns = at_ns % period_ns - period_ns / 2
        return at_ns - since_ns + self.stall_ms * MS if 0 <= since_ns < self.stall_ms * MS else at_ns


def carried_out(load: Load, seed: int = 1) -> PerfPoint:
    """The load as the client sees and counts it."""
    chance = random.Random(seed)
    free_ns = [0.0] * load.servers
    bunching, in_flight, due_ns, last_ns = Bunching(), 0, 0.0, 0.0
    ends: list[tuple[float, float, float]] = []
    latency, bunched, unbunched, lag = Histogram(), Histogram(), Histogram(), Histogram()

    def end_until(now_ns: float) -> int:
        ended = 0
        while ends and ends[0][0] <= now_ns:
            _, sent_ns, end_ns = heapq.heappop(ends)
            value, behind_ns = round(end_ns - sent_ns), bunching.behind_ns(round(sent_ns))
            latency.add(value)
            if behind_ns:
                bunched.add(value)
                unbunched.add(max(value - behind_ns, 0))
            ended += 1
        return ended

    for _ in range(load.number):
        due_ns += chance.expovariate(load.rate) * S
        last_ns = max(last_ns, load.held_until_ns(due_ns) + chance.random() * load.jitter_ms * MS)
        in_flight -= end_until(last_ns)
        late_ns = round(last_ns - due_ns)
        lag.add(late_ns)
        bunching.sent(round(last_ns), late_ns, in_flight)
        begin_ns = max(last_ns, heapq.heappop(free_ns))
        if load.slow_ms and begin_ns % (load.every_s * S) < load.slow_ms * MS:
            begin_ns += load.slow_ms * MS
        end_ns = begin_ns + load.service_ms * MS
        heapq.heappush(free_ns, end_ns)
        heapq.heappush(ends, (load.held_until_ns(end_ns), last_ns, end_ns))
        in_flight += 1
    end_until(float("inf"))
    health = ClientHealth(schedule_lag_ns=lag, bunched={"latency_ns": bunched}, unbunched={"latency_ns": unbunched})
    return PerfPoint(
        name="p",
        number=load.number,
        rate=load.rate,
        open_loop=True,
        stream=False,
        succeeded=load.number,
        clocks={Clock.KERNEL: load.number},
        histograms={"latency_ns": latency},
        health=health,
    )


def _p99_ms(point: PerfPoint) -> float:
    return (point.histograms["latency_ns"].percentile(99) or 0) / MS


# name: a load that is carried out as it should be
SOUND: dict[str, Load] = {
    "far from full": Load(50, 4, 40),
    "nearly full": Load(95, 4, 40),
    "full": Load(99, 4, 40),
    "more than the server can": Load(120, 4, 40),
    "one at a time": Load(18, 1, 50),
    "late by what a machine costs": Load(95, 4, 40, jitter_ms=1.5),
    "more than it can, and late by what a busy machine costs": Load(120, 4, 40, jitter_ms=2.1),
    "a server that stands still now and then": Load(80, 4, 40, slow_ms=300, jitter_ms=2.1),
    "stalls that the server does not feel": Load(50, 64, 400, stall_ms=90),
    "stalls at a server that always has enough to do": Load(130, 4, 40, stall_ms=90),
    "stalls of a few ms": Load(95, 4, 40, stall_ms=4, every_s=0.5),
}


@pytest.mark.parametrize("load", SOUND.values(), ids=SOUND)
def test_what_moves_nothing_is_valid(load: Load) -> None:
    """However full the server is, and whatever it does by itself."""
    for seed in range(5):
        found, reasons = judge_point(carried_out(load, seed))
        assert found is Verdict.VALID, reasons


STALLED: dict[str, Load] = {
    "nearly full": Load(95, 4, 40, stall_ms=90),
    "rather full": Load(85, 4, 40, stall_ms=90),
    "neither full nor empty": Load(70, 4, 40, stall_ms=90),
    "fast": Load(1500, 1, 0.6, stall_ms=90, every_s=9.5, number=30_000),
    "with the lateness of a busy machine": Load(88, 4, 40, stall_ms=90, jitter_ms=2.1),
    "twenty at a time": Load(185, 20, 100, stall_ms=90, every_s=9.5),
    "fifty at a time": Load(380, 50, 125, stall_ms=95, every_s=11, number=12_000),
}


@pytest.mark.parametrize("load", STALLED.values(), ids=STALLED)
def test_a_stall_that_moves_p99_is_never_valid(load: Load) -> None:
    """Fewer than one request in a hundred is late, and the server's times are others."""
    moved_once = False
    for seed in range(6):
        stalled, free = carried_out(load, seed), carried_out(replace(load, stall_ms=0.0), seed)
        assert stalled.health.schedule_lag_ns.high < 100 * MS, "no rule for stalls by themselves"
        moved = _p99_ms(stalled) / _p99_ms(free) - 1
        moved_once = moved_once or moved > 0.05
        assert moved <= 0.05 or judge_point(stalled)[0] is not Verdict.VALID, f"seed {seed}: p99 moved by {moved:.1%}"
    assert moved_once, "a case in which nothing moves shows nothing"
