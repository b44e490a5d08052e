"""Counting in bulk gives bit for bit what counting one by one gives."""

from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.histogram import Histogram
from evalkube_crds.sketch import Sketch
from evalkube_runner.perf import bulk_histogram

VALUES = st.lists(st.tuples(st.integers(-5, 1 << 45), st.integers(1, 300)), max_size=50)


@given(VALUES)
def test_like_one_by_one(values: list[tuple[int, int]]) -> None:
    """Counts, sums, squares and extremes are equal, powers of two and their neighbours included."""
    edges = [(2**power + off, 1) for power in range(46) for off in (-1, 0, 1)]
    singly, at_once = Histogram(), bulk_histogram.BulkHistogram()
    for value, times in values + edges:
        singly.add(value, times)
    at_once.add([value for value, _ in values], [times for _, times in values])
    at_once.add([value for value, _ in edges])
    assert at_once.histogram() == singly


@given(st.lists(st.integers(-5, 1 << 53), max_size=50))
def test_a_sketch_is_that_of_its_values(values: list[int]) -> None:
    """Counted in bulk as one by one, also those that wait to be counted."""
    found = bulk_histogram.BulkHistograms(["a"])
    for value in values:
        found.note("a", value)
    assert found.sketch("a") == Sketch.of(values)
    assert found.found()["a"].count == len(values)


def test_nothing() -> None:
    """No values change nothing."""
    found = bulk_histogram.BulkHistogram()
    found.add([])
    assert found.histogram() == Histogram()
