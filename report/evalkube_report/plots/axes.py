"""The axes of a plot: the position of a value, and the round values to mark. Pure arithmetic, no drawing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Ruler", "linear", "log_ticks", "logarithmic", "round_ticks"]


_ALIKE = 1e-9
"""Values that differ by less, relatively, are one: what is between them cannot be written as a tick."""
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Ruler:
    """Maps `low`..`high` to the pixels `start`..`end`. If `log`, both values must be above 0."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of `value`, limited to the axis."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def linear(
    values: Sequence[float], start: float, end: float, *, zero: bool = True, tight: bool = False, whole: bool = False
) -> Ruler:
    """A linear axis over `values`. It starts at 0 if `zero`; its ends are rounded to ticks unless `tight`.

    `whole`: only whole numbers are marked.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if zero:
        low, high = min(0.0, low), max(0.0, high)
    if high - low <= _ALIKE * max(abs(low), abs(high), _LEAST):
        high = max(high, low + (abs(low) if abs(low) > _LEAST else 1.0))
    marks = round_ticks(low, high)
    if whole:
        marks = sorted({float(round(mark)) for mark in marks})
    step = marks[1] - marks[0] if len(marks) > 1 else high - low
    if whole:
        step = float(max(1, math.ceil(step)))
    if not tight:
        if high > marks[-1] + step * 1e-9:
            marks = [*marks, marks[-1] + step]
        if low < marks[0] - step * 1e-9:
            marks = [marks[0] - step, *marks]
        low, high = min(low, marks[0]), max(high, marks[-1])
    inside = (mark for mark in marks if low - step * 1e-9 <= mark <= high + step * 1e-9)
    return Ruler(low, high, start, end, tuple(inside))


def logarithmic(values: Sequence[float], start: float, end: float, *, tight: bool = False) -> Ruler:
    """A logarithmic axis over the positive `values`. Its ends are rounded to 1, 2, 5 times a power of ten unless
    `tight`.
    """
    low, high = (edge((value for value in values if value > 0), default=1.0) for edge in (min, max))
    if high <= low * 1.0001:
        low, high = low / 1.5, high * 1.5
    if not tight:
        low, high = _below(low), 1 / _below(1 / high)
    return Ruler(low, high, start, end, tuple(log_ticks(low, high)), log=True)


def _below(value: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not above the value. For 1 / value it gives the inverse of
    the next one above.
    """
    size = 10.0 ** math.floor(math.log10(value))
    return size * max(factor for factor in (1, 2, 5) if size * factor <= value * (1 + 1e-9))


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """About `about` multiples of 1, 2 or 5 times a power of ten, from `low` to `high`; at least one."""
    raw = (high - low) / max(1, about)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(step * index, digits) for index in range(first, last + 1)] or [low]


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Values of 1, 2, 5 times powers of ten within the range, at most `most`. If there are none: the ends."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        marks = [factor * 10.0**power for power in powers for factor in factors]
        marks = [mark for mark in marks if low <= mark * (1 + 1e-9) and mark <= high * (1 + 1e-9)]
        if len(marks) <= most:
            break
    return marks if len(marks) >= 2 else round_ticks(low, high, 4)
