"""Plots of a sweep and over time: axes of numbers, service levels, percentiles, errors."""

from typing import Any

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import SampleState, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, SlaGroup, SlaResult, SubsetResult
from evalkube_report import comparison
from evalkube_report.evaluation import states
from evalkube_report.load_test import courses, levels, sweep
from evalkube_report.plots.values import Plot
from evalkube_report.requests.series import Series
from fakes import pages
from fakes.tables import text_of


def spec(**fields: Any) -> PerfRunSpec:
    return PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1", **fields}, by_name=True)


def by_title(plots: list[Plot]) -> dict[str, Plot]:
    return {plot.title: plot for plot in plots}


@pytest.mark.parametrize(
    ("loads", "scale"),
    [([1, 2, 4], "linear"), ([1, 8, 64], "log"), ([64, 1, 8], "log")],
    ids=["near", "far apart", "in any order"],
)
def test_the_axis_of_loads_is_one_of_numbers(loads: list[int], scale: str) -> None:
    """Linear, or logarithmic where loads are far apart; the loads themselves are its ticks."""
    plots = by_title(sweep.by_load([pages.point(load) for load in loads]))
    for title in ("Output tok/s by load", "Requests/s by load", "TTFT by load", "Latency by load"):
        axis = plots[title].x
        assert (axis.scale, axis.ticks, axis.title) == (scale, tuple(sorted(loads)), "requests in flight")
        assert plots[title].series[0].xs == tuple(sorted(loads))


def test_repeated_loads_are_told_apart_by_name() -> None:
    """Two points of one load have no order."""
    plot = sweep.by_load([pages.point(4), pages.point(4, succeeded=50)])[0]
    assert (plot.x.scale, plot.x.names) == ("named", ("parallel_4_number_100", "parallel_4_number_50"))


def test_rates_are_offered() -> None:
    """The axis of loads in open loop."""
    points = [pages.point(1).model_copy(update={"open_loop": True, "rate": rate}) for rate in (2.5, 5.0)]
    assert sweep.by_load(points)[0].x.title == "requests/s offered"


def test_what_is_not_valid_is_noted() -> None:
    """In each series, at its place."""
    points = [pages.point(1), pages.point(2, verdict=Verdict.INVALID), pages.point(4)]
    assert sweep.by_load(points)[0].series[0].notes == ("", "not valid", "")


def test_times_stand_against_throughput_with_their_levels() -> None:
    """Median and p99 of each load, from the lowest on; what is wanted of p99 is a line across."""
    points = [pages.point(load, succeeded=100 * load) for load in (1, 2, 4)]
    wanted = levels.of(
        PerfResult(run_id="r", model="m"), spec(thresholds=[{"metric": "ttft_p99_s", "op": "<", "value": 0.5}])
    )
    plot = by_title(sweep.prices(points, wanted))["TTFT against throughput"]
    assert [one.name for one in plot.series] == ["p50", "p99"]
    assert plot.series[0].names == ("1 in flight", "2 in flight", "4 in flight")
    assert [(one.value, one.label) for one in plot.limits] == [(500.0, "p99 < 500 ms")]
    assert by_title(sweep.prices(points, wanted))["Latency against throughput"].limits == ()


def test_levels_come_from_searches_thresholds_and_good_requests() -> None:
    """Each once, with the statistic it is of."""
    sla = SlaResult(variable="parallel", groups=[SlaGroup(criteria={"p99_ttft": "<=0.2", "tps": ">=10"})])
    asked = spec(
        thresholds=[{"metric": "p/latency_mean_s", "op": "<", "value": 2}, {"metric": "rps", "op": ">", "value": 1}],
        goodput={"tpot": 0.05},
    )
    found = levels.of(PerfResult(run_id="r", model="m", sla=sla), asked)
    assert [(one.time.name, one.seconds, one.label) for one in found] == [
        ("ttft", 0.2, "p99 <= 200 ms"),
        ("latency", 2.0, "mean < 2 s"),
        ("tpot", 0.05, "good <= 50 ms"),
    ]


