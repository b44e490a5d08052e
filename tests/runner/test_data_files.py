"""Records out of local files, and what is said about files that are not right."""

import datetime
import decimal
import gzip
import json
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

from evalkube_crds.names import Reason
from evalkube_runner.data import files
from evalkube_runner.errors import RunFailed
from fakes.readable import ANYTHING

_ROWS = [{"question": "1+1?", "answer": "2"}, {"question": "café \u2028 ?", "answer": "yes"}]


def _written(path: Path) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(_ROWS), path)
    elif path.suffix == ".arrow":
        table = pyarrow.Table.from_pylist(_ROWS)
        with (pyarrow.ipc.new_file if path.stem == "file" else pyarrow.ipc.new_stream)(path, table.schema) as writer:
            writer.write_table(table)
    elif path.suffix == ".json":
        path.write_text(json.dumps(_ROWS))
    elif path.suffix == ".jsonl":
        path.write_text(
            "\ufeff" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in _ROWS) + "\n", encoding="utf-8"
        )
    else:
        tab = "," if path.suffix == ".csv" else "\t"
        path.write_text(
            f"question{tab}answer\r\n" + "".join(f'"{row["question"]}"{tab}{row["answer"]}\r\n' for row in _ROWS),
            encoding="utf-8",
        )
    return path


_NAMES = ["a.parquet", "file.arrow", "stream.arrow", "a.json", "a.jsonl", "a.csv", "a.tsv"]


@pytest.mark.parametrize("name", _NAMES)
def test_every_format_reads_alike(tmp_path: Path, name: str) -> None:
    """The same rows come out of each format."""
    assert files.read_file(_written(tmp_path / name), ANYTHING) == _ROWS


_MOMENTS = [datetime.datetime(2024, 2, 29, 23, 59, 59, 250_000), None, datetime.datetime(1960, 1, 1)]  # noqa: DTZ001
_NESTED = [{"role": "user", "parts": [{"text": "é"}, {"text": None}]}, None, {"role": None, "parts": None}]


def _agrees(path: Path) -> bool:
    """Whether the rows are what pyarrow, the independent peer, reads: types too, as True == 1 == 1.0."""
    ours, rows = files.read_file(path, ANYTHING), pyarrow.parquet.read_table(path).to_pylist()
    peers = [{name: _standard(value) for name, value in row.items()} for row in rows]
    return ours == peers and repr(ours) == repr(peers)


