"""Equality of answers, as far as strings and numbers can decide it. Pure: no algebra system, no model.

`same_answer` returns None if only algebra can tell; `mathematics` then asks sympy. No answer is right by leniency: 50
is not 0.5, unless a percent sign says so.
"""

import re
from fractions import Fraction

from evalkube_benchmarks.quantity import Quantity, plain, quantity

__all__ = ["same_answer", "same_text"]

# What is not the same number is another answer, but for two things that computers and people do to numbers:
_NOISE = Fraction(1, 10**9)  # floats print with noise in their last digits (17.9999999999),
_NOISE_PLACES = 6
_LONGEST_EQUATION = 400
_ROUNDED_DIGITS = 6  # and what has no end (1/3) is rounded; to fewer digits than these it is another number.


def same_text(prediction: str, target: str) -> bool:
    """Whether two texts are equal apart from case, white space, width of characters and a final full stop."""
    return plain(prediction).casefold() == plain(target).casefold()


def same_answer(prediction: str, target: str) -> bool | None:
    """Whether two answers are equal, compared as texts, then as numbers. None: only algebra can tell."""
    if same_text(prediction, target):
        return True
    mine, right = quantity(prediction), quantity(target)
    if (mine is None) != (right is None):
        mine, right = mine or _side(prediction), right or _side(target)
    if mine is not None and right is not None:
        return _equal(mine, right)
    return None if _is_formula(prediction) and _is_formula(target) else False


def _side(equation: str) -> Quantity | None:
    """The last side of an equation that is only a number: "18 = 9 * 2" and "x = 18" give 18."""
    if "=" not in equation or len(equation) > _LONGEST_EQUATION:
        return None
    return next(filter(None, map(quantity, reversed(equation.split("=")))), None)


def _equal(mine: Quantity, right: Quantity) -> bool:
    if mine.percent == right.percent:
        return _close(mine, right)
    # The sign is written on one side only: 50 % is 50 with its unit, and it is 1/2.
    stated, bare = (mine, right) if mine.percent else (right, mine)
    hundredth = Quantity(stated.value / 100, places=stated.places + 2)
    return _close(stated, bare) or _close(hundredth, bare)


def _close(mine: Quantity, right: Quantity) -> bool:
    difference = abs(mine.value - right.value)
    if not difference:
        return True
    places = max(mine.places, right.places)
    if places >= _NOISE_PLACES and difference <= _NOISE * max(abs(mine.value), abs(right.value)):
        return True
    return _is_rounding(mine, right.value) or _is_rounding(right, mine.value)


def _is_rounding(written: Quantity, exact: Fraction) -> bool:
    """Whether `written` is a number without an end in decimals, rounded to its digits."""
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    digits = len(str(abs(written.value * 10**written.places).numerator))
    half = Fraction(1, 2 * 10**written.places)
    return rest != 1 and digits >= _ROUNDED_DIGITS and abs(written.value - exact) <= half


def _is_formula(text: str) -> bool:
    """Whether algebra can read a text: digits, LaTeX or operators, and not a page of prose."""
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{4,}", text)
    return (
        len(text) <= 400
        and len(words) <= 2
        and not re.search(r"\b(?:or|and)\b|或", text)
        and bool(re.search(r"[\d\\^=+*/]|^\W{0,9}[A-Za-z]\W{0,9}$", text))
    )
