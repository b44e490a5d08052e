"""Confidence intervals of percentiles by order statistics. Pure.

Of n independent values, the number that are at most the true p-quantile is binomial (n, p) for every distribution. So
the l-th and the u-th smallest value enclose the quantile with the probability P(l <= B < u) (Hahn and Meeker,
"Statistical Intervals", 1991, chapter 5).

Here l is the highest and u the lowest rank that leave at most 2.5 % each below and above. So the interval has 95 % or a
little more, and each end alone is a bound of 97.5 %. If n is too small there are no such ranks and no interval: the
largest of 100 values is below the true p99 in 37 % of all cases.

Requests under load are not quite independent, because neighbours share a queue. So the true uncertainty is at least as
large as the interval.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from evalkube_crds.histogram import Histogram

__all__ = ["CONFIDENCE", "Interval", "of_percentiles", "ranks", "values_needed"]

CONFIDENCE: Final = 0.95
_TAIL: Final = (1 - CONFIDENCE) / 2
_DEVIATIONS: Final = 10
"""The distance below its mean at which a binomial count has a probability of less than 1e-20."""


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


def of_percentiles(histogram: Histogram, percents: Iterable[float]) -> list[Interval | None]:
    """The interval of each percentile (0 to 100); None where there are too few values.

    Each end is the farther edge of its bucket. So the result contains the interval of the values themselves, and is at
    most 0.1 % of an end wider there. A value that is alone in its bucket is exact.
    """
    found = [ranks(histogram.count, percent) for percent in percents]
    edges = iter(histogram.bounds(rank - 1 for pair in found if pair is not None for rank in pair))
    return [None if pair is None else Interval(next(edges)[0], next(edges)[1]) for pair in found]


def values_needed(percent: float) -> int:
    """The number of values that an interval of a percentile between 0 and 100 needs."""
    return math.ceil(math.log(_TAIL) / math.log(max(percent, 100 - percent) / 100))


@lru_cache(maxsize=1024)
def ranks(count: int, percent: float) -> tuple[int, int] | None:
    """The ranks l and u of the ends for `count` values (the smallest value has rank 1); None where there are none."""
    if not 0 < percent < 100 or count < values_needed(percent):
        return None
    return _lower(count, percent / 100), count + 1 - _lower(count, (100 - percent) / 100)


def _lower(count: int, share: float) -> int:
    """The highest rank l with P(B < l) <= 2.5 % for a binomial B; 0 where there is none.

    The probabilities are added up from where they vanish: some thousand terms for a million values.
    """
    mean = count * share
    successes = max(0, math.floor(mean - _DEVIATIONS * (math.sqrt(mean * (1 - share)) + 1)))
    odds = share / (1 - share)
    probability = math.exp(_log_probability(count, share, successes))
    below = probability
    while below <= _TAIL:
        probability *= (count - successes) / (successes + 1) * odds
        successes += 1
        below += probability
    return successes


def _log_probability(count: int, share: float, successes: int) -> float:
    """ln P(B = successes)."""
    ways = math.lgamma(count + 1) - math.lgamma(successes + 1) - math.lgamma(count - successes + 1)
    return ways + successes * math.log(share) + (count - successes) * math.log1p(-share)
