"""The alarm rings at absolute times, more finely than the loop's own timers."""

import asyncio
import time

import uvloop

from evalkube_runner.perf.timerfd import Alarm

MS = 1_000_000


def rung(due_ms: list[float], *, interval_ms: float = 0, times: int = 1) -> list[float]:
    """Set an alarm to each of `due_ms` in turn, until it has rung so many `times`; when it rang, in ms since the
    start.
    """

    async def work() -> list[float]:
        began = time.monotonic_ns()
        heard: list[float] = []
        alarm = Alarm(asyncio.get_running_loop(), lambda: heard.append((time.monotonic_ns() - began) / MS))
        for due in due_ms:
            alarm.set(began + int(due * MS), interval_ns=int(interval_ms * MS))
        async with asyncio.timeout(30):
            while len(heard) < times:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # for what would be too much
        alarm.close()
        await asyncio.sleep(0.02)
        return heard

    return uvloop.run(work())


def test_once_and_not_before() -> None:
    """At its time, between two milliseconds."""
    (heard,) = rung([7.3])
    assert heard >= 7.3


def test_the_last_setting_counts() -> None:
    """Setting replaces."""
    (heard,) = rung([5.0, 15.0])
    assert heard >= 15.0


def test_a_time_that_is_past() -> None:
    """Rings at once."""
    (heard,) = rung([-1_000.0])
    assert heard >= 0


def test_again_and_again() -> None:
    """Every interval from the first time on, without drift, until it is closed."""
    heard = rung([5.0], interval_ms=5.0, times=10)
    assert all(at >= 5.0 * (turn + 1) for turn, at in enumerate(heard))
