"""Shards of a load test end a point early together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds import merge
from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.names import Reason, Verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_crds.target_failure import failure_of
from evalkube_runner.perf.others import OtherShards
from evalkube_runner.perf.stopping import Early, Limits
from evalkube_runner.perf.task import Progress
from evalkube_runner.redact import Redactor, redacting
from fakes.meeting import Meeting
from fakes.raw_server import ANSWER, Close, RawServer, Step, http_answer, raw_server

REFUSED = http_answer(b"{}", b"429 Too Many")
LEFT_OUT = ["not measured: the target could not be reached any more"]

# name: what this shard told, what others did (None: nobody answers), whether the load ends, after so many seconds
LOST = Progress(unconnected=50, unconnected_since_ns=0, problem="connect: refused")
FAILED = Progress(measured=40, sent=40, failed=40)
FINE = Progress(measured=40, sent=40)
DECISIONS: dict[str, tuple[Progress, OthersNews | None, float, Early | None]] = {
    "lost, and so are the others": (LOST, OthersNews(loading=2, lost=2), 1, Early("", gone=True)),
    "lost, and another is not": (LOST, OthersNews(loading=2, lost=1), 60, None),
    "lost, and the others have ended": (LOST, OthersNews(sent=500), 1, Early("", gone=True)),
    "lost, and nobody says how the others are": (LOST, None, 1, None),
    "lost, and nobody says so for long": (LOST, None, 4, Early("", gone=True)),
    "failed, few of all": (FAILED, OthersNews(loading=1, sent=800), 60, None),
    "failed, many of all": (FAILED, OthersNews(loading=1, sent=80), 1, Early("", gone=False)),
    "failed, and nobody says how the others are": (FAILED, None, 4, Early("", gone=False)),
    "fine, and another failed": (FINE, OthersNews(loading=1, sent=40, failed=40), 1, Early("", gone=False)),
    "fine, and another has ended it": (FINE, OthersNews(ended="no connection", gone=True), 1, Early("", gone=True)),
    "fine, and nobody says anything": (FINE, None, 60, None),
}


@pytest.mark.parametrize(("told", "word", "after_s", "early"), DECISIONS.values(), ids=DECISIONS)
def test_the_load_of_all_decides(told: Progress, word: OthersNews | None, after_s: float, early: Early | None) -> None:
    """Who hears of the others judges all of it; who hears nothing judges its own after some seconds."""

    async def share(_news: LoadNews) -> OthersNews | None:
        return word

    async def look() -> Early | None:
        others = OtherShards(share, 0, 3)
        found = None
        for step in range(int(after_s * 10) + 1):
            found = others.early(Limits(100, 0.1, 30, 1000), [told], 1000 * NANO + step * NANO // 10)
            if found is not None:
                return found
            await asyncio.sleep(0)  # what was asked is answered
            await asyncio.sleep(0)
        return found

    found = asyncio.run(look())
    assert (found is not None) is (early is not None)
    assert found is None or found.gone is (early is not None and early.gone)


# name: what the others did, what the last word of a shard is that ends its load then
WORDS: dict[str, tuple[OthersNews, str, bool]] = {
    "its own decision": (OthersNews(loading=1, sent=10), "max_error_rate 10 %, 40 of 50 of all shards failed", False),
    "another's decision, which that one tells": (OthersNews(ended="no more", gone=True), "", False),
}


@pytest.mark.parametrize(("word", "ended", "gone"), WORDS.values(), ids=WORDS)
def test_who_decides_tells_why(word: OthersNews, ended: str, *, gone: bool) -> None:
    """Once, and nobody hears his own word again from another."""
    told: list[LoadNews] = []

    async def share(news: LoadNews) -> OthersNews | None:
        told.append(news)
        return word

    async def ends() -> None:
        limits, others = Limits(100, 0.1, 30, 200), OtherShards(share, 4, 2)
        for step in range(1, 1000):
            if others.early(limits, [FAILED], step * NANO) is not None:
                break
            await asyncio.sleep(0)
        for _ in range(2):
            await others.leave(limits, [FAILED])

    asyncio.run(ends())
    *before, last = told
    assert not any(news.over or news.ended for news in before)
    assert last == LoadNews(turn=4, sent=40, failed=40, over=True, ended=ended, gone=gone)


def _spec(url: str, **fields: Any) -> PerfRunSpec:
    given = {"number": [2_000, 40], "parallel": [4, 4], "rate": [400.0, 400.0], "target_grace": 0.5}
    fixed = {"data_source": "sample", "sleep_interval": 0, "no_test_connection": True, "shards": 2}
    return PerfRunSpec(model="m", url=url, **{**given, **fixed, **fields})


@asynccontextmanager
async def _server(answers: Sequence[Step]) -> AsyncIterator[tuple[RawServer, str]]:
    async with raw_server(lambda _connection, request: [answers[request % len(answers)], Close()]) as server:
        yield server, f"http://127.0.0.1:{server.port}/v1"


async def _lost(folder: Path, meeting: Meeting, after: int, **fields: Any) -> list[PerfResult]:
    """Two shards of a load whose target goes after so many connections."""
    async with _server([ANSWER]) as (server, url):
        running = asyncio.ensure_future(meeting.all(folder, *[_spec(url, **fields)] * 2))
        while server.connections < after:
            await asyncio.sleep(0.005)
        server.close()
        return await running


@pytest.mark.parametrize("fields", [{}, {"warmup_num": 1_900.0}], ids=["while measured", "in the warm-up"])
def test_a_lost_target_ends_the_test_of_all(tmp_path: Path, fields: dict[str, Any]) -> None:
    """Both shards end the point and leave the next one out; what they measured counts, and the run has failed."""
    results = asyncio.run(_lost(tmp_path, Meeting(2), 100, **fields))
    merged = merge.merge_results(results)
    first, second = merged.points
    assert 0 < first.succeeded + first.failed + first.warmup < 2_000
    assert [reason[:17] for reason in first.stopped] == ["shard 0: stopped ", "shard 1: stopped "]
    assert "no connection in the last" in " ".join(first.stopped)
    assert second.stopped == [f"shard {shard}: {LEFT_OUT[0]}" for shard in range(2)]
    assert "load was lower" not in " ".join(first.verdict_reasons + second.verdict_reasons)
    failure = failure_of(merged)
    assert failure is not None
    assert failure[0] in (Reason.TARGET_UNREACHABLE, Reason.ALL_REQUESTS_FAILED)


def test_one_shard_that_finds_nobody_ends_nothing(tmp_path: Path) -> None:
    """The others measure all of theirs; what failed is counted, and the verdict says whose it was."""

    async def work() -> list[PerfResult]:
        async with _server([ANSWER]) as (_, url):
            fields: dict[str, Any] = {"number": [400, 40], "rate": [200.0, 200.0], "target_grace": 0.1}
            return await Meeting(2).all(tmp_path, _spec(url, **fields), _spec("http://127.0.0.1:9/v1", **fields))

    merged = merge.merge_results(asyncio.run(work()))
    assert [(point.succeeded, point.failed, point.stopped) for point in merged.points] == [(200, 200, []), (20, 20, [])]
    for point in merged.points:
        assert point.verdict is not Verdict.VALID
        assert "shard 1: degraded: " in " ".join(point.verdict_reasons)
    assert failure_of(merged) is None


def test_an_error_rate_is_of_all_shards(tmp_path: Path) -> None:
    """One shard's failures end the point for both, and the next one is measured by both."""

    async def work() -> list[PerfResult]:
        async with _server([ANSWER]) as (_, url), _server([REFUSED]) as (_, other):
            fields = {"max_error_rate": 0.2, "number": [2_000, 2_000]}
            return await Meeting(2).all(tmp_path, _spec(url, **fields), _spec(other, **fields))

    for point in merge.merge_results(asyncio.run(work())).points:
        assert [reason[:17] for reason in point.stopped] == ["shard 0: stopped ", "shard 1: stopped "]
        assert "of all shards failed" in " ".join(point.stopped)
        assert 20 <= point.succeeded + point.failed < 2_000
        assert point.succeeded > 0


