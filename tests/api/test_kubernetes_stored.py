"""What runs left, through the operator's real read endpoint."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_api import errors
from evalkube_api.kubernetes.rejections import Corrupt, Unavailable
from evalkube_crds.spans import Span
from evalkube_operator.store.runs import RunStore
from fakes.api_server import ApiServer, running_api_server
from fakes.cluster_runs import ENDED, applied, backend
from fakes.ingest import RUN, Ingest, pods, serving
from fakes.stores import opened

WHOLE = b'{"gsm8k":{"score":0.5}}'


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    """The ingest and store of an operator, with what two shards delivered."""
    with serving(opened("volume", tmp_path / "store"), pods(2)) as served:
        for shard in range(2):
            base = f"{served.url}/v1/runs/{RUN.uid}/attempts/0/shards/{shard}/artifacts/"
            with httpx.Client(base_url=base, trust_env=False, timeout=60) as client:
                client.headers["Authorization"] = f"Bearer pod-{shard}"
                for path, data in (("rows.jsonl", b'{"n":%d}\n' % shard), ("reports/a b%20.html", b"<p>")):
                    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
                    headers = {"Content-Digest": f"sha-256=:{digest}:"}
                    url = path.replace("%", "%25").replace(" ", "%20")
                    assert client.put(url, content=data, headers=headers).status_code == 204
        asyncio.run(RunStore(served.store).put_merged(RUN, "result.json", WHOLE))
        yield served


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with that run, which succeeded."""
    with running_api_server() as running:
        running.put("evalruns", applied("e", uid=RUN.uid) | {"status": ENDED})
        yield running


def store_settings(ingest: Ingest, folder: Path, token: str = "api") -> dict[str, Any]:
    """Of a service that may read there."""
    (folder / "token").write_text(token)
    return {"store_url": f"{ingest.url}/", "store_token": folder / "token"}


def test_artifacts_are_listed_and_read(server: ApiServer, ingest: Ingest, tmp_path: Path) -> None:
    """The lines of all shards as one; names of any kind."""

    async def test() -> None:
        async with backend(server, tmp_path, **store_settings(ingest, tmp_path)) as runs:
            found = await runs.artifacts("e")
            sizes = {one.path: one.size_bytes for one in found.entries}
            assert (sizes["rows.jsonl"], sizes["shards/1/reports/a b%20.html"], found.complete) == (16, 3, True)
            artifact = await runs.artifact("e", "rows.jsonl")
            assert artifact.entry.size_bytes == 16
            assert b"".join([chunk async for chunk in artifact.chunks]) == b'{"n":0}\n{"n":1}\n'
            page = await runs.artifact("e", "shards/1/reports/a b%20.html")
            assert b"".join([chunk async for chunk in page.chunks]) == b"<p>"
            for path in ("nothing", "../result", "x/../../result", "/etc/passwd", "rows.jsonl?x=1", "a//b"):
                with pytest.raises(errors.NotFound):
                    await runs.artifact("e", path)

    asyncio.run(test())


def test_a_part_of_an_artifact_is_read(server: ApiServer, ingest: Ingest, tmp_path: Path) -> None:
    """Those bytes alone, and what the whole is; a part that is not there is told so."""

    async def test() -> None:
        async with backend(server, tmp_path, **store_settings(ingest, tmp_path)) as runs:
            whole = await runs.artifact("e", "rows.jsonl")
            await whole.chunks.aclose()
            for span, there, data in ((Span(6, 9), Span(6, 9), b'}\n{"'), (Span(-3), Span(13, 15), b"1}\n")):
                part = await runs.artifact("e", "rows.jsonl", span=span)
                assert (part.entry, part.span) == (whole.entry, there)
                assert b"".join([chunk async for chunk in part.chunks]) == data
            with pytest.raises(errors.NoSuchBytes) as refused:
                await runs.artifact("e", "rows.jsonl", span=Span(16))
            assert refused.value.size_bytes == 16

    asyncio.run(test())


def test_large_results_come_from_the_store(server: ApiServer, ingest: Ingest, tmp_path: Path) -> None:
    """And are checked: those of another attempt are none."""
    digest = hashlib.sha256(WHOLE).hexdigest()
    reference = {"store": "volume", "uri": "volume:///x", "sha256": digest, "bytes": len(WHOLE)}
    server.set_status("evalruns", "e", results=None, resultRef=reference)

    async def test() -> None:
        async with backend(server, tmp_path, **store_settings(ingest, tmp_path)) as runs:
            assert await runs.results("e") == WHOLE
            server.set_status("evalruns", "e", resultRef={**reference, "sha256": "0" * 64})
        async with backend(server, tmp_path, **store_settings(ingest, tmp_path)) as runs:
            with pytest.raises(Corrupt):
                await runs.results("e")

    asyncio.run(test())


def test_a_run_that_only_left_receipts(server: ApiServer, ingest: Ingest, tmp_path: Path) -> None:
    """Has its headline figures for results; one that is not over has none."""
    server.set_status("evalruns", "e", results=None)
    server.put("evalruns", applied("other"))

    async def test() -> None:
        async with backend(server, tmp_path, **store_settings(ingest, tmp_path)) as runs:
            assert await runs.results("e") == b'{"summary":{"gsm8k/mean_acc":1.0}}'
            assert (await runs.artifacts("other")).entries == []
            with pytest.raises(errors.NotFound, match="Pending"):
                await runs.results("other")

    asyncio.run(test())


def test_a_store_that_cannot_be_read(server: ApiServer, ingest: Ingest, tmp_path: Path) -> None:
    """Come again, or have the installation mended: never an empty answer."""
    given = store_settings(ingest, tmp_path)
    cases: list[dict[str, Any]] = [
        {"store_url": None},
        {**given, "store_url": "http://127.0.0.1:9"},
        {**given, "store_token": tmp_path / "none"},
        store_settings(ingest, tmp_path, "forged"),
    ]

    async def test(case: dict[str, Any]) -> None:
        async with backend(server, tmp_path, **case) as runs:
            with pytest.raises(Unavailable):
                await runs.artifacts("e")
            with pytest.raises(Unavailable):
                await runs.artifact("e", "rows.jsonl")

    for case in cases:
        asyncio.run(test(case))


def test_a_reader_who_leaves_frees_the_connection(server: ApiServer, ingest: Ingest, tmp_path: Path) -> None:
    """More often than there are connections."""

    async def test() -> None:
        async with backend(server, tmp_path, **store_settings(ingest, tmp_path)) as runs:
            for _ in range(100):
                artifact = await runs.artifact("e", "rows.jsonl")
                async for _chunk in artifact.chunks:
                    break
                await artifact.chunks.aclose()  # as a server does on disconnection

    asyncio.run(asyncio.wait_for(test(), 60))
