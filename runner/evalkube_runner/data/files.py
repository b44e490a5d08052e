"""Records out of local files: jsonl, json, csv, tsv (also as .gz), parquet, arrow, txt; a file or a folder. No network.

Every failure is a RunFailed(DatasetUnavailable) that names the file, the line where there is one, and what is wrong.
"""

import csv
import gzip
import io
import logging
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from evalkube_crds.names import Reason
from evalkube_crds.paths import PathRefused, Readable
from evalkube_runner.data import card, layout, opening
from evalkube_runner.errors import RunFailed

__all__ = ["Record", "layout_of_folder", "read_file", "read_files", "walk"]

_LOG = logging.getLogger("evalkube.runner")

Record = dict[str, Any]

_MAX_FILES: Final = 20_000
_MAX_INDEX_BYTES: Final = 256 * 1024
_MAX_CELL_BYTES: Final = 16 * 1024 * 1024  # csv's own limit, 128 KiB, is less than one long-context question
_MAX_UNPACKED_BYTES: Final = 2 * 1024**3
_PARQUET_MAGIC: Final = b"PAR1"  # https://parquet.apache.org/docs/file-format
_ARROW_MAGIC: Final = b"ARROW1"  # https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
_NEXT_OBJECT: Final = re.compile(rb"\n[ \t\r]{0,80}\{")
_NO_DATA: Final = frozenset({"__pycache__", "__MACOSX"})


def read_files(paths: list[Path], readable: Readable, columns: Sequence[str] = ()) -> list[Record]:
    """The records of the files one after the other (the shards of one split). Raises RunFailed when there are none."""
    records = [record for path in paths for record in read_file(path, readable, columns)]
    if not records:
        raise _failed(f"{', '.join(str(path) for path in paths)}: holds no records")
    return records


def read_file(path: Path, readable: Readable, columns: Sequence[str] = ()) -> list[Record]:
    """All records of one file, each a dict. Cells of csv and tsv stay strings. Raises RunFailed.

    `columns`: those of a table whose first line names none of them, because it is a record already.
    """
    suffix = layout.suffix(path.name)
    try:
        with opening.opened(path, readable) as file:
            if suffix == ".parquet":
                return _read_parquet(path, file)
            if suffix == ".arrow":
                return _read_arrow(path, file)
            data = _unpacked(path, file) if suffix.endswith(".gz") else file.read()
    except OSError as error:
        raise _failed(f"{path}: cannot be read: {error.strerror or error}") from error
    suffix = suffix.removesuffix(".gz")
    if suffix == ".jsonl":
        return list(_parse_jsonl(path, data))
    if suffix == ".json":
        return _parse_json(path, data)
    if suffix == ".txt":
        return [{"text": _decoded(path, data)}]
    if suffix in (".csv", ".tsv"):
        return list(_parse_table(path, data, "," if suffix == ".csv" else "\t", columns))
    raise _failed(f"{path}: not a format that is read here ({', '.join(layout.FORMATS)})")


def walk(folder: Path, readable: Readable) -> list[str]:
    """The files under a folder as relative paths with slashes, sorted; hidden ones left out. Raises RunFailed.

    A link to a folder outside of what may be read is not followed, and the log says so.
    """
    found: list[str] = []
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NO_DATA)
        if len(Path(root).relative_to(folder).parts) >= 6:
            folders.clear()  # deeper than any hub's layout; also ends a loop of links
        folders[:] = [name for name in folders if _leads_inside(Path(root, name), readable)]
        found += [Path(root, name).relative_to(folder).as_posix() for name in names if not name.startswith(".")]
        if len(found) > _MAX_FILES:
            raise _failed(f"{folder}: more than {_MAX_FILES} files; give the folder of the dataset itself")
    return sorted(found)


def _leads_inside(folder: Path, readable: Readable) -> bool:
    if not folder.is_symlink():
        return True
    try:
        readable.admit(folder)
    except PathRefused as refused:
        _LOG.warning("%s is left out: it %s", folder, refused)
        return False
    return True


def layout_of_folder(folder: Path, readable: Readable, name: str = "") -> layout.Layout:
    """The layout of the folder of the data set `name`, by its README, its index or its file names. Raises RunFailed."""
    paths = walk(folder, readable)
    readme = None
    try:
        if "README.md" in paths:
            with opening.opened(folder / "README.md", readable) as file:
                readme = file.read(card.MOST_BYTES).decode("utf-8", errors="replace")
        return layout.layout_of(paths, name=name, readme=readme, index=_index_in(folder, paths, readable))
    except OSError as error:
        raise _failed(f"{folder}: cannot be read: {error.strerror or error}") from error


