"""Every kind of store keeps the same promises: a folder, and a bucket on a real S3 server."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from evalkube_operator.store.interface import OffsetConflict, Store
from evalkube_operator.store.keys import BadPath, ShardKey
from fakes.stores import KINDS, RUN, chunks, opened, read

_SHARD = ShardKey(RUN, 0, 0)
_KEY = _SHARD.at("predictions/m.jsonl")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind in turn."""
    return opened(request.param, tmp_path)


def test_a_whole_artifact_is_replaced(store: Store) -> None:
    """What was put last is read; sizes and ranges are exact."""

    async def scenario() -> None:
        assert await store.get(_KEY) is None
        assert await store.put(_KEY, chunks(b"old and longer")) == 14
        assert await store.put(_KEY, chunks(b"ne", b"", b"w")) == 3
        assert await read(await store.get(_KEY)) == b"new"
        assert await read(await store.get(_KEY, start=1, size_bytes=1)) == b"e"
        assert await read(await store.get(_KEY, start=2, size_bytes=9)) == b"w"
        assert await store.put(_KEY, chunks()) == 0
        assert await read(await store.get(_KEY)) == b""

    asyncio.run(scenario())


def test_a_put_that_fails_leaves_the_old_artifact(store: Store) -> None:
    """The client's digest was wrong, say: its error comes through and nothing changed, large or small."""

    async def broken(size_bytes: int) -> AsyncIterator[bytes]:
        yield bytes(size_bytes)
        raise ValueError("digest")

    async def scenario() -> None:
        await store.put(_KEY, chunks(b"old"))
        for size_bytes in (1, 20 << 20):
            with pytest.raises(ValueError, match="digest"):
                await store.put(_KEY, broken(size_bytes))
        assert await read(await store.get(_KEY)) == b"old"
        assert [found.key for found in await store.below("team")] == [_KEY]

    asyncio.run(scenario())


def test_appends_continue_repeat_or_conflict(store: Store) -> None:
    """A repeat changes nothing, half a repeat is completed, anything else says how much there is."""

    async def scenario() -> None:
        assert await store.append(_KEY, 0, b"one\n") == 4
        assert await store.append(_KEY, 4, b"two\n") == 8
        assert await store.append(_KEY, 4, b"two\n") == 8
        assert await store.append(_KEY, 4, b"two\nthree\n") == 14
        for offset, data in ((15, b"x\n"), (4, b"TWO\n"), (13, b"z")):
            with pytest.raises(OffsetConflict) as conflict:
                await store.append(_KEY, offset, data)
            assert conflict.value.size_bytes == 14
        assert await read(await store.get(_KEY)) == b"one\ntwo\nthree\n"
        assert await read(await store.get(_KEY, start=2, size_bytes=4)) == b"e\ntw"

    asyncio.run(scenario())


def test_a_second_instance_reads_on(store: Store, tmp_path: Path) -> None:
    """Nothing that matters is in memory: appends, repeats and puts mix across a restart."""

    async def scenario() -> None:
        await store.put(_KEY, chunks(b"whole\n"))
        await store.append(_KEY, 6, b"more\n")
        again = type(store)(store._settings) if store.kind == "s3" else opened("volume", tmp_path)  # type: ignore[attr-defined, call-arg] # the same place
        assert await again.append(_KEY, 6, b"more\nand more\n") == 20
        assert await read(await again.get(_KEY)) == b"whole\nmore\nand more\n"
        assert await store.append(_KEY, 11, b"and more\n") == 20
        await again.put(_KEY, chunks(b"short"))
        assert (await again.stat(_KEY)).size_bytes == 5  # type: ignore[union-attr] # it is there
        assert await read(await again.get(_KEY)) == b"short"

    asyncio.run(scenario())


def test_many_appends_at_once_and_readers_among_them(store: Store) -> None:
    """A journal of hundreds of small appends reads back whole, also while it grows and its parts are merged."""

    async def scenario() -> None:
        rng = random.Random(4)
        written = bytearray()
        for _ in range(200):
            line = rng.randbytes(rng.randint(1, 900)).hex().encode() + b"\n"
            content = await store.get(_KEY)
            size_bytes = len(written)
            assert await store.append(_KEY, len(written), line) == len(written) + len(line)
            written += line
            if content is not None:
                assert await read(content) == bytes(written[:size_bytes])
        assert await read(await store.get(_KEY)) == bytes(written)
        assert [(found.key, found.size_bytes) for found in await store.below("team")] == [(_KEY, len(written))]

    asyncio.run(scenario())


