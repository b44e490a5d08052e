"""What is finished is found again, and only that."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.evalrun import GenerationConfig
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import checkpoint


class _Slow(FileDelivery):
    """Plain files behind a slow disk, which counts its writes."""

    writes = 0

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        self.writes += 1
        await asyncio.sleep(0.02)
        await super().append(path, data, durable=durable)


async def _written(delivery: FileDelivery, count: int, *, torn: bool = False) -> None:
    journal = checkpoint.Journal(delivery)
    if torn:
        journal.mend("p.jsonl")
    writing = asyncio.create_task(journal.write_on())
    for number in range(count):
        await journal.add("p.jsonl", {"key": f"k{number}", "n": number})
        await asyncio.sleep(0)
    journal.close()
    await writing


def test_many_records_share_one_write_and_all_are_there(tmp_path: Path) -> None:
    """Nobody waits for the disk, and the end waits for everything."""
    delivery = _Slow(tmp_path, tmp_path, pipeline="eval")
    asyncio.run(_written(delivery, 300))
    records, torn = asyncio.run(checkpoint.load(delivery, "p.jsonl"))
    assert list(records) == [f"k{number}" for number in range(300)]
    assert not torn
    assert delivery.writes < 100


@given(st.integers(1, 60))
def test_a_torn_last_line_costs_one_record_and_no_more(lost: int) -> None:
    """Cut anywhere, what is whole is found; what is appended afterwards is whole again."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        delivery = FileDelivery(Path(folder), Path(folder), pipeline="eval")
        asyncio.run(_written(delivery, 5))
        file = Path(folder) / "p.jsonl"
        data = file.read_bytes()[:-lost]
        file.write_bytes(data)
        records, torn = asyncio.run(checkpoint.load(delivery, "p.jsonl"))
        assert torn == (data != b"" and not data.endswith(b"\n"))
        assert len(records) in (data.count(b"\n"), data.count(b"\n") + 1)
        asyncio.run(_written(delivery, 7, torn=torn))
        again, _ = asyncio.run(checkpoint.load(delivery, "p.jsonl"))
        assert set(again) == {f"k{number}" for number in range(7)}


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    """Lines of another program, or of none, are no records."""
    (tmp_path / "p.jsonl").write_bytes(b'[1]\n{"index": 1}\n\n\xff\xfe\n{"key": "k", "n": 1}\n{"key": "k", "n": 2}\n')
    delivery = FileDelivery(tmp_path, tmp_path, pipeline="eval")
    records, torn = asyncio.run(checkpoint.load(delivery, "p.jsonl"))
    assert records == {"k": {"key": "k", "n": 2}}
    assert not torn


def test_a_delivery_that_fails_is_told(tmp_path: Path) -> None:
    """A full disk is no silent loss."""
    (tmp_path / "p.jsonl").mkdir()
    with pytest.raises(RunFailed, match=r"p\.jsonl"):
        asyncio.run(_written(FileDelivery(tmp_path, tmp_path, pipeline="eval"), 1))


def test_only_what_changes_an_answer_is_part_of_its_key() -> None:
    """Another timeout, retry or key header asks the same question; another temperature or seed does not."""
    plain = checkpoint.generation_identity(GenerationConfig())
    same = GenerationConfig(timeout=1.0, retries=9, retry_interval=0.0, stream=True, extra_headers={"x": "y"})
    assert checkpoint.generation_identity(same) == plain
    assert checkpoint.generation_identity(GenerationConfig(), "another dialect") != plain
    for other in (GenerationConfig(temperature=0.5), GenerationConfig(seed=1), GenerationConfig(extra_body={"a": 1})):
        assert checkpoint.generation_identity(other) != plain
