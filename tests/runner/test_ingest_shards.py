"""Shards of a run as ingest brings them together, on a real socket: one start, news of each other, the whole result."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.names import Kind, Reason
from evalkube_crds.results import EvalResult
from evalkube_operator.ingest.limits import Limits
from evalkube_runner.errors import RunFailed
from fakes.ingest import Ingest, delivering, pods, serving
from fakes.raw_server import Close, raw_server
from fakes.stores import opened


def test_shards_start_together(tmp_path: Path) -> None:
    """On their own clocks, polling as often as it takes; one that never comes is named."""

    async def scenario(ingest: Ingest) -> None:
        async with contextlib.AsyncExitStack() as stack:
            deliveries = [
                await stack.enter_async_context(delivering(ingest.url, tmp_path, shard=shard)) for shard in range(2)
            ]
            first = asyncio.create_task(deliveries[0].start_together())
            await asyncio.sleep(0.25)
            instants = [await deliveries[1].start_together(), await first]
            assert len({instant.start_at_ns for instant in instants}) == 1
            for instant in instants:  # ingest is of this machine, so its clock is known here
                true_ns = instant.start_at_ns - time.time_ns() + time.monotonic_ns()
                assert instant.doubt_ns is not None
                assert instant.doubt_ns < 150_000_000  # half of what a question may take
                assert abs(instant.monotonic_ns - true_ns) <= instant.doubt_ns + 1_000_000

    with serving(opened("volume", tmp_path / "s"), pods(2, kind=Kind.PERF_RUN), poll_s=0.1) as ingest:
        asyncio.run(scenario(ingest))


def test_a_shard_hears_of_the_others(tmp_path: Path) -> None:
    """As far as ingest says anything: one that is away, or does not know how, keeps nobody waiting."""
    news = LoadNews(turn=0, sent=5, failed=2)

    async def scenario(url: str, *, shard: int) -> OthersNews | None:
        async with delivering(url, tmp_path, shard=shard) as delivery:
            return await delivery.share(news)

    with serving(opened("volume", tmp_path / "s"), pods(2, kind=Kind.PERF_RUN)) as ingest:
        assert asyncio.run(scenario(ingest.url, shard=0)) == OthersNews()
        assert asyncio.run(scenario(ingest.url, shard=1)) == OthersNews(loading=1, sent=5, failed=2)
        assert asyncio.run(scenario(f"{ingest.url}/older", shard=0)) is None
        ingest.core.close("pod-0")
        assert asyncio.run(scenario(ingest.url, shard=0)) is None
    assert asyncio.run(scenario("http://127.0.0.1:9", shard=0)) is None


class _LateFirstAnswer:
    """The first answer of the barrier is on its way for a while, as through a busy operator."""

    def __init__(self, app: ASGIApp, late_s: float) -> None:
        self._app = app
        self._late_s = late_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith("/barrier") or not self._late_s:
            return await self._app(scope, receive, send)
        late_s, self._late_s = self._late_s, 0.0

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(late_s)
            await send(message)

        return await self._app(scope, receive, late)


def test_a_start_is_precise_though_the_word_of_it_comes_late(tmp_path: Path) -> None:
    """How long an answer was on its way is no part of when a shard begins."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            instant = await delivery.start_together()
            true_ns = instant.start_at_ns - time.time_ns() + time.monotonic_ns()
            assert abs(instant.monotonic_ns - true_ns) < 500_000_000

    with serving(opened("volume", tmp_path / "s"), pods(kind=Kind.PERF_RUN), lead_s=4) as ingest:
        ingest.application.add_middleware(_LateFirstAnswer, late_s=1.0)
        asyncio.run(scenario(ingest))


def test_a_start_that_does_not_come_ends_the_run(tmp_path: Path) -> None:
    """With the shards that were not there."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            with pytest.raises(RunFailed, match=r"shards \[1, 2\]") as failed:
                await delivery.start_together(patience_s=0.2)
            assert failed.value.reason is Reason.BARRIER_TIMEOUT

    with serving(opened("volume", tmp_path / "s"), pods(3), poll_s=0.1) as ingest:
        asyncio.run(scenario(ingest))


def _part(shard: int) -> EvalResult:
    return EvalResult(run_id="my-run", model="m", shards=[shard], of_shards=2)


def test_the_last_shard_is_given_the_whole_run(tmp_path: Path) -> None:
    """It reads what the others left, and what it writes is the run's own; it hears of what is refused."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as first, delivering(ingest.url, tmp_path, shard=1) as second:
            await first.append("p.jsonl", b"1\n")
            await second.append("p.jsonl", b"2\n")
            assert await first.result(_part(0)) is None
            whole = await second.result(_part(1))
            assert whole is not None
            assert EvalResult.model_validate_json(await whole.result_of(0)) == _part(0)
            assert (await whole.get("p.jsonl"), await whole.get("none #1")) == (b"1\n2\n", None)
            await whole.put("none #1", b"x")
            assert await whole.get("none #1") == b"x"
            with pytest.raises(RunFailed, match="too_large"):
                await whole.put("big", bytes(2 << 20))
            assert second.complete

    with serving(opened("volume", tmp_path / "s"), pods(2), limits=Limits(artifact_bytes=1 << 20)) as ingest:
        asyncio.run(scenario(ingest))


def test_an_older_ingest_says_nothing_of_the_whole(tmp_path: Path) -> None:
    """Its empty answer means: not the last."""

    async def scenario() -> None:
        async with (
            raw_server(lambda *_: [b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", Close()]) as old,
            delivering(f"http://127.0.0.1:{old.port}", tmp_path, shard=1) as delivery,
        ):
            assert await delivery.result(_part(1)) is None
            assert delivery.complete

    asyncio.run(scenario())
