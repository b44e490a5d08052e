"""The watch over the worker itself."""

import asyncio
import gc
import socket
import time
from typing import Any

import uvloop

from evalkube_crds.histogram import Histogram
from evalkube_runner.perf import self_watch
from evalkube_runner.perf.timeline import Span

MS = 1_000_000


def watched(stall_s: float) -> dict[str, Any]:
    """What a watch of about 0.2 s says of a loop that stood still for `stall_s`."""

    async def work() -> dict[str, Any]:
        watch = self_watch.SelfWatch(asyncio.get_running_loop())
        watch.start(time.monotonic_ns())
        await asyncio.sleep(0.1)
        time.sleep(stall_s)  # noqa: ASYNC251  # the stall that is to be seen
        await asyncio.sleep(0.1)
        gc.collect()
        return watch.stop()

    return uvloop.run(work())


def test_a_stall_counts_with_all_that_it_swallowed() -> None:
    """A stall of 200 ms delays forty probes, not one."""
    lag = Histogram.from_doc(watched(0.2)["loop_lag_ns"])
    assert lag.high > 170 * MS
    assert (lag.percentile(75) or 0) > 60 * MS
    assert lag.count >= 18


def test_the_pace_of_answers() -> None:
    """That of the first one, then slowly that of the others; one token has none."""
    pulse = self_watch.Pulse()
    paces = []
    for last_ms, chunks in [(0, 1), (90, 10), (90, 10), (170 * 9, 10), (0, 1)]:
        pulse.heard(Span(0, last_ms * MS, last_ms * MS, chunks))
        paces.append(pulse.pace_ns // MS)
    assert paces == [0, 10, 10, 20, 20]


def test_a_calm_loop() -> None:
    """Nothing but the probe: ten of them, little CPU; a collection is seen."""
    found = watched(0.0)
    assert found["cpu_ns"] < found["wall_ns"]
    assert found["wall_ns"] > 190 * MS
    assert Histogram.from_doc(found["loop_lag_ns"]).count >= 9
    assert Histogram.from_doc(found["gc_pause_ns"]).count >= 1


def test_reads_in_the_turn_after_a_stall_know_of_it() -> None:
    """However the probe and the reads of that turn are ordered; before it and after it nothing is late."""

    async def work() -> list[int]:
        loop = asyncio.get_running_loop()
        watch = self_watch.SelfWatch(loop)
        lags = []
        ours, theirs = socket.socketpair()
        with ours, theirs:
            read = asyncio.Event()

            def ready() -> None:
                theirs.recv(10)
                lags.append(watch.pulse.lag_ns(time.monotonic_ns()))
                read.set()

            loop.add_reader(theirs, ready)
            watch.start(time.monotonic_ns())
            for stall_s in (0.0, 0.1, 0.0):
                await asyncio.sleep(0.05)
                ours.send(b"x")
                time.sleep(stall_s)  # noqa: ASYNC251  # the stall that is to be seen
                await read.wait()
                read.clear()
            loop.remove_reader(theirs)
        watch.stop()
        return [*lags, watch.pulse.lag_ns(time.monotonic_ns() + 10**12)]

    before, stalled, after, watched_no_more = uvloop.run(work())
    assert stalled >= 90 * MS
    assert max(before, after) < stalled
    assert watched_no_more == 0
