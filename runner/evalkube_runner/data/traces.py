"""Traces of recorded requests: when each came, how long its prompt and its answer were, or its whole body.

Three formats are read:
- Azure's (AzurePublicDataset, 2023 and 2024): CSV with TIMESTAMP, ContextTokens, GeneratedTokens; a timestamp is a date
  and a time, with or without a zone.
- Mooncake's (FAST'25): JSON lines {timestamp (ms), input_length, output_length, hash_ids}; each id stands for a block
  of 512 tokens, and requests that begin with the same ids have the same beginning.
- Workload traces, as EvalScope has them: JSON lines {body, timestamp (seconds, or a date and a time),
  completion_tokens}.

Requests are in the order of their times; those of one moment stay in the file's order. Memory holds 28 bytes for each;
bodies and ids stay on disk.
"""

import csv
import io
import math
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import opening, rows
from evalkube_runner.errors import RunFailed

__all__ = ["BLOCK_TOKENS", "Trace", "read"]

BLOCK_TOKENS: Final = 512
"""How many tokens a hash id of Mooncake's stands for."""

_NANO: Final = 1_000_000_000
_MILLI: Final = 1_000_000
_UNKNOWN: Final = -1
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?\s*([Zz]|[+-]\d\d:?\d\d)?")
_COLUMNS: Final = ("timestamp", "contexttokens", "generatedtokens")

Indices: TypeAlias = NDArray[np.int64]
Kind: TypeAlias = Literal["azure", "mooncake", "workload"]


class _Told(NamedTuple):
    """What a trace tells of one request."""

    at_ns: int
    input_length: int
    output_length: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests of a trace in the order of their times. Lengths are in tokens, -1 where they are not told.

    `unordered`: how many stood behind a later one in the file. `left_out`: how many had no prompt.
    """

    kind: Kind
    offsets_ns: Indices
    input_lengths: Indices
    output_lengths: Indices
    unordered: int
    left_out: int
    _places: Indices
    _rows: rows.Rows | None

    def __len__(self) -> int:
        return len(self.offsets_ns)

    def arrivals_ns(self, speed: float = 1.0) -> Indices:
        """When each request is due, after the first: never decreasing. At a speed of 2 all comes in half the time.

        There are no arrivals beyond the trace's end: a schedule has no more requests than the trace.
        """
        found: Indices = np.rint(self.offsets_ns / speed).astype(np.int64)
        return found

    def limit(self, index: int) -> int | None:
        """The most tokens of a request's answer: as many as it had; None where nobody tells, or its body does."""
        length = int(self.output_lengths[index])
        return None if length == _UNKNOWN or self.kind == "workload" else max(1, length)

    def blocks(self, index: int) -> list[int]:
        """The ids of the blocks that a prompt begins with."""
        if self.kind != "mooncake":
            return []
        found: list[int] = self._row(index).get("hash_ids") or []
        return found

    def body(self, index: int) -> dict[str, Any]:
        """The body of a workload trace's request."""
        found: dict[str, Any] = self._row(index)["body"]
        return found

    def _row(self, index: int) -> Any:
        assert self._rows is not None
        return self._rows.row(int(self._places[index]))


