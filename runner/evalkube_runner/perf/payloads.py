"""Request bodies on disk: the parent renders each once, the workers map the file and slice. So no worker holds
prompts or encodes JSON.

A record is one byte (whether a drawn token limit is to be added) and the body; beside the file stand the records'
ends as int64.
"""

import mmap
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

__all__ = ["Payloads", "write"]

_DRAWN = b"d"
_WHOLE = b"w"


def write(path: Path, bodies: Iterable[tuple[bytes, bytes | None]]) -> int:
    """Write (JSON object, key of a drawn limit or None) records to ``path``; how many. Raises OSError."""
    ends = array("q")
    at = 0
    with path.open("wb") as file:
        for body, key in bodies:
            record = _WHOLE + body if key is None else _DRAWN + body[:-1] + b"," + key + b":"
            file.write(record)
            at += len(record)
            ends.append(at)
    with _ends_path(path).open("wb") as file:
        ends.tofile(file)
    return len(ends)


def _ends_path(path: Path) -> Path:
    return path.with_suffix(".ends")


class Payloads:
    """The whole requests, head and body, for any index: items are used again when there are fewer of them."""

    def __init__(self, path: Path, head: bytes, offset: int) -> None:
        """``head`` ends with ``Content-Length: ``; index i is item (offset + i) modulo the number of items."""
        self._ends = np.fromfile(_ends_path(path), dtype=np.int64)
        self._head = head
        self._offset = offset
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._ends)

    def item_of(self, index: int) -> int:
        """The item that request ``index`` sends."""
        return (self._offset + index) % len(self._ends)

    def render(self, index: int, max_tokens: int | None) -> bytes:
        """The bytes of one request."""
        body = self.body(self.item_of(index), max_tokens)
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def body(self, item: int, max_tokens: int | None) -> bytes:
        """The body of one item, with the token limit where one is to be added."""
        start = int(self._ends[item - 1]) if item else 0
        record = self._bytes[start : int(self._ends[item])]
        body = record[1:]
        if record[:1] == _DRAWN:
            assert max_tokens is not None
            body = b"%s%d}" % (body, max_tokens)
        return body

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()
