"""Counting many values into a histogram at once, with numpy: the same figures as ``Histogram.add`` one by one, ten
times cheaper.
"""

from operator import mul

import numpy as np
from numpy.typing import NDArray

from evalkube_crds.histogram import Histogram

__all__ = ["add_all", "buckets_of"]

_SUB_BITS = 10  # of histogram.bucket_of; a test holds the two equal


def buckets_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """``histogram.bucket_of`` for each of ``values`` (0 <= value < 2**53)."""
    bit_length = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(bit_length - _SUB_BITS - 1, 0)
    return (shift << _SUB_BITS) + (values >> shift)


def add_all(histogram: Histogram, values: list[int], times: list[int] | None = None) -> None:
    """Count ``values[i]`` ``times[i]`` times (once each without ``times``). Values below 0 count as 0, as in
    ``Histogram.add``.
    """
    if not values:
        return
    numbers = np.maximum(np.array(values, dtype=np.int64), 0)
    weights = np.ones_like(numbers) if times is None else np.array(times, dtype=np.int64)
    buckets = buckets_of(numbers)
    order = np.argsort(buckets, kind="stable")
    ordered = buckets[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    amounts = numbers * weights
    counts = np.add.reduceat(weights[order], starts).tolist()
    sums = np.add.reduceat(amounts[order], starts).tolist()
    found = ordered[starts].tolist()
    part = Histogram(
        counts=dict(zip(found, counts, strict=True)),
        sums=dict(zip(found, sums, strict=True)),
        count=int(weights.sum()),
        total=int(amounts.sum()),
        # squares of nanoseconds outgrow 64 bits: Python's integers
        total_squared=sum(map(mul, numbers.tolist(), amounts.tolist())),
        low=int(numbers.min()),
        high=int(numbers.max()),
    )
    histogram.merge(part)