def _standard(value: Any) -> Any:
    """A value of the standard library: where pandas is installed, pyarrow makes times in nanoseconds of its type."""
    return value.to_pydatetime() if isinstance(value, pandas.Timestamp) else value


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pyarrow.array(["a", None, "é \u2028"]), id="string"),
        pytest.param(pyarrow.array(["a", None, "é"], pyarrow.large_string()), id="large string"),
        pytest.param(pyarrow.array(["a", None, "a"]).dictionary_encode(), id="dictionary of strings"),
        pytest.param(pyarrow.array(["a", None], pyarrow.large_string()).dictionary_encode(), id="large dictionary"),
        pytest.param(pyarrow.array([b"\x89PNG", None, b""]), id="bytes"),
        pytest.param(pyarrow.array([True, None, False]), id="boolean"),
        pytest.param(pyarrow.array([2**63 - 1, None, -1]), id="64-bit integer"),
        pytest.param(pyarrow.array([1, None, 255], pyarrow.uint8()), id="8-bit integer"),
        pytest.param(pyarrow.array([0.1, None, float("inf")]), id="double"),
        pytest.param(pyarrow.array([0.1, None], pyarrow.float32()), id="float"),
        pytest.param(pyarrow.array([None, None]), id="nothing but nulls"),
        pytest.param(pyarrow.array([["a", None], None, []]), id="list"),
        pytest.param(pyarrow.array([["a"], None, []], pyarrow.large_list(pyarrow.string())), id="large list"),
        pytest.param(pyarrow.array([[[1], []], None, [None]]), id="list of lists"),
        pytest.param(pyarrow.array([[1, 2], None], pyarrow.list_(pyarrow.int64(), 2)), id="list of a fixed size"),
        pytest.param(pyarrow.array(_NESTED), id="struct with a list of structs"),
        pytest.param(pyarrow.array([[("a", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int64())), id="map"),
        pytest.param(pyarrow.array(_MOMENTS, pyarrow.timestamp("ms")), id="timestamp"),
        pytest.param(pyarrow.array(_MOMENTS, pyarrow.timestamp("ns")), id="timestamp in nanoseconds"),
        pytest.param(pyarrow.array(_MOMENTS, pyarrow.timestamp("us", "UTC")), id="timestamp with a zone"),
        pytest.param(pyarrow.array(_MOMENTS, pyarrow.timestamp("us", "+02:00")), id="timestamp with an offset"),
        pytest.param(pyarrow.array([datetime.date(2024, 2, 29), None]), id="date"),
        pytest.param(pyarrow.array([decimal.Decimal("-2.50"), None], pyarrow.decimal128(10, 2)), id="decimal"),
    ],
)
def test_parquet_types(tmp_path: Path, column: Any) -> None:
    """A column of each type that data sets have becomes the values that pyarrow makes of it."""
    pyarrow.parquet.write_table(pyarrow.table({"q": column, "n": range(len(column))}), tmp_path / "a.parquet")
    assert _agrees(tmp_path / "a.parquet")


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd", "gzip", "brotli", "lz4"])
@pytest.mark.parametrize("page", ["1.0", "2.0"])
def test_parquet_codecs(tmp_path: Path, codec: str, page: str) -> None:
    """Every compression is undone, over several row groups and more rows than one batch holds."""
    table = pyarrow.table({"q": [f"{number % 7} + 1?" for number in range(3000)], "n": range(3000)})
    pyarrow.parquet.write_table(
        table, tmp_path / "a.parquet", compression=codec, data_page_version=page, row_group_size=1100
    )
    assert _agrees(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param(
            "a.json", b'{"canary": "x", "examples": [{"q": 1}, {"q": 2}]}', [{"q": 1}, {"q": 2}], id="wrapped list"
        ),
        pytest.param("a.json", b'{"q": 1}\n{"q": 2}\n', [{"q": 1}, {"q": 2}], id="lines under the name json"),
        pytest.param("a.json", b'{"q": 1}', [{"q": 1}], id="one object"),
        pytest.param("a.json", b'\xef\xbb\xbf{"q": 1}\r\n  {"q": 2}', [{"q": 1}, {"q": 2}], id="lines with a mark"),
        pytest.param("a.json", b' \n[ {"q": 1} ]\n', [{"q": 1}], id="an array with spaces"),
        pytest.param(
            "a.jsonl", b'\xef\xbb\xbf{ "q" : 1 }\r\n\r\n \t{"q": 2}  \r\n', [{"q": 1}, {"q": 2}], id="spaced lines"
        ),
        pytest.param("a.jsonl.gz", gzip.compress(b'{"q": 1}\n{"q": 2}'), [{"q": 1}, {"q": 2}], id="packed lines"),
        pytest.param("a.CSV.GZ", gzip.compress(b"q\n1") + gzip.compress(b"\n2"), [{"q": "1"}, {"q": "2"}], id="parts"),
        pytest.param("a.csv", b'q,a\n"two\nlines",x\n\n', [{"q": "two\nlines", "a": "x"}], id="line break in a cell"),
    ],
)
def test_forms(tmp_path: Path, name: str, content: bytes, expected: list[dict[str, object]]) -> None:
    """The forms that people's files have are understood."""
    (tmp_path / name).write_bytes(content)
    assert files.read_file(tmp_path / name, ANYTHING) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("What is 1 + 1?\t2\nAnd 2 + 2?\t4\n", ["What is 1 + 1?", "And 2 + 2?"], id="records alone"),
        pytest.param("question\tanswer\nWhat?\t2\n", ["What?"], id="a header after all"),
        pytest.param("answer\tquestion\n2\tWhat?\n", ["What?"], id="a header in another order"),
        pytest.param('He said "6".\t2\n', ['He said "6".'], id="quotes inside"),
    ],
)
def test_a_table_without_a_header(tmp_path: Path, content: str, expected: list[str]) -> None:
    """Whoever knows its columns reads the first line too."""
    (tmp_path / "a.tsv").write_text(content, encoding="utf-8")
    records = files.read_file(tmp_path / "a.tsv", ANYTHING, ("question", "answer"))
    assert [record["question"] for record in records] == expected


