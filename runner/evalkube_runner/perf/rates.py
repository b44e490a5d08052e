"""A rate that changes while a point runs: the due time of the n-th request. Pure.

The number of requests that a rate asks for until a time t is its integral L(t). What arrives at 1, 2, 3, ... of a
process of unit rate arrives at L's inverse of these: exact for Poisson arrivals (Cinlar, "Introduction to Stochastic
Processes", 1975, section 4.7), and used for constant and gamma ones too (Gerhardt and Nelson, "Transforming renewal
processes for simulation of nonstationary arrival processes", INFORMS J. Computing 21, 2009).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stage", "mean_rate", "peak_rate", "settled_s", "times_s"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stage:
    """A rate in requests a second that goes from `rate` to `to` in `duration_s`: linearly, or by equal factors in equal
    times. What follows the last stage goes on at its `to`, which is more than 0.
    """

    rate: float
    to: float
    duration_s: float
    exponential: bool = False

    @property
    def requests(self) -> float:
        """The number of requests that the stage asks for."""
        if self._growth:
            return (self.to - self.rate) / self._growth
        return (self.rate + self.to) / 2 * self.duration_s

    @property
    def _growth(self) -> float:
        """The exponent of an exponential stage per second; 0 for a linear one."""
        return math.log(self.to / self.rate) / self.duration_s if self.exponential and self.to != self.rate else 0.0

    def times_s(self, requests: Numbers) -> Numbers:
        """The times after the stage's begin at which it has asked for so many requests."""
        if self._growth:
            grown: Numbers = np.log1p(self._growth * requests / self.rate) / self._growth
            return grown
        slope = (self.to - self.rate) / self.duration_s
        root = np.sqrt(np.maximum(self.rate**2 + 2 * slope * requests, 0.0))
        below = self.rate + root  # the form of the quadratic formula that also holds for a slope of 0
        passed: Numbers = np.divide(2 * requests, below, out=np.zeros_like(requests), where=below > 0)
        return passed


def times_s(stages: Sequence[Stage], requests: Numbers) -> Numbers:
    """The times after the start at which the stages have asked for so many requests."""
    begins = np.cumsum([0.0, *(stage.requests for stage in stages)])
    starts = np.cumsum([0.0, *(stage.duration_s for stage in stages)])
    which = np.searchsorted(begins, requests, side="right") - 1
    found: Numbers = starts[-1] + (requests - begins[-1]) / stages[-1].to
    for at, stage in enumerate(stages):
        own = which == at
        found[own] = starts[at] + np.minimum(stage.times_s(requests[own] - begins[at]), stage.duration_s)
    return found


def mean_rate(stages: Sequence[Stage], count: int) -> float:
    """The mean rate until `count` requests were asked for."""
    return count / float(times_s(stages, np.array([float(count)]))[0])


def peak_rate(stages: Sequence[Stage]) -> float:
    """The highest rate of all stages."""
    return max(max(stage.rate, stage.to) for stage in stages)


def settled_s(stages: Sequence[Stage]) -> float:
    """The time after the start at which the rate has become the one that goes on."""
    after_s = sum(stage.duration_s for stage in stages)
    for stage in reversed(stages):
        if not stage.rate == stage.to == stages[-1].to:
            break
        after_s -= stage.duration_s
    return max(after_s, 0.0)
