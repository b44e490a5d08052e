"""What is decided for request n."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_mock import behaviour as behaviours
from evalkube_mock.behaviour import Behaviour, Fate

_MS = 1_000_000


def test_fates_have_their_rates() -> None:
    """Over many requests each fate takes its share."""
    behaviour = Behaviour(fail_rate=0.2, stream_error_rate=0.1, truncate_rate=0.05, seed=3)
    seen = Counter(behaviours.fate(behaviour, number) for number in range(20_000))
    assert seen[Fate.FAILED] == pytest.approx(4000, rel=0.05)
    assert seen[Fate.ERROR_EVENT] == pytest.approx(2000, rel=0.08)
    assert seen[Fate.TRUNCATED] == pytest.approx(1000, rel=0.12)


def test_fates_follow_the_seed() -> None:
    """The same seed gives the same fates, another seed others."""
    one, same, other = (Behaviour(fail_rate=0.5, seed=seed) for seed in (1, 1, 2))
    fates = [[behaviours.fate(behaviour, n) for n in range(200)] for behaviour in (one, same, other)]
    assert fates[0] == fates[1]
    assert fates[0] != fates[2]


@pytest.mark.parametrize(("rate", "expected"), [(0.0, Fate.SERVED), (1.0, Fate.FAILED)])
def test_certain_fates(rate: float, expected: Fate) -> None:
    """Rate 0 never and rate 1 always."""
    assert {behaviours.fate(Behaviour(fail_rate=rate), number) for number in range(1000)} == {expected}


@given(st.integers(0, 10_000), st.integers(0, 300))
def test_a_cut_leaves_something_to_miss(number: int, tokens: int) -> None:
    """A broken stream has sent at least one token and not all, as far as its length allows."""
    cut = behaviours.cut_after(Behaviour(), number, tokens)
    assert min(1, tokens) <= cut <= max(tokens - 1, min(1, tokens))


@given(st.integers(0, 1000), st.integers(1, 200), st.floats(0.01, 1.0))
def test_jittered_gaps_stay_in_bounds(number: int, tokens: int, jitter: float) -> None:
    """TTFT and every gap lie within the jitter, and time never runs backwards."""
    behaviour = Behaviour(ttft_ns=100 * _MS, itl_ns=10 * _MS, jitter=jitter)
    offsets = behaviours.token_offsets_ns(behaviour, number, tokens)
    assert offsets is not None
    assert len(offsets) == tokens
    assert 100 * _MS * (1 - jitter) - 1 <= offsets[0] <= 100 * _MS * (1 + jitter) + 1
    gaps = [after - before for before, after in itertools.pairwise(offsets)]
    assert all(10 * _MS * (1 - jitter) - 1 <= gap <= 10 * _MS * (1 + jitter) + 1 for gap in gaps)


@pytest.mark.parametrize(
    ("behaviour", "expected_ms"),
    [
        pytest.param(Behaviour(ttft_ns=200 * _MS, itl_ns=20 * _MS), 400, id="from ttft and itl"),
        pytest.param(Behaviour(ttft_ns=200 * _MS, latency_ns=5 * _MS), 5, id="set"),
        pytest.param(Behaviour(), 0, id="at once"),
    ],
)
def test_latency_of_a_whole_answer(behaviour: Behaviour, expected_ms: int) -> None:
    """Unless set, a whole answer of 10 tokens takes what its stream would take to the end of the last token."""
    assert behaviours.latency_ns(behaviour, 0, 10) == expected_ms * _MS


def test_jittered_latency_averages_to_the_plain_one() -> None:
    """Jitter spreads latencies round the set one."""
    behaviour = Behaviour(latency_ns=100 * _MS, jitter=0.5)
    waits = [behaviours.latency_ns(behaviour, number, 1) / _MS for number in range(4000)]
    assert sum(waits) / len(waits) == pytest.approx(100, rel=0.02)
    assert 50 <= min(waits) < 52 < 148 < max(waits) <= 150
