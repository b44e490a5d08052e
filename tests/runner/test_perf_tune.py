"""Searches for a service level, against servers whose capacity is known."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Reason, Verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult, SlaGroup, SlaProbe
from evalkube_runner.errors import TargetFailed
from evalkube_runner.perf import search, sweep, tune
from fakes import load_tests
from fakes.load_tests import context, load, run, spec
from fakes.mock_model import running_mock
from fakes.raw_server import ANSWER, Close, raw_server

URL = "http://h/v1"
Slowed: TypeAlias = Callable[[SlaProbe], bool]
TTFT: dict[str, Any] = {"sla_auto_tune": True, "sla_params": [{"p95_ttft": "<=0.33"}], "sla_num_runs": 2}


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """Serves 6 at once, each for some 240 ms; a seventh waits that long for its first token."""
    with running_mock("--ttft-ms", "200", "--itl-ms", "5", "--tokens", "8", "--concurrency", "6") as url:
        yield url


def answer(
    folder: Path, wanted: PerfRunSpec, anew: Callable[[], None] = lambda: None, *, slowed: Slowed = lambda _: False
) -> tuple[Path, list[str], list[SlaGroup]]:
    """Where the artifacts are, the points, the answers. A search that a busy machine ended is made again: `anew`; so is
    one in which it `slowed` the mock model, by what was measured there, whatever the search made of that.
    """
    for attempt in range(5):
        anew()
        home = folder / str(attempt)
        result = load(home, wanted)
        assert result.sla is not None
        valid = all(point.verdict is not Verdict.INVALID for point in result.points)
        if valid and not any(slowed(probe) for group in result.sla.groups for probe in group.probes):
            return home, [point.name for point in result.points], result.sla.groups
    pytest.fail(f"the machine is too busy: {result.sla}")


def six_are_slow(probe: SlaProbe) -> bool:
    """Whether the mock model did not serve up to 6 at once as it says."""
    return probe.value <= 6 and (probe.figures.get("p95_ttft", 0) > 0.33 or probe.figures.get("goodput", 1) < 0.95)


def test_the_servers_own_concurrency_is_found(tmp_path: Path, mock: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every value that was tried is a point of two runs; the answer is an artifact too."""
    home, names, (group,) = answer(tmp_path, spec(mock, parallel=4, **TTFT), caplog.clear, slowed=six_are_slow)
    assert (group.best, group.point) == (6, "parallel_6_number_24")
    assert names == ["parallel_4_number_20", "parallel_6_number_24", "parallel_7_number_28", "parallel_8_number_32"]
    assert [probe.outcome for probe in group.probes] == ["met", "met", "missed", "missed"]
    assert 0.2 <= group.figures["p95_ttft"] <= 0.33
    assert json.loads((home / "artifacts/sla_summary.json").read_text())["groups"][0]["best"] == 6


def test_a_goodput_is_searched_for(tmp_path: Path, mock: str) -> None:
    """The most requests in flight of which 95 % are good; the figures of each value are in the answer."""
    fields = TTFT | {"sla_params": [{"goodput": ">=0.95"}], "goodput": {"ttft": 0.33, "latency": 5}}
    _, _, (group,) = answer(tmp_path, spec(mock, parallel=4, **fields), slowed=six_are_slow)
    assert (group.best, group.point) == (6, "parallel_6_number_24")
    for probe in group.probes:
        assert (probe.figures["goodput"] >= 0.95) is (probe.outcome == "met")
    assert group.figures["goodput"] >= 0.95
    assert "goodput_rps" in group.figures
    assert "Goodput is" in group.stopped


