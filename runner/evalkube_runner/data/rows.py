"""Rows of a data set's file, by index.

JSON files stay on disk, two integers in memory for each row; tables and parquet files are read whole.
What a row says is its reader's business.
"""

from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import files, spans
from evalkube_runner.errors import RunFailed

__all__ = ["Rows", "Stored", "opened"]

_JSON: Final = (".json", ".jsonl", ".ndjson")


class Rows(Protocol):
    """Rows by index, each the same whenever it is asked for."""

    def __len__(self) -> int:
        """The number of rows."""

    def row(self, index: int) -> Any:
        """One row, parsed."""

    def place(self, index: int) -> str:
        """The file and line of a row, for messages."""


class _Listed:
    """Rows in memory."""

    def __init__(self, path: Path, rows: list[files.Record]) -> None:
        self._path = path
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Any:
        return self._rows[index]

    def place(self, index: int) -> str:
        return f"{self._path}: record {index + 1}"


class Stored:
    """Rows of a file of JSON: lines, objects over several lines, or one array."""

    def __init__(self, path: Path, readable: Readable) -> None:
        self._path = path
        try:
            self._bytes = spans.mapped(path, readable)
            self._places = spans.values(self._bytes)
        except OSError as error:
            raise _failed(f"{path}: cannot be read: {error.strerror or error}") from error
        except spans.Broken as broken:
            raise _failed(f"{path}:{spans.line_of(self._bytes, broken.at)}: not valid JSON: {broken}") from broken

    def __len__(self) -> int:
        return len(self._places)

    def row(self, index: int) -> Any:
        try:
            return orjson.loads(self._bytes[self._places[index]])
        except orjson.JSONDecodeError as error:
            raise _failed(f"{self.place(index)}: not valid JSON: {error}") from error

    def place(self, index: int) -> str:
        return f"{self._path}:{spans.line_of(self._bytes, self._places[index].start)}"


def opened(path: Path, readable: Readable) -> Rows:
    """The rows of a file. Raises RunFailed(DatasetUnavailable) that says what is wrong, and PathForbidden."""
    if path.suffix.lower() not in _JSON:
        return _Listed(path, files.read_file(path, readable))
    stored = Stored(path, readable)
    if len(stored) == 1 and path.suffix.lower() == ".json" and isinstance(stored.row(0), dict):
        return _Listed(path, files.read_file(path, readable))  # {"data": [...]}: the rows are inside of the one object
    return stored


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
