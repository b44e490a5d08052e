"""How several answers to one question add up."""

import math
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.statistics import repeats


@given(
    st.lists(st.booleans(), min_size=1, max_size=7).flatmap(
        lambda right: st.tuples(st.just(right), st.integers(1, len(right)))
    )
)
def test_pass_at_k_is_the_share_of_draws(case: tuple[list[bool], int]) -> None:
    """Both estimators equal the count over all ways to draw k of n answers."""
    right, k = case
    draws = list(combinations(right, k))
    assert repeats.pass_at_k(len(right), sum(right), k) == Fraction(sum(map(any, draws)), len(draws))
    assert repeats.pass_hat_k(len(right), sum(right), k) == Fraction(sum(map(all, draws)), len(draws))


def test_pass_at_k_of_many_answers_neither_overflows_nor_is_slow() -> None:
    """1024 repeats are nothing special: C(1024, 512) has 300 digits, and the result is a plain share."""
    assert math.isclose(repeats.pass_at_k(1024, 1, 512), 0.5)


@pytest.mark.parametrize("bad", [(3, 4, 1), (3, 1, 4), (3, 1, 0), (3, -1, 1)])
def test_pass_at_k_refuses_what_cannot_be_drawn(bad: tuple[int, int, int]) -> None:
    """More right ones than answers, or more drawn than there are, is a fault of the caller."""
    with pytest.raises(ValueError, match="cannot draw"):
        repeats.pass_at_k(*bad)


@pytest.mark.parametrize(
    ("answers", "right", "k", "voted"),
    [
        pytest.param(["1", "2", "2.0"], [True, False, False], 3, False, id="majority by value"),
        pytest.param(["1", "2", "2"], [True, False, False], 2, True, id="first of equals"),
        pytest.param([None, None, "1"], [False, False, True], 3, True, id="no answer is no vote"),
        pytest.param([None], [False], 1, False, id="nobody voted"),
    ],
)
def test_vote_at_k(answers: list[str | None], right: list[bool], k: int, voted: bool) -> None:
    """The most frequent answer speaks for all."""
    assert repeats.vote_at_k(answers, right, k) is voted
