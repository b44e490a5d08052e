"""Load tests that read their server's metrics: real worker processes, a server that counts what it does."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds import server_view
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.targets import TargetRules
from evalkube_runner.context import RunContext, StartInstant
from evalkube_runner.gate import Gate
from evalkube_runner.perf import sweep
from fakes import load_tests
from fakes.metrics_server import MetricsServer, metrics_server, said

Change = Callable[[MetricsServer], Any]


def measured(
    folder: Path, *, change: Change | None = None, hold: bool = False, rules: TargetRules | None = None, **fields: Any
) -> PerfPoint:
    """A point of 24 requests, 4 at a time; `change` is done to the server once its metrics have told most of them.
    With `hold` (or a change) the server waits for that, so that a scrape lies within the load on a slow machine too.
    """

    async def work() -> PerfPoint:
        async with metrics_server(hold=16 if hold or change is not None else None) as server, asyncio.timeout(100):
            wanted = {"server_metrics": {"interval": 0.1}, "no_test_connection": True, **fields}
            spec = load_tests.spec(server.url, **{"number": 24, "parallel": 4, **wanted})
            context: RunContext = replace(load_tests.context(folder), gate=Gate(rules))
            test = asyncio.create_task(sweep.load_test(spec, context))
            while change is not None and server.told < 16:
                await asyncio.sleep(0.005)
            if change is not None:
                change(server)
            return (await test).points[0]

    return load_tests.run(work())


def rows(folder: Path, point: PerfPoint, name: str) -> list[dict[str, Any]]:
    """The lines of an artifact."""
    return load_tests.rows(folder / "artifacts" / point.name / name)


def test_a_point_has_the_server_s_figures_beside_the_client_s(tmp_path: Path) -> None:
    """Of the same requests, so that the difference of the means is what lies between the two."""
    point = measured(tmp_path, hold=True)
    figures = server_view.figures(point)
    assert point.server is not None
    assert (point.succeeded, point.server.notes) == (24, [])
    assert point.server.histograms["ttft"].count == 24
    assert point.server.histograms["itl"].count == 72
    assert point.server.counters["generation_tokens"] == 96
    assert 0 < figures["server_running_max"] <= 4
    mean = point.histograms["ttft_ns"].mean
    assert mean is not None
    assert figures["server_ttft_difference_s"] == pytest.approx(mean / 1e9 - figures["server_ttft_mean_s"])
    assert figures["server_ttft_difference_s"] > 0


def test_scrapes_are_rows_on_the_clock_of_the_requests(tmp_path: Path) -> None:
    """The first before the first request, the last after the last one, and some between."""
    point = measured(tmp_path, hold=True)
    scrapes, requests = rows(tmp_path, point, "server_metrics.jsonl"), rows(tmp_path, point, "requests.jsonl")
    assert scrapes[0]["at_ns"] < min(row["sent_ns"] for row in requests)
    assert scrapes[-1]["at_ns"] > max(row["end_ns"] for row in requests)
    assert [row["at_ns"] for row in scrapes] == sorted(row["at_ns"] for row in scrapes)
    assert scrapes[-1]["requests"] - scrapes[0]["requests"] == 24
    assert len(scrapes) > 2


def test_a_run_that_does_not_ask_sends_nothing_but_requests(tmp_path: Path) -> None:
    """And leaves nothing of it."""

    async def work() -> tuple[PerfPoint, int]:
        async with metrics_server() as server:
            spec = load_tests.spec(server.url, number=4, parallel=4)
            return (await sweep.load_test(spec, load_tests.context(tmp_path))).points[0], len(server.heads)

    point, asked = load_tests.run(work())
    assert (point.succeeded, point.server, asked) == (4, None, 0)
    assert not (tmp_path / "artifacts" / point.name / "server_metrics.jsonl").exists()


def test_the_key_goes_to_the_endpoint_s_own_page_alone(tmp_path: Path) -> None:
    """Not to another port of the same host; and it is in no artifact."""

    async def work() -> list[list[str]]:
        async with metrics_server() as own, metrics_server() as other:
            urls = [f"http://127.0.0.1:{server.port}/metrics" for server in (own, other)]
            spec = load_tests.spec(own.url, number=4, parallel=4, server_metrics={"url": urls})
            context = replace(load_tests.context(tmp_path), api_key="k-e-y")
            await sweep.load_test(spec, context)
            return [own.heads, other.heads]

    own, other = load_tests.run(work())
    assert own
    assert other
    assert all("Authorization: Bearer k-e-y" in head for head in own)
    assert not any("k-e-y" in head for head in other)
    assert not any(b"k-e-y" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def gone(server: MetricsServer) -> None:
    """Its page is not found from now on."""
    server.pages = lambda _: said(b"", 404)


TROUBLE: list[tuple[str, dict[str, Any], str]] = [
    (
        "no such page",
        {"server_metrics": {"url": "http://127.0.0.1:9/metrics"}},
        "no server metrics: http://127.0.0.1:9/",
    ),
    ("a forbidden one", {"server_metrics": {"url": "http://169.254.169.254/metrics"}}, "is a link-local or metadata"),
    ("a host that is none", {"server_metrics": {"url": "http://\u2488com/metrics"}}, "IDNA"),
    ("restarted", {"change": MetricsServer.restart}, "its counters fell during the load"),
    ("gone on the way", {"change": gone}, "no scrape after the load"),
]


@pytest.mark.parametrize(("more", "words"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
def test_trouble_with_metrics_is_never_the_run_s(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    """Its requests succeed, and its result says what is missing."""
    point = measured(tmp_path, rules=TargetRules(), **more)
    assert point.succeeded == 24
    assert point.server is not None
    assert any(words in note for note in point.server.notes), point.server.notes
    assert point.server.histograms == {}


def test_a_warm_up_is_left_out_as_far_as_scrapes_tell(tmp_path: Path) -> None:
    """Where a scrape fell into it, counting begins there; else the note says that its requests may be in."""
    point = measured(tmp_path, warmup_num=40)
    assert point.server is not None
    assert 24 <= point.server.counters["requests"] <= 64
    assert point.warmup == 40


def test_of_several_shards_the_first_alone_scrapes(tmp_path: Path) -> None:
    """What a server says is of the whole load."""

    async def work() -> tuple[PerfPoint, int]:
        async with metrics_server() as server:
            spec = load_tests.spec(server.url, number=8, parallel=4, server_metrics={}, no_test_connection=True)

            async def start(_turn: int) -> StartInstant:
                return StartInstant(time.monotonic_ns(), time.time_ns())

            context = replace(load_tests.context(tmp_path), shard=1, shards=2, start=start)
            return (await sweep.load_test(spec, context)).points[0], len(server.heads)

    point, asked = load_tests.run(work())
    assert (point.succeeded, point.server, asked) == (4, None, 0)


def test_the_runs_of_a_search_are_one_view(tmp_path: Path) -> None:
    """Their counts add up, and each row says of which run it is."""
    search: dict[str, Any] = {"sla_auto_tune": True, "sla_params": [{"p99_latency": "<= 30"}], "sla_num_runs": 2}
    point = measured(tmp_path, number=1, parallel=2, sla_upper_bound=2, sla_lower_bound=2, **search)
    assert point.server is not None
    assert point.server.histograms["ttft"].count == point.succeeded
    scrapes = rows(tmp_path, point, "server_metrics.jsonl")
    assert {row["run"] for row in scrapes} == {0, 1}
