"""Files as a runner's delivery: appended, replaced, taken over, read back."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult, Progress, Receipt
from evalkube_runner.deliver import FileDelivery, Whole, replace_file
from evalkube_runner.errors import RunFailed
from evalkube_runner.redact import RedactingDelivery, Redactor
from fakes.small_disk import SmallDisk, small_disk

KEY = 'sk-canary"/42'


@pytest.fixture
def delivery(tmp_path: Path) -> FileDelivery:
    """Delivery into two folders, with an earlier run beside them."""
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "old.jsonl").write_bytes(b"old\n")
    return FileDelivery(tmp_path / "artifacts", tmp_path / "control", pipeline="eval", earlier=tmp_path / "earlier")


def test_appended_lines_stand_in_the_order_they_were_asked_for(delivery: FileDelivery, tmp_path: Path) -> None:
    """However many are appended at once."""

    async def append_all() -> None:
        await asyncio.gather(*(delivery.append("a/b.jsonl", b"%d\n" % number) for number in range(50)))

    asyncio.run(append_all())
    assert (tmp_path / "artifacts/a/b.jsonl").read_text().split() == [str(number) for number in range(50)]


def test_an_earlier_runs_artifacts_are_read_where_there_are_none_yet(delivery: FileDelivery) -> None:
    """And never written."""

    async def read() -> list[bytes | None]:
        before = [await delivery.get("old.jsonl"), await delivery.get("none")]
        await delivery.put("old.jsonl", b"new\n")
        return [*before, await delivery.get("old.jsonl")]

    assert asyncio.run(read()) == [b"old\n", None, b"new\n"]


def test_a_large_file_is_taken_over(delivery: FileDelivery, tmp_path: Path) -> None:
    """The scratch file is gone, the artifact is whole."""
    source = tmp_path / "scratch"
    source.write_bytes(b"rows\n")
    asyncio.run(delivery.put_file("x/rows", source))
    assert ((tmp_path / "artifacts/x/rows").read_bytes(), source.exists()) == (b"rows\n", False)


def test_lines_of_several_files_are_taken_over_as_one(delivery: FileDelivery, tmp_path: Path) -> None:
    """Compressed, in their order."""
    sources = [tmp_path / "a", tmp_path / "b"]
    for source in sources:
        source.write_bytes(source.name.encode() + b"\n")
    asyncio.run(delivery.put_lines("x/rows.gz", sources))
    assert gzip.decompress((tmp_path / "artifacts/x/rows.gz").read_bytes()) == b"a\nb\n"
    assert not any(source.exists() for source in sources)


def test_progress_is_throttled_but_its_end_is_not(delivery: FileDelivery, tmp_path: Path) -> None:
    """Readers see the first and the last, with EvalScope's keys among the artifacts."""

    async def report() -> None:
        for done in range(100):
            await delivery.progress(Progress(done=done, total=100))
        assert json.loads((tmp_path / "control/progress.json").read_text())["done"] == 0
        await delivery.progress(Progress(done=100, total=100), state="completed")

    asyncio.run(report())
    shown = json.loads((tmp_path / "artifacts/progress.json").read_text())
    assert (shown["status"], shown["percent"], shown["processed_count"]) == ("completed", 100.0, 100)


def test_a_new_stage_is_told_at_once(delivery: FileDelivery, tmp_path: Path) -> None:
    """It may be all that is told for a while. A run that failed says so."""

    async def report() -> None:
        for stage in ("loading data", "waiting for the endpoint", "evaluating"):
            await delivery.progress(Progress(done=1, total=2, stage=stage))
            assert json.loads((tmp_path / "control/progress.json").read_text())["stage"] == stage
        await delivery.progress(Progress(done=1, total=2), state="error")

    asyncio.run(report())
    shown = json.loads((tmp_path / "artifacts/progress.json").read_text())
    assert (shown["status"], shown["percent"]) == ("error", 50.0)


