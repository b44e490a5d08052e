"""Numbers for people."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_report import formats

_MS = 1_000_000


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(None, "-", id="nothing"),
        pytest.param(math.nan, "-", id="nan"),
        pytest.param(math.inf, "-", id="infinite"),
        pytest.param(0.0, "0", id="zero"),
        pytest.param(1234567.8, "1,234,568", id="large"),
        pytest.param(12.3456, "12.35", id="four digits"),
        pytest.param(0.0123456, "0.01235", id="small"),
        pytest.param(9.99996, "10.00", id="rounds into one more digit"),
        pytest.param(-3.14159, "-3.142", id="negative"),
    ],
)
def test_significant_digits(value: float | None, shown: str) -> None:
    """Four digits, thousands separated, a dash for what is no number."""
    assert formats.significant(value) == shown


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_significant_is_near_the_value(value: float) -> None:
    """What is shown is within the four digits of what was meant."""
    assert float(formats.significant(value).replace(",", "")) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        pytest.param(None, "-", id="nothing"),
        pytest.param(1.0, "100 %", id="all"),
        pytest.param(0.0, "0 %", id="none"),
        pytest.param(0.8135, "81.3 %", id="ordinary"),
        pytest.param(0.99996, "99.996 %", id="almost all is not all"),
        pytest.param(0.9999999, "> 99.999 %", id="one in ten million"),
        pytest.param(0.0000001, "< 0.001 %", id="hardly any is not none"),
    ],
)
def test_percent(share: float | None, shown: str) -> None:
    """Only a whole is called 100 %."""
    assert formats.percent(share) == shown


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_a_part_is_never_shown_as_a_whole(share: float) -> None:
    """No rounding hides a single failure."""
    assert formats.percent(share) not in ("100 %", "0 %", "100.0 %", "0.0 %")


@pytest.mark.parametrize(
    ("times_ns", "unit"),
    [
        pytest.param([None, 20_000.0], "µs", id="short"),
        pytest.param([20.0 * _MS, 0.001], "ms", id="by the largest"),
        pytest.param([12_000.0 * _MS], "s", id="long"),
        pytest.param([None], "ms", id="nothing measured"),
    ],
)
def test_time_unit(times_ns: list[float | None], unit: str) -> None:
    """The unit suits the largest of the times."""
    assert formats.time_unit(times_ns).name == unit


def test_a_unit_shows_at_most_four_decimals() -> None:
    """A few ns in a column of ms do not widen it."""
    unit = formats.Unit("ms", _MS)
    assert [unit.show(value) for value in (8.0, 91_000.0, 20.5 * _MS, None)] == ["<0.0001", "0.0910", "20.50", "-"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (-1.0, "-"), (0.85, "850 ms"), (12.34, "12.3 s"), (245.0, "4 min 05 s"), (7380.0, "2 h 03 min")],
)
def test_duration(seconds: float | None, shown: str) -> None:
    """Lengths of time in the words of a clock."""
    assert formats.duration(seconds) == shown


def test_clipped_keeps_both_ends() -> None:
    """A long text keeps its begin and its end, and says how much is missing."""
    text = formats.clipped("a" * 600 + "b" * 600, 300)
    assert text.startswith("a" * 200)
    assert text.endswith("b" * 100)
    assert "900 characters left out" in text