@pytest.mark.parametrize(
    ("name", "content", "where", "why"),
    [
        pytest.param("a.jsonl", b'{"q": 1}\n{"q": \n', "a.jsonl:2", "not valid JSON", id="torn line"),
        pytest.param("a.jsonl", b'{"q": NaN}\n', "a.jsonl:1", "not valid JSON", id="NaN"),
        pytest.param("a.jsonl", b'{"q": 1}\n\n[1]\n', "a.jsonl:3", "this is an array", id="array in a line"),
        pytest.param("a.jsonl", b'{"q": "\xff"}\n', "a.jsonl:1", "not valid JSON", id="not UTF-8"),
        pytest.param("a.json", b'[\n{"q": 1},\n{"q": }]', "a.json:3", "not valid JSON", id="broken json"),
        pytest.param("a.json", b'[{"q": 1}, 2]', "a.json: item 1", "must be a JSON object", id="number in a list"),
        pytest.param("a.json", b'"x"', "a.json", "this is a string", id="a string"),
        pytest.param("a.json", b'{"a": [{"q": 1}], "b": [{"q": 1}]}', "a.json", "one such array", id="two lists"),
        pytest.param("a.csv", b"q,a\n1,2\n3\n", "a.csv:3", "1 cells where the header names 2", id="short row"),
        pytest.param("a.csv", b"q,q\n1,2\n", "a.csv:1", "named twice", id="a column twice"),
        pytest.param("a.csv", b'q,a\n"open,2\n', "a.csv", "malformed row", id="open quote"),
        pytest.param("a.csv", b"q,a\n1,2\n\xff,2\n", "a.csv:3", "0xff", id="latin-1"),
        pytest.param("a.json.gz", gzip.compress(b"[]")[:-3], "a.json.gz", "is it whole", id="torn gzip"),
        pytest.param("a.json.gz", b"[]", "a.json.gz", "not a readable gzip", id="no gzip"),
        pytest.param("a.csv", b"", "a.csv", "empty", id="empty csv"),
        pytest.param("a.parquet", b"PAR1 no", "a.parquet", "not a readable parquet", id="torn parquet"),
        pytest.param("a.arrow", b"no", "a.arrow", "not a readable arrow file", id="torn arrow"),
        pytest.param("a.arrow", b"ARROW1\0\0\xff", "a.arrow", "not a readable arrow file", id="arrow's footer"),
        pytest.param("a.parquet", b"", "a.parquet", "not a readable parquet", id="empty parquet"),
        pytest.param("a.parquet", b"PAR1\xff\xff\4\0\0\0PAR1", "a.parquet", "not a readable", id="parquet's footer"),
        pytest.param("a.md", b"x", "a.md", "not a format", id="another format"),
        pytest.param("a.txt", b"x\n\xff", "a.txt:2", "not UTF-8", id="a text that is none"),
        pytest.param("a.jsonl", b"\n", "a.jsonl", "holds no records", id="no records"),
    ],
)
def test_malformed(tmp_path: Path, name: str, content: bytes, where: str, why: str) -> None:
    """What is wrong is said with file, line and reason."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunFailed) as caught:
        files.read_files([tmp_path / name], ANYTHING)
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE
    assert where in str(caught.value)
    assert why in str(caught.value)


def test_a_parquet_file_with_a_broken_page(tmp_path: Path) -> None:
    """Damage between a good head and a good footer is an error with the file's name, not rows."""
    data = bytearray(_written(tmp_path / "a.parquet").read_bytes())
    data[4:20] = b"\xff" * 16
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(RunFailed, match=r"a\.parquet: not a readable parquet file"):
        files.read_file(tmp_path / "a.parquet", ANYTHING)


def test_a_parquet_file_with_a_column_twice(tmp_path: Path) -> None:
    """Of two columns of one name none is dropped in silence."""
    pyarrow.parquet.write_table(pyarrow.table([[1], [2]], names=["q", "q"]), tmp_path / "a.parquet")
    with pytest.raises(RunFailed, match=r"a\.parquet: a column is named twice: q, q"):
        files.read_file(tmp_path / "a.parquet", ANYTHING)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, suffix: str) -> None:
    """A missing file is named."""
    with pytest.raises(RunFailed, match=rf"gone\.{suffix}: cannot be read: No such file"):
        files.read_file(tmp_path / f"gone.{suffix}", ANYTHING)


def test_walk_leaves_out_what_is_hidden(tmp_path: Path) -> None:
    """Hidden folders (a client's cache, .git) are not data; links that turn in a circle end."""
    for name in ("a/test.jsonl", ".git/x.json", ".hidden.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert [path for path in files.walk(tmp_path, ANYTHING) if "loop" not in path] == ["a/test.jsonl"]


def test_a_local_folder_with_an_index(tmp_path: Path) -> None:
    """A copy of an older ModelScope data set is read by its index."""
    (tmp_path / "name.json").write_text('{"default": {"test": {"meta": "b.csv", "file": ""}}}')
    (tmp_path / "a.csv").write_text("q\n1\n")
    (tmp_path / "b.csv").write_text("q\n2\n")
    choice = files.layout_of_folder(tmp_path, ANYTHING).choose("main", "test")
    assert choice is not None
    assert choice.paths == ("b.csv",)
