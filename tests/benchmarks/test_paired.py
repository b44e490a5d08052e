"""Tests of pairs, against values computed in another way and by simulation."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.statistics import paired
from evalkube_benchmarks.statistics.paired import Pair


@pytest.mark.parametrize(
    ("lost", "won", "p_value"),
    [
        # By the binomial distribution: 2 (1 + 10) / 1024; 2 (1 + 11 + 55) / 2048; and so on.
        pytest.param(1, 9, 22 / 1024, id="one against nine"),
        pytest.param(9, 2, 134 / 2048, id="nine against two"),
        pytest.param(0, 5, 2 / 32, id="none against five"),
        pytest.param(4, 4, 1.0, id="as many"),
        pytest.param(0, 0, 1.0, id="no change"),
        # Agresti, "Categorical Data Analysis" (2nd ed. 2002), table 10.1: approval of a prime minister, 150 and 86.
        pytest.param(150, 86, 3.716e-05, id="Agresti's approvals"),
        pytest.param(5000, 5300, 0.0032, id="many"),
    ],
)
def test_mcnemar(lost: int, won: int, p_value: float) -> None:
    """The two-sided exact p-value."""
    assert paired.mcnemar(lost, won) == pytest.approx(p_value, rel=2e-2 if lost > 1000 else 1e-3)


@pytest.mark.parametrize(
    ("table", "ends"),
    [
        # Computed apart from the code, with the ends of Wilson's intervals found by bisection of the score equation.
        pytest.param((36, 2, 12, 0), (0.0569, 0.3404), id="36 12 2 0"),
        pytest.param((20, 3, 7, 12), (-0.0549, 0.2380), id="alike"),
        pytest.param((5, 12, 20, 3), (-0.0742, 0.4430), id="opposite"),
        pytest.param((53, 0, 1, 0), (-0.0496, 0.0977), id="53 1 0 0"),
        pytest.param((0, 54, 0, 0), (-1.0, -0.9061), id="all lost"),
    ],
)
def test_newcombe(table: tuple[int, int, int, int], ends: tuple[float, float]) -> None:
    """Where the answers go together, do not, and where nothing is known of that."""
    assert paired.newcombe(*table) == pytest.approx(ends, abs=1e-4)


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(any))
def test_newcombes_interval_holds_the_difference(table: tuple[int, int, int, int]) -> None:
    """Within -1 and 1, and turned around when the runs are."""
    both, lost, won, neither = table
    ends = paired.newcombe(*table)
    assert -1 <= ends.low <= (won - lost) / sum(table) + 1e-12
    assert (won - lost) / sum(table) - 1e-12 <= ends.high <= 1
    turned = paired.newcombe(both, won, lost, neither)
    assert (turned.low, turned.high) == pytest.approx((-ends.high, -ends.low))


def test_holm() -> None:
    """The example of Holm's procedure in the textbooks: the smallest times 4, the next times 3, never falling."""
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.holm([0.6, 0.9]) == [1.0, 1.0]
    assert paired.holm([]) == []


def test_one_verdict_each_is_mcnemars() -> None:
    """Ten questions, of which one is lost and nine are won."""
    pairs = [Pair(1.0, 0.0)] + [Pair(0.0, 1.0)] * 9
    found = paired.difference(pairs)
    assert found.test == "mcnemar"
    assert (found.p_value, found.value) == pytest.approx((22 / 1024, 0.8))


def test_means_are_drawn_as_pairs() -> None:
    """Marks that are a little better for every question: certain, however much the questions differ."""
    generator = random.Random(2)
    marks = [generator.random() * 0.8 for _ in range(60)]
    pairs = [Pair(mark, mark + 0.02 + generator.random() * 0.02, verdict=False) for mark in marks]
    found = paired.difference(pairs)
    assert found.test == "bootstrap"
    assert found.p_value < 1e-4
    assert found.interval is not None
    assert 0.02 < found.interval.low < found.value < found.interval.high < 0.04


def test_runs_that_are_alike_have_nothing_to_draw_from() -> None:
    """No interval, and no doubt that there is no difference."""
    found = paired.difference([Pair(0.25, 0.25, verdict=False)] * 9)
    assert (found.value, found.interval, found.p_value) == (0.0, None, 1.0)


@pytest.mark.parametrize("verdict", [True, False], ids=["McNemar", "bootstrap of repeats"])
def test_equal_runs_differ_as_rarely_as_is_said(verdict: bool) -> None:
    """In 300 pairs of equal runs at most 8 % have a p-value below 5 %."""
    generator = random.Random(11)

    def run(chance: float) -> float:
        return sum(generator.random() < chance for _ in range(1 if verdict else 4)) / (1 if verdict else 4)

    false = 0
    for _ in range(300):
        chances = [generator.betavariate(1, 1) for _ in range(80)]
        pairs = [Pair(run(chance), run(chance), verdict=verdict) for chance in chances]
        false += paired.difference(pairs).p_value < 0.05
    assert false <= 24
