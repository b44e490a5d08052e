"""The server's own view in the report of a load test."""

from typing import Any

from evalkube_crds.histogram import Histogram
from evalkube_crds.perf_point import PerfPoint, PerfSeries, ServerGauge, ServerHistogram, ServerView
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_crds.seed import response
from evalkube_report import html
from evalkube_report.load_test import server_section

GIB = 1 << 30


def gauge(low: float, high: float) -> ServerGauge:
    """Of two scrapes."""
    return ServerGauge(samples=2, low=low, high=high, total=low + high)


def view(**fields: Any) -> ServerView:
    """A vLLM and a GPU."""
    whole: dict[str, Any] = {
        "servers": ["vLLM", "DCGM"],
        "gauges": {"waiting": gauge(0, 6), "running": gauge(2, 4), "kv_cache": gauge(0.2, 0.4)},
        "counters": {"generation_tokens": 1000.0, "prefix_cache_queries": 100.0, "prefix_cache_hits": 25.0},
        "histograms": {"ttft": ServerHistogram(count=100, total=4.0, bounds=[0.025, 0.05], counts=[10, 80, 10])},
        "gpus": {"n/0": {"utilization": gauge(0.5, 0.9), "memory_used_bytes": gauge(60 * GIB, 70 * GIB)}},
        "series": {"running": [2.0, None, 4.0, 3.0], "waiting": [0.0, 6.0, 1.0, 0.0], "ttft": [None, 0.04, 0.04, 0.03]},
        "scrapes": 6,
        "scrape_ns": 60_000_000,
        "span_ns": 5 * NANO,
    }
    return ServerView(**{**whole, **fields})


def point(server: ServerView | None) -> PerfPoint:
    """Of 100 requests, whose mean TTFT the client measured as 45 ms."""
    ttft = Histogram()
    ttft.extend([45_000_000] * 100)
    series = PerfSeries(sent=[40, 30, 30], succeeded=[30, 30, 40], failed=[0, 0, 0], ttft_ns_sum=[1, 1, 1])
    return PerfPoint(
        name="p", number=100, parallel=4, succeeded=100, server=server, histograms={"ttft_ns": ttft}, series=series
    )


def cells(found: server_section.ServerSection) -> list[tuple[str, ...]]:
    """The rows of all tables."""
    return [row.cells for table in found.tables for row in table.rows]


def test_the_tables_say_what_server_and_client_measured() -> None:
    """Means, their difference, and the buckets of the percentiles."""
    found = server_section.section(point(view()))
    assert found is not None
    assert (
        "Time to first token (TTFT)",
        "40.00",
        "45.00",
        "5.000",
        "25.00 to 50.00",
        "25.00 to 50.00",
        "over 50.00",
        "100",
    ) in cells(found)
    assert ("Requests waiting", "0", "3", "6", "2") in cells(found)
    assert ("KV cache in use, %", "20.00", "30.00", "40.00", "2") in cells(found)
    assert ("n/0", "70.00 (90.00)", "65.00 (70.00)") in cells(found)
    assert ("Tokens found in the prefix cache", "25.0 %") in found.facts


def test_courses_stand_beside_the_client_s() -> None:
    """What was in flight there and ran here; an interval without a scrape has the value before it."""
    found = server_section.section(point(view()))
    assert found is not None
    requests, ttft = found.series
    assert "in flight (client): 0 to 10; running: 2 to 4; waiting: 0 to 6" in requests.drawing
    assert ttft.title == "Mean TTFT"


def test_a_point_whose_server_could_not_be_read_has_the_reason() -> None:
    """And no empty table."""
    found = server_section.section(point(ServerView(notes=["no server metrics: http://h/metrics: HTTP 404"])))
    assert found == server_section.ServerSection((), (), (), ("no server metrics: http://h/metrics: HTTP 404",))


def test_the_page_shows_it_and_escapes_what_servers_say() -> None:
    """Where the run asked for it."""
    spec = PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1", "data_source": "sample"})
    noted = view(notes=["<script>"])
    for server, shown in ((noted, True), (None, False)):
        page = html.perf_report(PerfResult(run_id="r", model="m", points=[point(server)]), spec=spec)
        assert ("As the server saw it" in page) is shown
        assert "<li><script>" not in page


def test_the_response_has_it_beside_metrics_and_percentiles() -> None:
    """Only where the run asked for it."""
    told = response(PerfResult(run_id="r", model="m", points=[point(view()), point(None)]))
    assert told["p"].keys() == {"metrics", "percentiles"}
    first = response(PerfResult(run_id="r", model="m", points=[point(view())]))
    assert first["p"]["server"]["figures"]["server_waiting_max"] == 6
