"""Confidence sequences: how often they hold at every time at once, and what they save."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_benchmarks.statistics.sequences import Sequence

_Draw = Callable[[random.Random], float]


def _looked_at(values: list[float], half_width: float) -> tuple[int, bool]:
    """After how many values it was narrow, and whether it held the mean of all at each of these times."""
    sequence, true, held = Sequence(len(values), half_width), math.fsum(values) / len(values), True
    for value in values:
        sequence.add(value, value)
        ends = sequence.interval
        held &= ends.low - 1e-9 <= true <= ends.high + 1e-9
        if sequence.narrow:
            break
    return sequence.number, held


@pytest.mark.parametrize(
    ("questions", "draw", "half_width"),
    [
        pytest.param(300, lambda one: float(one.random() < 0.8), 0.06, id="verdicts"),
        pytest.param(200, lambda one: float(one.random() < 0.97), 0.05, id="nearly all right"),
        pytest.param(200, lambda one: one.betavariate(2, 2), 0.05, id="marks between 0 and 1"),
    ],
)
def test_it_holds_at_all_times_at_once(questions: int, draw: _Draw, half_width: float) -> None:
    """In 200 tries, looked at after each value, it leaves the true mean out in 5 % at most (here: 8 % and chance)."""
    generator = random.Random(3)
    tries = [_looked_at([draw(generator) for _ in range(questions)], half_width) for _ in range(200)]
    assert sum(not held for _, held in tries) <= 16
    assert sum(number for number, _ in tries) < 0.95 * questions * len(tries)


def test_it_saves_what_a_finite_set_allows() -> None:
    """Of 1,319 questions, 80 % right, for 2 points: more than the 710 that a single look at a known time would need,
    fewer than 1,000. For an endless supply the same interval would take some 2,900.
    """
    values = [1.0] * 1055 + [0.0] * 264
    random.Random(1).shuffle(values)
    number, held = _looked_at(values, 0.02)
    assert held
    assert 710 < number < 1000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.05, 0.2]))
def test_at_the_end_all_is_known(values: list[float], half_width: float) -> None:
    """The interval never grows, and the last value leaves the mean alone."""
    sequence = Sequence(len(values), half_width)
    widths = []
    for value in values:
        sequence.add(value, value)
        ends = sequence.interval
        assert 0 <= ends.low <= ends.high <= 1 + 1e-9
        widths.append(sequence._high - sequence._low)
    assert widths == sorted(widths, reverse=True)
    if abs(widths[-1]) < 1e-9:  # in one of many tries the mean was left out before
        assert sequence.interval == pytest.approx([math.fsum(values) / len(values)] * 2, abs=half_width)


def test_failed_samples_might_have_been_either() -> None:
    """Ten of a hundred failed, the others right: the score of all lies between 0.9 and 1, and is no better known."""
    sequence = Sequence(100, 0.01)
    for number in range(100):
        sequence.add(0.0 if number % 10 == 0 else 1.0, 1.0)
    assert sequence.interval == pytest.approx((0.9, 1.0))
    assert not sequence.narrow
