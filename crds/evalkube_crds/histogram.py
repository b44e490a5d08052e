"""A mergeable histogram of non-negative integers (nanoseconds, tokens) with percentiles good to 0.1 %. No numpy.

The layout is fixed and log-linear, as in HdrHistogram (hdrhistogram.org): every power of two is cut into 1024 buckets,
so that a bucket is at most 1/1024 as wide as its values. A bucket keeps the count and the sum of its values; both are
integers, so merging is exact, commutative and associative: N shards add up to what one would have counted, bit for bit.
The sum makes a bucket of equal values exact, which is what small runs consist of.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from operator import add
from typing import Any, Self

__all__ = ["Histogram", "bucket_of", "edges_of"]

_SUB_BITS = 10


def bucket_of(value: int) -> int:
    """The bucket of ``value`` (>= 0): the value itself below 2048, then 1024 buckets for each power of two."""
    shift = value.bit_length() - _SUB_BITS - 1
    return value if shift <= 0 else (shift << _SUB_BITS) + (value >> shift)


def edges_of(bucket: int) -> tuple[int, int]:
    """The least and the greatest value that lie in ``bucket``."""
    shift = (bucket >> _SUB_BITS or 1) - 1
    least = _least(bucket)
    return least, least + (1 << shift) - 1


def _least(bucket: int) -> int:
    shift = (bucket >> _SUB_BITS or 1) - 1
    return bucket - (shift << _SUB_BITS) << shift


def _add(into: dict[int, int], part: dict[int, int]) -> None:
    """Add amounts by bucket. Without a loop of Python's own: a run of many shards has millions of them."""
    into.update(zip(part, map(add, map(into.get, part, repeat(0)), part.values()), strict=True))


