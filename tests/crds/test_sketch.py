"""Sketches: percentiles to 1.6 % of a hundred numbers, that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.histogram import Histogram
from evalkube_crds.sketch import MOST_BUCKETS, Sketch

DURATIONS = st.lists(st.integers(0, 10**14), min_size=1, max_size=60)


@given(DURATIONS, st.floats(0, 100))
def test_a_percentile_is_good_to_a_few_percent(values: list[int], percent: float) -> None:
    """It is at most 1/64 of the value of that rank away, or 16 ns."""
    rank = min(int(len(values) * percent / 100), len(values) - 1)
    true = sorted(values)[rank]
    found = Sketch.of(values).percentile(percent)
    assert found == pytest.approx(true, rel=1 / 64, abs=16)


@given(DURATIONS, DURATIONS)
def test_sketches_add_up(one: list[int], other: list[int]) -> None:
    """Two merged are that of all values."""
    assert Sketch.merged([Sketch.of(one), Sketch.of(other)]) == Sketch.of(one + other)


def test_a_sketch_is_short() -> None:
    """Requests of 20 ms to 2 s need fewer than 250 numbers."""
    values = range(20_000_000, 2_000_000_000, 1_000_000)
    assert len(Sketch.of(values).counts) < 250


def test_of_nothing_there_is_no_percentile() -> None:
    """Nor does it change another sketch."""
    assert Sketch().percentile(50) is None
    assert Sketch.of([]) == Sketch.merged([Sketch(), Sketch()]) == Sketch()


def test_what_takes_longest_has_a_place() -> None:
    """A duration beyond 104 days counts as one of 104 days, one below 0 as 0."""
    assert Sketch.of([1 << 60]) == Sketch(MOST_BUCKETS - 1, (1,))
    assert Sketch.of([-5]) == Sketch(0, (1,))


WRONG = {
    "before the first bucket": (-1, (1,)),
    "beyond the last bucket": (MOST_BUCKETS - 1, (1, 1)),
    "a count below 0": (0, (1, -1)),
}


@pytest.mark.parametrize(("first", "counts"), WRONG.values(), ids=WRONG)
def test_what_is_no_sketch_is_refused(first: int, counts: tuple[int, ...]) -> None:
    """A shard may not make the operator fill its memory."""
    with pytest.raises(ValueError, match="buckets"):
        Sketch(first, counts)


def test_the_middle_of_a_histogram_is_that_of_its_sketch() -> None:
    """Beside the exact figure of the result."""
    values = [1_000_000 * value for value in range(1, 1000)]
    exact = Histogram()
    exact.extend(values)
    assert Sketch.of(values).percentile(50) == pytest.approx(exact.percentile(50), rel=0.02)
