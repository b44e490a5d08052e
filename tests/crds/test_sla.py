"""The words of a service level."""

import re

import pytest

from evalkube_crds import sla, summary
from evalkube_crds.histogram import Histogram
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult, SlaGroup, SlaResult


@pytest.mark.parametrize(
    ("text", "op", "bound"),
    [
        ("<=0.5", "<=", 0.5),
        (" < 2 ", "<", 2.0),
        (">=1e3", ">=", 1000.0),
        ("> 0", ">", 0.0),
        ("≤2", "<=", 2.0),
        ("≥ 0.99", ">=", 0.99),
        ("max", "max", None),
        ("min", "min", None),
    ],
)
def test_conditions(text: str, op: str, bound: float | None) -> None:
    """As EvalScope writes them, with the signs of mathematics too."""
    assert sla.parse("p99_ttft", text) == sla.Criterion("p99_ttft", op, bound)


@pytest.mark.parametrize("text", ["", "0.5", "<=", "<= -1", "=0.5", "<=0.5s", "maximum", "<=nan", "<=0.5 <=1"])
def test_what_is_no_condition(text: str) -> None:
    """Said with the figure's name and what would be one."""
    with pytest.raises(ValueError, match=f"p99_ttft: {re.escape(repr(text))} must be"):
        sla.parse("p99_ttft", text)


def test_an_unknown_figure_is_refused() -> None:
    """With those there are."""
    with pytest.raises(ValueError, match="'p98_ttft' is not one of avg_latency, "):
        sla.parse("p98_ttft", "<=1")


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [("<=0.5", 0.5, True), ("<0.5", 0.5, False), (">=0.5", 0.5, True), (">0.5", 0.5, False), ("max", 0.5, True)],
)
def test_met(text: str, value: float, met: bool) -> None:
    """At the bound itself; a figure that is not there meets nothing."""
    criterion = sla.parse("rps", text)
    assert criterion.met({"rps": value}) is met
    assert not criterion.met({"tps": value})


@pytest.mark.parametrize(
    ("groups", "needed"),
    [
        ([{"p95_ttft": "<=1"}], 20),
        ([{"p95_ttft": "<=1", "p99_latency": "<=1"}], 100),
        ([{"goodput": ">=0.95"}], 20),
        ([{"goodput": ">=0.99"}], 100),
        ([{"rps": "max"}, {"goodput": ">0.995"}], 200),
        ([{"goodput": ">=0.99999"}], 1000),
        ([{"goodput": ">=1"}], 20),
        ([{"goodput_rps": "max"}], 20),
    ],
)
def test_requests_that_a_criterion_needs(groups: list[dict[str, str]], needed: int) -> None:
    """So many that neither the slowest alone decides nor a single bad one."""
    assert sla.requests_needed(groups) == needed


def test_figures_are_in_seconds_and_per_second() -> None:
    """Of the merged histograms, by the names of the criteria."""
    point = _point()
    found = sla.figures_of(point, intended=False)
    assert found == {
        "success_rate": 0.75,
        "rps": 1.5,
        "tps": 30.0,
        **{f"{statistic}_ttft": 0.25 for statistic in ("avg", "p50", "p90", "p95", "p99")},
    }
    assert set(found) <= set(sla.METRICS)


def test_with_a_rate_waiting_for_a_slot_counts() -> None:
    """TTFT from when a request should have left."""
    assert sla.figures_of(_point(), intended=True)["p99_ttft"] == 1.25


def _point() -> PerfPoint:
    ttft, late = Histogram(), Histogram()
    ttft.add(NANO // 4, 3)
    late.add(NANO * 5 // 4, 3)
    return PerfPoint(
        name="p",
        number=4,
        succeeded=3,
        failed=1,
        output_tokens=60,
        histograms={"ttft_ns": ttft, "intended_ttft_ns": late},
        started_at_ns=NANO,
        ended_at_ns=3 * NANO,
    )


def test_the_answer_is_a_figure_of_the_summary() -> None:
    """One for each group that has an answer, numbered from 1; thresholds can ask for it."""
    groups = [SlaGroup(criteria={"rps": "max"}), SlaGroup(criteria={"p99_ttft": "<=1"}, best=23)]
    result = PerfResult(run_id="r", model="m", points=[_point()], sla=SlaResult(variable="parallel", groups=groups))
    assert list(summary.summary(result).items())[:3] == [("rps", 1.5), ("sla/2/parallel", 23), ("sla/unmet", 1)]
