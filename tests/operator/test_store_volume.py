"""What is particular to a folder: room, names used twice, and what a killed operator leaves."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from evalkube_operator.store.interface import PathTaken, StoreFull, StoreUnavailable
from evalkube_operator.store.keys import ShardKey
from evalkube_operator.store.volume import VolumeStore
from fakes.stores import RUN, chunks, read

_SHARD = ShardKey(RUN, 0, 0)


def test_a_full_volume_is_said_to_be_full(tmp_path: Path) -> None:
    """With less than the reserve free nothing is begun, and reading goes on."""

    async def scenario() -> None:
        await VolumeStore(tmp_path, reserve_bytes=0).put(_SHARD.at("a"), chunks(b"x"))
        store = VolumeStore(tmp_path, reserve_bytes=1 << 60)
        for use in (store.put(_SHARD.at("b"), chunks(b"x")), store.append(_SHARD.at("a"), 1, b"x"), store.check()):
            with pytest.raises(StoreFull, match="kept free"):
                await use
        assert await read(await store.get(_SHARD.at("a"))) == b"x"

    asyncio.run(scenario())


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a")])
def test_a_name_is_a_file_or_a_folder(tmp_path: Path, first: str, second: str) -> None:
    """The second use is refused, the first artifact stays."""

    async def scenario() -> None:
        store = VolumeStore(tmp_path, reserve_bytes=0)
        await store.put(_SHARD.at(first), chunks(b"x"))
        with pytest.raises(PathTaken):
            await store.put(_SHARD.at(second), chunks(b"y"))
        with pytest.raises(PathTaken):
            await store.append(_SHARD.at(second), 0, b"y")
        assert await store.get(_SHARD.at(second)) is None
        assert await read(await store.get(_SHARD.at(first))) == b"x"

    asyncio.run(scenario())


def test_leftovers_of_a_killed_operator_go_at_the_next_start(tmp_path: Path) -> None:
    """Half an upload and half a deletion are nobody's artifacts."""
    VolumeStore(tmp_path)
    (tmp_path / ".incoming" / "half").write_bytes(b"x")
    (tmp_path / ".trash" / "run").mkdir()
    store = VolumeStore(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert asyncio.run(store.runs()) == []


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Only the operator writes there; should a link ever appear, it leads nowhere."""

    async def scenario() -> None:
        store = VolumeStore(tmp_path / "store", reserve_bytes=0)
        await store.put(_SHARD.at("a"), chunks(b"x"))
        outside = tmp_path / "outside"
        outside.write_bytes(b"secret")
        (tmp_path / "store" / _SHARD.at("link")).symlink_to(outside)
        assert await store.get(_SHARD.at("link")) is None
        with pytest.raises(StoreUnavailable, match=os.strerror(errno.ELOOP)):
            await store.append(_SHARD.at("link"), 6, b"x")
        assert outside.read_bytes() == b"secret"

    asyncio.run(scenario())


def test_a_reader_is_not_given_two_artifacts_in_one(tmp_path: Path) -> None:
    """Replaced between the look and the first byte: an error, never a mixture."""

    async def scenario() -> None:
        store = VolumeStore(tmp_path, reserve_bytes=0)
        await store.put(_SHARD.at("a"), chunks(b"old"))
        content = await store.get(_SHARD.at("a"))
        await store.put(_SHARD.at("a"), chunks(b"newer"))
        with pytest.raises(StoreUnavailable, match="replaced"):
            await read(content)

    asyncio.run(scenario())
