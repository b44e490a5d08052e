"""The steady part of a load test on its page."""

import re

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import STEADY_ABSENCES, SteadyAbsence, TokenBasis, Verdict
from evalkube_crds.perf_point import PerfPoint, PerfSeries, SteadyWindow
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import html
from evalkube_report.load_test import steady_section

SPEC = PerfRunSpec(model="m", url="http://127.0.0.1/v1", data_source="sample")


def times(*values_ms: int) -> Histogram:
    found = Histogram()
    found.extend(value * 1_000_000 for value in values_ms)
    return found


WINDOW = SteadyWindow(
    windows=1,
    started_at_ns=102 * NANO,
    ended_at_ns=108 * NANO,
    length_ns=6 * NANO,
    run_ns=10 * NANO,
    succeeded=60,
    rates={"requests": 10 * NANO, "output_tokens": 100 * NANO, "in_flight": 4 * NANO},
    histograms={"latency_ns": times(400)},
)
NONE = SteadyWindow(absent={SteadyAbsence.UNSETTLED: 1}, run_ns=10 * NANO)


def point(steady: SteadyWindow | None, name: str = "parallel_4_number_80") -> PerfPoint:
    return PerfPoint(
        name=name,
        number=80,
        parallel=4,
        succeeded=80,
        output_tokens=800,
        token_basis={TokenBasis.USAGE: 80},
        histograms={"latency_ns": times(400, 900)},
        started_at_ns=100 * NANO,
        ended_at_ns=110 * NANO,
        series=PerfSeries(sent=[8] * 10, succeeded=[8] * 10, latency_ns_sum=[NANO] * 10),
        steady=steady,
    )


def page(*points: PerfPoint) -> str:
    return html.perf_report(PerfResult(run_id="r", model="m", points=list(points)), spec=SPEC)


def test_it_stands_beside_the_whole_run() -> None:
    """Rates, success and requests in flight; the times; from when to when, and how much of the run that is."""
    found = steady_section.section(point(WINDOW))
    assert found is not None
    rates, spans = found.tables
    assert rates.columns == ("Part", "Requests/s", "Output tok/s", "Success", "In flight, mean")
    assert rates.rows[0].cells == ("Steady part", "10.00", "100.0", "100 %", "4.000")
    assert rates.rows[1].cells[:3] == ("Whole run", "8.000", "80.00")
    assert [row.cells[:2] for row in spans.rows] == [("Latency, steady part", "400.0"), ("Latency, whole run", "650.0")]
    assert dict(found.facts) == {
        "Begins after": "2.00 s",
        "Length": "6.00 s",
        "Share of the run": "60.0 %",
        "Requests sent in it": "60",
    }


def test_the_page_shows_it_and_shades_it_over_time() -> None:
    """In every plot over time, and in no other; without a second file."""
    text = page(point(WINDOW))
    assert "While the load was steady" in text
    assert len(re.findall('class="shade"', text)) == len(re.findall("over time</title>", text)) > 0


def test_the_page_says_why_there_is_none() -> None:
    """And shades nothing; a document of before says nothing at all."""
    text = page(point(NONE))
    assert STEADY_ABSENCES[SteadyAbsence.UNSETTLED] in text
    assert 'class="shade"' not in text
    assert "While the load was steady" not in page(point(None))


def test_a_sweep_has_a_table_of_those_that_there_are() -> None:
    """One row for each point with a steady part, marked by its verdict; no table where none has."""
    points = [point(WINDOW, "a"), point(NONE, "b"), point(WINDOW, "c")]
    points[2].verdict = Verdict.INVALID
    table = steady_section.sweep_table(PerfResult(run_id="r", model="m", points=points))
    assert table is not None
    assert [row.cells[:4] for row in table.rows] == [(name, "60.0 %", "4.000", "10.00") for name in ("a", "c")]
    assert [row.mark for row in table.rows] == ["", "invalid"]
    assert steady_section.sweep_table(PerfResult(run_id="r", model="m", points=[point(NONE)])) is None
    assert len({len(row.cells) for row in table.rows} | {len(table.columns)}) == 1