def test_progress_does_not_leave_backwards(delivery: FileDelivery, tmp_path: Path) -> None:
    """A stage alone says nothing of what is done."""
    outward = RedactingDelivery(delivery, Redactor([KEY]))

    async def report() -> None:
        await outward.progress(Progress(done=7, total=9, eta_seconds=-1.0, stage="evaluating", failed=2))
        await outward.progress(Progress(stage="making the report"))

    asyncio.run(report())
    left = json.loads((tmp_path / "control/progress.json").read_text())
    assert left == Progress(done=7, total=9, stage="making the report", failed=2).model_dump(by_alias=True)


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    """And no temporary one beside it."""
    path = tmp_path / "file"
    replace_file(path, b"old")
    with pytest.raises(TypeError):
        replace_file(path, "text")  # type: ignore[arg-type]  # what makes it fail
    assert ([found.name for found in tmp_path.iterdir()], path.read_bytes()) == (["file"], b"old")


def test_no_secret_passes_a_delivery(delivery: FileDelivery, tmp_path: Path) -> None:
    """Neither as it is nor as JSON spells it, by any way out."""
    careful = RedactingDelivery(delivery, Redactor([KEY, None]))
    rows = tmp_path / "rows"
    rows.write_bytes(KEY.encode() + b"\n" + json.dumps({"message": KEY}).encode() + b"\n")

    async def deliver() -> None:
        await careful.append("append", KEY.encode())
        await careful.put("put", json.dumps(KEY).encode())
        await careful.put_lines("file.gz", [rows])
        await careful.result(Receipt(run_id="r", reason=Reason.INTERNAL_ERROR, message=f"the server said {KEY}"))

    asyncio.run(deliver())
    packed = tmp_path / "artifacts/file.gz"
    written = gzip.decompress(packed.read_bytes())
    written += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != packed)
    assert written.count(b"***") == 5
    assert b"canary" not in written


class _LastOfShards(FileDelivery):
    """One that is told that its run is whole, and is itself the place of the whole."""

    async def result(self, document: BaseModel) -> Whole | None:
        """See `Delivery.result`."""
        await super().result(document)
        return self

    async def result_of(self, shard: int) -> bytes:
        """See `Whole.result_of`."""
        return b"%d" % shard


def test_no_secret_is_written_to_a_whole_run(tmp_path: Path) -> None:
    """What a model says of all shards leaves by another way than what it said to one."""

    async def deliver() -> None:
        last = _LastOfShards(tmp_path / "artifacts", tmp_path / "control", pipeline="eval")
        whole = await RedactingDelivery(last, Redactor([KEY])).result(EvalResult(run_id="r", model="m"))
        assert whole is not None
        await whole.put("report", f"it said {KEY}".encode())
        assert (await whole.get("report"), await whole.result_of(1)) == (b"it said ***", b"1")

    asyncio.run(deliver())


def test_a_placeholder_is_no_secret() -> None:
    """Replacing every 'EMPTY' or 'test' would mangle honest text."""
    assert Redactor(["EMPTY", "test"]).text("a test of EMPTY") == "a test of EMPTY"


def test_a_secret_in_lines_and_documents_is_taken_out_of_values_alone(delivery: FileDelivery, tmp_path: Path) -> None:
    """What is read again at a resume stays readable, and a page is what it was made of."""
    careful = RedactingDelivery(delivery, Redactor(["00000000"]))
    line = {"index": 100000000, "00000000": 1.5, "answer": "it is 00000000"}
    rows = tmp_path / "rows"
    rows.write_bytes(json.dumps(line).encode() + b'\n{"half": "00000000\n')
    page = b"<style>a { color: #00000000 }</style>"

    async def deliver() -> None:
        await careful.append("lines.jsonl", json.dumps(line).encode() + b"\n")
        await careful.put_lines("rows.jsonl.gz", [rows])
        await careful.put("document.json", json.dumps([line]).encode())
        await careful.put("config.yaml", b"seed: 100000000\nprompt: 'the 00000000'\n")
        await careful.put("page.html", page)

    asyncio.run(deliver())
    clean = line | {"answer": "it is ***"}
    written = {path.name: path.read_bytes() for path in (tmp_path / "artifacts").iterdir()}
    assert json.loads(written["lines.jsonl"]) == clean
    whole, half = gzip.decompress(written["rows.jsonl.gz"]).splitlines()
    assert (json.loads(whole), half) == (clean, b'{"half": "***')
    assert json.loads(written["document.json"]) == [clean]
    assert written["config.yaml"] == b"seed: 100000000\nprompt: the ***\n"
    assert written["page.html"] == page


