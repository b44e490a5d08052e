"""Axes, bars and drawings."""

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.histogram import Histogram
from evalkube_report.plots import axes, bins, drawings
from evalkube_report.plots.drawings import Line

_MS = 1_000_000


def _histogram(*values: int) -> Histogram:
    histogram = Histogram()
    histogram.extend(values)
    return histogram


def _parsed(svg: str | None) -> ElementTree.Element:
    assert svg is not None
    return ElementTree.fromstring(svg)


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=200))
def test_bars_hold_every_value(values: list[int]) -> None:
    """No value is lost between the bars, whatever the axis."""
    found = bins.bars(_histogram(*values))
    assert found is not None
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1
    assert all(low < high for low, high in zip(found.edges, found.edges[1:], strict=False))


@given(st.integers(1, 10**12), st.integers(20, 400))
def test_narrow_values_draw_no_comb(low: int, count: int) -> None:
    """Evenly spread values fill every bar, however the bars lie to the histogram's buckets."""
    step = max(1, low // 200 // count)
    found = bins.bars(_histogram(*(low + index * step for index in range(count * 20))))
    assert found is not None
    if not found.log:
        inner = found.counts[1:-1]
        assert min(inner) > 0.5 * max(inner)


@pytest.mark.parametrize(
    ("values", "log"),
    [
        pytest.param([10, 11, 12], False, id="narrow"),
        pytest.param([10, 1000, 100_000], True, id="wide"),
        pytest.param([0, 0, 0], False, id="all zero"),
        pytest.param([*[0] * 5, *[20 * _MS] * 50], True, id="gaps of nothing among real ones"),
    ],
)
def test_the_axis_suits_the_values(values: list[int], log: bool) -> None:
    """Values that span much get a logarithmic axis."""
    found = bins.bars(_histogram(*values))
    assert found is not None
    assert found.log is log


def test_nothing_counted_is_no_plot() -> None:
    """An empty histogram and a series of gaps draw nothing."""
    assert bins.bars(Histogram()) is None
    assert drawings.distribution(Histogram(), "Latency") is None
    assert drawings.lines([Line("a", [None, None])], [0, 1], title="t", x_label="x", y_label="y") is None


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_round_ticks_lie_within_and_ascend(low: float, span: float) -> None:
    """Ticks are within the range (but for rounding) and in order."""
    high = low + span
    if high <= low:
        return
    ticks = axes.round_ticks(low, high)
    assert ticks == sorted(ticks)
    assert len(ticks) <= 12


@given(st.floats(1e-9, 1e9), st.floats(1, 1e9))
def test_log_axis_is_monotone(low: float, ratio: float) -> None:
    """A larger value is never left of a smaller one, and both ends are on the axis."""
    axis = axes.log_axis(low, low * ratio, 10, 100)
    places = [axis.at(axis.low), axis.at(math.sqrt(axis.low) * math.sqrt(axis.high)), axis.at(axis.high)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == pytest.approx((10, 100))


def test_distribution_is_well_formed_and_told() -> None:
    """The drawing is XML with a title and the percentiles in words."""
    root = _parsed(drawings.distribution(_histogram(*(value * _MS for value in range(1, 101))), "Latency <b>"))
    assert root.findtext("title") == "Latency <b>, distribution"
    assert root.findtext("desc") == "100 values; p50 50.50 ms, p90 90.10 ms, p99 99.01 ms"
    counts = [int((bar.findtext("title") or "").rpartition(": ")[2]) for bar in root.iter("rect")]
    assert sum(counts) == 100


def test_a_gap_breaks_the_line() -> None:
    """A missing value is neither drawn nor bridged."""
    root = _parsed(
        drawings.lines([Line("a", [1.0, None, 3.0, 4.0])], [0, 1, 2, 3], title="t", x_label="x", y_label="y")
    )
    path = next(iter(root.iter("path"))).attrib["d"]
    assert (path.count("M"), path.count("L")) == (2, 1)
    assert len(list(root.iter("circle"))) == 3


def test_doubtful_points_are_marked() -> None:
    """The dot of a point that is not valid looks different and says so."""
    line = Line("tok/s", [1.0, 2.0], [False, True])
    root = _parsed(drawings.lines([line], [0, 1], title="t", x_label="x", y_label="y", x_names=["1", "2"]))
    dots = [(dot.attrib["class"], dot.findtext("title")) for dot in root.iter("circle")]
    assert dots == [("s0 dot", "1: tok/s 1.000"), ("s0 dot doubtful", "2: tok/s 2.000, not valid")]


@pytest.mark.parametrize(("mean", "bars"), [(None, 1), (0.0, 2), (1.0, 2)])
def test_score_bar(mean: float | None, bars: int) -> None:
    """Without a score only the empty track is drawn."""
    assert len(list(_parsed(drawings.score_bar(mean, None, "acc")).iter("rect"))) == bars


def test_scores_have_their_intervals_drawn() -> None:
    """A dot for each, a whisker where there is an interval, and both in words."""
    drawn = drawings.marks([drawings.Mark("law", 0.5, (0.25, 0.75)), drawings.Mark("a" * 60, 1.0, None)], "mean_acc")
    assert drawn.count("<circle") == 2
    assert drawn.count("whisker") == 1
    assert "law: 50.0 %, 25.0 % to 75.0 %" in drawn
    assert "a" * 60 in drawn
