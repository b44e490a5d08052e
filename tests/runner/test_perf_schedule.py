"""The schedule: the same load for any number of lanes, and truly Poisson."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_runner.perf import rates, schedule
from evalkube_runner.perf.rates import Stage, mean_rate, peak_rate
from evalkube_runner.perf.schedule import Arrivals, Lane

NANO = 1_000_000_000


POISSON = Arrivals()
RAMP = (Stage(0.0, 100.0, 20.0), Stage(100.0, 100.0, 5.0))
STEPS = (Stage(20.0, 20.0, 30.0), Stage(0.0, 0.0, 10.0), Stage(200.0, 200.0, 5.0))
ARRIVALS = {
    "Poisson": POISSON,
    "constant": Arrivals("constant"),
    "gamma in bursts": Arrivals("gamma", 0.25),
    "gamma, even": Arrivals("gamma", 16.0),
    "a ramp": Arrivals("poisson", stages=RAMP),
    "steps": Arrivals("constant", stages=STEPS),
    "an exponential ramp in bursts": Arrivals("gamma", 0.5, (Stage(1.0, 500.0, 20.0, exponential=True),)),
    "down": Arrivals("poisson", stages=(Stage(100.0, 0.0, 20.0), Stage(5.0, 5.0, 1.0))),
}


def planned(
    lane: Lane, count: int, *, seed: int = 7, rate: float | None = 50.0, arrivals: Arrivals = POISSON
) -> list[schedule.Planned]:
    return list(schedule.plan(seed, lane, count, rate=rate, max_tokens=(3, 17), arrivals=arrivals))


def offsets(seed: int, rate: float, count: int, arrivals: Arrivals = POISSON) -> list[int]:
    return [int(at) for _, block in schedule.arrival_blocks(seed, rate, count, arrivals) for at in block]


@settings(max_examples=30)
@given(st.integers(1, 7), st.integers(0, 9000), st.sampled_from(list(ARRIVALS.values())))
def test_lanes_together_send_the_whole_load(lanes: int, count: int, arrivals: Arrivals) -> None:
    """Whatever the number of lanes, they send the same requests at the same times, each once."""
    parts = [one for lane in range(lanes) for one in planned(Lane(lane, lanes), count, arrivals=arrivals)]
    assert sorted(parts, key=lambda one: one.index) == planned(Lane(0, 1), count, arrivals=arrivals)


@pytest.mark.parametrize("arrivals", ARRIVALS.values(), ids=ARRIVALS)
def test_a_longer_load_begins_as_a_shorter_one(arrivals: Arrivals) -> None:
    """Arrivals are absolute, never rescaled to the count, and in order."""
    longer = offsets(1, 3.0, 9000, arrivals)
    assert longer[:5000] == offsets(1, 3.0, 5000, arrivals)
    assert longer == sorted(longer)
    assert longer[0] >= 0


def test_arrivals_are_poisson() -> None:
    """Gaps have the mean and the spread of an exponential, and are not correlated."""
    gaps = np.diff(np.array([0, *offsets(42, 200.0, 100_000)])) * 200.0 / NANO
    assert gaps.min() >= 0
    assert gaps.mean() == pytest.approx(1.0, abs=0.012)  # 4 standard errors
    assert gaps.std() == pytest.approx(1.0, abs=0.03)
    assert np.mean(gaps > 1.0) == pytest.approx(math.exp(-1), abs=0.007)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.013


@pytest.mark.parametrize("burstiness", [0.1, 0.5, 1.0, 4.0, 100.0])
def test_gamma_gaps_have_the_burstiness(burstiness: float) -> None:
    """Their mean is the rate's, their variance 1/burstiness of its square; within 4.5 standard errors."""
    count = 100_000
    gaps = np.diff(np.array([0, *offsets(42, 200.0, count, Arrivals("gamma", burstiness))])) * 200.0 / NANO
    spread = 1 / math.sqrt(burstiness)
    error_of_mean = spread / math.sqrt(count)
    error_of_variance = spread**2 * math.sqrt((2 + 6 / burstiness) / count)  # the kurtosis of a gamma is 3 + 6/shape
    assert gaps.mean() == pytest.approx(1.0, abs=4.5 * error_of_mean)
    assert gaps.var() == pytest.approx(spread**2, abs=4.5 * error_of_variance)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4.5 / math.sqrt(count)


