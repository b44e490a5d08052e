"""What the pages of results are made of, by tables: addresses, pages of lists, folded texts, plots, groups of reads."""

import pytest
from starlette.datastructures import QueryParams

from evalkube_api import errors
from evalkube_api.ui import addresses, charts, compare, load_test, outlines, overlays, paging, texts
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.paging import Pager
from evalkube_crds.histogram import Histogram
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import PerfResult
from evalkube_report.plots.values import Axis, Plot, Series
from evalkube_report.samples.index import Slice

NAMES = {"view": ("samples",), "page": ()}


def test_an_address_changes_one_parameter_and_keeps_the_others() -> None:
    """None leaves a parameter out; names are quoted."""
    here = Address("/ui/runs/a", {"view": "samples", "page": "3"})
    assert str(here.but(page=None, subset="a&b")) == "/ui/runs/a?view=samples&subset=a%26b"


def test_the_address_of_a_sample_quotes_its_names() -> None:
    """A subset may have a slash in its name."""
    assert addresses.sample("r", "d", "a/b ?", 3) == "/ui/runs/r/samples/d/a%2Fb%20%3F/3"


REFUSED = {
    "unknown": ("viwe=samples", "viwe"),
    "twice": ("page=1&page=2", "page"),
    "no such word": ("view=sample", "view"),
    "too long": ("page=" + "1" * 2100, "page"),
}


@pytest.mark.parametrize(("query", "field"), REFUSED.values(), ids=REFUSED)
def test_a_parameter_that_a_page_has_not_is_refused(query: str, field: str) -> None:
    """With its name, and without a guess."""
    with pytest.raises(errors.InvalidRequest) as refused:
        addresses.asked(QueryParams(query), NAMES)
    assert [problem.field for problem in refused.value.problems] == [field]


PAGERS = {
    "only page": (0, 7, 7, (None, None, "1 to 7 of 7")),
    "first": (0, 50, 1319, (None, "/l?page=2", "1 to 50 of 1,319")),
    "second": (50, 50, 1319, ("/l", "/l?page=3", "51 to 100 of 1,319")),
    "last": (1300, 19, 1319, ("/l?page=26", None, "1,301 to 1,319 of 1,319")),
    "empty": (0, 0, 0, (None, None, "none of 0")),
    "beyond the end": (5000, 0, 120, ("/l?page=3", None, "none of 120")),
}


@pytest.mark.parametrize(("start", "shown", "total", "wanted"), PAGERS.values(), ids=PAGERS)
def test_a_pager_leads_to_the_pages_that_there_are(
    start: int, shown: int, total: int, wanted: tuple[str | None, str | None, str]
) -> None:
    """The first page has no number in its address."""
    pager = Pager.of(Address("/l"), start=start, shown=shown, total=total, size=50)
    assert (pager.previous, pager.next, pager.text) == wanted


@pytest.mark.parametrize("asked", ["0", "-1", "1.5", "٣", "99999999", "x"])
def test_a_page_that_is_no_number_is_refused(asked: str) -> None:
    """Digits of other scripts too."""
    with pytest.raises(errors.InvalidRequest):
        paging.page_of(asked)


def test_a_long_text_is_folded_and_a_very_long_one_is_cut() -> None:
    """What is left out is counted."""
    short, long, very = texts.text("a" * 3000), texts.text("b" * 5000), texts.text("c" * 100_000)
    assert (short.whole, short.beginning) == ("a" * 3000, "")
    assert long.whole == "b" * 5000
    assert long.beginning.startswith("bbb")
    assert len(very.whole) + very.left_out == very.length == 100_000


def test_parts_of_a_file_near_each_other_are_read_together() -> None:
    """Another file, and a far part of the same, are read by themselves; a part that is wanted twice is read once."""
    near = [Slice("a", 0, 100), Slice("a", 150, 100), Slice("a", 150, 100)]
    groups = outlines.grouped([Slice("a", 10_000_000, 5), *near, Slice("b", 0, 7)])
    assert [(group.parts[0].path, group.span.first, group.span.last) for group in groups] == [
        ("a", 0, 249),
        ("a", 10_000_000, 10_000_004),
        ("b", 0, 6),
    ]


def test_the_values_of_a_plot_cannot_end_their_script_element() -> None:
    """Names of series may be anything."""
    xs = tuple(float(at) for at in range(30))
    plot = Plot("t", Axis("x"), Axis("y"), (Series("</script><b>&", xs, xs),))
    (chart,) = charts.live_charts([plot])
    assert chart.values is not None
    assert not set("<>&") & set(chart.values)


def test_a_line_that_turns_back_stays_as_it_is_drawn() -> None:
    """A script would connect its values by x, and not in the order of the loads."""
    xs = tuple(float(at % 25) for at in range(30))
    (chart,) = charts.live_charts([Plot("t", Axis("x"), Axis("y"), (Series("s", xs, xs),))])
    assert chart.values is None


def test_a_comparison_names_each_run_once_and_not_too_many() -> None:
    """In the order of the address."""
    assert compare.runs_of({"runs": "b,a,b", "add": "c"}) == ["b", "a", "c"]
    with pytest.raises(errors.InvalidRequest):
        compare.runs_of({"runs": ",".join(map(str, range(compare.MOST + 1)))})


def _test(**rates: int) -> PerfResult:
    """A load test whose points took a second each; by load in flight, the requests that succeeded."""
    points = []
    for name, requests in rates.items():
        latency = Histogram()
        latency.extend([1_000_000 * at for at in range(1, requests + 1)])
        points.append(
            PerfPoint(
                name=name,
                number=requests,
                parallel=int(name[1:]),
                succeeded=requests,
                started_at_ns=0,
                ended_at_ns=1_000_000_000,
                histograms={"latency_ns": latency},
            )
        )
    return PerfResult(run_id="r", model="m", points=points)


def test_curves_of_load_tests_lie_over_each_other() -> None:
    """Each test has its line, over the loads that it has."""
    plots = overlays.curves([("A", _test(p1=10, p8=80)), ("B", _test(p1=10, p4=40, p8=70))])
    throughput = plots[0]
    assert [(line.name, line.xs) for line in throughput.series] == [("A", (1.0, 8.0)), ("B", (1.0, 4.0, 8.0))]
    assert throughput.x.scale == "log"
    assert [plot.title for plot in plots][1:] == ["Latency p99 by load", "Latency p99 against throughput"]


def test_spreads_are_of_the_tests_that_have_the_load() -> None:
    """Of one test alone there is nothing to compare."""
    tests = [("A", _test(p1=10, p8=80)), ("B", _test(p1=10))]
    assert [line.name for line in overlays.spreads(tests, "1 in flight")[0].series] == ["A", "B"]
    assert overlays.spreads(tests, "8 in flight") == []


@pytest.mark.parametrize(("requests", "intervals"), [(0, 1), (20, 2), (120, 12), (1_000_000, 150)])
def test_intervals_have_requests_enough_for_percentiles(requests: int, intervals: int) -> None:
    """Ten on average, and no more intervals than a plot has room for."""
    assert load_test.intervals(requests) == intervals