def test_a_goodput_says_how_many_requests_may_fail(tmp_path: Path) -> None:
    """Other criteria ask that none does."""
    fields = {"sla_lower_bound": 4, "sla_upper_bound": 4, "sla_num_runs": 1, "sla_number_multiplier": 20}
    groups = [{"goodput": ">=0.6"}, {"goodput": ">=0.99"}, {"p95_latency": "<=30"}]
    with running_mock("--ttft-ms", "20", "--fail-rate", "0.2") as url:
        wanted = spec(url, goodput={"latency": 30}, no_test_connection=True, **TTFT | fields | {"sla_params": groups})
        _, _, found = answer(tmp_path, wanted)
    assert [group.best for group in found] == [4, None, None]
    assert "of the requests failed" in found[2].stopped


def test_rows_tell_the_runs_apart(tmp_path: Path, mock: str) -> None:
    """All runs of a value are in one file."""
    home, _, _ = answer(tmp_path, spec(mock, sla_upper_bound=2, sla_lower_bound=2, **TTFT))
    file = home / "artifacts/parallel_2_number_20/requests.jsonl"
    found = load_tests.rows(file)
    assert sorted((row["run"], row["index"]) for row in found) == [(run, at) for run in range(2) for at in range(10)]
    summary = json.loads((file.parent / "benchmark_summary.json").read_text())
    assert (summary["Total requests"], summary["Number of concurrency"]) == (20, 2)


def test_runs_after_the_first_begin_with_open_connections(tmp_path: Path, mock: str) -> None:
    """Two runs of a value open no more than one of them needs."""
    fields = TTFT | {"sla_params": [{"success_rate": ">=1"}], "sla_lower_bound": 2, "sla_upper_bound": 4}
    result = load(tmp_path, spec(mock, parallel=2, **fields))
    assert result.sla is not None
    assert result.sla.runs == 2
    for point in result.points:
        opened = point.histograms.get("connect_ns", Histogram()).count
        assert point.parallel is not None
        assert opened <= point.parallel == point.health.connections_peak


def test_groups_share_points(tmp_path: Path, mock: str) -> None:
    """Two answers from one set of measurements."""
    groups = [{"p95_ttft": "<=0.33"}, {"avg_latency": "<0.01"}]
    wanted = spec(mock, sla_upper_bound=2, **TTFT | {"sla_params": groups, "sla_num_runs": 1})
    _, names, (first, second) = answer(tmp_path, wanted)
    assert (first.best, second.best, len(names)) == (2, None, 2)
    assert "Latency mean is 0.2" in second.stopped


def test_a_rate_in_open_loop(tmp_path: Path, mock: str) -> None:
    """Named by the rate, sent by the schedule."""
    fields = TTFT | {"sla_num_runs": 1, "sla_upper_bound": 20, "sla_number_multiplier": 0.5}
    fields["sla_params"] = [{"p95_ttft": "<=5"}]
    home, names, (group,) = answer(tmp_path, spec(mock, sla_variable="rate", rate=20, **fields))
    assert (group.best, names) == (20, ["rate_20_number_20"])
    arguments = json.loads((home / "artifacts/rate_20_number_20/benchmark_args.json").read_text())
    assert (arguments["parallel"], arguments["rate"]) == (None, 20)


@pytest.mark.parametrize(
    ("fields", "value", "load"),
    [
        ({}, 4, ("parallel_4_number_24", 8, 4, None, 0)),
        ({}, 1, ("parallel_1_number_21", 7, 1, None, 0)),
        ({"sla_params": [{"p99_latency": "<1"}]}, 1, ("parallel_1_number_102", 34, 1, None, 0)),
        ({"sla_number_multiplier": 10, "warmup_num": 0.1}, 4, ("parallel_4_number_120", 40, 4, None, 4)),
        ({"rate": 5}, 4, ("parallel_4_number_24", 8, 4, 5.0, 0)),
        ({"sla_variable": "rate"}, 1.5, ("rate_1.5_number_135", 45, None, 1.5, 0)),
        ({"sla_variable": "rate", "sla_fixed_parallel": 7}, 2, ("rate_2_number_180", 60, 7, 2, 0)),
        ({"sla_variable": "rate", "sla_number_multiplier": 0.1}, 1, ("rate_1_number_21", 7, None, 1, 0)),
    ],
)
def test_the_load_at_a_value(fields: dict[str, Any], value: float, load: tuple[Any, ...]) -> None:
    """The name is that of all three runs; a rate runs for half a minute."""
    point = tune.run_of(spec(URL, sla_auto_tune=True, **{"sla_params": [{"rps": "max"}]} | fields), value)
    assert (point.name, point.number, point.parallel, point.rate, point.warmup) == load


