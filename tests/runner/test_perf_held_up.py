"""Whole load tests whose client stands still, or is ended before its load is over."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from evalkube_crds.names import Verdict
from evalkube_crds.results import PerfResult
from evalkube_runner.perf import bodies, sweep
from fakes.load_tests import asked, context, point_rows, run, spec, workers, written
from fakes.mock_model import running_mock
from fakes.raw_server import Hang, raw_server

MS = 1_000_000


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model with a TTFT of 30 ms and 4 tokens in 9 ms."""
    with running_mock("--ttft-ms", "30", "--itl-ms", "3", "--tokens", "4") as url:
        yield url


@pytest.fixture(scope="module")
def fast_mock() -> Iterator[str]:
    """A mock model that answers at once."""
    with running_mock("--tokens", "4") as url:
        yield url


def test_a_stalled_client_is_not_valid(tmp_path: Path, mock: str) -> None:
    """A worker that stood still for half a second does not blame the server."""

    async def work() -> PerfResult:
        running = asyncio.ensure_future(sweep.load_test(spec(mock, number=200, parallel=4), context(tmp_path)))
        await asked(mock, 20)
        started = workers()
        os.kill(started[0], signal.SIGSTOP)
        await asyncio.sleep(0.5)
        os.kill(started[0], signal.SIGCONT)
        return await running

    point = run(work()).points[0]
    assert point.verdict is not Verdict.VALID
    assert "stall" in " ".join(point.verdict_reasons)
    assert point.health.loop_lag_ns.high > 400 * MS


def test_short_stalls_weigh_what_they_touched(tmp_path: Path, mock: str) -> None:
    """Of 90 ms, less than any stall that is held against a client by its length. The kernel tells when an answer came,
    and the pace of others when the first token of several did that one read brought: that the load was lower is what
    a stall still changes.
    """

    async def work() -> PerfResult:
        running = asyncio.ensure_future(sweep.load_test(spec(mock, number=200, parallel=4), context(tmp_path)))
        await asked(mock, 8)
        started = workers()
        for _ in range(5):
            os.kill(started[0], signal.SIGSTOP)
            await asyncio.sleep(0.09)
            os.kill(started[0], signal.SIGCONT)
            await asyncio.sleep(0.06)
        return await running

    point = run(work()).points[0]
    assert point.verdict is not Verdict.VALID
    assert "the load was lower by this share" in " ".join(point.verdict_reasons)
    assert point.health.delayed["ttft_ns"].count >= 10
    assert point.health.loop_lag_ns.high > 80 * MS


def test_cancelling_ends_the_workers(tmp_path: Path) -> None:
    """Nothing goes on after a cancelled load test; what was in flight is on record."""

    async def work() -> None:
        async with raw_server(lambda _connection, _request: [Hang()]) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", number=10, no_test_connection=True)
            running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
            await server.asked.wait()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    run(work())
    assert not workers()
    assert [row["error"] for row in point_rows(tmp_path, "parallel_1_number_10")] == ["cancelled"]


def test_a_load_without_end_is_not_rendered_to_its_end(tmp_path: Path, fast_mock: str) -> None:
    """A hundred million requests begin soon, need little disk, and are cancelled at once; nothing is left of them."""

    async def work() -> tuple[float, int]:
        wanted = spec(fast_mock, number=100_000_000, dataset="random", min_prompt_length=500, max_prompt_length=500)
        running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
        await asked(fast_mock, 20)
        size = sum(path.stat().st_size for path in scratch.iterdir())
        began = time.monotonic()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return time.monotonic() - began, size

    scratch = tmp_path / "scratch"
    took_s, size = run(work())
    assert took_s < 10
    assert size < 1.5 * bodies.AHEAD_BYTES
    assert not list(scratch.glob("bodies*"))


def test_a_cancelled_sweep_leaves_its_rows(tmp_path: Path, mock: str) -> None:
    """All of the points that are over, and of the running one those that were sent."""

    async def work() -> None:
        running = asyncio.ensure_future(
            sweep.load_test(spec(mock, number=[6, 500], parallel=[3, 5]), context(tmp_path))
        )
        await written(tmp_path / "artifacts/parallel_3_number_6/requests.jsonl")
        await asked(mock, 20)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    run(work())
    assert len(point_rows(tmp_path, "parallel_3_number_6")) == 6
    errors = [row["error"] for row in point_rows(tmp_path, "parallel_5_number_500")]
    assert 5 < len(errors) < 500
    assert (errors.count("cancelled"), errors.count(None)) == (5, len(errors) - 5)


def test_a_signal_to_the_whole_group_leaves_the_rows_too(tmp_path: Path, mock: str) -> None:
    """As a service stops a run: the workers get the same SIGTERM as their parent."""

    async def work() -> None:
        running = asyncio.ensure_future(sweep.load_test(spec(mock, number=500, parallel=5), context(tmp_path)))
        await asked(mock, 20)
        for worker in workers():
            os.kill(worker, signal.SIGTERM)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    run(work())
    assert [row["error"] for row in point_rows(tmp_path, "parallel_5_number_500")].count("cancelled") == 5