def read(path: Path, readable: Readable, *, most: int | None = None) -> Trace:
    """The trace in a file, of which no more than the first `most` rows are taken.

    Raises RunFailed(DatasetUnavailable) that names the line, and PathForbidden.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        return _trace("azure", path, _azure(path, readable), None, most)
    stored = rows.opened(path, readable)
    if not len(stored):
        raise _failed(f"{path}: holds no requests")
    kind = _kind(stored)
    return _trace(kind, path, _told(stored, kind), stored, most)


def _trace(kind: Kind, path: Path, told: Iterator[_Told], stored: rows.Rows | None, most: int | None) -> Trace:
    times, inputs, outputs, places = array("q"), array("q"), array("q"), array("q")
    count = 0
    for count, each in enumerate(told, start=1):
        if each.input_length:
            times.append(each.at_ns)
            inputs.append(each.input_length)
            outputs.append(each.output_length)
            places.append(count - 1)
        if count == most:
            break
    if not times:
        raise _failed(f"{path}: holds no requests")
    at = np.array(times, dtype=np.int64)
    order = np.argsort(at, kind="stable")
    arrays = (np.array(each, dtype=np.int64)[order] for each in (inputs, outputs, places))
    lengths, limits, found = arrays
    unordered = int(np.count_nonzero(at < np.maximum.accumulate(at)))
    return Trace(kind, at[order] - at.min(), lengths, limits, unordered, count - len(times), found, stored)


def _azure(path: Path, readable: Readable) -> Iterator[_Told]:
    try:
        with (
            opening.opened(path, readable) as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
        ):
            yield from _azure_rows(path, text)
    except OSError as error:
        raise _failed(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _failed(f"{path}: not UTF-8: byte 0x{error.object[error.start]:02x}") from error


def _azure_rows(path: Path, text: Iterable[str]) -> Iterator[_Told]:
    reader = csv.reader(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    header = [name.strip().lower() for name in next(reader, [])]
    if not set(_COLUMNS) <= set(header):
        raise _failed(f"{path}:1: not a trace: it needs the columns TIMESTAMP, ContextTokens and GeneratedTokens")
    time, inputs, outputs = (header.index(name) for name in _COLUMNS)
    for row in reader:
        if not row:
            continue
        try:
            yield _Told(_time_ns(row[time]), _length(row[inputs]), _length(row[outputs]))
        except (IndexError, ValueError) as error:
            reason = "has too few cells" if isinstance(error, IndexError) else error
            raise _failed(f"{path}:{reader.line_num}: {reason}") from error


def _kind(stored: rows.Rows) -> Kind:
    first = stored.row(0)
    if isinstance(first, dict) and "timestamp" in first:
        if "body" in first:
            return "workload"
        if "input_length" in first:
            return "mooncake"
    raise _failed(
        f"{stored.place(0)}: not a request of a trace: it needs timestamp, and body, or input_length and output_length"
    )


def _told(stored: rows.Rows, kind: Kind) -> Iterator[_Told]:
    for index in range(len(stored)):
        row = stored.row(index)
        try:
            if not isinstance(row, dict):
                raise ValueError("a request of a trace is an object")
            yield _mooncake(row) if kind == "mooncake" else _workload(row)
        except (KeyError, ValueError) as error:
            reason = f"has no {error.args[0]}" if isinstance(error, KeyError) else error
            raise _failed(f"{stored.place(index)}: {reason}") from error


def _mooncake(row: dict[str, Any]) -> _Told:
    ids = row.get("hash_ids") or []
    if not (isinstance(ids, list) and all(isinstance(each, int) and 0 <= each < 1 << 63 for each in ids)):
        raise ValueError("hash_ids must be a list of whole numbers")
    if not isinstance(row["timestamp"], int | float):
        raise ValueError("timestamp must be a number, of milliseconds")
    return _Told(round(row["timestamp"] * _MILLI), _length(row["input_length"]), _length(row["output_length"]))


def _workload(row: dict[str, Any]) -> _Told:
    if not isinstance(row["body"], dict) or not row["body"]:
        raise ValueError("body must be an object, the body of a request")
    if row.get("headers"):
        raise ValueError("headers of single requests are not sent; put those of all into the headers of the test")
    at = row["timestamp"]
    if isinstance(at, int | float) and not isinstance(at, bool):
        whole = math.floor(at)  # apart, as a float of nanoseconds since 1970 is off by hundreds
        at_ns = whole * _NANO + round((at - whole) * _NANO)
    else:
        at_ns = _time_ns(at)
    tokens = row.get("completion_tokens")
    return _Told(at_ns, _UNKNOWN, _UNKNOWN if tokens is None else _length(tokens))


def _time_ns(value: object) -> int:
    """Nanoseconds since 1970. Raises ValueError."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a date and a time")
    minute, second, fraction, zone = found.groups()
    return (_minute_s(minute, zone or "Z") + int(second)) * _NANO + int((fraction or "").ljust(9, "0"))


@lru_cache(maxsize=64)
def _minute_s(minute: str, zone: str) -> int:
    at = datetime.fromisoformat(minute + ("+00:00" if zone in "Zz" else zone))
    return round(at.astimezone(UTC).timestamp())


def _length(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << 31:
        raise ValueError(f"{value!r} is not a number of tokens")
    return number


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
