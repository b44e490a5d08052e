"""The files of a load test's bodies, and the requests that a worker makes of them (`bodies` renders what is in them).

The workers map the files and slice: none of them holds prompts, encodes JSON or knows a spec.

A file has one block of bodies: these, then where each ends, then where in each a token limit is to be put that is drawn
for every request (0: none), then their number; all numbers as int64.
"""

import mmap
import sys
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PREFIX", "Layout", "Payloads", "write"]

PREFIX = "bodies-"
"""Of the files' names."""
_NUMBER_BYTES = 8
_OPEN_BLOCKS = 2
_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of bodies: `items` different ones, `block` of them to a file; a test begins at item `offset`."""

    folder: Path
    items: int
    block: int
    offset: int = 0

    @property
    def blocks(self) -> int:
        """The number of files that hold all items."""
        return -(-self.items // self.block)

    def item_of(self, position: int) -> int:
        """The item that the request at `position` sends: they come again where there are fewer of them."""
        return (self.offset + position) % self.items

    def items_of(self, block: int) -> range:
        """The items of a block."""
        return range(block * self.block, min((block + 1) * self.block, self.items))

    def path(self, block: int) -> Path:
        """The file of a block."""
        return self.folder / f"{PREFIX}{block}.bin"


def write(path: Path, bodies: Iterable[tuple[bytes, int | None]]) -> None:
    """Write a block of (body, where in it a drawn limit is to be put); `path` is there once it is whole. Raises
    OSError.
    """
    ends, places = array("q"), array("q")
    at = 0
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        for body, place in bodies:
            file.write(body)
            at += len(body)
            ends.append(at)
            places.append(place or 0)
        for table in (ends, places, array("q", [len(ends)])):
            table.tofile(file)
    part.rename(path)


class _Block:
    """A file of bodies, mapped into memory."""

    __slots__ = ("_bytes", "_ends", "_places")

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError."""
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        tail = len(self._bytes) - _NUMBER_BYTES
        size = int.from_bytes(self._bytes[tail:], sys.byteorder) * _NUMBER_BYTES
        self._ends, self._places = array("q"), array("q")
        self._ends.frombytes(self._bytes[tail - 2 * size : tail - size])
        self._places.frombytes(self._bytes[tail - size : tail])

    def body(self, at: int) -> tuple[bytes, int]:
        """The body of an item, and the place of its drawn limit (0: it has none)."""
        return self._bytes[self._ends[at - 1] if at else 0 : self._ends[at]], self._places[at]

    def close(self) -> None:
        self._bytes.close()


class Payloads:
    """The whole requests, head and body, for any index."""

    def __init__(self, layout: Layout, head: bytes, first: int, *, reached: Callable[[int], None]) -> None:
        """`head` ends with `Content-Length: `; index i stands at position first + i. `reached` is told each block
        that is asked for, when it was not open before.
        """
        self._layout = layout
        self._head = head
        self._first = first
        self._reached = reached
        self._wanted = -1
        self._open: dict[int, _Block] = {}

    def item_of(self, index: int) -> int:
        """The item that request `index` sends."""
        return self._layout.item_of(self._first + index)

    def render(self, index: int, max_tokens: int | None) -> bytes | None:
        """The bytes of one request; None while they are not there yet."""
        body = self.body(self.item_of(index), max_tokens)
        return None if body is None else b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def body(self, item: int, max_tokens: int | None) -> bytes | None:
        """The body of one item, with the token limit where one is drawn; None while it is not there yet."""
        found = self._found(item)
        if found is None:
            return None
        body, place = found
        if place:
            assert max_tokens is not None
            body = b"%s%d%s" % (body[:place], max_tokens, body[place:])
        return body

    def packed(self, item: int) -> bytes | None:
        """The packed bytes of one item; None while they are not there yet."""
        found = self._found(item)
        return None if found is None else found[0]

    def _found(self, item: int) -> tuple[bytes, int] | None:
        number, at = divmod(item, self._layout.block)
        block = self._open.get(number) or self._opened(number)
        return None if block is None else block.body(at)

    def awaited(self, item: int, max_tokens: int | None) -> bytes:
        """The body of one item; waits until it is there. Blocks, so call it in a thread."""
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
        """Close the files."""
        for block in self._open.values():
            block.close()
        self._open.clear()
