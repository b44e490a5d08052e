"""Wakes the event loop at an absolute time, to some ten microseconds. The loops' own timers count whole milliseconds.

On Linux a timerfd (timerfd_create(2)) that the loop watches like a socket; elsewhere the loop's timer.
"""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable

__all__ = ["Alarm"]

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_TFD_ABSTIME = 1
_NANO = 1_000_000_000


class _Itimerspec(ctypes.Structure):
    """struct itimerspec: interval, then first expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("first_s", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    )


class Alarm:
    """Calls `ring` at the time set last (`time.monotonic_ns`), once, or every `interval_ns` from then on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._interval_ns = 0
        self._due_ns = 0
        self._fd = _create()
        if self._fd is not None:
            loop.add_reader(self._fd, self._expired)

    def set(self, due_ns: int, *, interval_ns: int = 0) -> None:
        """Ring at `due_ns` (at once if that is past), instead of whatever was set before."""
        if self._fd is not None:
            due_ns = max(due_ns, 1)  # zero would disarm
            spec = _Itimerspec(*divmod(interval_ns, _NANO), *divmod(due_ns, _NANO))
            _LIBC.timerfd_settime(self._fd, _TFD_ABSTIME, ctypes.byref(spec), None)
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_ns, self._interval_ns = due_ns, interval_ns
        self._timer = self._loop.call_later(max(0, due_ns - time.monotonic_ns()) / _NANO, self._tick)

    def close(self) -> None:
        """Close the timer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _expired(self) -> None:
        if self._fd is None:
            return
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # set anew between expiry and now
        self._ring()

    def _tick(self) -> None:
        if self._interval_ns:
            self.set(self._due_ns + self._interval_ns, interval_ns=self._interval_ns)
        self._ring()


_LIBC = ctypes.CDLL(None, use_errno=True)


def _create() -> int | None:
    if sys.platform != "linux":
        return None
    fd = _LIBC.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
    return fd if fd >= 0 else None
