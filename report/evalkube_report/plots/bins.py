"""Puts a contract histogram (thousands of narrow buckets) into the few bars of a plot. Pure."""

import math
from dataclasses import dataclass

from evalkube_crds.histogram import Histogram, bucket_of, edges_of

__all__ = ["Bars", "bars"]

_LOG_FROM_RATIO = 20.0
"""From this ratio of the largest to the small values on, a linear axis would show one bar and a far dot."""

_LOG_MOST_RATIO = 1e5

_COARSE = 8
"""Bars this many buckets wide show nothing of where the buckets begin."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of a histogram: `counts[i]` values between `edges[i]` and `edges[i + 1]`. `log`: the edges are spaced so."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    log: bool


def bars(histogram: Histogram, most: int = 48) -> Bars | None:
    """At most `most` bars with all values of `histogram`; None if it is empty."""
    if not histogram.count:
        return None
    values = sorted((histogram.sums[bucket] / times, times) for bucket, times in histogram.counts.items())
    low, high = float(histogram.low), float(histogram.high)
    small = histogram.percentile(1) or 0.0
    log = high > 0 and high / max(small, high / _LOG_MOST_RATIO) >= _LOG_FROM_RATIO
    if log:
        low = max(low, high / _LOG_MOST_RATIO)
    elif high - low < 1e-9 * max(high, 1.0):
        low, high = low * 0.9, high * 1.1 or 1.0
    size = min(most, max(8, math.ceil(2 * math.sqrt(histogram.count))))
    if not log:
        low, high, size = _aligned(low, high, size)
    edges = _edges(low, high, size, log)
    counts = [0] * size
    for value, times in values:
        counts[min(size - 1, max(0, _place(value, low, high, size, log)))] += times
    return Bars(tuple(edges), tuple(counts), log)


def _aligned(low: float, high: float, size: int) -> tuple[float, float, int]:
    """Edges at the histogram's own buckets. Bars of one and a half buckets would show a comb that is no data."""
    least, most = edges_of(bucket_of(int(high)))
    width = most - least + 1
    if (high - low) / size > _COARSE * width:
        return low, high, size
    step = math.ceil((high - low) / size / width) * width
    low = math.floor(low / width) * width
    size = math.floor((high - low) / step) + 1
    return low, low + size * step, size


def _edges(low: float, high: float, size: int, log: bool) -> list[float]:
    if log:
        return [low * (high / low) ** (index / size) for index in range(size + 1)]
    return [low + (high - low) * index / size for index in range(size + 1)]


def _place(value: float, low: float, high: float, size: int, log: bool) -> int:
    if log:
        return math.floor(size * math.log(max(value, low) / low) / math.log(high / low))
    return math.floor(size * (value - low) / (high - low))
