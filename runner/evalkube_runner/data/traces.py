"""Traces of recorded requests: when each came, with the lengths of its prompt and answer, or with its whole body.

A trace is JSON (lines, or one array) or a table with a header (CSV, or with tabs), by what stands in the file; its
columns (`trace_formats`) say whose it is. Requests are in the order of their times; those of one moment stay in the
file's order. Memory holds some integers for each; bodies and ids stay on disk.
"""

import csv
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_crds.results import LeftOut
from evalkube_runner.data import opening, rows, spans
from evalkube_runner.data.trace_formats import LATEST_NS, UNKNOWN, Format, Told, body_of, format_of
from evalkube_runner.errors import RunFailed

__all__ = ["BLOCK_TOKENS", "Trace", "Wanted", "read"]

BLOCK_TOKENS: Final = 512
"""How many tokens a hash id of Mooncake's stands for."""

_LONGEST_LINE: Final = 1 << 20
_PACKED: Final = {b"\x1f\x8b": "compressed (gzip)", b"PK\x03\x04": "an archive (zip)", b"PAR1": "a Parquet file"}
_HEAD_BYTES: Final = 1 << 16

Indices: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requests of a trace that are wanted: prompts of these lengths, at most the first `most` of them. Requests
    with bodies are all wanted; their lengths are counted later.
    """

    shortest: int = 0
    longest: int = 1 << 31
    most: int | None = None

    def left_out(self, told: Told) -> LeftOut | None:
        """The reason why a request is left out; None where it is wanted."""
        length = told.input_length
        if length == UNKNOWN or (length and self.shortest <= length <= self.longest):
            return None
        return "empty" if not length else "too_short" if length < self.shortest else "too_long"


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests of a trace in the order of their times. Lengths are in tokens, -1 where they are not told.

    `unordered`: how many stood behind a later one in the file. `left_out`: how many are not in it, and why.
    """

    format: Format
    offsets_ns: Indices
    input_lengths: Indices
    output_lengths: Indices
    unordered: int
    left_out: Mapping[LeftOut, int]
    _places: Indices
    _rows: rows.Rows | None

    def __len__(self) -> int:
        return len(self.offsets_ns)

    def arrivals_ns(self, speed: float) -> Indices:
        """The due times of the requests, after the first, never decreasing. A speed of 2 halves them.

        Raises RunFailed(InvalidSpec) where the last of them would be due in more than a century.
        """
        if self.offsets_ns[-1] / speed >= LATEST_NS:
            text = f"trace_speed: at {speed:g} the last request of the trace would be due in more than a century"
            raise RunFailed(Reason.INVALID_SPEC, text)
        found: Indices = np.rint(self.offsets_ns / speed).astype(np.int64)
        return found

    def only(self, kept: Indices) -> "Trace":
        """The trace of some of its requests, in order."""
        offsets, inputs, outputs, places = (
            each[kept] for each in (self.offsets_ns, self.input_lengths, self.output_lengths, self._places)
        )
        return replace(
            self, offsets_ns=offsets - offsets[:1], input_lengths=inputs, output_lengths=outputs, _places=places
        )

    def limit(self, index: int) -> int | None:
        """The most tokens of a request's answer: as many as it had, one at least; None where nobody tells."""
        length = int(self.output_lengths[index])
        return None if length == UNKNOWN else max(1, length)

    def blocks(self, index: int) -> list[int]:
        """The ids of the blocks that a prompt begins with."""
        return [] if self._rows is None else self._row(index).get("hash_ids") or []

    def body(self, index: int) -> dict[str, Any]:
        """The recorded body of a request."""
        return body_of(self._row(index))

    def _row(self, index: int) -> dict[str, Any]:
        assert self._rows is not None
        return _lowered(self._rows.row(int(self._places[index])))


