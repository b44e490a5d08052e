"""Finds where the JSON values of a file begin and end, however they are spaced, without parsing them whole.

A file is mapped, so one of a gigabyte costs two integers for each value. What a value says is its reader's business.
"""

import mmap
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import orjson

from evalkube_crds.paths import Readable
from evalkube_runner.data import opening

__all__ = [
    "Broken",
    "Bytes",
    "Spans",
    "after_space",
    "begin_of",
    "elements",
    "end_of",
    "is_message",
    "line_of",
    "mapped",
    "values",
]

Bytes: TypeAlias = mmap.mmap | bytes

# A string whole, or what opens and closes objects and arrays. A quote alone begins a string that does not end on its
# line. Possessive: a string of many escapes leaves nothing to come back to.
_TOKEN: Final = re.compile(rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"|[\[\]{}"]')
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb"[-+.\w]++")
_CLOSES: Final = {ord("{"): ord("}"), ord("["): ord("]")}
_BOM: Final = b"\xef\xbb\xbf"
_CHUNK: Final = 1 << 20


class Broken(ValueError):
    """The text at byte `at` is not JSON."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at


class Spans:
    """The places of values in a file, two integers each."""

    def __init__(self) -> None:
        self._starts, self._ends = array("q"), array("q")

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> slice:
        return slice(self._starts[index], self._ends[index])

    def add(self, start: int, end: int) -> None:
        """Note the span of one more row."""
        self._starts.append(start)
        self._ends.append(end)

    @property
    def held_bytes(self) -> int:
        """The memory that the spans take, in bytes."""
        return sum(places.itemsize * len(places) for places in (self._starts, self._ends))


def mapped(path: Path, readable: Readable) -> Bytes:
    """The file's bytes, read as they are asked for. Raises RunFailed(PathForbidden), OSError."""
    with opening.opened(path, readable) as file:
        if not file.seek(0, 2):
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def begin_of(data: Bytes) -> int:
    """The place of the first byte behind a byte order mark."""
    return len(_BOM) if data[: len(_BOM)] == _BOM else 0


def after_space(data: Bytes, at: int) -> int:
    """The first place from `at` on that has no white space of JSON's."""
    found = _SPACE.match(data, at)
    return found.end() if found else at


def end_of(data: Bytes, start: int) -> int:
    """The end of the value that begins at `start`. What it holds is not checked beyond brackets and strings.

    Raises Broken.
    """
    awaited: list[int] = []
    byte = data[start] if start < len(data) else 0
    if byte not in b'{["':
        scalar = _SCALAR.match(data, start)
        if scalar is None:
            raise Broken(start, "no JSON value begins here")
        return scalar.end()
    for token in _TOKEN.finditer(data, start):
        at, end = token.span()
        byte = data[at]
        if byte in _CLOSES:
            awaited.append(_CLOSES[byte])
        elif byte != ord('"'):
            if awaited.pop() != byte:
                raise Broken(at, "a bracket closes what another kind has opened")
        elif end - at == 1:
            raise Broken(at, "a string does not end on its line")
        if not awaited:
            return end
    raise Broken(start, "does not end before the file does")


def elements(data: Bytes, start: int) -> Iterator[tuple[int, int]]:
    """The elements of the array that begins at `start`, and last the place of its end, twice. Raises Broken."""
    at = after_space(data, start + 1)
    while data[at : at + 1] != b"]":
        end = end_of(data, at)
        yield at, end
        at = after_space(data, end)
        if data[at : at + 1] == b",":
            at = after_space(data, at + 1)
            if data[at : at + 1] != b"]":
                continue
        elif data[at : at + 1] == b"]":
            break
        raise Broken(at, "a comma and another value, or the end of the array, is missing")
    yield at + 1, at + 1


def values(data: Bytes) -> Spans:
    """The values of a file: JSON lines, objects over several lines, or the elements of one array. A list of messages is
    one value. Raises Broken.
    """
    start = after_space(data, begin_of(data))
    if data[start : start + 1] == b"[":
        found = Spans()
        for at, end in elements(data, start):
            if at == end:
                if after_space(data, end) == len(data):
                    return found
                break  # lines, each an array
            if not found and is_message(data[at:end]):
                break
            found.add(at, end)
    return _sequence(data, start)


def _sequence(data: Bytes, at: int) -> Spans:
    found = Spans()
    while at < len(data):
        end = end_of(data, at)
        found.add(at, end)
        at = after_space(data, end)
    return found


def is_message(value: bytes) -> bool:
    """Whether an element of an array is a message, well formed or not: then the whole array is one value."""
    if not value.startswith(b"{"):
        return False
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return "role" in found or "content" in found


def line_of(data: Bytes, at: int) -> int:
    """The number of the line that byte `at` is in, from 1."""
    parts = (data[start : min(start + _CHUNK, at)] for start in range(0, at, _CHUNK))
    return 1 + sum(part.count(b"\n") for part in parts)