def test_distributions_of_loads_lie_over_each_other() -> None:
    """At most six, the lowest and the highest among them."""
    points = [pages.point(load) for load in range(1, 12)]
    plot = sweep.cumulatives(points)[0]
    names = [one.name for one in plot.series]
    assert (len(names), names[0], names[-1]) == (6, "1 in flight", "11 in flight")


def course() -> Series:
    times: dict[str, Any] = {
        f"{name}_p{percent}_s": (percent / 1000, None, percent / 500)
        for name in ("ttft", "latency")
        for percent in (50, 90, 99)
    }
    counts: dict[str, Any] = {
        "sent": (5, 0, 5),
        "succeeded": (5, 0, 4),
        "failed": (0, 0, 1),
        "output_tokens": (50, 0, 40),
    }
    return Series(interval_s=5.0, **counts, **times, errors={"status_5xx": (0, 0, 1)})


def test_percentiles_over_time_are_a_band() -> None:
    """From the median to p99, with gaps where nothing was sent; errors by class beside it."""
    plots = by_title(courses.of(pages.point(), course()))
    band = plots["TTFT over time"].bands[0]
    assert (band.name, band.xs) == ("p50 to p99", (0, 5, 10))
    assert (band.lows, band.highs) == ((50.0, None, 100.0), (99.0, None, 198.0))
    assert plots["Errors over time"].series[0].name == "status_5xx"
    assert "Times over time" not in plots


def test_without_an_index_there_are_means() -> None:
    """Of the intervals that the point itself has."""
    point = pages.point()
    point.series.latency_ns_sum = [10**9] * 10
    point.series.failed = [0] * 9 + [3]
    plots = by_title(courses.of(point))
    assert plots["Times over time"].series[0].name == "mean latency"
    assert plots["Errors over time"].series[0].ys[-1] == 3


def test_requests_in_flight_are_a_course() -> None:
    """What grew without an end is seen there."""
    point = pages.point()
    point.series.sent, point.series.succeeded = [10] * 5, [5] * 10
    assert by_title(courses.of(point))["Requests in flight over time"].series[0].ys[:5] == (5, 10, 15, 20, 25)


def test_a_short_load_has_no_course() -> None:
    """One interval alone is no course of time."""
    assert courses.of(PerfPoint(name="p", number=1)) == []


def test_samples_are_counted_by_class() -> None:
    """In the table of all benchmarks, and beside the score."""
    counts = {SampleState.RIGHT: 6, SampleState.NO_ANSWER: 2}
    subset = SubsetResult(name="main", requested=8, scored=8, states=counts)
    dataset = DatasetResult(name="d", pretty_name="D", description="", main_metric="acc", subsets=[subset])
    text = text_of(states.table(EvalResult(run_id="r", model="m", datasets=[dataset])))
    assert "Dataset | Samples | Right | No answer found" in text
    assert "D | 8 | 6\n75.0 % | 2\n25.0 %" in text
    bar = states.bar(counts, "samples")
    assert bar is not None
    assert bar.parts[1] == ("no answer found", "2", "25.0 %", "p-no_answer")
    assert states.table(EvalResult(run_id="r", model="m")) is None


def test_specs_that_differ_are_a_table() -> None:
    """A row for each field that is not the same in all of the runs."""
    runs = [(name, spec(parallel=[parallel])) for name, parallel in (("a", 4), ("b", 8), ("c", 4))]
    table = comparison.differences(runs)
    assert table is not None
    assert table.columns == ("Setting", "a", "b", "c")
    assert [row.cells for row in table.rows] == [("parallel", "4", "8", "4")]
    assert comparison.differences([runs[0], runs[2]]) is None


def test_long_settings_that_differ_inside_say_so() -> None:
    """Where what differs is left out, both ends look the same."""
    prompts = ["x" * 400 + word + "y" * 400 for word in ("one", "two")]
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
    runs = [
        (word, EvalRunSpec.model_validate({**body, "dataset_args": {"gsm8k": {"system_prompt": word}}}, by_name=True))
        for word in prompts
    ]
    table = comparison.differences(runs)
    assert table is not None
    assert "differs where it is left out" in table.rows[0].cells[1]
