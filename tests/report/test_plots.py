"""Axes, bars, plots as values, and what is drawn, read and fetched of them."""

import json
import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import Interval
from evalkube_report.formats import Unit
from evalkube_report.plots import axes, bins, data, drawing
from evalkube_report.plots.distributions import cumulative, distribution
from evalkube_report.plots.values import Axis, Band, Entry, Figure, Grid, Intervals, Limit, Plot, Series, Span

_MS = 1_000_000


def _histogram(*values: int) -> Histogram:
    histogram = Histogram()
    histogram.extend(values)
    return histogram


def _drawn(figure: Figure | None) -> ElementTree.Element:
    assert figure is not None
    return ElementTree.fromstring(drawing.drawn(figure))


def _texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter("text")]


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
    """Of an empty histogram there is no plot."""
    assert bins.bars(Histogram()) is None
    assert distribution(Histogram(), "Latency") is None
    assert cumulative({"1 in flight": Histogram()}, "Latency") is None


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_round_ticks_lie_within_and_ascend(low: float, span: float) -> None:
    """Ticks are within the range (but for rounding) and in order."""
    high = low + span
    if high <= low:
        return
    ticks = axes.round_ticks(low, high)
    assert ticks == sorted(ticks)
    assert len(ticks) <= 12


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_linear_axes_hold_all_values(values: list[float], zero: bool, whole: bool) -> None:
    """Every value lies on the axis, and so does each tick."""
    ruler = axes.linear(values, 0, 100, zero=zero, whole=whole)
    assert ruler.low <= min(values)
    assert ruler.high >= max(values)
    assert all(not whole or mark == round(mark) for mark in ruler.ticks)


@pytest.mark.parametrize("values", [[0.0], [0.0, 5e-324], []], ids=["nothing but 0", "hardly more", "no value"])
def test_an_axis_of_nothing_goes_to_one(values: list[float]) -> None:
    """There is always something to mark."""
    assert axes.linear(values, 0, 100).ticks[-1] == 1.0


