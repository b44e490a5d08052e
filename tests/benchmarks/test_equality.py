"""When two answers are the same, and how several answers to one question add up."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.metrics import equality
from evalkube_benchmarks.quantity import Quantity, quantity


@pytest.mark.parametrize(
    ("prediction", "target", "same"),
    [
        pytest.param("18", "18", True, id="equal"),
        pytest.param("18.0", "18", True, id="trailing zero"),
        pytest.param("$1,234", "1234", True, id="currency and separator"),
        pytest.param(r"\$18", "18", True, id="escaped dollar"),
        pytest.param("-$5", "-5", True, id="negative money"),
        pytest.param("18 dollars", "18", True, id="unit"),
        pytest.param("18 km/h", "18", True, id="compound unit"),
        pytest.param(r"18\text{ cm}^2", "18", True, id="unit in LaTeX"),
        pytest.param("18 m", "18", True, id="metres"),
        pytest.param("18元", "18", True, id="Chinese unit"),
        pytest.param("５", "5", True, id="full-width digit"),
        pytest.param("1{,}000", "1000", True, id="LaTeX separator"),
        pytest.param("3.00e2", "300", True, id="exponent"),
        pytest.param("1/2", "0.5", True, id="fraction"),
        pytest.param(r"\frac{1}{2}", "0.5", True, id="LaTeX fraction"),
        pytest.param(r"-\dfrac12", "-0.5", True, id="short LaTeX fraction"),
        pytest.param("50%", "0.5", True, id="percent is a hundredth"),
        pytest.param("50%", "50", True, id="percent is a unit"),
        pytest.param("17.9999999999", "18", True, id="float noise"),
        pytest.param("x + 1", "X+1".replace("+", " + "), True, id="case"),
        pytest.param("1,5", "1.5", True, id="a decimal comma"),
        pytest.param("1.234,56", "1234.56", True, id="European separators"),
        pytest.param("12,34,567", "1234567", True, id="Indian separators"),
        pytest.param("10\\,000", "10000", True, id="a thin space in LaTeX"),
        pytest.param("10 000", "10000", True, id="a space between thousands"),
        pytest.param("3 1/2", "7/2", True, id="a mixed number"),
        pytest.param("3½", "3.5", True, id="a vulgar fraction"),
        pytest.param("1.2 × 10^3", "1200", True, id="scientific"),
        pytest.param("1.2×10³", "1200", True, id="superscript"),
        pytest.param("$1.5 million", "1500000", True, id="a scale"),
        pytest.param("1.2万元", "12000", True, id="a Chinese scale and a unit"),
        pytest.param("3千克", "3", True, id="kilograms are a unit"),
        pytest.param("18 = 9*2", "18", True, id="an equation"),
        pytest.param("x = 18", "18", True, id="a variable's value"),
        pytest.param("5", "x=5", True, id="the target's variable"),
        pytest.param("18 dollars and 50 cents", "18.5", True, id="money in two units"),
        pytest.param("18元5角", "18.5", True, id="Chinese money in two units"),
        pytest.param("5000002.5", "5000000", False, id="near a large number"),
        pytest.param("5000000.5", "5000000", False, id="nearer"),
        pytest.param("123456789012.5", "123456789012", False, id="near a larger number"),
        pytest.param("0.30000000000000004", "0.3", True, id="0.1 + 0.2"),
        pytest.param("0.333333", "1/3", True, id="rounded to six digits"),
        pytest.param("0.3333", "1/3", False, id="rounded to four"),
        pytest.param("0.333334", "1/3", False, id="rounded wrongly"),
        pytest.param("0.250001", "1/4", False, id="near what has an end"),
        pytest.param("33.3333%", "1/3", True, id="a rounded percentage"),
        pytest.param("18.00", "18", True, id="cents of none"),
        pytest.param("0.5", "50", False, id="no leniency by 100"),
        pytest.param("5", "-5", False, id="sign"),
        pytest.param("2880000", "2880001", False, id="large whole numbers are exact"),
        pytest.param("0.33", "0.3333", False, id="rounded too far"),
        pytest.param("eighteen", "18", False, id="a word"),
        pytest.param("", "18", False, id="empty"),
        pytest.param("1/0", "18", None, id="no number"),
        pytest.param("5 million", "5", False, id="a scale is no unit"),
        pytest.param("5k", "5", False, id="an attached scale"),
        pytest.param("5万", "5", False, id="a Chinese scale"),
        pytest.param("12:30", "12.5", None, id="a time"),
        pytest.param("2x+1", "1+2x", None, id="algebra"),
        pytest.param("18 or 19", "18", False, id="two answers are none"),
    ],
)
def test_same_answer(prediction: str, target: str, same: bool | None) -> None:
    """Answers are compared as texts, then as numbers; None leaves it to algebra."""
    assert equality.same_answer(prediction, target) is same


@given(st.fractions(max_denominator=10**6), st.sampled_from(["{}", "${}", "{} apples", " {} ", "**{}**", "{}."]))
def test_a_number_equals_itself_in_any_dress(value: Fraction, dress: str) -> None:
    """A fraction reads as its own exact value, whatever is written round it."""
    read = quantity(dress.format(f"{value.numerator}/{value.denominator}"))
    assert read == Quantity(value)


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_whole_numbers_are_equal_only_to_themselves(one: int, other: int) -> None:
    """Neighbours are never taken for each other."""
    assert equality.same_answer(f"{one:,}", str(other)) is (one == other)
    assert equality.same_answer(str(one), str(one + 1)) is False


@given(st.text(max_size=300))
def test_any_text_can_be_compared(text: str) -> None:
    """No text makes a comparison raise, and a text is always itself."""
    assert equality.same_answer(text, text) is True
    equality.same_answer(text, "18")


@pytest.mark.parametrize("piece", ["a", "a ", "1,", "1 ", "km/", "\\text{", "$"])
def test_a_hostile_answer_takes_no_time(piece: str) -> None:
    """No pattern of the number reader backtracks without end."""
    begun = time.process_time()
    for times in (100, 20_000):
        equality.same_answer("5 " + piece * times + "1", "5")
    assert time.process_time() - begun < 2