@dataclass(slots=True)
class Histogram:
    """Counts of integer values. ``counts`` and ``sums`` are by bucket; ``low`` and ``high`` the exact extremes."""

    counts: dict[int, int] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)
    count: int = 0
    total: int = 0
    total_squared: int = 0
    low: int = 0
    high: int = 0

    def add(self, value: int, times: int = 1) -> None:
        """Count ``value`` (a negative one as 0: clocks that step back a tick are no reason to lose a request)."""
        if times <= 0:
            return
        value = max(value, 0)
        bucket = bucket_of(value)
        amount = value * times
        self.counts[bucket] = self.counts.get(bucket, 0) + times
        self.sums[bucket] = self.sums.get(bucket, 0) + amount
        self.low = min(self.low, value) if self.count else value
        self.high = max(self.high, value)
        self.count += times
        self.total += amount
        self.total_squared += value * amount

    def extend(self, values: Iterable[int]) -> None:
        """Count each of ``values``."""
        for value in values:
            self.add(value)

    def merge(self, other: "Histogram") -> None:
        """Add everything that ``other`` counted."""
        if not other.count:
            return
        _add(self.counts, other.counts)
        _add(self.sums, other.sums)
        self.low = min(self.low, other.low) if self.count else other.low
        self.high = max(self.high, other.high)
        self.count += other.count
        self.total += other.total
        self.total_squared += other.total_squared

    def replaced(self, removed: "Histogram", added: "Histogram") -> "Histogram":
        """These values with ``removed``, which are some of them, exchanged for ``added``. Its extremes are those of the
        outermost buckets, and it has no deviation.
        """
        found = Histogram(counts=dict(self.counts), sums=dict(self.sums), count=self.count, total=self.total)
        for bucket, times in removed.counts.items():
            left = found.counts.get(bucket, 0) - times
            if left > 0:
                found.counts[bucket] = left
                found.sums[bucket] -= removed.sums[bucket]
            else:
                found.counts.pop(bucket, None)
                found.sums.pop(bucket, None)
        for bucket, times in added.counts.items():
            found.counts[bucket] = found.counts.get(bucket, 0) + times
            found.sums[bucket] = found.sums.get(bucket, 0) + added.sums[bucket]
        found.count, found.total = sum(found.counts.values()), sum(found.sums.values())
        if found.counts:
            first, last = min(found.counts), max(found.counts)
            found.low = found.sums[first] // found.counts[first]
            found.high = found.sums[last] // found.counts[last]
        return found

    @property
    def mean(self) -> float | None:
        """The exact arithmetic mean; None when nothing was counted."""
        return self.total / self.count if self.count else None

    @property
    def deviation(self) -> float | None:
        """The exact population standard deviation; None when nothing was counted."""
        if not self.count:
            return None
        return math.sqrt(max(0, self.count * self.total_squared - self.total * self.total)) / self.count

    def percentile(self, percent: float) -> float | None:
        """The percentile by linear interpolation between order statistics; None when nothing was counted.

        Type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), numpy's default. An order
        statistic is taken as its bucket's mean, hence within 0.1 % of the true one; the extremes are exact.
        """
        return self.percentiles([percent])[0]

    def percentiles(self, percents: Iterable[float]) -> list[float | None]:
        """Several percentiles (each 0 to 100) for one walk over the buckets."""
        percents = list(percents)
        if not self.count:
            return [None for _ in percents]
        buckets = sorted(self.counts)
        upto = list(accumulate(self.counts[bucket] for bucket in buckets))
        return [self._interpolate((self.count - 1) * percent / 100, buckets, upto) for percent in percents]

    def bounds(self, ranks: Iterable[int]) -> list[tuple[int, int]]:
        """The least and the most that the value of each rank (the smallest has 0) can have been: the edges of its
        bucket, which are the value itself where it is alone, and below 2048.
        """
        buckets = sorted(self.counts)
        upto = list(accumulate(self.counts[bucket] for bucket in buckets))
        return [self._bounds_in(buckets[bisect_right(upto, rank)]) for rank in ranks]

    def _bounds_in(self, bucket: int) -> tuple[int, int]:
        if self.counts[bucket] == 1:
            return self.sums[bucket], self.sums[bucket]
        least, most = edges_of(bucket)
        return max(least, self.low), min(most, self.high)

    def _interpolate(self, rank: float, buckets: list[int], upto: list[int]) -> float:
        below = math.floor(rank)
        low = self._order_statistic(below, buckets, upto)
        if rank == below:
            return low
        high = self._order_statistic(below + 1, buckets, upto)
        return low + (high - low) * (rank - below)

    def _order_statistic(self, rank: int, buckets: list[int], upto: list[int]) -> float:
        if rank <= 0:
            return float(self.low)
        if rank >= self.count - 1:
            return float(self.high)
        bucket = buckets[bisect_right(upto, rank)]
        return self.sums[bucket] / self.counts[bucket]

    def to_doc(self) -> dict[str, Any]:
        """JSON-ready: buckets ascending with the gaps between them, their counts, the ``excess`` of their sums over the
        least that they can be (which are most of their digits), and the exact figures.

        ``total_squared`` is a string: it outgrows the 64 bits that JSON readers can be trusted with.
        """
        buckets = sorted(self.counts)
        return {
            "steps": [now - before for before, now in zip([0, *buckets], buckets, strict=False)],
            "counts": [self.counts[bucket] for bucket in buckets],
            "excess": [self.sums[bucket] - _least(bucket) * self.counts[bucket] for bucket in buckets],
            "total_squared": str(self.total_squared),
            "low": self.low,
            "high": self.high,
        }

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> Self:
        """The histogram that ``to_doc`` wrote; ``sums`` in place of ``excess`` are the whole ones, as it was before.
        Raises ValueError when its lists do not belong together.
        """
        buckets, counts, whole = list(accumulate(doc["steps"])), doc["counts"], "excess" not in doc
        given = doc["sums"] if whole else doc["excess"]
        if not len(buckets) == len(counts) == len(given):
            raise ValueError("histogram: steps, counts and sums must be of one length")
        sums = []
        for bucket, times, amount in zip(buckets, counts, given, strict=True):
            shift = (bucket >> _SUB_BITS or 1) - 1  # as _least, without its calls: a run has millions of buckets
            least = (bucket - (shift << _SUB_BITS) << shift) * times
            excess = amount - least if whole else amount
            if not 0 <= excess < times << shift:
                raise ValueError(f"histogram: the sum of bucket {bucket} does not lie in it")
            sums.append(least + excess)
        return cls(
            counts=dict(zip(buckets, counts, strict=True)),
            sums=dict(zip(buckets, sums, strict=True)),
            count=sum(counts),
            total=sum(sums),
            total_squared=int(doc["total_squared"]),
            low=int(doc["low"]),
            high=int(doc["high"]),
        )
