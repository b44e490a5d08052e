"""Absolute timers on a real loop."""

import asyncio
import functools
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from evalkube_mock.timerfd import Wheel, _Alarm, _LoopTimer, _TimerFd

_MS = 1_000_000


def _run(main: Callable[[Wheel], Coroutine[Any, Any, None]]) -> None:
    async def with_wheel() -> None:
        wheel = Wheel(asyncio.get_running_loop())
        try:
            await main(wheel)
        finally:
            wheel.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(with_wheel())


def test_timers_run_in_the_order_of_their_targets() -> None:
    """Whatever the order of asking; equal targets in the order of asking; never before the target."""
    seen: list[tuple[str, bool]] = []

    def note(name: str, due_ns: int) -> None:
        seen.append((name, time.monotonic_ns() >= due_ns))

    async def main(wheel: Wheel) -> None:
        over = asyncio.Event()
        now = time.monotonic_ns()
        for name, wait_ms in (("c", 30), ("a", 10), ("b1", 20), ("b2", 20)):
            due_ns = now + wait_ms * _MS
            wheel.at(due_ns, functools.partial(note, name, due_ns))
        wheel.at(now + 40 * _MS, over.set)
        await over.wait()

    _run(main)
    assert seen == [("a", True), ("b1", True), ("b2", True), ("c", True)]


def test_a_cancelled_timer_never_runs() -> None:
    """Cancelled before its time, even among so many that the heap is swept; cancelling twice does no harm."""
    seen: list[int] = []

    async def main(wheel: Wheel) -> None:
        due = time.monotonic_ns() + 10 * _MS
        timers = [wheel.at(due, functools.partial(seen.append, number)) for number in range(200)]
        for timer in timers[:150] * 2:
            wheel.cancel(timer)
        assert len(wheel) == 50
        over = asyncio.Event()
        wheel.at(due + 10 * _MS, over.set)
        await over.wait()
        wheel.cancel(timers[199])
        assert len(wheel) == 0

    _run(main)
    assert seen == list(range(150, 200))


def test_a_timer_may_ask_for_the_next() -> None:
    """A chain of absolute targets: each of 20 steps of 5 ms comes, and none before its time."""
    late_ns: list[int] = []
    start = time.monotonic_ns()

    async def main(wheel: Wheel) -> None:
        over = asyncio.Event()

        def step(number: int) -> None:
            late_ns.append(time.monotonic_ns() - start - number * 5 * _MS)
            if number == 20:
                over.set()
            else:
                wheel.at(start + (number + 1) * 5 * _MS, lambda: step(number + 1))

        step(0)
        await over.wait()

    _run(main)
    assert len(late_ns) == 21
    assert min(late_ns) >= 0


def test_both_alarms_ring() -> None:
    """The Linux alarm and the portable one behave alike: set, set earlier, taken back."""

    async def main() -> None:
        for kind in (_TimerFd, _LoopTimer) if sys.platform == "linux" else (_LoopTimer,):
            rung = asyncio.Event()
            alarm: _Alarm = kind(asyncio.get_running_loop(), rung.set)
            now = time.monotonic_ns()
            alarm.set(now + 10_000 * _MS)
            alarm.set(now + 10 * _MS)
            async with asyncio.timeout(5):  # and not after the 10 s of the first setting
                await rung.wait()
            alarm.set(time.monotonic_ns() + 10 * _MS)
            alarm.set(None)
            rung.clear()
            await asyncio.sleep(0.03)
            assert not rung.is_set(), kind
            alarm.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
