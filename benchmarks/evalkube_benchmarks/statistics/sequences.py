"""A confidence sequence: an interval that is valid after every question, however often one looks. Pure.

The questions of a benchmark are a finite set, asked in a random order. The interval is for the score that all of them
would give. For each possible score, bets against it are made before each question, at odds that are fair if it is the
true score. A score against which a bettor has won 1/alpha is excluded. By Ville's inequality the true score is ever
excluded with a probability of at most alpha, whenever and why one stops.

I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), section 5:
sampling without replacement; the same, "Confidence sequences for sampling without replacement", NeurIPS 2020,
arXiv:2006.04347.

The fewer questions of the finite set are left, the more each answer tells, and at the end the score is known exactly.
So fewer questions are needed than for an endless supply.
"""

import math
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Final

from evalkube_crds.intervals import CONFIDENCE, Interval

__all__ = ["Sequence"]

_STEPS: Final = 20
"""The number of values in the wanted half-width: each end is at most 1/20 of it too far out."""
_LARGEST_BET: Final = 0.75
_ENOUGH: Final = math.log(2 / (1 - CONFIDENCE))
"""The logarithm of what a bettor must win; there are two bettors, one for each end."""


@dataclass(slots=True)
class _Bettor:
    """The bets against values, by steps from one end (0 or 1): the values that are left, with the logs of the wins.

    The nearest to the end are excluded first, because the same bets win more against a value that is farther off.
    """

    step: float
    first: int
    won: list[float]

    def settle(self, value: float, seen: float, left: int, population: int, size: float) -> None:
        """Bets on a question with that `value`; before it, `seen` was the sum and `left` questions were not asked."""
        # If a value is right, the rest must have `expected` on average; each step adds `more` to it.
        more = population * self.step / left
        factor = 1 + size * (value - (self.first * more - seen / left))
        drop, least, log = size * more, 1 - size, math.log
        logs = [won + log(max(factor - drop * at, least)) for at, won in enumerate(self.won)]
        self.won = list(dropwhile(lambda won: won >= _ENOUGH, logs))
        self.first += len(logs) - len(self.won)

    @property
    def bound(self) -> float:
        """The distance from the end up to which all values are excluded."""
        return max(self.first - 1, 0) * self.step

    def keep(self, distance: float) -> None:
        """Drops values beyond a distance, which the other bettor has excluded."""
        del self.won[max(math.ceil(distance / self.step) + 1 - self.first, 0) :]


@dataclass(slots=True)
class Sequence:
    """The interval of the mean of `population` values from 0 to 1; the first `number` of a random order are known.

    `half_width`: the bets are those that reach it soonest. The interval is valid for any half-width.
    """

    population: int
    half_width: float
    number: int = 0
    _low: float = 0.0
    _high: float = 1.0
    _least: float = 0.0
    _most: float = 0.0
    _squares: float = 0.25
    _above: _Bettor = field(init=False)
    _below: _Bettor = field(init=False)

    def __post_init__(self) -> None:
        step = self.half_width / _STEPS
        count = math.ceil(1 / step) + 1
        self._above, self._below = (_Bettor(step, 0, [0.0] * count) for _ in range(2))

    def add(self, least: float, most: float) -> None:
        """Adds the next value of the order; if it is not known (a failed sample), its least and its greatest value.

        The low end is for the mean of all `least`, the high end for that of all `most`; the score is between them.
        """
        left = self.population - self.number
        size = self._bet(left)
        self._above.settle(least, self._least, left, self.population, size)
        # Distances from 1 are the values of what is wrong.
        self._below.settle(1 - most, self.number - self._most, left, self.population, size)
        middle = (least + most) / 2
        self._squares += (middle - self._mean()) ** 2
        self._least += least
        self._most += most
        self.number += 1
        self._low = max(self._low, self._above.bound, self._least / self.population)
        self._high = min(self._high, 1 - self._below.bound, (self._most + left - 1) / self.population)
        self._above.keep(self._high)
        self._below.keep(1 - self._low)

    def _mean(self) -> float:
        return (0.5 + (self._least + self._most) / 2) / (self.number + 1)

    def _bet(self, left: int) -> float:
        """The next bet, from what is known: Kelly's share for a value that is off by the half-width."""
        off = self.half_width * self.population / left
        return min(_LARGEST_BET, off / (self._squares / (self.number + 1) + off * off))

    @property
    def interval(self) -> Interval:
        """The interval of the values that are left, including the mean so far, which is nearly always one of them."""
        if not self.number:
            return Interval(0.0, 1.0)
        return Interval(min(self._low, self._least / self.number), max(self._high, self._most / self.number))

    @property
    def narrow(self) -> bool:
        """Whether the interval is as narrow as wanted."""
        return self._high - self._low <= 2 * self.half_width