def test_who_ends_alone_is_told(tmp_path: Path) -> None:
    """Where shards hear nothing of each other, one that ended early makes the load of the others another one."""

    async def work() -> list[PerfResult]:
        async with _server([ANSWER]) as (_, url):
            fields: dict[str, Any] = {"number": [2_400, 100], "rate": [300.0, 300.0], "target_grace": 0.1}
            specs = _spec(url, **fields), _spec("http://127.0.0.1:9/v1", **fields)
            return await Meeting(2, deaf=True).all(tmp_path, *specs)

    merged = merge.merge_results(asyncio.run(work()))
    assert merged.points[1].stopped == [f"shard 1: {LEFT_OUT[0]}"]
    for point in merged.points:
        assert point.verdict is Verdict.INVALID
        assert "shard 1 ended early or failed, while others continued" in " ".join(point.verdict_reasons)
    assert failure_of(merged) is None


def test_no_secret_is_told_to_the_others() -> None:
    """A target may echo the key in why it let nobody in."""
    told: list[LoadNews] = []

    async def share(news: LoadNews) -> OthersNews | None:
        told.append(news)
        return None

    key = "sk-very-secret-1234"
    tell = redacting(share, Redactor([key]))

    async def ends() -> None:
        await tell(LoadNews(turn=1, sent=5, ended=f"no way in with {key}"))

    asyncio.run(ends())
    assert (told[0].turn, told[0].sent) == (1, 5)
    assert told[0].ended.startswith("no way in with ")
    assert key not in told[0].ended
