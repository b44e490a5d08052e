"""A small histogram of durations, for percentiles of a run at work: they are good to 1.6 %, and sketches add up. Pure.

Its buckets are those of `histogram.bucket_of`, 32 in one: 32 for each power of two. Only counts are kept, from the
first bucket in use to the last: some hundred numbers. Without pydantic: processes that send load make sketches, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from typing import Final, Self

from evalkube_crds.histogram import bucket_of, edges_of

__all__ = ["FINE", "MOST_BUCKETS", "Sketch"]

FINE: Final = 32
"""Buckets of a `Histogram` to one of a sketch."""
MOST_BUCKETS: Final = (bucket_of((1 << 53) - 1) + 1) // FINE
"""Buckets of all durations below 104 days, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """How many durations (ns) lie in each bucket from the `first` one on. Raises ValueError for none of a duration."""

    first: int = 0
    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.first <= MOST_BUCKETS - len(self.counts) or min(self.counts, default=0) < 0:
            raise ValueError(f"a sketch has counts of 0 or more in {MOST_BUCKETS} buckets")

    @classmethod
    def of(cls, values_ns: Iterable[int]) -> Self:
        """The sketch of some durations. One below 0 counts as 0."""
        counts = [0] * MOST_BUCKETS
        for value in values_ns:
            counts[min(bucket_of(max(value, 0)) // FINE, MOST_BUCKETS - 1)] += 1
        return cls._trimmed(counts)

    @classmethod
    def merged(cls, parts: Iterable["Sketch"]) -> Self:
        """All that the parts counted."""
        counts = [0] * MOST_BUCKETS
        for part in parts:
            there = slice(part.first, part.first + len(part.counts))
            counts[there] = map(add, counts[there], part.counts)
        return cls._trimmed(counts)

    @classmethod
    def _trimmed(cls, counts: Sequence[int]) -> Self:
        used = [at for at, count in enumerate(counts) if count]
        return cls(used[0], tuple(counts[used[0] : used[-1] + 1])) if used else cls()

    def percentile(self, percent: float) -> float | None:
        """A percentile (0 to 100) in nanoseconds: the middle of the bucket of the value with that rank."""
        upto = list(accumulate(self.counts))
        if not upto or not upto[-1]:
            return None
        rank = min(int(upto[-1] * percent / 100), upto[-1] - 1)
        at = next(at for at, count in enumerate(upto) if count > rank)
        least, most = edges_of((self.first + at) * FINE)[0], edges_of((self.first + at) * FINE + FINE - 1)[1]
        return (least + most) / 2
