"""Delivery over HTTP, against the real ingest on a real socket: through restarts, cuts, limits and rotations."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from evalkube_crds.names import Reason
from evalkube_crds.results import EvalResult, PerfResult, Progress, Receipt
from evalkube_operator.ingest.limits import Limits
from evalkube_operator.store.runs import RunStore
from evalkube_operator.store.volume import VolumeStore
from evalkube_runner.errors import RunFailed
from evalkube_runner.ingest.delivery import IngestDelivery
from fakes.ingest import Ingest, Process, delivering, pods, serving
from fakes.small_disk import small_disk
from fakes.stores import opened

_RESULT = EvalResult(run_id="my-run", model="m")
_RECEIPT = Receipt(run_id="my-run", reason=Reason.COMPLETED, done=2, total=2)


def test_everything_arrives(tmp_path: Path) -> None:
    """Appends, whole artifacts, files, what an earlier attempt left, progress, and the result."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            for line in (b"1\n", b"2\n", b"3\n"):
                await delivery.append("p/café #1.jsonl", line)
            await delivery.put("a.txt", b"one")
            (tmp_path / "big").write_bytes(bytes(9 << 20))
            await delivery.put_file("big.bin", tmp_path / "big")
            assert not (tmp_path / "big").exists()
            await delivery.progress(Progress(done=1, total=2))
            await delivery.progress(Progress(done=2, total=2), state="completed")
            await delivery.result(_RESULT)
            assert await delivery.get("p/café #1.jsonl") == b"1\n2\n3\n"
            assert await delivery.get("big.bin") == bytes(9 << 20)
            assert await delivery.get("none") is None
            assert delivery.complete
            await delivery.finished(_RECEIPT)
        assert [receipt for _, receipt in ingest.core.receipts] == [_RECEIPT]
        assert [progress.done for _, _, progress in ingest.core.told][-1] == 2

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))
        assert list(ingest.results(0)) == [0]


def test_a_new_pod_and_a_new_attempt_continue_the_lines(tmp_path: Path) -> None:
    """Neither knows how much is there, and neither writes over it."""

    async def scenario(ingest: Ingest) -> None:
        for pod, attempt, line in (("pod-0", 0, b"1\n"), ("pod-new", 0, b"1\n"), ("pod-later-0", 1, b"2\n")):
            ingest.core.owners.setdefault("pod-new", ingest.core.owners["pod-0"])
            async with delivering(ingest.url, tmp_path, attempt=attempt, token=pod) as delivery:
                await delivery.append("p.jsonl", line)
                assert delivery.complete
        async with delivering(ingest.url, tmp_path, attempt=1, token="pod-later-0") as delivery:
            assert await delivery.get("p.jsonl") == b"1\n1\n2\n"

    with serving(opened("volume", tmp_path / "s"), pods() | pods(attempt=1, prefix="pod-later")) as ingest:
        asyncio.run(scenario(ingest))


def test_killing_ingest_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """SIGKILL at random moments, in the middle of appends and artifacts of four shards."""
    rng = random.Random(7)
    served = Process(tmp_path / "store")

    async def shard_appends(shard: int, written: list[bytes], stop: asyncio.Event) -> None:
        async with delivering(served.url, tmp_path, shard=shard) as delivery:
            while not stop.is_set():
                lines = [f"{shard} {len(written) + n} {'x' * rng.randint(0, 3000)}\n".encode() for n in range(20)]
                await delivery.append("rows.jsonl", b"".join(lines))
                written += lines
                if len(written) % 100 == 0:
                    await delivery.put("whole", b"%d" % len(written) * 100_000)
            assert delivery.complete

    async def scenario() -> list[list[bytes]]:
        written: list[list[bytes]] = [[] for _ in range(4)]
        stop = asyncio.Event()
        served.start()
        tasks = [asyncio.create_task(shard_appends(shard, written[shard], stop)) for shard in range(4)]
        for _ in range(4):
            enough = sum(map(len, written)) + 200
            async with asyncio.timeout(60):
                while sum(map(len, written)) < enough:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(rng.uniform(0, 0.05))
            await asyncio.to_thread(served.kill)
            served.start()
        stop.set()
        await asyncio.gather(*tasks)
        return written

    try:
        written = asyncio.run(scenario())
        merged = httpx.get(
            f"{served.url}/v1/runs/uid-1/artifacts/rows.jsonl",
            headers={"Authorization": "Bearer api"},
            trust_env=False,
            timeout=60,
        )
        assert merged.content == b"".join(line for lines in written for line in lines)
    finally:
        served.kill()


