"""A mergeable histogram of non-negative integers (nanoseconds, tokens); its percentiles are exact to 0.1 %. No numpy.

The layout is fixed and log-linear, as in HdrHistogram (hdrhistogram.org). Every power of two is cut into 1024 buckets,
so a bucket is at most 1/1024 as wide as its values.

A bucket keeps the count and the sum of its values as integers, so merging is exact, commutative and associative. N
shards add up to what one process would have counted, bit for bit. The sum makes a bucket of equal values exact; small
runs mostly have such buckets.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add, lshift, lt, mul, sub
from typing import Any, Self, TypeAlias

from evalkube_crds import packed

__all__ = ["Histogram", "bucket_of", "edges_of", "merged_by_name"]

_SUB_BITS = 10


def bucket_of(value: int) -> int:
    """The bucket of `value` (>= 0): the value itself below 2048, then 1024 buckets for each power of two."""
    shift = value.bit_length() - _SUB_BITS - 1
    return value if shift <= 0 else (shift << _SUB_BITS) + (value >> shift)


def edges_of(bucket: int) -> tuple[int, int]:
    """The least and the greatest value that lie in `bucket`."""
    shift = max(0, (bucket >> _SUB_BITS) - 1)
    least = (bucket - (shift << _SUB_BITS)) << shift
    return least, least + (1 << shift) - 1


def _edges(buckets: Sequence[int]) -> tuple[list[int], list[int]]:
    """The lowest value of each of some ascending buckets, and the width (a power of two) of each."""
    leasts: list[int] = []
    shifts: list[int] = []
    while len(leasts) < len(buckets):
        at = len(leasts)
        shift = max(0, (buckets[at] >> _SUB_BITS) - 1)
        end = bisect_left(buckets, (shift + 2) << _SUB_BITS, at)
        below = shift << _SUB_BITS
        leasts += [(bucket - below) << shift for bucket in buckets[at:end]]
        shifts += [shift] * (end - at)
    return leasts, shifts


@dataclass(slots=True)
class Histogram:
    """Counts of integer values. `counts` and `sums` are by bucket; `low` and `high` are the exact extremes."""

    counts: dict[int, int] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)
    count: int = 0
    total: int = 0
    total_squared: int = 0
    low: int = 0
    high: int = 0

    def add(self, value: int, times: int = 1) -> None:
        """Counts `value`; a negative one counts as 0, because a clock that steps back must not lose a request."""
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
        """Counts each of `values`."""
        for value in values:
            self.add(value)

    def merge(self, other: "Histogram") -> None:
        """Adds all counts of `other`."""
        if not other.count:
            return
        for mine, others in ((self.counts, other.counts), (self.sums, other.sums)):
            for bucket, amount in others.items():
                mine[bucket] = mine.get(bucket, 0) + amount
        self.low = min(self.low, other.low) if self.count else other.low
        self.high = max(self.high, other.high)
        self.count += other.count
        self.total += other.total
        self.total_squared += other.total_squared

    @classmethod
    def merged(cls, parts: Iterable["Histogram"]) -> "Histogram":
        """The sum of all parts.

        For a thousand parts it takes half the time of `merge`, because it uses lists, which are read faster than dicts.
        """
        parts = [part for part in parts if part.count]
        if not parts:
            return cls()
        buckets = 1 + max(max(part.counts) for part in parts)
        counts, sums = [0] * buckets, [0] * buckets
        for part in parts:
            for bucket, times in part.counts.items():
                counts[bucket] += times
            for bucket, amount in part.sums.items():
                sums[bucket] += amount
        found = {bucket: times for bucket, times in enumerate(counts) if times}
        return cls(
            counts=found,
            sums={bucket: sums[bucket] for bucket in found},
            count=sum(part.count for part in parts),
            total=sum(part.total for part in parts),
            total_squared=sum(part.total_squared for part in parts),
            low=min(part.low for part in parts),
            high=max(part.high for part in parts),
        )

    def replaced(self, removed: "Histogram", added: "Histogram") -> "Histogram":
        """The histogram with `removed`, which it contains, exchanged for `added`.

        The extremes become those of the outermost buckets, and there is no deviation.
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
        """Several percentiles (each 0 to 100) from one pass over the buckets."""
        percents = list(percents)
        if not self.count:
            return [None for _ in percents]
        buckets = sorted(self.counts)
        upto = list(accumulate(self.counts[bucket] for bucket in buckets))
        return [self._interpolate((self.count - 1) * percent / 100, buckets, upto) for percent in percents]

    def bounds(self, ranks: Iterable[int]) -> list[tuple[int, int]]:
        """The lowest and the highest possible value at each rank (the smallest value has rank 0).

        These are the edges of the value's bucket. Both are the value itself below 2048, and where it is alone in its
        bucket.
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
        """The histogram as JSON: three columns (`packed`) of the ascending buckets, and the exact figures.

        The columns are the gap to the bucket before, the count, and the sum of the values above the bucket's lowest
        value. `total_squared` is a string, because it can exceed the 64 bits that every JSON reader keeps. If a column
        exceeds them too, there are lists instead: `steps`, `counts`, and `sums` of the values themselves.
        """
        buckets = sorted(self.counts)
        steps = list(map(sub, buckets, [0, *buckets]))
        counts = [self.counts[bucket] for bucket in buckets]
        sums = [self.sums[bucket] for bucket in buckets]
        above = list(map(sub, sums, map(mul, counts, _edges(buckets)[0])))
        exact = {"total_squared": str(self.total_squared), "low": self.low, "high": self.high}
        try:
            return {"columns": packed.pack([steps, counts, above]), **exact}
        except OverflowError:
            return {"steps": steps, "counts": counts, "sums": sums, **exact}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> Self:
        """The histogram that `to_doc` wrote. Raises ValueError if its columns do not belong together."""
        buckets, counts, sums = _unpacked(doc["columns"]) if "columns" in doc else _listed(doc)
        return cls(
            counts=dict(zip(buckets, counts, strict=True)),
            sums=dict(zip(buckets, sums, strict=True)),
            count=sum(counts),
            total=sum(sums),
            total_squared=int(doc["total_squared"]),
            low=int(doc["low"]),
            high=int(doc["high"]),
        )


def merged_by_name(parts: Iterable[Mapping[str, Histogram]]) -> dict[str, Histogram]:
    """The histograms of each name, merged."""
    found: dict[str, list[Histogram]] = {}
    for part in parts:
        for name, histogram in part.items():
            found.setdefault(name, []).append(histogram)
    return {name: Histogram.merged(same) for name, same in found.items()}


_Buckets: TypeAlias = tuple[list[int], Sequence[int], list[int]]
"""Buckets, ascending, with their counts and sums."""


def _unpacked(text: str) -> _Buckets:
    """The buckets of a document. The documents of a thousand shards have millions of them, so all loops are in C."""
    steps, counts, above = packed.unpack(text, 3)
    if steps and min(steps[1:], default=1) <= 0:
        raise ValueError("histogram: the buckets are not in ascending order")
    buckets = list(accumulate(steps))
    leasts, shifts = _edges(buckets)
    if not all(map(lt, above, map(lshift, counts, shifts))):
        raise ValueError("histogram: the sum of a bucket is outside of its range")
    return buckets, counts, list(map(add, map(mul, counts, leasts), above))


def _listed(doc: dict[str, Any]) -> _Buckets:
    """The buckets of a document with lists, the format before columns were packed."""
    buckets, counts, sums = list(accumulate(doc["steps"])), doc["counts"], doc["sums"]
    if not len(set(buckets)) == len(buckets) == len(counts) == len(sums):
        raise ValueError("histogram: steps, counts and sums must have the same length")
    for bucket, times, amount in zip(buckets, counts, sums, strict=True):
        if times <= 0 or bucket_of(amount // times) != bucket:
            raise ValueError(f"histogram: the sum of bucket {bucket} is outside of its range")
    return buckets, counts, sums