@pytest.mark.parametrize(
    ("fields", "space"),
    [
        ({}, search.Space(1, 500, 1, True)),
        ({"parallel": 8}, search.Space(1, 500, 8, True)),
        ({"parallel": 8, "sla_upper_bound": 6, "sla_lower_bound": 2}, search.Space(2, 6, 6, True)),
        ({"sla_variable": "rate", "rate": 0.5, "sla_lower_bound": 0.2}, search.Space(0.2, 65_536, 0.5, False)),
    ],
)
def test_what_may_be_tried(fields: dict[str, Any], space: search.Space) -> None:
    """From the given load on, within the bounds and within what can be held here."""
    wanted = spec(URL, sla_auto_tune=True, sla_params=[{"rps": "max"}], **fields)
    assert tune.space_of(wanted, 500) == space


def test_a_cancelled_search_leaves_its_rows(tmp_path: Path, mock: str) -> None:
    """Of a value that was not finished, too."""

    async def work() -> None:
        wanted = spec(mock, parallel=4, sla_number_multiplier=50, **TTFT)
        running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
        await load_tests.asked(mock, 10)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    run(work())
    found = load_tests.rows(tmp_path / "artifacts/parallel_4_number_400/requests.jsonl")
    assert {row["run"] for row in found} == {0}
    assert [row["error"] for row in found].count("cancelled") == 4


def test_an_invalid_run_is_made_again(tmp_path: Path, mock: str) -> None:
    """It speaks neither for nor against the server; its rows are not among those of the value."""

    async def work() -> PerfResult:
        wanted = spec(mock, parallel=4, **TTFT | {"sla_lower_bound": 4, "sla_upper_bound": 4, "sla_num_runs": 1})
        running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
        await load_tests.asked(mock, 2)
        (worker,) = load_tests.workers()
        os.kill(worker, signal.SIGSTOP)
        await asyncio.sleep(0.5)
        os.kill(worker, signal.SIGCONT)
        return await running

    result = run(work())
    assert result.sla is not None
    (group,) = result.sla.groups
    assert len(load_tests.rows(tmp_path / "artifacts/parallel_4_number_20/requests.jsonl")) == 20
    assert group.probes[-1].outcome in ("met", "invalid")  # a busy machine may spoil every try
    assert (group.best == 4) is (group.probes[-1].outcome == "met")


def test_a_search_whose_target_goes_ends_at_once(tmp_path: Path) -> None:
    """No further run and no further value is tried; what was found before stands, and the run has failed."""

    async def work() -> PerfResult:
        async with raw_server(lambda _connection, _request: [0.1, ANSWER, Close()]) as server:
            fields = {"sla_num_runs": 3, "sla_number_multiplier": 1, "target_grace": 0.3, "sla_upper_bound": 1000}
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", sla_variable="rate", rate=30, **TTFT | fields)
            running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
            while server.connections < 100 and not running.done():  # of 90 of the first value
                await asyncio.sleep(0.005)
            server.close()
            return await running

    with pytest.raises(TargetFailed) as failed:
        run(work())
    assert failed.value.reason is Reason.TARGET_UNREACHABLE
    result = failed.value.result
    assert result.sla is not None
    (group,) = result.sla.groups
    assert "the target was gone: no connection in the last" in group.stopped
    assert len(result.points) < 3
    assert sum(len(point.stopped) for point in result.points) == 1, "one run, and none after it"