@contextlib.asynccontextmanager
async def _flaky_proxy(port: int, rng: random.Random) -> AsyncIterator[str]:
    """Passes bytes on and cuts every connection somewhere: before the request, within it, or before the answer."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        with contextlib.suppress(OSError):
            while left > 0 and (data := await reader.read(min(left, 1024))):
                writer.write(data)
                await writer.drain()
                left -= len(data)
        writer.transport.abort()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(
                pipe(reader, up_writer, rng.choice([0, 300, 1200, 60_000])),
                pipe(up_reader, writer, rng.choice([0, 40, 4000])),
            )
        writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_connections_cut_anywhere_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Whether the request or only its answer was lost, the offset tells."""
    rng = random.Random(seed)

    async def scenario(ingest: Ingest) -> None:
        expected = b""
        async with _flaky_proxy(int(ingest.url.rpartition(":")[2]), rng) as url, delivering(url, tmp_path) as delivery:
            for number in range(12):
                lines = b"".join(b"%d %d\n" % (number, n) for n in range(rng.randint(1, 300)))
                await delivery.append("rows.jsonl", lines)
                expected += lines
            assert delivery.complete
        async with delivering(ingest.url, tmp_path) as direct:
            assert await direct.get("rows.jsonl") == expected

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_a_run_ends_without_ingest(tmp_path: Path) -> None:
    """Everything gives up together after the patience, not one after the other, and says so; reading back fails."""

    async def scenario() -> None:
        (tmp_path / "f").write_bytes(b"kept")
        async with delivering("http://127.0.0.1:9", tmp_path, patience_s=2) as delivery:
            began = time.monotonic()
            await delivery.append("p.jsonl", b"x\n")
            await delivery.put("a", b"x")
            await delivery.put_file("f", tmp_path / "f")
            await delivery.progress(Progress(done=1, total=1), state="completed")
            await delivery.result(_RESULT)
            assert time.monotonic() - began < 8  # one after the other: ten
            assert not delivery.complete
            assert (tmp_path / "f").read_bytes() == b"kept"
            with pytest.raises(RunFailed) as failed:
                await delivery.get("p.jsonl")
            assert failed.value.reason is Reason.INGEST_UNAVAILABLE

    asyncio.run(scenario())


