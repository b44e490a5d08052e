"""Request bodies on disk: the parent renders them ahead (``bodies``), the workers map the files and slice. So no worker
holds prompts or encodes JSON, and the disk holds no more than a part of them.

A file has one block of bodies. A record in it is one byte (whether a drawn token limit is to be added) and the body;
after the records stand their ends, then their number, as int64.
"""

import mmap
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["PREFIX", "Layout", "Payloads", "write"]

PREFIX = "bodies-"
"""How the names of these files begin."""

_DRAWN = b"d"
_WHOLE = b"w"
_NUMBER_BYTES = 8
_OPEN_BLOCKS = 2
_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Layout:
    """Where bodies lie: ``items`` different ones, ``block`` of them to a file; a test begins at item ``offset``."""

    folder: Path
    items: int
    block: int
    offset: int = 0

    @property
    def blocks(self) -> int:
        """How many files hold all items."""
        return -(-self.items // self.block)

    def item_of(self, position: int) -> int:
        """The item that the request at ``position`` sends: they come again where there are fewer of them."""
        return (self.offset + position) % self.items

    def items_of(self, block: int) -> range:
        """The items of a block."""
        return range(block * self.block, min((block + 1) * self.block, self.items))

    def path(self, block: int) -> Path:
        """The file of a block."""
        return self.folder / f"{PREFIX}{block}.bin"


def write(path: Path, bodies: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Write a block of (JSON object, key of a drawn limit or None); ``path`` is there once it is whole. Raises
    OSError.
    """
    ends = array("q")
    at = 0
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        for body, key in bodies:
            record = _WHOLE + body if key is None else _DRAWN + body[:-1] + b"," + key + b":"
            file.write(record)
            at += len(record)
            ends.append(at)
        ends.append(len(ends))
        ends.tofile(file)
    part.rename(path)


class _Block:
    """One block, mapped."""

    __slots__ = ("_bytes", "_ends")

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError."""
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        tail = len(self._bytes) - _NUMBER_BYTES
        count = int.from_bytes(self._bytes[tail:], "little")
        self._ends: NDArray[np.int64] = np.frombuffer(self._bytes[tail - count * _NUMBER_BYTES : tail], dtype=np.int64)

    def record(self, at: int) -> bytes:
        start = int(self._ends[at - 1]) if at else 0
        return self._bytes[start : int(self._ends[at])]

    def close(self) -> None:
        self._bytes.close()


class Payloads:
    """The whole requests, head and body, for any index."""

    def __init__(self, layout: Layout, head: bytes, first: int, *, reached: Callable[[int], None]) -> None:
        """``head`` ends with ``Content-Length: ``; index i stands at position first + i. ``reached`` is told each block
        that is asked for, when it was not open before.
        """
        self._layout = layout
        self._head = head
        self._first = first
        self._reached = reached
        self._wanted = -1
        self._open: dict[int, _Block] = {}

    def item_of(self, index: int) -> int:
        """The item that request ``index`` sends."""
        return self._layout.item_of(self._first + index)

    def render(self, index: int, max_tokens: int | None) -> bytes | None:
        """The bytes of one request; None while they are not there yet."""
        body = self.body(self.item_of(index), max_tokens)
        return None if body is None else b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def body(self, item: int, max_tokens: int | None) -> bytes | None:
        """The body of one item, with the token limit where one is to be added; None while it is not there yet."""
        number, at = divmod(item, self._layout.block)
        block = self._open.get(number) or self._opened(number)
        if block is None:
            return None
        record = block.record(at)
        body = record[1:]
        if record[:1] == _DRAWN:
            assert max_tokens is not None
            body = b"%s%d}" % (body, max_tokens)
        return body

    def awaited(self, item: int, max_tokens: int | None) -> bytes:
        """As ``body``, which is waited for. Blocks: for a thread."""
        while (body := self.body(item, max_tokens)) is None:
            time.sleep(_POLL_S)
        return body

    def _opened(self, number: int) -> _Block | None:
        if number != self._wanted:
            self._wanted = number
            self._reached(number)
        try:
            block = _Block(self._layout.path(number))
        except FileNotFoundError:
            return None
        while len(self._open) >= _OPEN_BLOCKS:
            self._open.pop(next(iter(self._open))).close()
        self._open[number] = block
        self._wanted = -1
        return block

    def close(self) -> None:
        """Let go of the files."""
        for block in self._open.values():
            block.close()
        self._open.clear()
