"""The files of rows: what programs that look at their first lines can tell of all of them."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from evalkube_crds.names import ErrorClass
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.rows import Rows
from evalkube_runner.wire import embedding, openai

WORDS = ("finish_reason", "error", "message")


def _counted(_body: bytes) -> int:
    return 2


def exchange(index: int, *, inputs: bool = False, error: ErrorClass | None = None, keep_text: bool = False) -> Exchange:
    """A request without an answer, or with a fault."""
    count: Callable[[bytes], int] | None = _counted if inputs else None
    dialect = embedding if inputs else openai
    made = Exchange(
        index, b"", dialect, stream=False, choices=1, ended=lambda _: None, keep_text=keep_text, count=count
    )
    made.intended_ns = made.ready_ns = made.dispatched_ns = made.end_ns = 1000
    if error is not None:
        made.fail(error, "away")
    return made


def rows(folder: Path, *exchanges: Exchange) -> list[dict[str, object]]:
    """What is written of them."""
    file = Rows(folder / "rows.jsonl", start_ns=0, warmup=0, run=None)
    for one in exchanges:
        file.add(one)
    for batch in file.waiting():
        for row, *_ in batch:
            file.write(row)
    file.close()
    return [orjson.loads(line) for line in (folder / "rows.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("inputs", [False, True], ids=["answers with words", "answers without"])
def test_all_rows_have_the_same_columns_and_null_where_there_is_nothing(tmp_path: Path, inputs: bool) -> None:
    """A table's reader may take the columns of the first row for those of all."""
    found = rows(tmp_path, exchange(0, inputs=inputs), exchange(1, inputs=inputs, error=ErrorClass.CONNECT))
    assert [list(row) for row in found] == [list(found[0])] * 2
    assert [[row[name] for name in WORDS] for row in found] == [[None, None, None], [None, "connect", "away"]]
    assert [row.get("inputs") for row in found] == [0 if inputs else None] * 2


def test_a_row_that_waited_for_its_tokens_is_like_the_others(tmp_path: Path) -> None:
    """Also where it comes back as it is."""
    waiting = exchange(0, keep_text=True)
    waiting.texts = ["a text"]
    first, second = rows(tmp_path, waiting, exchange(1))
    assert {**first, "index": 0} == second