def test_a_token_is_read_anew_each_time(tmp_path: Path) -> None:
    """The kubelet renews it; a request that came with the old one is tried again with the new one."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path, token="expired") as delivery:
            sending = asyncio.create_task(delivery.append("p.jsonl", b"x\n"))
            await asyncio.sleep(0.15)
            (tmp_path / "token-0-0").write_text("pod-0")
            await sending
            assert delivery.complete
            assert await delivery.get("p.jsonl") == b"x\n"

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_a_superseded_runner_stops(tmp_path: Path) -> None:
    """Whatever it was about to deliver."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            await delivery.append("p.jsonl", b"x\n")
            ingest.core.close("pod-0")
            with pytest.raises(RunFailed) as failed:
                await delivery.append("p.jsonl", b"y\n")
            assert failed.value.reason is Reason.INTERRUPTED

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_a_superseded_runner_stops_at_its_next_progress(tmp_path: Path) -> None:
    """A report that is answered so ends the run, not only something that is to be kept."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            ingest.core.close("pod-0")
            with pytest.raises(RunFailed) as failed:
                await asyncio.wait_for(told(delivery), 60)
            assert failed.value.reason is Reason.INTERRUPTED

    async def told(delivery: IngestDelivery) -> None:
        while True:
            await delivery.progress(Progress(done=1, total=2))
            await asyncio.sleep(0.02)

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_a_runner_begins_once_ingest_knows_its_pod(tmp_path: Path) -> None:
    """Its predecessor's end may not be known yet, or its run may be deleted already."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            owner = ingest.core.owners.pop("pod-0")
            greeting = asyncio.create_task(delivery.greet())
            await asyncio.sleep(2)
            assert not greeting.done()
            ingest.core.owners["pod-0"] = owner
            await greeting
            ingest.core.close("pod-0")
            with pytest.raises(RunFailed) as failed:
                await delivery.greet()
            assert failed.value.reason is Reason.INTERRUPTED

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_the_runner_of_a_deleted_run_stops_soon(tmp_path: Path) -> None:
    """Its pod was known before. One that is not known yet is patient."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            owner = ingest.core.owners.pop("pod-0")
            early = asyncio.create_task(delivery.append("a.jsonl", b"1\n"))
            await asyncio.sleep(1)
            ingest.core.owners["pod-0"] = owner
            await early
            ingest.core.owners.clear()
            with pytest.raises(RunFailed, match="no longer knows this pod") as failed:
                async with asyncio.timeout(30):
                    await delivery.append("a.jsonl", b"2\n")
            assert failed.value.reason is Reason.INTERRUPTED

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_what_is_too_large_is_left_out(tmp_path: Path) -> None:
    """An artifact over the limit, small or large, is missing and the rest arrives; a result over it fails the run."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            (tmp_path / "big").write_bytes(bytes(30 << 20))
            await delivery.put_file("big", tmp_path / "big")
            assert not delivery.complete
            await delivery.put("less", bytes(2 << 20))
            await delivery.put("small", b"x")
            assert await delivery.get("small") == b"x"
            assert await delivery.get("big") is None
            with pytest.raises(RunFailed) as failed:
                await delivery.result(_RESULT.model_copy(update={"model": "m" * 1000}))
            assert failed.value.reason is Reason.RESULT_TOO_LARGE

    with serving(opened("volume", tmp_path / "s"), limits=Limits(artifact_bytes=1 << 20, result_bytes=900)) as ingest:
        asyncio.run(scenario(ingest))