def _index_in(folder: Path, paths: list[str], readable: Readable) -> dict[str, dict[str, str]]:
    """ModelScope's older index, where a .json file at the folder's top is one."""
    for path in paths:
        if not path.endswith(".json") or "/" in path:
            continue
        with opening.opened(folder / path, readable) as file:
            if os.fstat(file.fileno()).st_size > _MAX_INDEX_BYTES:
                continue
            try:
                found = layout.parse_index(orjson.loads(file.read()))
            except orjson.JSONDecodeError:
                continue
            if found:
                return found
    return {}


def _unpacked(path: Path, file: BinaryIO) -> bytes:
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            data = unpacked.read(_MAX_UNPACKED_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _failed(f"{path}: not a readable gzip file: {error}; is it whole?") from error
    if len(data) > _MAX_UNPACKED_BYTES:
        raise _failed(f"{path}: holds more than {_MAX_UNPACKED_BYTES >> 30} GiB; unpack and divide it")
    return data


def _read_parquet(path: Path, file: BinaryIO) -> list[Record]:
    from arro3.io import read_parquet

    magic = file.read(4)
    file.seek(max(0, file.seek(0, os.SEEK_END) - 4))
    if magic != _PARQUET_MAGIC or file.read() != _PARQUET_MAGIC:
        raise _failed(f"{path}: not a readable parquet file: it must begin and end with PAR1; is it whole?")
    file.seek(0)
    return _rows_of(path, "parquet", lambda: read_parquet(file))


def _read_arrow(path: Path, file: BinaryIO) -> list[Record]:
    """The records that the library `datasets` saved: Arrow's streaming format of IPC, or its file format."""
    from arro3.io import read_ipc, read_ipc_stream

    read = read_ipc if file.read(len(_ARROW_MAGIC)) == _ARROW_MAGIC else read_ipc_stream
    file.seek(0)
    return _rows_of(path, "arrow", lambda: read(file))


def _rows_of(path: Path, kind: str, opened: Callable[[], Any]) -> list[Record]:
    try:
        reader = opened()
        names = reader.schema.names
        # Batch by batch (arro3's 1024 rows): beside the records there is never a second copy of the whole file.
        records = [
            dict(zip(names, row, strict=True))
            for batch in reader
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        ]
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a broken page is a bare Exception, a broken footer Rust's panic, which is none
        raise _failed(f"{path}: not a readable {kind} file: {_first_line(error)}") from error
    if len(set(names)) != len(names):
        raise _failed(f"{path}: a column is named twice: {', '.join(names)}")
    return records


def _parse_jsonl(path: Path, data: bytes) -> Iterator[Record]:
    # Split at \n alone: str.splitlines would also cut at U+2028, which is legal inside a JSON string.
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _failed(f"{path}:{number}: not valid JSON: {_first_line(error)}") from error
        if not isinstance(record, dict):
            raise _failed(f"{path}:{number}: each line must be a JSON object, this is {_kind(record)}")
        yield record


def _parse_json(path: Path, data: bytes) -> list[Record]:
    try:
        document = orjson.loads(data := data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        line = data[: error.pos].count(b"\n") + 1
        if data.lstrip().startswith(b"{") and _NEXT_OBJECT.search(data):
            return list(_parse_jsonl(path, data))  # JSON lines under the name .json: both hubs have many
        raise _failed(f"{path}:{line}: not valid JSON: {_first_line(error)}") from error
    rows = document
    if isinstance(document, dict):
        # {"examples": [...]}, {"version": 1, "data": [...]}: the one list of objects is meant.
        lists = [
            value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        rows = lists[0] if len(lists) == 1 else [document] if not lists else None
    if not isinstance(rows, list):
        raise _failed(
            f"{path}: expected an array of objects, or an object with one such array; this is {_kind(document)}"
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise _failed(f"{path}: item {number}: must be a JSON object, this is {_kind(row)}")
    return rows


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _failed(f"{path}:{line}: not UTF-8: byte 0x{data[error.start]:02x}; save the file as UTF-8") from error


def _parse_table(path: Path, data: bytes, delimiter: str, columns: Sequence[str]) -> Iterator[Record]:
    text = _decoded(path, data)
    csv.field_size_limit(_MAX_CELL_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise _failed(f"{path}: empty; the first line must name the columns")
        if columns and len(header) == len(columns) and not set(header) & set(columns):
            yield dict(zip(columns, header, strict=True))
            header = list(columns)
        if len(set(header)) != len(header):
            raise _failed(f"{path}:1: a column is named twice: {', '.join(header)}")
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise _failed(
                    f"{path}:{reader.line_num}: {len(row)} cells where the header names {len(header)} columns"
                )
            yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise _failed(f"{path}:{reader.line_num}: malformed row: {error}") from error


def _kind(value: object) -> str:
    names = {
        list: "an array",
        dict: "an object",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
