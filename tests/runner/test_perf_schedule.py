"""The schedule: the same load for any number of lanes, and truly Poisson."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_runner.perf import schedule
from evalkube_runner.perf.schedule import Lane

NANO = 1_000_000_000


def planned(lane: Lane, count: int, *, seed: int = 7, rate: float | None = 50.0) -> list[schedule.Planned]:
    return list(schedule.plan(seed, lane, count, rate=rate, max_tokens=(3, 17)))


def offsets(seed: int, rate: float, count: int) -> list[int]:
    return [int(at) for _, block in schedule.arrival_blocks(seed, rate, count) for at in block]


@settings(max_examples=30)
@given(st.integers(1, 7), st.integers(0, 9000))
def test_lanes_together_send_the_whole_load(lanes: int, count: int) -> None:
    """Whatever the number of lanes, they send the same requests at the same times, each once."""
    parts = [one for lane in range(lanes) for one in planned(Lane(lane, lanes), count)]
    assert sorted(parts, key=lambda one: one.index) == planned(Lane(0, 1), count)


def test_a_longer_load_begins_as_a_shorter_one() -> None:
    """Arrivals are absolute and never rescaled to the count."""
    assert offsets(1, 3.0, 9000)[:5000] == offsets(1, 3.0, 5000)


def test_arrivals_are_poisson() -> None:
    """Gaps have the mean and the spread of an exponential, and are not correlated."""
    gaps = np.diff(np.array([0, *offsets(42, 200.0, 100_000)])) * 200.0 / NANO
    assert gaps.min() >= 0
    assert gaps.mean() == pytest.approx(1.0, abs=0.012)  # 4 standard errors
    assert gaps.std() == pytest.approx(1.0, abs=0.03)
    assert np.mean(gaps > 1.0) == pytest.approx(math.exp(-1), abs=0.007)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.013


def test_known_values() -> None:
    """The schedule of a seed never changes from one version to the next: results stay comparable."""
    assert offsets(42, 10.0, 3) == KNOWN_OFFSETS
    assert [one.max_tokens for one in planned(Lane(0, 1), 8, seed=42)] == KNOWN_LIMITS


KNOWN_OFFSETS = [58653191, 228148466, 299284915]
KNOWN_LIMITS = [9, 15, 12, 17, 16, 15, 5, 10]


def test_seeds_differ() -> None:
    """Another seed, another load."""
    assert offsets(1, 10.0, 5) != offsets(2, 10.0, 5)


def test_token_limits_are_uniform() -> None:
    """Every limit of the range comes, about as often as the others."""
    limits = [one.max_tokens for one in planned(Lane(0, 1), 30_000)]
    counts = np.bincount([limit or 0 for limit in limits])
    assert len(counts) == 18
    assert counts[:3].sum() == 0
    assert counts[3:].min() > 1800
    assert counts[3:].max() < 2200


def test_without_rate_nothing_is_due() -> None:
    """The closed loop has no times."""
    assert {one.due_ns for one in planned(Lane(0, 1), 10, rate=None)} == {None}


@given(st.integers(1, 9), st.integers(0, 100))
def test_shares_add_up(lanes: int, amount: int) -> None:
    """Slots and requests are split exactly and evenly."""
    slots = [schedule.lane_slots(Lane(lane, lanes), amount) for lane in range(lanes)]
    assert sum(slots) == amount
    assert max(slots) - min(slots) <= 1
    assert [schedule.lane_total(Lane(lane, lanes), amount) for lane in range(lanes)] == slots
