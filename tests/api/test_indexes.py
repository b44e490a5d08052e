"""The indexes of runs in memory, and samples read through the operator's real read endpoint."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evalkube_api import errors, settings
from evalkube_api.folder.backend import FolderBackend
from evalkube_api.indexes import Indexes
from evalkube_api.kubernetes import documents
from evalkube_report.samples import index as sample_index
from evalkube_report.samples.building import Builder
from fakes.api_server import running_api_server
from fakes.cluster_runs import ENDED, applied, backend
from fakes.ingest import RUN, pods, serving
from fakes.sample_lines import jsonl, prediction, result, review
from fakes.stores import opened

MOST = 1 << 20
PATHS = {"reviews": "reviews/m/gsm8k_main.jsonl", "predictions": "predictions/m/gsm8k_main.jsonl"}


def _built(count: int, shards: int = 1) -> tuple[sample_index.Index, list[dict[str, bytes]]]:
    """An index, and the lines of each shard that it is of, which follow one another."""
    parts = [
        {
            "reviews": b"".join(jsonl(*(review(number) for number in range(shard, count, shards)))),
            "predictions": b"".join(jsonl(*(prediction(number) for number in range(shard, count, shards)))),
        }
        for shard in range(shards)
    ]
    whole = {kind: b"".join(part[kind] for part in parts).splitlines(keepends=True) for kind in PATHS}
    builder = Builder(result(gsm8k=["main"]), 1)
    builder.add(0, 0, reviews=whole["reviews"], predictions=whole["predictions"])
    return builder.index(), parts


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[str]:
    """URL of an operator's store, in which two shards of a run left their lines, and one the index of all."""
    index, parts = _built(6, shards=2)
    with serving(opened("volume", tmp_path / "store"), pods(2)) as served:
        for shard, part in enumerate(parts):
            files = {PATHS[kind]: lines for kind, lines in part.items()}
            base = f"{served.url}/v1/runs/{RUN.uid}/attempts/0/shards/{shard}/"
            with httpx.Client(base_url=base, trust_env=False, timeout=60) as client:
                client.headers["Authorization"] = f"Bearer pod-{shard}"
                for path, data in files.items():
                    _put(client, f"artifacts/{path}", data)
                changes = {"run_id": RUN.name, "shards": [shard], "of_shards": 2}
                document = result(gsm8k=["main"]).model_copy(update=changes).model_dump_json(by_alias=True).encode()
                assert client.put("result", content=document, headers=_digest(document)).status_code == 200
                if shard == len(parts) - 1:
                    _put(client, f"whole/artifacts/{sample_index.PATH}", sample_index.save(index))
        yield served.url


def _put(client: httpx.Client, path: str, data: bytes) -> None:
    answer = client.put(path, content=data, headers=_digest(data))
    assert answer.status_code == 204, answer.text


def _digest(data: bytes) -> dict[str, str]:
    return {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


def test_samples_of_a_run_on_a_cluster(stored: str, tmp_path: Path) -> None:
    """Each is read by its few bytes of what all shards left."""
    (tmp_path / "token").write_text("api")

    async def scenario() -> None:
        settings = {"store_url": stored, "store_token": tmp_path / "token"}
        async with backend(server, tmp_path, **settings) as runs:
            indexes = Indexes(runs, most_bytes=MOST)
            index = await indexes.samples("e")
            assert len(index.rows) == 6
            assert await indexes.samples("e") is index
            for row in range(6):
                found = await indexes.sample("e", index, row)
                assert found.entry.index == int(index.rows["index"][row])
                assert found.answer

    with running_api_server() as server:
        server.put("evalruns", applied("e", uid=RUN.uid) | {"status": ENDED})
        asyncio.run(scenario())


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder of three runs, each with an index of 100 samples."""
    for name in ("a", "b", "c"):
        (tmp_path / name / "reports").mkdir(parents=True)
        metadata = {"name": name, "namespace": "evals", "uid": name, "creationTimestamp": "2025-12-04T10:00:00Z"}
        run = documents.run_of({**applied(name), "metadata": metadata, "status": ENDED}, name)
        (tmp_path / name / "reports" / "run.json").write_text(run.model_dump_json(by_alias=True))
        (tmp_path / name / sample_index.PATH).write_bytes(sample_index.save(_built(100)[0]))
    return tmp_path


def test_indexes_stay_while_there_is_room(folders: Path) -> None:
    """The one that was looked at longest ago goes first."""
    size_bytes = (folders / "a" / sample_index.PATH).stat().st_size

    async def scenario() -> None:
        runs = FolderBackend(folders)
        await runs.start()
        indexes = Indexes(runs, most_bytes=MOST, kept_bytes=2 * size_bytes)
        first, second = await indexes.samples("a"), await indexes.samples("b")
        assert await indexes.samples("a") is first
        third = await indexes.samples("c")  # b makes room
        assert await indexes.samples("a") is first
        assert await indexes.samples("c") is third
        assert await indexes.samples("b") is not second

    asyncio.run(scenario())


def test_an_index_that_was_replaced_is_read_again(folders: Path) -> None:
    """A run that goes on in the same folder makes it anew."""

    async def scenario() -> None:
        runs = FolderBackend(folders)
        await runs.start()
        indexes = Indexes(runs, most_bytes=MOST)
        assert len((await indexes.samples("a")).rows) == 100
        (folders / "a" / sample_index.PATH).write_bytes(sample_index.save(_built(7)[0]))
        assert len((await indexes.samples("a")).rows) == 7

    asyncio.run(scenario())


def test_many_who_look_at_once_read_it_once(folders: Path) -> None:
    """All get the same one."""

    async def scenario() -> None:
        runs = FolderBackend(folders)
        await runs.start()
        indexes = Indexes(runs, most_bytes=MOST)
        found = await asyncio.gather(*(indexes.samples("a") for _ in range(20)))
        assert len({id(one) for one in found}) == 1

    asyncio.run(scenario())


def test_an_index_for_which_there_is_no_memory_is_refused(folders: Path) -> None:
    """With words, before it is read."""
    size_bytes = (folders / "a" / sample_index.PATH).stat().st_size

    async def scenario() -> None:
        runs = FolderBackend(folders)
        await runs.start()
        assert len((await Indexes(runs, most_bytes=size_bytes).samples("a")).rows) == 100
        with pytest.raises(errors.Conflict, match="too large to be shown here"):
            await Indexes(runs, most_bytes=size_bytes - 1).samples("a")

    asyncio.run(scenario())


@pytest.mark.parametrize(("memory", "most_bytes"), [("536870912", 107_374_182), ("1000000000000", 512 << 20)])
def test_a_pod_with_little_memory_reads_smaller_indexes(
    monkeypatch: pytest.MonkeyPatch, memory: str, most_bytes: int
) -> None:
    """A fifth of what it has, at most what a machine reads."""
    monkeypatch.setenv("EVALKUBE_MEMORY_BYTES", memory)
    assert settings.from_environment(host="127.0.0.1", port=0).most_index_bytes == most_bytes