@given(st.floats(1e-9, 1e9), st.floats(1, 1e9))
def test_log_axis_is_monotone(low: float, ratio: float) -> None:
    """A larger value is never left of a smaller one, and both ends are on the axis."""
    axis = axes.logarithmic([low, low * ratio], 10, 100)
    places = [axis.at(axis.low), axis.at(math.sqrt(axis.low) * math.sqrt(axis.high)), axis.at(axis.high)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == pytest.approx((10, 100))


def test_a_distribution_is_well_formed_and_told() -> None:
    """The drawing is XML with a title and the percentiles in words; its bars hold all values."""
    root = _drawn(distribution(_histogram(*(value * _MS for value in range(1, 101))), "Latency <b>"))
    assert root.findtext("title") == "Latency <b>, distribution"
    assert root.findtext("desc") == "100 values; p50 50.50, p90 90.10, p99 99.01 ms"
    counts = [int((bar.findtext("title") or "").rpartition(": ")[2]) for bar in root.iter("rect")]
    assert sum(counts) == 100


def test_columns_of_counts_have_whole_edges() -> None:
    """A token count is 32, not 32.00, in the table and in the tooltip."""
    plot = distribution(_histogram(*[32] * 5), "Output tokens", unit=Unit("tokens"))
    assert plot is not None
    assert [row.cells for row in data.table_of(plot).rows if row.cells[1] != "0"] == [("32 to 33", "5")]
    assert "32 to 33 tokens: 5" in drawing.drawn(plot)


def test_cumulative_shares_lie_over_each_other() -> None:
    """A line for each load, from its lowest to its highest value; the table has a row for each share."""
    found = cumulative(
        {"1 in flight": _histogram(*range(1, 101)), "8 in flight": _histogram(*range(2, 202))}, "Latency"
    )
    assert found is not None
    assert [series.name for series in found.series] == ["1 in flight", "8 in flight"]
    table = data.table_of(found)
    assert table.columns == ("share of requests, %", "1 in flight: Latency, µs", "8 in flight: Latency, µs")
    assert table.rows[25].cells[0] == "50"
    assert table.rows[-1].cells == ("100", "0.1000", "0.2010")


def test_a_gap_breaks_the_line() -> None:
    """A missing value is neither drawn nor bridged."""
    series = Series("a", (0, 1, 2, 3), (1.0, None, 3.0, 4.0), dots=True)
    root = _drawn(Plot("t", Axis("x"), Axis("y"), (series,)))
    path = next(iter(root.iter("path"))).attrib["d"]
    assert (path.count("M"), path.count("L")) == (2, 1)
    assert len(list(root.iter("circle"))) == 3


def test_a_gap_breaks_a_band() -> None:
    """The same of the room between two lines."""
    band = Band("p50 to p99", (0, 1, 2, 3, 4), (1.0, 1.0, None, 1.0, 1.0), (2.0, 3.0, 2.0, 2.0, 2.0))
    root = _drawn(Plot("t", Axis("x"), Axis("y"), bands=(band,)))
    assert len([path for path in root.iter("path") if "band" in path.attrib["class"]]) == 2


def test_special_points_are_marked() -> None:
    """The mark of a point that is not valid looks different and says so."""
    series = Series("tok/s", (1, 2), (1.5, 2.0), ("", "not valid"), ("1 in flight", "2 in flight"), dots=True)
    root = _drawn(Plot("t", Axis("x"), Axis("y"), (series,)))
    dots = [(dot.attrib["class"], dot.findtext("title")) for dot in root.iter("circle")]
    assert dots == [
        ("s0 dot", "1 in flight: tok/s 1.500"),
        ("s0 dot doubtful", "2 in flight: tok/s 2, not valid"),
    ]


def test_series_differ_by_more_than_colour() -> None:
    """Each of four has a mark of another shape, and the legend has their names."""
    series = tuple(Series(name, (0, 1), (1.0, 2.0), dots=True) for name in ("a", "b", "c", "d"))
    root = _drawn(Plot("t", Axis("x"), Axis("y"), series))
    shapes = {
        (dot.tag, (dot.get("d") or "").count("l"))
        for dot in root.iter()
        if "dot" in dot.get("class", "") and dot.findtext("title")
    }
    assert len(shapes) == 4
    assert {"a", "b", "c", "d"} <= set(_texts(root))


@pytest.mark.parametrize(
    ("level", "label"), [(8.0, "p99 <= 8 ms"), (500.0, "p99 <= 8 ms (higher up)")], ids=["in sight", "far above"]
)
def test_a_level_is_drawn_across(level: float, label: str) -> None:
    """With its label; one far above all values does not press them flat."""
    plot = Plot(
        "t", Axis("x"), Axis("y"), (Series("a", (0, 1), (1.0, 10.0)),), limits=(Limit("y", level, "p99 <= 8 ms"),)
    )
    root = _drawn(plot)
    assert label in _texts(root)
    assert any(line.get("class") == "level" for line in root.iter("line"))
    assert "line at p99 <= 8 ms" in (root.findtext("desc") or "")


def test_loads_are_the_ticks_of_their_axis() -> None:
    """A numeric axis marks the loads that were measured, and leaves out labels that would touch."""
    loads = (1.0, 2.0, 4.0, 64.0, 65.0)
    axis = Axis("requests in flight", scale="log", ticks=loads)
    texts = _texts(_drawn(Plot("t", axis, Axis("y"), (Series("a", loads, (1.0,) * 5),))))
    assert {"1", "2", "4", "64", "requests in flight (log)"} <= set(texts)
    assert "65" not in texts


@pytest.mark.parametrize(("mean", "bars"), [(None, 1), (0.0, 2), (1.0, 2)])
def test_score_bar(mean: float | None, bars: int) -> None:
    """Without a score only the empty track is drawn."""
    root = ElementTree.fromstring(drawing.score_bar(mean, None, "acc"))
    assert len(list(root.iter("rect"))) == bars


def test_scores_have_their_intervals_drawn() -> None:
    """A dot for each, a whisker where there is an interval, and both in words."""
    entries = (Entry("law", 0.5, Interval(0.25, 0.75)), Entry("a" * 60, 1.0))
    drawn = drawing.drawn(Intervals("Scores", Axis("mean_acc"), entries, percent=True))
    assert (drawn.count("<circle"), drawn.count("whisker")) == (2, 1)
    assert "law: 50.0 %, 25.0 % to 75.0 %" in drawn
    assert "a" * 60 in drawn


def test_outcomes_are_signs_and_words() -> None:
    """Better and worse are told apart without their colours: by a sign, in the tooltip, in the table."""
    entries = (Entry("rps", 5.0, Interval(1, 9), "better"), Entry("ttft", 3.0, Interval(1, 5), "worse"))
    plot = Intervals("Differences", Axis("difference", "%"), entries, middle=0.0)
    texts = _texts(_drawn(plot))
    assert {"\N{BLACK UP-POINTING TRIANGLE} rps", "\N{BLACK DOWN-POINTING TRIANGLE} ttft"} <= set(texts)
    assert "5.000, 1.000 to 9.000, better" in drawing.drawn(plot)
    assert data.table_of(plot).rows[1].cells == ("ttft", "worse", "3.000", "1.000 to 5.000")


_PLOTS: dict[str, Figure] = {
    "lines": Plot(
        "Lines",
        Axis("time", "s"),
        Axis("TTFT", "ms"),
        (Series("p50", (0.0, 1.0, 2.0), (10.0, None, 12.5)),),
        bands=(Band("p50 to p99", (0.0, 1.0, 2.0), (10.0, None, 12.5), (20.0, None, 30.0)),),
        spans=(Span(0.5, 1.5, "steady part"),),
    ),
    "different xs": Plot(
        "Two", Axis("x"), Axis("y"), (Series("a", (0.0, 2.0), (1.0, 2.0)), Series("b", (1.0,), (3.0,)))
    ),
    "grid": Grid("Map", ("1", "2"), ("0",), ((0.5, None),), "length", "depth"),
    "intervals": Intervals("Scores", Axis("acc"), (Entry("law", 0.5, Interval(0.25, 0.75)),), percent=True),
}


@pytest.mark.parametrize("name", _PLOTS)
def test_every_plot_has_a_table_and_json(name: str) -> None:
    """What is drawn can be read and fetched: captions, a cell for each column, valid JSON."""
    shown = drawing.shown(_PLOTS[name])
    assert shown.table.rows
    assert all(len(row.cells) == len(shown.table.columns) for row in shown.table.rows)
    assert json.loads(json.dumps(data.document_of(_PLOTS[name])))["title"] == shown.title
    assert "style=" not in shown.drawing  # a strict content security policy forbids it


def test_the_json_of_a_plot_is_in_columns() -> None:
    """x first, then the series, then the edges of the bands; where series have other x values there are gaps."""
    lines = data.document_of(_PLOTS["lines"])
    assert lines["data"] == [[0, 1, 2], [10, None, 12.5], [10, None, 12.5], [20, None, 30]]
    assert lines["bands"] == [{"name": "p50 to p99", "low": 2, "high": 3}]
    assert lines["y"]["label"] == "TTFT, ms"
    assert data.document_of(_PLOTS["different xs"])["data"] == [[0, 1, 2], [1, None, 2], [None, 3, None]]


def test_tables_of_plots_have_whole_numbers_whole() -> None:
    """A count is no 8.000, and a gap is a dash."""
    assert [row.cells for row in data.table_of(_PLOTS["lines"]).rows] == [
        ("0", "10", "10", "20"),
        ("1", "-", "-", "-"),
        ("2", "12.50", "12.50", "30"),
    ]
