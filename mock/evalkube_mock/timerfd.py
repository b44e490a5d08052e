"""Absolute timers for thousands of streams: one heap and one alarm.

A late call delays only itself, because the next target does not move. asyncio's own timers round to milliseconds in
uvloop, which would put an error of half a millisecond on every token. On Linux the alarm is a timerfd (microseconds, no
spinning); elsewhere it is the loop's timer.
"""

import asyncio
import ctypes
import heapq
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["Timer", "Wheel"]

_SECOND_NS = 1_000_000_000
_SWEEP_ABOVE = 64  # below that many cancelled timers a sweep is not worth its walk


class Timer:
    """One future call; `callback` is None after it was cancelled or made."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback


class Wheel:
    """The timers, which call back at absolute times of `time.monotonic_ns`. Must be closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._heap: list[tuple[int, int, Timer]] = []  # tuples compare in C; the serial keeps equal times in order
        self._serial = 0
        self._cancelled = 0
        self._armed_ns: int | None = None
        self._ringing = False
        self._alarm: _Alarm = _TimerFd(loop, self._ring) if sys.platform == "linux" else _LoopTimer(loop, self._ring)

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def at(self, due_ns: int, callback: Callable[[], None]) -> Timer:
        """Calls `callback` once, at `due_ns` or as soon after it as the loop is free."""
        timer = Timer(callback)
        self._serial += 1
        heapq.heappush(self._heap, (due_ns, self._serial, timer))
        if not self._ringing and (self._armed_ns is None or due_ns < self._armed_ns):
            self._arm()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Cancels a timer; harmless if it has already run."""
        if timer.callback is None:
            return
        timer.callback = None  # drops the stream behind it at once; the empty shell leaves the heap later
        self._cancelled += 1
        if self._cancelled > _SWEEP_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def close(self) -> None:
        """Cancels all timers and releases the alarm."""
        self._heap.clear()
        self._cancelled = 0
        self._alarm.close()

    def _ring(self) -> None:
        self._ringing = True  # one system call arms the next alarm, however many callbacks ask for timers
        try:
            now = time.monotonic_ns()
            while self._heap and self._heap[0][0] <= now:
                timer = heapq.heappop(self._heap)[2]
                callback, timer.callback = timer.callback, None
                if callback is None:
                    self._cancelled -= 1
                else:
                    callback()
        finally:
            self._ringing = False
            self._arm()

    def _arm(self) -> None:
        self._armed_ns = self._heap[0][0] if self._heap else None
        self._alarm.set(self._armed_ns)


class _Alarm(Protocol):
    def set(self, due_ns: int | None) -> None: ...

    def close(self) -> None: ...


class _LoopTimer:
    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due_ns: int | None) -> None:
        self.close()
        if due_ns is not None:
            wait_s = max(0, due_ns - time.monotonic_ns()) / _SECOND_NS
            self._handle = self._loop.call_later(wait_s, self._ring)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class _Timespec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class _TimerFd:
    """timerfd_create(2) by ctypes, because the standard library has it only since Python 3.13."""

    _ABSOLUTE = 1  # TFD_TIMER_ABSTIME

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        fd = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._settime = libc.timerfd_settime
        self._fd = fd
        self._loop = loop
        self._spec = _Itimerspec()
        self._value = self._spec.value
        self._pointer = ctypes.byref(self._spec)
        loop.add_reader(fd, ring)

    def set(self, due_ns: int | None) -> None:
        # Setting also clears a timer that has gone off, so it is never read. (0, 0) disarms.
        self._value.sec, self._value.nsec = (0, 0) if due_ns is None else divmod(max(due_ns, 1), _SECOND_NS)
        if self._settime(self._fd, self._ABSOLUTE, self._pointer, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
