"""The values that a search for a service level may try, and its next steps. Pure."""

import math
from dataclasses import dataclass

__all__ = ["NUDGE", "STEP", "Found", "Space", "Try"]

STEP = 1.05
"""Two loads closer than this are not told apart: a careful run differs by that much from the next."""
NUDGE: float = STEP**0.9
"""From a load to the next one, so that the two are not told apart, however they are rounded."""
_ASIDE = 1.02
"""From a load to one that says the same, where the first could not be measured."""
_LEAP = 4


@dataclass(frozen=True, slots=True)
class Space:
    """The space of values: from `lower` to `upper`, beginning at `start`; whole numbers, or three digits."""

    lower: float
    upper: float
    start: float
    whole: bool

    def at(self, wanted: float) -> float:
        """The value that can be tried and is nearest to a wanted one."""
        return min(max(float(round(wanted)) if self.whole else _three_digits(wanted), self.lower), self.upper)

    def between(self, low: float, high: float) -> float | None:
        """The value to try between two; None when they are next to each other."""
        return self.near(math.sqrt(low * high), low, high)

    def near(self, wanted: float, low: float, high: float) -> float | None:
        """The value next to a wanted one that is told apart from both; None when these are next to each other."""
        if high <= low * STEP or (self.whole and high - low < 2):
            return None
        wanted = min(max(wanted, low * NUDGE), high / NUDGE)
        if self.whole:
            return float(min(max(round(wanted), math.floor(low) + 1), math.ceil(high) - 1))
        return _three_digits(wanted)

    def leapt(self, value: float) -> float:
        """The value to try far above a tried one."""
        return min(self.upper, _LEAP * value)

    def doubled(self, value: float) -> float:
        """The value to try above a tried one."""
        return min(self.upper, 2 * value)

    def aside(self, value: float) -> float:
        """The value right below a tried one."""
        below = min(round(value / _ASIDE), value - 1) if self.whole else _three_digits(value / _ASIDE)
        return max(self.lower, float(below))

    def halved(self, value: float) -> float:
        """The value to try below a tried one."""
        return max(self.lower, float(value // 2) if self.whole else _three_digits(value / 2))


@dataclass(frozen=True, slots=True)
class Try:
    """A step of the search: measure this value next."""

    value: float


@dataclass(frozen=True, slots=True)
class Found:
    """The search is over: the answer, None where there is none, and why it ends here."""

    value: float | None
    why: str


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