@pytest.mark.parametrize("secret", ["00000000", "succeeded", "disconnected", "PerfResult"])
def test_no_secret_makes_a_result_unreadable(secret: str) -> None:
    """It is the same result, but for what the server said."""
    point = PerfPoint(name="p", number=1, failed=1, started_at_ns=100_000_000_000, finish_reasons={secret: 1})
    point.errors[ErrorClass.DISCONNECTED] = 1
    point.error_samples[ErrorClass.DISCONNECTED] = f"it said {secret}"
    result = PerfResult(run_id="r", model="m", points=[point])
    clean = Redactor([secret]).document(result)
    point.error_samples[ErrorClass.DISCONNECTED] = "it said ***"
    point.finish_reasons = {"***": 1}
    assert clean == result


LINE = b"0123456789abcdef" * 16 + b"\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A megabyte."""
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def test_what_finds_no_room_is_written_once_there_is_some(disk: SmallDisk) -> None:
    """Whole, once, and behind what was there."""
    delivery = FileDelivery(disk.root / "artifacts", disk.root / "control", pipeline="eval", patience_s=60.0)

    async def deliver() -> None:
        await delivery.append("lines", LINE * 4)
        disk.fill()
        late = asyncio.gather(delivery.append("lines", LINE * 100), delivery.put("whole", LINE * 100))
        done, _ = await asyncio.wait([late], timeout=0.3)
        assert not done
        disk.empty()
        await late

    asyncio.run(deliver())
    assert (disk.root / "artifacts" / "lines").read_bytes() == LINE * 104
    assert (disk.root / "artifacts" / "whole").read_bytes() == LINE * 100


def test_a_run_ends_as_store_full_when_there_is_no_room_in_time(disk: SmallDisk) -> None:
    """What comes late waits no longer. Half a line is not left; progress and what is made of results are no reason."""
    delivery = FileDelivery(disk.root / "artifacts", disk.root / "control", pipeline="eval", patience_s=0.3)

    async def deliver() -> list[object]:
        await delivery.append("lines", LINE)
        disk.fill()
        await delivery.progress(Progress(done=1, total=2), state="completed")
        result = Receipt(run_id="r", reason=Reason.COMPLETED, message="m" * 100_000)
        first = await asyncio.gather(delivery.append("lines", LINE * 1000), return_exceptions=True)
        async with asyncio.timeout(0.2):
            await delivery.put("w", LINE * 1000)
            rest = await asyncio.gather(delivery.result(result), return_exceptions=True)
        assert not delivery.complete
        return [*first, *rest]

    for found in asyncio.run(deliver()):
        assert isinstance(found, RunFailed)
        assert found.reason is Reason.STORE_FULL
        assert "No space left on device" in found.message
    assert (disk.root / "artifacts" / "lines").read_bytes() == LINE


def test_a_place_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    """Waiting would not make a folder of a file."""
    delivery = FileDelivery(tmp_path / "artifacts", tmp_path / "control", pipeline="eval", patience_s=600.0)
    (tmp_path / "artifacts").write_text("a file")

    async def deliver() -> None:
        async with asyncio.timeout(60):
            await delivery.append("reviews/lines.jsonl", b"")

    with pytest.raises(RunFailed, match="cannot be written") as caught:
        asyncio.run(deliver())
    assert caught.value.reason is Reason.STORE_FAILED