# stages, and the times in seconds by which they have asked for so many requests
ASKED = {
    "a ramp from 0": ((Stage(0.0, 10.0, 10.0),), {0: 0.0, 12.5: 5.0, 50: 10.0, 60: 11.0}),
    "a ramp down to 0, then on": ((Stage(10.0, 0.0, 10.0), Stage(5.0, 5.0, 1.0)), {37.5: 5.0, 50: 10.0, 60: 12.0}),
    "steps": ((Stage(10.0, 10.0, 5.0), Stage(20.0, 20.0, 1.0)), {25: 2.5, 50: 5.0, 60: 5.5, 90: 7.0}),
    "a pause": ((Stage(10.0, 10.0, 1.0), Stage(0.0, 0.0, 9.0), Stage(1.0, 1.0, 1.0)), {5: 0.5, 10: 10.0, 12: 12.0}),
    "a pause first": ((Stage(0.0, 0.0, 3.0), Stage(1.0, 1.0, 1.0)), {0: 3.0, 1: 4.0}),
    "exponential": ((Stage(1.0, math.e**2, 2.0, exponential=True),), {math.e - 1: 1.0, math.e**2 - 1: 2.0}),
    "exponential, down": ((Stage(math.e, 1.0, 1.0, exponential=True),), {math.e - 1: 1.0, math.e: 2.0}),
    "exponential, level": ((Stage(2.0, 2.0, 1.0, exponential=True),), {1: 0.5, 4: 2.0}),
}


@pytest.mark.parametrize(("stages", "times_s"), ASKED.values(), ids=ASKED)
def test_when_stages_have_asked(stages: tuple[Stage, ...], times_s: dict[float, float]) -> None:
    """By the integral of the rate; after the last stage its rate goes on."""
    found = rates.times_s(stages, np.array([float(count) for count in times_s]))
    assert list(found) == pytest.approx(list(times_s.values()), abs=1e-9)


def test_what_a_test_of_stages_comes_to() -> None:
    """Its mean rate until the last request, and its highest."""
    assert mean_rate(RAMP, 1000) == pytest.approx(50.0)
    assert mean_rate(RAMP, 2000) == pytest.approx(2000 / 30)
    assert peak_rate(STEPS) == 200.0


def test_arrivals_of_a_ramp_are_poisson() -> None:
    """The number of each second has the mean that the rate asks for, and a variance as large; within 4.5 standard
    errors.
    """
    stages = (Stage(10.0, 190.0, 30.0),)
    counts = np.array(
        [np.bincount(np.array(offsets(seed, 1.0, 4000, Arrivals(stages=stages))) // NANO)[:30] for seed in range(300)]
    )
    wanted = 10.0 + 6.0 * (np.arange(30) + 0.5)
    error_of_mean = np.sqrt(wanted / 300)
    error_of_ratio = math.sqrt(2 / (300 * 30))
    assert np.all(np.abs(counts.mean(axis=0) - wanted) < 4.5 * error_of_mean)
    assert np.mean((counts - wanted) ** 2 / wanted) == pytest.approx(1.0, abs=4.5 * error_of_ratio)


def test_recorded_arrivals(tmp_path: Path) -> None:
    """Lanes read those of a trace from a file; a point may have fewer requests than the trace."""
    recorded = np.sort(np.random.default_rng(1).integers(0, 3600 * NANO, 9000))
    schedule.write_arrivals(tmp_path / "arrivals.bin", recorded)
    arrivals = Arrivals(recorded=tmp_path / "arrivals.bin")
    parts = [one for lane in range(3) for one in planned(Lane(lane, 3), 8500, rate=None, arrivals=arrivals)]
    assert {one.index: one.due_ns for one in parts} == dict(enumerate(recorded[:8500].tolist()))
    assert [path.name for path in tmp_path.iterdir()] == ["arrivals.bin"]


def test_constant_arrivals_do_not_drift() -> None:
    """The first is at once, and rounding does not add up."""
    assert offsets(1, 3.0, 9001, Arrivals("constant"))[::3000] == [0, 1000 * NANO, 2000 * NANO, 3000 * NANO]


def test_known_values() -> None:
    """The schedule of a seed never changes from one version to the next: results stay comparable."""
    assert offsets(42, 10.0, 3) == KNOWN_OFFSETS
    assert offsets(42, 10.0, 3, Arrivals("gamma", 0.5)) == KNOWN_BURSTS
    assert offsets(42, 10.0, 3, Arrivals(stages=RAMP)) == KNOWN_RAMP
    assert [one.max_tokens for one in planned(Lane(0, 1), 8, seed=42)] == KNOWN_LIMITS


KNOWN_OFFSETS = [58653191, 228148466, 299284915]
KNOWN_BURSTS = [39382266, 91220590, 91345466]
KNOWN_RAMP = [484368418, 955297788, 1094138774]
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
