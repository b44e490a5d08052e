"""Records out of local files, and what is said about files that are not right."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from evalkube_crds.names import Reason
from evalkube_runner.data import files
from evalkube_runner.errors import RunFailed

_ROWS = [{"question": "1+1?", "answer": "2"}, {"question": "café \u2028 ?", "answer": "yes"}]


def _written(path: Path) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(_ROWS), path)
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


@pytest.mark.parametrize("suffix", ["parquet", "json", "jsonl", "csv", "tsv"])
def test_every_format_reads_alike(tmp_path: Path, suffix: str) -> None:
    """The same rows come out of each format."""
    assert files.read_file(_written(tmp_path / f"test.{suffix}")) == _ROWS


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param(
            "a.json", b'{"canary": "x", "examples": [{"q": 1}, {"q": 2}]}', [{"q": 1}, {"q": 2}], id="wrapped list"
        ),
        pytest.param("a.json", b'{"q": 1}\n{"q": 2}\n', [{"q": 1}, {"q": 2}], id="lines under the name json"),
        pytest.param("a.json", b'{"q": 1}', [{"q": 1}], id="one object"),
        pytest.param("a.csv", b'q,a\n"two\nlines",x\n\n', [{"q": "two\nlines", "a": "x"}], id="line break in a cell"),
    ],
)
def test_forms(tmp_path: Path, name: str, content: bytes, expected: list[dict[str, object]]) -> None:
    """The forms that people's files have are understood."""
    (tmp_path / name).write_bytes(content)
    assert files.read_file(tmp_path / name) == expected


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
        pytest.param("a.csv", b"", "a.csv", "empty", id="empty csv"),
        pytest.param("a.parquet", b"PAR1 no", "a.parquet", "not a readable parquet", id="torn parquet"),
        pytest.param("a.txt", b"x", "a.txt", "not a format", id="another format"),
        pytest.param("a.jsonl", b"\n", "a.jsonl", "holds no records", id="no records"),
    ],
)
def test_malformed(tmp_path: Path, name: str, content: bytes, where: str, why: str) -> None:
    """What is wrong is said with file, line and reason."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunFailed) as caught:
        files.read_files([tmp_path / name])
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE
    assert where in str(caught.value)
    assert why in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(RunFailed, match=r"gone\.jsonl: cannot be read: No such file"):
        files.read_file(tmp_path / "gone.jsonl")


def test_walk_leaves_out_what_is_hidden(tmp_path: Path) -> None:
    """Hidden folders (a client's cache, .git) are not data; links that turn in a circle end."""
    for name in ("a/test.jsonl", ".git/x.json", ".hidden.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert [path for path in files.walk(tmp_path) if "loop" not in path] == ["a/test.jsonl"]


def test_a_local_folder_with_an_index(tmp_path: Path) -> None:
    """A copy of an older ModelScope data set is read by its index."""
    (tmp_path / "name.json").write_text('{"default": {"test": {"meta": "b.csv", "file": ""}}}')
    (tmp_path / "a.csv").write_text("q\n1\n")
    (tmp_path / "b.csv").write_text("q\n2\n")
    choice = files.layout_of_folder(tmp_path).choose("main", "test")
    assert choice is not None
    assert choice.paths == ("b.csv",)
