"""Good requests in the report: their share, their throughput, and what makes one."""

from typing import Any

from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import html
from evalkube_report.load_test import tables
from fakes.tables import text_of


def result(*goods: int | None, **more: Any) -> PerfResult:
    """Points of ten requests in four seconds."""
    times = {"started_at_ns": NANO, "ended_at_ns": 5 * NANO}
    points = [
        PerfPoint(name=f"parallel_{at}_number_10", number=10, parallel=at, succeeded=9, failed=1, good=good, **times)
        for at, good in enumerate(goods, start=1)
    ]
    return PerfResult(run_id="r", model="m", points=points, **more)


def page(found: PerfResult, **fields: Any) -> str:
    return html.perf_report(found, spec=PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1", **fields}))


def test_of_one_point() -> None:
    """As the first thing to see, in the table, and with the times that were asked for."""
    shown = page(result(8), goodput={"ttft": 0.2, "tpot": 0.05})
    for text in ("Goodput", "80.0", "2.000 good requests/s", "TTFT &lt;= 0.2 s, TPOT &lt;= 0.05 s"):
        assert text in shown, text
    for title in ("Goodput", "Good requests/s"):  # among the point's facts, and in the glossary
        assert shown.count(f"<dt>{title}</dt>") == 2, title
    summary = text_of(tables.summary_table(result(8)))
    assert "Goodput" in summary
    assert "Good requests/s" in summary


def test_of_a_sweep() -> None:
    """The point with the most good requests a second; a point that nobody counted is a dash."""
    shown = page(result(2, 8, None), goodput={"latency": 1})
    assert "Most good requests per second" in shown
    assert "at parallel_2_number_10" in shown


def test_nothing_where_nobody_asked() -> None:
    """No column of dashes, and no word that means nothing here."""
    assert "Goodput" not in page(result(None, None))
    assert "ood requests" not in text_of(tables.summary_table(result(None)))