def test_writers_of_one_artifact_wait_for_one_another(store: Store) -> None:
    """Of racing appends at one offset exactly one wins; the others are told."""

    async def scenario() -> None:
        tries = [store.append(_KEY, 0, f"{number}\n".encode()) for number in range(8)]
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(str(type(each).__name__) for each in done) == ["OffsetConflict"] * 7 + ["int"]
        assert len(await read(await store.get(_KEY)) or b"") == 2

    asyncio.run(scenario())


def test_deleting_takes_all_below_and_nothing_beside(store: Store) -> None:
    """A run's neighbours stay, also where one name begins with the other."""

    async def scenario() -> None:
        keys_kept = [ShardKey(RUN, 0, 1).at("a"), ShardKey(RUN, 0, 10).at("a")]
        for key in (*keys_kept, _SHARD.at("a"), _SHARD.at("b/c")):
            await store.put(key, chunks(b"x"))
        await store.append(_SHARD.at("d"), 0, b"y\n")
        await store.delete(_SHARD.prefix)
        await store.delete(_SHARD.prefix)
        assert [found.key for found in await store.below("team")] == keys_kept
        assert await store.runs() == [RUN]
        assert await store.append(_SHARD.at("d"), 0, b"new\n") == 4

    asyncio.run(scenario())


def test_a_move_can_be_done_over(store: Store) -> None:
    """The target goes on growing; a second move finds nothing to do."""

    async def scenario() -> None:
        for offset in (0, 2):
            await store.append(_KEY, offset, b"a\n")
        target = ShardKey(RUN, 1, 0).at("predictions/m.jsonl")
        await store.move(_KEY, target)
        await store.move(_KEY, target)
        assert await store.append(target, 4, b"b\n") == 6
        assert await read(await store.get(target)) == b"a\na\nb\n"
        assert await store.stat(_KEY) is None

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["café/中文 %41#?+&=~*.txt", "a b/c'd\"e<f>|.json"])
def test_names_are_any_text(store: Store, path: str) -> None:
    """No escaping is seen from outside, and one name is not another's."""

    async def scenario() -> None:
        await store.put(_SHARD.at(path), chunks(b"x"))
        assert [found.key for found in await store.below("team")] == [_SHARD.at(path)]
        assert await read(await store.get(_SHARD.at(path))) == b"x"
        await store.append(_SHARD.at(path), 1, b"y")
        assert await read(await store.get(_SHARD.at(path))) == b"xy"

    asyncio.run(scenario())


@pytest.mark.parametrize("key", ["../x", "/etc/x", "a/../../x", "a//b", ""])
def test_no_key_leaves_the_store(store: Store, key: str) -> None:
    """Even one that got past the check of its path."""

    async def scenario() -> None:
        for use in (store.put(key, chunks(b"x")), store.append(key, 0, b"x"), store.get(key), store.delete(key)):
            with pytest.raises(BadPath):
                await use

    asyncio.run(scenario())


def test_a_large_artifact_streams(store: Store) -> None:
    """Several pieces' worth comes back bit by bit as it went in."""

    async def scenario() -> None:
        block = random.Random(1).randbytes(1 << 20)
        await store.put(_KEY, chunks(*[block] * 21, b"end"))
        content = await store.get(_KEY)
        assert content is not None
        digest = hashlib.sha256()
        async for chunk in content.chunks:
            digest.update(chunk)
        assert digest.digest() == hashlib.sha256(block * 21 + b"end").digest()

    asyncio.run(scenario())


def test_only_a_bucket_takes_uploads_directly(store: Store) -> None:
    """An upload past us becomes the artifact, and the bucket checks its MD5."""

    async def scenario() -> None:
        await store.append(_KEY, 0, b"earlier\n")
        upload = await store.presign(_KEY, expires_s=60)
        if store.kind == "volume":
            assert upload is None
            return
        assert upload is not None
        async with httpx.AsyncClient(timeout=60) as client:
            wrong = await client.request(
                upload.method, upload.url, content=b"data", headers={"Content-MD5": "kzbr8lCH2RyBjubp7Cn4wQ=="}
            )
            assert wrong.status_code == 400
            right = await client.request(upload.method, upload.url, content=b"data")
            assert right.status_code == 200
        assert await store.uploaded(_KEY) == 4
        assert await read(await store.get(_KEY)) == b"data"

    asyncio.run(scenario())


def test_a_working_store_says_so(store: Store) -> None:
    """Readiness asks for a write; it leaves nothing that a listing shows."""
    asyncio.run(store.check())
    assert asyncio.run(store.runs()) == []
