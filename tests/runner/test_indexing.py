"""Index and tables made of files of lines, and what a page is shown of them."""

import asyncio
from contextlib import closing
from pathlib import Path

from evalkube_report.evaluation import evidence
from evalkube_report.samples import index as sample_index
from evalkube_runner import indexing
from fakes.sample_lines import error, jsonl, prediction, result, review


def test_a_page_shows_what_it_would_of_all_lines(tmp_path: Path) -> None:
    """Though it is given the lines of a few samples of each state."""
    count, made = 3000, result(gsm8k=["main"])
    lines = {
        "reviews": jsonl(*(review(at, float(at % 4 == 0), "7" if at % 7 else None) for at in range(count) if at % 50)),
        "predictions": jsonl(*(prediction(at, f"It is {at}.") for at in reversed(range(count)))),
        "errors": jsonl(*(error(at) for at in range(0, count, 50))),
    }
    files = {kind: tmp_path / kind for kind in lines}
    for kind, path in files.items():
        path.write_bytes(b"".join(lines[kind]))
    with closing(indexing.SampleTables(made, 1, tmp_path / "samples.csv")) as tables:
        some = tables.add(0, 0, files)

    async def some_of(path: str) -> bytes | None:
        return some.get(path)

    async def all_of(path: str) -> bytes:
        return b"".join(lines[path.partition("/")[0]])

    assert asyncio.run(evidence.gathered(made, some_of)) == asyncio.run(evidence.gathered(made, all_of))
    assert sum(map(len, some.values())) < sum(len(line) for found in lines.values() for line in found)
    assert len(sample_index.load(tables.index()).rows) == count


def test_a_subset_without_lines_is_no_fault(tmp_path: Path) -> None:
    """As of one of which no question was asked."""
    (tmp_path / "reviews").write_bytes(b"".join(jsonl(review(3))))
    with closing(indexing.SampleTables(result(mmlu=["law", "logic"]), 1, tmp_path / "samples.csv")) as tables:
        assert tables.add(0, 0, {}) == {}
        tables.add(0, 1, {"reviews": tmp_path / "reviews"})
    assert sample_index.load(tables.index()).find("mmlu", "logic", 3) == 0
    assert len((tmp_path / "samples.csv").read_bytes().splitlines()) == 2


def test_a_heat_map_has_no_sample_of_an_earlier_run(tmp_path: Path) -> None:
    """In a folder where more questions were asked before, their lines are still there."""
    made = result(needle=["main"])
    made.datasets[0].heat_map = ("length", "depth")
    made.datasets[0].subsets[0].requested = 2
    lines = [review(at) for at in range(3)]
    for at, line in enumerate(lines):
        line["sample_score"]["sample_metadata"] = {"length": 1000 * at, "depth": 50}
    (tmp_path / "reviews").write_bytes(b"".join(jsonl(*lines)))
    with closing(indexing.SampleTables(made, 1, tmp_path / "samples.csv")) as tables:
        some = tables.add(0, 0, {"reviews": tmp_path / "reviews"})

    async def some_of(path: str) -> bytes | None:
        return some.get(path)

    assert [cell.x for cell in asyncio.run(evidence.gathered(made, some_of)).cells["needle"]] == [0, 1000]
