"""Confidence intervals of percentiles, against tables, exact arithmetic and simulation."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds import intervals
from evalkube_crds.figures import (
    INPUT_TOKENS,
    ITL,
    LATENCY,
    TPOT,
)
from evalkube_crds.histogram import Histogram
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO

MEDIANS = {6: 1, 8: 1, 10: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 40: 14, 50: 18, 100: 40}
"""The lower rank by the number of values: one more than the critical value of the two-sided sign test at 5 %, as
statistical tables print it (Dixon and Mood, "The Statistical Sign Test", JASA 41, 1946).
"""


@pytest.mark.parametrize(("count", "rank"), MEDIANS.items())
def test_ranks_of_the_median_are_those_of_the_tables(count: int, rank: int) -> None:
    """Symmetric about the middle."""
    assert intervals.ranks(count, 50) == (rank, count + 1 - rank)


def _at_most(count: int, percent: Fraction, successes: int) -> Fraction:
    """P(B <= successes), without any rounding."""
    share = percent / 100
    return sum(
        (math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(successes + 1)), start=Fraction(0)
    )


TAIL = Fraction(25, 1000)


@pytest.mark.parametrize("percent", ["1", "10", "25", "50", "66", "75", "90", "95", "98", "99"])
@pytest.mark.parametrize("count", [36, 72, 150, 368, 400])
def test_ranks_are_the_innermost_that_suffice(count: int, percent: str) -> None:
    """Each leaves at most 2.5 %, and the next one within leaves more; none where even the outermost leaves more."""
    found, exact = intervals.ranks(count, float(percent)), Fraction(percent)
    if found is None:
        assert max(_at_most(count, exact, 0), 1 - _at_most(count, exact, count - 1)) > TAIL
        return
    low, high = found
    assert _at_most(count, exact, low - 1) <= TAIL < _at_most(count, exact, low)
    assert 1 - _at_most(count, exact, high - 1) <= TAIL < 1 - _at_most(count, exact, high - 2)


@pytest.mark.parametrize(
    ("percent", "needed"), [(50, 6), (90, 36), (10, 36), (95, 72), (99, 368), (1, 368), (99.9, 3688)]
)
def test_how_many_values_are_needed(percent: float, needed: int) -> None:
    """The extremes of so many are an interval, and of one less none: ln 0.025 / ln p."""
    assert intervals.values_needed(percent) == needed
    assert intervals.ranks(needed - 1, percent) is None
    low, high = intervals.ranks(needed, percent) or (0, 0)
    assert 1 <= low < high <= needed
    assert low == 1 or high == needed


@pytest.mark.parametrize("percent", [0, 100, -1, 101])
def test_extremes_have_no_interval(percent: float) -> None:
    """The minimum and the maximum are no percentile that more requests would come closer to."""
    assert intervals.ranks(10**6, percent) is None


@pytest.mark.parametrize("count", [10**6, 10**8])
def test_many_values_are_as_the_normal_distribution_has_it(count: int) -> None:
    """Within a rank or two."""
    for percent in (50, 90, 99):
        share = percent / 100
        reach = 1.959964 * math.sqrt(count * share * (1 - share))
        low, high = intervals.ranks(count, percent) or (0, 0)
        assert low == pytest.approx(count * share - reach, abs=2)
        assert high == pytest.approx(count * share + reach, abs=3)


TRIES = 1000
ERROR = math.sqrt(0.95 * 0.05 / TRIES)
"""The standard error of a share of 95 % in so many tries: 0.7 %."""
DRAWS: dict[str, tuple[Callable[[random.Random], float], Callable[[float], float]]] = {
    "exponential": (lambda source: source.expovariate(1), lambda p: -math.log(1 - p)),
    "heavy tail (Pareto)": (lambda source: source.paretovariate(1.2), lambda p: (1 - p) ** (-1 / 1.2)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(("percent", "count"), [(50, 30), (90, 60), (99, 400)])
def test_the_true_percentile_lies_in_it_as_often_as_it_should(name: str, percent: float, count: int) -> None:
    """In 95 % of the tries and as much more as the ranks give, within four standard errors; whatever the shape."""
    draw, quantile = DRAWS[name]
    source, true = random.Random(f"{name} {percent}"), quantile(percent / 100) * NANO
    hits = 0
    for _ in range(TRIES):
        histogram = Histogram()
        histogram.extend(round(draw(source) * NANO) for _ in range(count))
        found = intervals.of_percentiles(histogram, [percent])[0]
        assert found is not None
        hits += found.low <= true <= found.high
    low, high = intervals.ranks(count, percent) or (0, 0)
    exact = Fraction(str(percent))
    coverage = float(_at_most(count, exact, high - 1) - _at_most(count, exact, low - 1))
    assert coverage >= intervals.CONFIDENCE
    assert hits / TRIES == pytest.approx(coverage, abs=4 * ERROR)


@given(st.lists(st.integers(0, 10**12), min_size=6, max_size=100))
def test_a_histograms_interval_holds_that_of_its_values(numbers: list[int]) -> None:
    """It is at most 0.1 % of an end wider there, and the percentile lies in it."""
    histogram = Histogram()
    histogram.extend(numbers)
    ordered = sorted(numbers)
    for percent, found in zip((10, 50, 90, 95), intervals.of_percentiles(histogram, (10, 50, 90, 95)), strict=True):
        ranks = intervals.ranks(len(numbers), percent)
        if ranks is None:
            assert found is None
            continue
        assert found is not None
        low, high = ordered[ranks[0] - 1], ordered[ranks[1] - 1]
        assert low * (1 - 1 / 1024) <= found.low <= low
        assert high <= found.high <= high * (1 + 1 / 1024)
        assert found.low <= (histogram.percentile(percent) or 0) <= found.high


def _point(succeeded: int, **histograms: Histogram) -> PerfPoint:
    return PerfPoint(name="p", number=succeeded, succeeded=succeeded, histograms=histograms)


def test_values_of_one_request_are_no_independent_evidence() -> None:
    """Gaps of answers have no interval however many they are, nor has TPOT of several choices."""
    many = Histogram()
    many.extend(range(1, 201))
    assert ITL.intervals(_point(200, itl_ns=many), [50]) == [None]
    assert TPOT.intervals(_point(100, tpot_ns=many), [50]) == [None]
    found = TPOT.intervals(_point(200, tpot_ns=many), [50])[0]
    assert found == pytest.approx((86 / NANO, 115 / NANO))


def test_intervals_are_in_the_figures_unit() -> None:
    """Seconds, and tokens as they are counted; none of what was not measured."""
    values = Histogram()
    values.extend(range(1, 101))
    point = _point(100, latency_ns=values, input_tokens=values)
    assert LATENCY.intervals(point, [50, 99]) == [pytest.approx((40 / NANO, 61 / NANO)), None]
    assert INPUT_TOKENS.intervals(point, [50]) == [(40, 61)]
    assert TPOT.intervals(point, [50]) == [None]
