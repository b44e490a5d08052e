"""Numbers as people read them: three or four significant digits, a unit, and a dash for an unknown value.

No layout here. The output never contains "nan" or "None".
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from evalkube_crds.figure import Unit as FigureUnit

__all__ = [
    "DASH",
    "Unit",
    "amount",
    "bound",
    "change",
    "clipped",
    "count",
    "duration",
    "moment",
    "percent",
    "probability",
    "score",
    "significant",
    "tick",
    "time_unit",
    "timed",
]

DASH = "-"

_DECIMALS = 4

_US_NS = 1e3
_MS_NS = 1e6
_S_NS = 1e9


def significant(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits, but always all digits before the decimal point."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(0, digits - 1 - magnitude)}f}"
    # 9.9996 rounds up into one digit more than it was measured for
    return f"{float(text.replace(',', '')):,.{max(0, digits - 2 - magnitude)}f}" if _gained(text, magnitude) else text


def _gained(text: str, magnitude: int) -> bool:
    shown = abs(float(text.replace(",", "")))
    return shown > 0 and math.floor(math.log10(shown)) > magnitude


def amount(value: float | None, digits: int = 4) -> str:
    """A number of whole things. A whole number stays whole; a mean or an interpolated value has significant digits."""
    if value is not None and math.isfinite(value) and value == round(value):
        return count(round(value))
    return significant(value, digits)


def bound(unit: FigureUnit, value: float) -> str:
    """A limit as its author would write it: "500 ms", "99.9 %", "20 req/s"."""
    match unit:
        case FigureUnit.SECONDS:
            return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"
        case FigureUnit.SHARE:
            return f"{value * 100:g} %"
        case _:
            return f"{value:g} {unit}"


def count(value: int | None) -> str:
    """A whole number with thousands separated."""
    return DASH if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """A share (0 to 1) in percent. "100 %" and "0 %" are exact: they stand for all and for none."""
    if share is None or not math.isfinite(share):
        return DASH
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    for decimals in (1, 2, 3):
        text = f"{share * 100:.{decimals}f}"
        if float(text) not in (0, 100):
            return f"{text} %"
    return "< 0.001 %" if share < 0.5 else "> 99.999 %"


def change(ratio: float | None) -> str:
    """The relative change that a ratio stands for: "+3.2 %", "−0.4 %"."""
    if ratio is None or not math.isfinite(ratio):
        return DASH
    shown = significant(abs(ratio - 1) * 100, 3) if abs(ratio - 1) >= 0.001 else f"{abs(ratio - 1) * 100:.2f}"
    sign = "" if float(shown.replace(",", "")) == 0 else "+" if ratio > 1 else "\N{MINUS SIGN}"
    return f"{sign}{shown} %"


def probability(value: float | None) -> str:
    """A p-value: "0.034", "< 0.001"."""
    if value is None:
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def score(value: float | None) -> str:
    """A score with four decimals, as in the report files."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.4f}"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit for a column or an axis. `size`: the number of base units in it."""

    name: str
    size: float = 1.0

    def show(self, value: float | None) -> str:
        """A number of base units in this unit, without the unit's name, rounded to a ten-thousandth at most."""
        shown = significant(None if value is None else value / self.size)
        if len(shown.partition(".")[2]) <= _DECIMALS or value is None:
            return shown
        return f"{value / self.size:.{_DECIMALS}f}" if value / self.size >= 10**-_DECIMALS else f"<{10**-_DECIMALS:g}"


def time_unit(values_ns: Iterable[float | None]) -> Unit:
    """The unit that fits the largest of these times: µs, ms or s."""
    largest = max((value for value in values_ns if value is not None and math.isfinite(value)), default=_MS_NS)
    if largest < 0.1 * _MS_NS:
        return Unit("µs", _US_NS)
    return Unit("ms", _MS_NS) if largest < 10 * _S_NS else Unit("s", _S_NS)


def timed(value_ns: float | None) -> str:
    """A time with the unit that fits it."""
    unit = time_unit([value_ns])
    shown = unit.show(value_ns)
    return shown if shown == DASH else f"{shown} {unit.name}"


def duration(seconds: float | None) -> str:
    """A length of time: "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min"."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return DASH
    if seconds < 1:
        return f"{significant(seconds * 1000, 3)} ms"
    if seconds < 60:
        return f"{significant(seconds, 3)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def moment(unix_ns: int) -> str:
    """A point in time, UTC; a dash for 0, which means "not known"."""
    if unix_ns <= 0:
        return DASH
    return datetime.fromtimestamp(unix_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def tick(value: float) -> str:
    """A round number on an axis."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if suffix == 'k' else size):g}{suffix}"
    return f"{value:g}"


def clipped(text: str, most: int) -> str:
    """A text of at most about `most` characters: both ends, and the number of characters left out between them."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 3
    return f"{text[:head]}\n[... {len(text) - head - tail:,} characters left out ...]\n{text[-tail:]}"