def test_a_client_that_is_too_fast_slows_down(tmp_path: Path) -> None:
    """429 costs time and nothing else."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            for number in range(5):
                await delivery.append("p.jsonl", b"%d\n" % number)
            assert delivery.complete
            await asyncio.sleep(0.2)
            assert await delivery.get("p.jsonl") == b"0\n1\n2\n3\n4\n"

    with serving(opened("volume", tmp_path / "s"), limits=Limits(requests_per_s=8, requests_burst=4)) as ingest:
        asyncio.run(scenario(ingest))


def test_large_appends_go_in_pieces_of_whole_lines(tmp_path: Path) -> None:
    """More than ingest takes at once, also where a line is long."""

    async def scenario(ingest: Ingest) -> None:
        data = b"".join(b"%d" % n + b"x" * 400_000 + b"\n" for n in range(30)) + b"y" * (5 << 20) + b"\nz\n"
        async with delivering(ingest.url, tmp_path) as delivery:
            await delivery.append("p.jsonl", data)
            assert delivery.complete
            assert await delivery.get("p.jsonl") == data

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_artifacts_are_read_back_as_files(tmp_path: Path) -> None:
    """Of an earlier attempt too, through a file of the scratch directory; one that there is not is none."""

    async def scenario(ingest: Ingest) -> None:
        (tmp_path / "made").write_bytes(b"row\n" * 1_000_000)
        async with delivering(ingest.url, tmp_path) as delivery:
            await delivery.put_file("table.csv", tmp_path / "made")
            assert not (tmp_path / "made").exists()
            found = await delivery.file("table.csv", tmp_path / "copy")
            assert found is not None
            assert found.read_bytes() == b"row\n" * 1_000_000
            assert await delivery.file("nothing.csv", tmp_path / "copy-2") is None
            with pytest.raises(RunFailed, match="cannot be kept in the scratch directory"):
                await delivery.file("table.csv", tmp_path / "no-folder/copy")

    with serving(opened("volume", tmp_path / "s"), pods()) as ingest:
        asyncio.run(scenario(ingest))


def test_a_bucket_is_sent_to_directly(tmp_path: Path) -> None:
    """Large files go past ingest, by a presigned address; small things and appends through it."""

    async def scenario(ingest: Ingest) -> None:
        data = os.urandom(9 << 20)
        (tmp_path / "big").write_bytes(data)
        async with delivering(ingest.url, tmp_path) as delivery:
            await delivery.put_file("big.bin", tmp_path / "big")
            await delivery.append("p.jsonl", b"1\n")
            await delivery.append("p.jsonl", b"2\n")
            await delivery.result(_RESULT)
            assert delivery.complete
            assert await delivery.get("big.bin") == data
            assert await delivery.get("p.jsonl") == b"1\n2\n"
        assert ("uploaded", 204) in [(route, status) for route, status, _ in seen]
        assert "put" not in [route for route, _, _ in seen]
        assert set(await RunStore(store).results(ingest.core.run("uid-1"), 0)) == {0}  # type: ignore[arg-type] # it exists

    seen: list[tuple[str, int, float]] = []
    store = opened("s3", tmp_path)
    with serving(store, observe=lambda *request: seen.append(request)) as ingest:
        asyncio.run(scenario(ingest))


def test_a_result_of_another_kind_is_a_fault_of_ours(tmp_path: Path) -> None:
    """Said at once, not tried for ten minutes."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            with pytest.raises(RunFailed) as failed:
                await delivery.result(PerfResult(run_id="my-run", model="m"))
            assert failed.value.reason is Reason.INTERNAL_ERROR

    with serving(opened("volume", tmp_path / "s")) as ingest:
        asyncio.run(scenario(ingest))


def test_a_full_store_ends_the_run_with_words(tmp_path: Path) -> None:
    """Once it has had no room for as long as results may take. What is made of them is left out; progress, which needs
    no store, does not begin the wait anew."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path, patience_s=0.5) as delivery:
            await delivery.put("report.html", b"page")
            assert not delivery.complete
            await delivery.progress(Progress(done=1, total=1), state="completed")
            async with asyncio.timeout(10):
                for needed in (delivery.append("p.jsonl", b"1\n"), delivery.result(_RESULT)):
                    with pytest.raises(RunFailed, match="no room") as caught:
                        await needed
                    assert caught.value.reason is Reason.STORE_FULL

    (tmp_path / "s").mkdir()
    with serving(VolumeStore(tmp_path / "s", reserve_bytes=1 << 62)) as ingest:
        asyncio.run(scenario(ingest))


def test_what_a_full_store_refused_arrives_once_there_is_room(tmp_path: Path) -> None:
    """Nothing is lost, and nothing comes twice."""

    async def scenario(ingest: Ingest) -> None:
        async with delivering(ingest.url, tmp_path) as delivery:
            late = asyncio.gather(delivery.append("p.jsonl", b"1\n"), delivery.result(_RESULT))
            done, _ = await asyncio.wait([late], timeout=0.3)
            assert not done
            filled.unlink()
            await late
            assert await delivery.get("p.jsonl") == b"1\n"
            assert delivery.complete

    with small_disk(tmp_path / "disk") as disk:
        store = VolumeStore(disk.root / "s", reserve_bytes=0)
        with serving(store) as ingest:
            disk.fill()
            filled = disk.root / "filler"
            asyncio.run(scenario(ingest))
            assert list(ingest.results(0)) == [0]
