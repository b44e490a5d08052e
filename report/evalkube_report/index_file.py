"""The file format of an index: two arrays of `numpy.save`, the rows and then the names for their numbers, as JSON.

`numpy.load` reads the rows of such a file. Here the rows are a view of the bytes: loading takes constant time, and
nothing is unpickled.
"""

import io
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import orjson
from numpy.lib import format as npy

__all__ = ["REMEDY", "VERSION", "IndexUnreadable", "Rows", "Slice", "packed", "unpacked"]

VERSION: Final = 1
"""Of the fields and of what is said about them. Another one is refused."""

Rows: TypeAlias = np.ndarray[Any, np.dtype[np.void]]

REMEDY: Final = "fetch it again; the lines themselves (predictions, reviews, requests.jsonl) can be read without it"
"""What to do about one that cannot be read."""


class IndexUnreadable(ValueError):
    """The bytes are not an index, or not a whole one. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an artifact: `length` bytes from `offset` on."""

    path: str
    offset: int
    length: int


def packed(rows: Rows, about: dict[str, Any]) -> bytes:
    """The file of `rows`. `about` must be JSON."""
    file = io.BytesIO()
    np.save(file, rows, allow_pickle=False)
    words = orjson.dumps({"version": VERSION, **about})
    np.save(file, np.frombuffer(words, dtype=np.uint8), allow_pickle=False)
    return file.getvalue()


def unpacked(data: bytes, dtype: np.dtype[np.void], name: str) -> tuple[Rows, dict[str, Any]]:
    """The rows of an index, and its `about`. The rows are a read-only view of `data`.

    `name`: the artifact's name for error messages. Raises IndexUnreadable.
    """
    file = io.BytesIO(data)
    try:
        rows = _array(file, data, dtype)
        about = orjson.loads(_array(file, data, np.dtype(np.uint8)).tobytes())
        version = about["version"]
    except (ValueError, EOFError, KeyError, TypeError) as problem:
        raise IndexUnreadable(f"{name} is torn, or no index of evalkube ({problem}): {REMEDY}") from None
    if version != VERSION:
        raise IndexUnreadable(f"{name} is an index of version {version}; this program reads {VERSION}: {REMEDY}")
    return rows, about


def _array(file: BinaryIO, data: bytes, dtype: np.dtype[Any]) -> Rows:
    """The array at the position of `file`; the position moves behind it. Raises ValueError, EOFError."""
    npy.read_magic(file)
    shape, _, found = npy.read_array_header_1_0(file)
    if found != dtype or len(shape) != 1:
        raise ValueError("other fields than expected")
    start = file.tell()
    rows = np.frombuffer(data, dtype=dtype, count=shape[0], offset=start)
    file.seek(start + rows.nbytes)
    return rows