def read(path: Path, readable: Readable, wanted: Wanted) -> Trace:
    """The trace in a file. Raises RunFailed: DatasetUnavailable that names the line, PathForbidden."""
    try:
        data = spans.mapped(path, readable)
    except OSError as error:
        raise _failed(f"dataset_path: {path} cannot be read: {error.strerror or error}") from error
    start = spans.after_space(data, spans.begin_of(data))
    head = data[start : start + _HEAD_BYTES].partition(b"\n")[0]
    if not head:
        raise _failed(f"{path}: holds no requests")
    for mark, what in _PACKED.items():
        if head.startswith(mark):
            raise _failed(f"{path}: is {what}; give the trace unpacked, as CSV or as JSON lines")
    if head.startswith((b"{", b"[")):
        return _Reading(wanted).stored(path, rows.Stored(path, readable))
    with opening.opened(path, readable) as file:
        return _Reading(wanted).table(path, file, "\t" if b"\t" in head and b"," not in head else ",")


class _Reading:
    """Collects the wanted requests of one file."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._times, self._inputs, self._outputs, self._places = array("q"), array("q"), array("q"), array("q")
        self._left_out: Counter[LeftOut] = Counter()

    def table(self, path: Path, file: BinaryIO, delimiter: str) -> Trace:
        """The trace of a table (CSV)."""
        reader = csv.reader(_lines(path, file), delimiter=delimiter, strict=True)
        try:
            filled = (row for row in reader if any(map(str.strip, row)))
            columns = [name.strip().lower() for name in next(filled, [])]
            found = format_of(columns)
            if found.has_bodies or len(set(columns)) < len(columns):
                raise ValueError("whole bodies need JSON lines" if found.has_bodies else "a column is named twice")
            for number, row in enumerate(filled):
                if len(row) != len(columns):
                    raise ValueError(f"{len(row)} cells where the header names {len(columns)} columns")
                told = {name: cell for name, cell in zip(columns, row, strict=True) if cell and not cell.isspace()}
                if self._add(found.told(told), number):
                    break
        except (csv.Error, ValueError) as error:
            raise _failed(f"{path}:{reader.line_num}: {error}") from error
        return self._trace(path, found, None)

    def stored(self, path: Path, kept: rows.Rows) -> Trace:
        """The trace of rows of JSON."""
        found: Format | None = None
        for index in range(len(kept)):
            try:
                row = _lowered(kept.row(index))
                found = found or format_of(row)
                if self._add(found.told(row), index) and not found.has_bodies:
                    break
            except ValueError as error:
                raise _failed(f"{kept.place(index)}: {error}") from error
        if found is None:
            raise _failed(f"{path}: holds no requests")
        return self._trace(path, found, kept)

    def _add(self, told: Told, place: int) -> bool:
        """Note a request; whether all that is wanted is there."""
        if (why := self._wanted.left_out(told)) is not None:
            self._left_out[why] += 1
            return False
        self._times.append(told.at_ns)
        self._inputs.append(told.input_length)
        self._outputs.append(told.output_length)
        self._places.append(place)
        return len(self._times) == self._wanted.most

    def _trace(self, path: Path, found: Format, kept: rows.Rows | None) -> Trace:
        if not self._times:
            raise _failed(f"{path}: holds no requests{_why(self._left_out, self._wanted)}")
        times = np.array(self._times, dtype=np.int64)
        order = np.argsort(times, kind="stable")
        inputs, outputs, places = (
            np.array(each, dtype=np.int64)[order] for each in (self._inputs, self._outputs, self._places)
        )
        unordered = int(np.count_nonzero(times < np.maximum.accumulate(times)))
        offsets = times[order] - times.min()
        return Trace(found, offsets, inputs, outputs, unordered, self._left_out, places, kept)


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), start=1):
        if len(line) == _LONGEST_LINE:
            raise _failed(f"{path}:{number}: the line is too long for a request of a trace")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _failed(f"{path}:{number}: not UTF-8: byte 0x{line[error.start]:02x}") from error


def _lowered(row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError("a request of a trace is an object")
    return {name.strip().lower(): value for name, value in row.items()}


def _why(left_out: Mapping[LeftOut, int], wanted: Wanted) -> str:
    """The message where the bounds of lengths leave no request."""
    if set(left_out) <= {"empty"}:
        return ""
    return (
        f" of {wanted.shortest} to {wanted.longest} tokens (min_prompt_length, max_prompt_length): "
        f"{sum(left_out.values())} are shorter or longer"
    )


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
