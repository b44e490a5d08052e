"""Watches the worker process itself while it measures: the lag of its loop, its garbage collection, and its CPU.
Connections are told of a stall, so each read knows how long it may have waited.
"""

import asyncio
import gc
import time
from typing import Any

from evalkube_crds.histogram import Histogram
from evalkube_runner.perf.timeline import Span
from evalkube_runner.perf.timerfd import Alarm

__all__ = ["Pulse", "SelfWatch", "quiet_collector"]

_clock = time.monotonic_ns
_PROBE_NS = 5_000_000
"""A stall is seen but for its first part, up to the next probe. 200 wake-ups a second are 0.3 % of a core."""
_ON_TIME_NS = 1_000_000
_MOST_MISSED = 10_000
_NEVER = 1 << 62
_FOLLOWED = 16
"""About so many answers make the pace."""


class Pulse:
    """The expected next sign of the loop. Bytes that are read later may have waited since then.

    `overdue_ns`: from when on it is late, on the monotonic clock; for ever away while nothing is watched.
    `pace_ns`: between two chunks of an answer, as the last ones were that were heard in time.
    """

    __slots__ = ("overdue_ns", "pace_ns")

    def __init__(self) -> None:
        self.overdue_ns = _NEVER
        self.pace_ns = 0

    def heard(self, span: Span) -> None:
        """Note that an answer was heard in time, to follow its pace."""
        if span.chunks > 1:
            pace_ns = (span.last_ns - span.first_ns) // (span.chunks - 1)
            self.pace_ns += (pace_ns - self.pace_ns) // _FOLLOWED if self.pace_ns else pace_ns

    def lag_ns(self, now_ns: int) -> int:
        """The time for which the loop has stood still, as far as known; 0 while it is on time."""
        late_ns = now_ns - self.overdue_ns
        return late_ns + _ON_TIME_NS if late_ns > 0 else 0


class SelfWatch:
    """A probe that should run every 5 ms, and hooks into the garbage collector."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pulse: Pulse | None = None) -> None:
        """`pulse` is to beat while this watches; one of its own unless given."""
        self._loop = loop
        self.pulse = pulse or Pulse()
        self._lag = Histogram()
        self._pauses = Histogram()
        self._alarm = Alarm(loop, self._probe)
        self._due_ns = 0
        self._collecting_ns = 0
        self._began_ns = 0
        self._cpu_ns = 0

    def start(self, start_ns: int) -> None:
        """Watch from now on; the probe begins at `start_ns`."""
        self._began_ns = start_ns
        self._cpu_ns = time.process_time_ns()
        self._due_ns = start_ns
        self._expect()
        self._alarm.set(start_ns, interval_ns=_PROBE_NS)
        gc.callbacks.append(self._collector)

    def _probe(self) -> None:
        """The probe: it is called as late as a readable socket would be read.

        A stall swallows probes; each of them counts with what it would have waited, or else one long stall among many
        prompt probes would vanish from the percentiles (coordinated omission, here in the watch itself).
        """
        now_ns = _clock()
        late = now_ns > self.pulse.overdue_ns
        missed = 0
        while self._due_ns <= now_ns and missed < _MOST_MISSED:
            self._lag.add(now_ns - self._due_ns)
            self._due_ns += _PROBE_NS
            missed += 1
        if missed == _MOST_MISSED:
            self._due_ns += (now_ns - self._due_ns) // _PROBE_NS * _PROBE_NS
        if late:
            self._loop.call_soon(self._expect)  # after the reads of this turn, which waited as long
        else:
            self._expect()

    def _expect(self) -> None:
        self.pulse.overdue_ns = self._due_ns + _ON_TIME_NS

    def _collector(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_ns = _clock()
        elif self._collecting_ns:
            self._pauses.add(_clock() - self._collecting_ns)

    def stop(self) -> dict[str, Any]:
        """End the watch; its part of `perf_point.ClientHealth`, as plain values."""
        now_ns = _clock()
        self._probe()  # a stall that lasts to the very end must not go unseen
        self._alarm.close()
        self._due_ns = _NEVER  # also for what the last probe put off
        self._expect()
        gc.callbacks.remove(self._collector)
        return {
            "processes": 1,
            "cpu_ns": time.process_time_ns() - self._cpu_ns,
            "wall_ns": max(now_ns - self._began_ns, 0),
            "loop_lag_ns": self._lag.to_doc(),
            "gc_pause_ns": self._pauses.to_doc(),
        }


def quiet_collector() -> None:
    """Keep the garbage collector out of the hot path: what is loaded now lives for ever, and what requests leave
    behind has no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
