"""Tests of pairs: two runs over the same questions, compared by the questions with different scores. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evalkube_crds.intervals import Interval
from evalkube_crds.score_intervals import Bootstrap, wilson
from evalkube_crds.score_sum import THOUSAND

__all__ = ["Difference", "Pair", "difference", "holm", "mcnemar", "newcombe"]


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores of both runs for one question, 0 to 1, and its weight.

    `verdict`: each run has one answer, right or wrong.
    """

    baseline: float
    candidate: float
    weight: int = 1
    verdict: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of the means (candidate minus baseline), the test, and the p-value."""

    value: float
    interval: Interval | None
    test: str
    p_value: float


def difference(pairs: Sequence[Pair]) -> Difference:
    """The paired test of at least one pair.

    It is McNemar's exact test, with Newcombe's interval, if each question has one verdict of both runs. Otherwise it is
    a bootstrap of the pairs.
    """
    whole = sum(pair.weight for pair in pairs)
    value = math.fsum(pair.weight * (pair.candidate - pair.baseline) for pair in pairs) / whole
    if all(pair.verdict and pair.weight == 1 for pair in pairs):
        counts = Counter((pair.baseline, pair.candidate) for pair in pairs)
        lost, won = counts[1.0, 0.0], counts[0.0, 1.0]
        return Difference(value, newcombe(counts[1.0, 1.0], lost, won, counts[0.0, 0.0]), "mcnemar", mcnemar(lost, won))
    cells: Counter[tuple[int, int]] = Counter(
        (pair.weight, round(pair.weight * (pair.candidate - pair.baseline) * THOUSAND)) for pair in pairs
    )
    drawn = Bootstrap.of(cells)
    if drawn is None:  # all alike: there is nothing to draw from
        return Difference(value, None, "bootstrap", 1.0)
    low, high = (value + (end - drawn.mean) for end in drawn.interval())
    return Difference(value, Interval(max(-1.0, low), min(1.0, high)), "bootstrap", drawn.chance(0.0))


def mcnemar(lost: int, won: int) -> float:
    """The two-sided p-value of McNemar's exact test.

    If the runs are equally good, each question that only one run has right is the candidate's with probability 1/2. Q.
    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika
    12 (1947); exact by the binomial distribution.
    """
    n = lost + won
    ways = tail = 1
    for count in range(min(lost, won)):
        ways = ways * (n - count) // (count + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << n))


def newcombe(both: int, lost: int, won: int, neither: int) -> Interval:
    """The 95 % interval of the difference of two shares of the same questions.

    R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17 (1998), method 10: Wilson's intervals of both, and their correlation.
    """
    n = both + lost + won + neither
    first, second = (both + lost) / n, (both + won) / n
    one, two = wilson(first, n), wilson(second, n)
    margins = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    together = float(both * neither - lost * won)
    if together > 0:
        together = max(together - n / 2, 0.0)
    phi = together / math.sqrt(margins) if margins else 0.0

    def reach(up: float, down: float) -> float:
        return math.sqrt(max(up * up - 2 * phi * up * down + down * down, 0.0))

    value = second - first
    below, above = reach(second - two.low, one.high - first), reach(two.high - second, first - one.low)
    return Interval(max(-1.0, value - below), min(1.0, value + above))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, raised so that 5 % is the chance of one false result among all of them.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted
