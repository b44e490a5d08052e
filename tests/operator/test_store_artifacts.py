"""A run's artifacts over attempts and shards, what the core asks of the store, and the sweep."""

import asyncio
import gzip
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalkube_crds.names import Kind
from evalkube_crds.spans import Span
from evalkube_operator.ports import RunKey, StoredResult
from evalkube_operator.store import artifacts, runs
from evalkube_operator.store.artifacts import About
from evalkube_operator.store.interface import Store
from evalkube_operator.store.keys import ShardKey
from fakes.stores import KINDS, RUN, chunks, opened, read


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind in turn."""
    return opened(request.param, tmp_path)


async def _read(store: Store, path: str, span: Span | None = None) -> bytes | None:
    found = await artifacts.open_artifact(store, RUN, path, span)
    return None if found is None else await read(found.content)


async def _shown(store: Store) -> dict[str, bytes | None]:
    return {artifact.path: await _read(store, artifact.path) for artifact in await artifacts.listing(store, RUN)}


def test_the_lines_of_all_shards_are_one_artifact(store: Store) -> None:
    """In the shards' order, torn lines mended; what is not lines stays each shard's own."""

    async def scenario() -> None:
        await artifacts.remember(store, RUN, About(Kind.PERF_RUN, 3))
        for shard, lines in ((2, b'{"n":4}\n'), (0, b'{"n":1}\n{"n":2}'), (1, b"")):
            await store.put(ShardKey(RUN, 0, shard).at("p/rows.jsonl"), chunks(lines))
        await store.put(ShardKey(RUN, 0, 1).at("log.txt"), chunks(b"hello"))
        shown = await _shown(store)
        assert shown["p/rows.jsonl"] == b'{"n":1}\n{"n":2}\n{"n":4}\n'
        assert shown["shards/2/p/rows.jsonl"] == b'{"n":4}\n'
        assert shown["shards/1/log.txt"] == b"hello"
        assert "log.txt" not in shown
        assert await artifacts.open_artifact(store, RUN, "log.txt") is None

    asyncio.run(scenario())


def test_parts_of_an_artifact_are_those_of_the_whole(store: Store) -> None:
    """Over the shards' borders and their mended lines, however the part is named."""

    async def scenario() -> None:
        await artifacts.remember(store, RUN, About(Kind.PERF_RUN, 3))
        for shard, lines in ((2, b'{"n":4}\n'), (0, b'{"n":1}\n{"n":2}'), (1, b"")):
            await store.put(ShardKey(RUN, 0, shard).at("p/rows.jsonl"), chunks(lines))
        whole = b'{"n":1}\n{"n":2}\n{"n":4}\n'
        for first in range(len(whole)):
            for last in range(first, len(whole)):
                assert await _read(store, "p/rows.jsonl", Span(first, last)) == whole[first : last + 1]
        assert await _read(store, "p/rows.jsonl", Span(20, 1000)) == whole[20:]
        assert await _read(store, "p/rows.jsonl", Span(-3)) == whole[-3:]
        assert await _read(store, "shards/0/p/rows.jsonl", Span(8)) == b'{"n":2}'
        with pytest.raises(artifacts.NoSuchBytes):
            await _read(store, "p/rows.jsonl", Span(len(whole)))

    asyncio.run(scenario())


def test_the_compressed_lines_of_all_shards_are_one_artifact(store: Store) -> None:
    """Files of gzip follow each other as they are: a line's end between them would be no gzip."""
    packed = [gzip.compress(b'{"n":%d}\n' % shard) for shard in range(3)]

    async def scenario() -> None:
        await artifacts.remember(store, RUN, About(Kind.PERF_RUN, 4))
        for shard in (2, 0, 1):
            await store.put(ShardKey(RUN, 0, shard).at("p/rows.jsonl.gz"), chunks(packed[shard]))
        await store.put(ShardKey(RUN, 0, 1).at("core.gz"), chunks(packed[1]))
        shown = await _shown(store)
        assert shown["p/rows.jsonl.gz"] == b"".join(packed)
        assert gzip.decompress(b"".join(packed)) == b'{"n":0}\n{"n":1}\n{"n":2}\n'
        assert shown["shards/2/p/rows.jsonl.gz"] == packed[2]
        assert "core.gz" not in shown

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param(Kind.EVAL_RUN, {"a": b"0", "b": b"1", "c": b"1"}, id="an evaluation goes on"),
        pytest.param(Kind.PERF_RUN, {"b": b"1", "c": b"1"}, id="a load test begins anew"),
    ],
)
def test_the_newest_attempt_counts(store: Store, kind: Kind, expected: dict[str, bytes]) -> None:
    """What it did not write is an earlier one's only where attempts continue one another."""

    async def scenario() -> None:
        await artifacts.remember(store, RUN, About(kind, 1))
        for attempt, names in ((0, "ab"), (1, "bc")):
            for name in names:
                await store.put(ShardKey(RUN, attempt, 0).at(name), chunks(str(attempt).encode()))
        assert await _shown(store) == expected

    asyncio.run(scenario())


def test_an_attempt_continues_the_lines_of_the_one_before(store: Store) -> None:
    """Its first append takes over what was there; a load test's does not."""

    async def scenario() -> None:
        await store.append(ShardKey(RUN, 0, 0).at("x.jsonl"), 0, b"1\n")
        later = ShardKey(RUN, 2, 0)
        assert await artifacts.latest(store, later, "x.jsonl", carries=False) is None
        key = await artifacts.adopted(store, later, "x.jsonl", carries=True)
        assert await store.append(key, 2, b"2\n") == 4
        assert await artifacts.adopted(store, later, "x.jsonl", carries=True) == key
        found = await artifacts.latest(store, later, "x.jsonl", carries=True)
        assert found is not None
        assert (found.key, found.size_bytes) == (later.at("x.jsonl"), 4)

    asyncio.run(scenario())


def test_results_are_found_without_being_read(store: Store) -> None:
    """One document a shard, the last that was put, under its digest; listings leave them out."""

    async def scenario() -> None:
        kept = runs.RunStore(store)
        await artifacts.remember(store, RUN, About(Kind.EVAL_RUN, 2))
        await kept.put_result(ShardKey(RUN, 1, 1), b'{"first": 1}')
        await kept.put_result(ShardKey(RUN, 1, 1), b'{"second": 1}')
        digest = hashlib.sha256(b'{"second": 1}').hexdigest()
        assert await kept.results(RUN, 1) == {1: StoredResult(1, digest, 13)}
        assert await kept.read_result(RUN, 1, 1) == b'{"second": 1}'
        assert await kept.results(RUN, 0) == {}
        with pytest.raises(KeyError):
            await kept.read_result(RUN, 1, 0)
        uri = await kept.put_merged(RUN, "result.json", b"{}")
        assert uri.startswith(kept.uri(RUN) + "/")
        assert await _shown(store) == {"result.json": b"{}"}

    asyncio.run(scenario())


def test_the_sweep_removes_what_belongs_to_no_run(store: Store) -> None:
    """Not what exists, and nothing that was written just now."""

    async def scenario() -> None:
        gone, alive = RunKey("team", "gone", "u1"), RunKey("other", "alive", "u2")
        for run in (gone, alive):
            await store.put(ShardKey(run, 0, 0).at("a"), chunks(b"x"))
        now, keep = datetime.now(UTC), timedelta(hours=1)
        assert await runs.sweep(store, {"u2"}.__contains__, now=now, keep=keep) == []
        assert await runs.sweep(store, {"u2"}.__contains__, now=now + 2 * keep, keep=keep) == [gone]
        assert [run async for run in runs.RunStore(store).stored_runs()] == [alive]
        await runs.RunStore(store).delete_run(alive)
        assert await store.runs() == []

    asyncio.run(scenario())
