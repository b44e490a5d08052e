"""Estimates the progress of a load test and the time that is left, from its loads and what was measured of them. Pure:
the caller says what time it is.

A closed loop goes on as its answers come: n requests in c slots take n / c times the latency (Little's law), so that a
latency seen at one load tells the time of the next. A rate takes as long as its schedule, and a duration is the most
that its measured part takes. Where one load's time is not known, the rest of the test has no estimate.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from evalkube_crds.results import Progress

__all__ = ["Load", "Pace"]


@dataclass(frozen=True, slots=True)
class Load:
    """The load of this shard at one point. `slots` None is the open loop. `rate` is in requests per second, None where
    answers alone set the pace; where it changes, it is the mean, and the time of the warm-up is given. `ramp_up_s` is
    the time in which the slots begin, evenly.
    """

    measured: int
    warmup: int
    slots: int | None
    rate: float | None
    peak_rate: float | None = None
    warmup_s: float | None = None
    ramp_up_s: float = 0.0

    @property
    def requests(self) -> int:
        """The number of requests of the load, warm-up included."""
        return self.warmup + self.measured

    def length_s(self, latency_s: float | None) -> float | None:
        """The time that the requests of the load take, without a limit of time."""
        by_rate_s = self.requests / self.rate if self.rate else None
        if self.slots is None:
            return by_rate_s
        if latency_s is None:
            return None
        return max(by_rate_s or 0.0, self._answered_s(self.requests * latency_s / self.slots))

    def warmup_length_s(self, length_s: float) -> float:
        """The time that the warm-up takes, of all the time of the load."""
        if self.slots is None and self.warmup_s is not None:
            return self.warmup_s
        return length_s * self.warmup / self.requests

    def full_s(self, took_s: float) -> float:
        """The time in which all slots together would have done as much as those that had begun."""
        if took_s >= self.ramp_up_s:
            return took_s - self.ramp_up_s / 2
        return took_s**2 / (2 * self.ramp_up_s)

    def _answered_s(self, full_s: float) -> float:
        """The time after which the slots have done that much; the inverse of `full_s`."""
        if full_s >= self.ramp_up_s / 2:
            return full_s + self.ramp_up_s / 2
        return math.sqrt(2 * self.ramp_up_s * full_s)


class Pace:
    """The progress of one load test, and the time that is left."""

    def __init__(self, loads: Iterable[Load] | None, *, pause_s: float, duration_s: float | None) -> None:
        """`loads`: all of the test in order; None where what follows is decided as it goes, so that neither a total
        nor an end is known. `pause_s`: between two of them; `duration_s`: of the measured part of each at most.
        """
        self._following = list(loads) if loads is not None else None
        self._pause_s = pause_s
        self._limit_s = duration_s
        self._load = Load(0, 0, None, None)
        self._done = self._warm = self._measured = 0
        self._failed = self._failing = 0
        self._began_s: float | None = None
        self._measuring_s: float | None = None
        self._latency_s: float | None = None

    def begin(self, load: Load) -> None:
        """Note that the next load is being prepared."""
        if self._following:
            self._following.pop(0)
        self._load, self._began_s, self._measuring_s = load, None, None
        self._warm = self._measured = self._failing = 0

    def start(self, at_s: float) -> None:
        """Note when the first request of the load leaves."""
        self._began_s = at_s
        if not self._load.warmup:
            self._measuring_s = at_s

    def heard(self, warm: int, measured: int, now_s: float, *, failed: int = 0) -> None:
        """Note how many warm-up and measured requests are over, and how many of these failed."""
        self._warm, self._measured, self._failing = warm, measured, failed
        if self._measuring_s is None and (measured or warm >= self._load.warmup):
            self._measuring_s = now_s
        took_s = self._took_s(now_s)
        if self._load.slots and warm + measured and took_s > 0:
            self._latency_s = self._load.full_s(took_s) * self._load.slots / (warm + measured)

    def end(self, measured: int, *, failed: int = 0) -> None:
        """Note that the load is over: what it did not send is no longer to be done."""
        self._done += measured
        self._failed += failed
        self._load = replace(self._load, measured=0, warmup=0)
        self._warm = self._measured = self._failing = 0

    @property
    def is_warming(self) -> bool:
        """Whether the load has started, and nothing of it is measured yet."""
        return self._began_s is not None and self._measuring_s is None

    def progress(self, now_s: float, stage: str | None) -> Progress:
        """The progress of the test. At its end the estimate is 0."""
        total = None
        if self._following is not None:
            total = self._done + self._load.measured + sum(load.measured for load in self._following)
        return Progress(
            done=self._done + self._measured,
            total=total or 0,
            eta_seconds=self._left_s(now_s),
            stage=stage,
            failed=self._failed + self._failing,
        )

    def _left_s(self, now_s: float) -> float | None:
        if self._following is None:
            return None
        left_s = self._left_of_load_s(now_s) if self._load.requests else 0.0
        for load in self._following:
            length_s = self._limited(load)
            if left_s is None or length_s is None:
                return None
            left_s += self._pause_s + length_s
        return left_s

    def _left_of_load_s(self, now_s: float) -> float | None:
        """The time that the rest of the current load takes."""
        length_s = self._limited(self._load)
        if length_s is None:
            return None
        left_s = max(0.0, length_s - self._took_s(now_s))
        if self._limit_s is not None and self._measuring_s is not None:
            left_s = min(left_s, max(0.0, self._measuring_s + self._limit_s - now_s))
        return left_s

    def _took_s(self, now_s: float) -> float:
        return now_s - self._began_s if self._began_s is not None else 0.0

    def _limited(self, load: Load) -> float | None:
        """The time that a load takes, within its limit."""
        length_s = load.length_s(self._latency_s)
        if length_s is None or self._limit_s is None or not load.requests:
            return length_s
        return min(length_s, load.warmup_length_s(length_s) + self._limit_s)
