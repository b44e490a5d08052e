"""A conversation as bytes: what the request of each turn is made of. The parent of a load test renders scripts ahead,
as it does bodies (`scripting`); a worker puts the model's own answers into them as they come. Pure.

Packed, a script is these integers (int64): how many pieces follow the body, where the history ends and where a token
limit is put (0: nowhere), the lengths of the body and of each piece; then their bytes.
"""

from array import array
from dataclasses import dataclass

import orjson

__all__ = ["Answered", "Script"]

_HEAD = 3
_INT = array("q").itemsize


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as an element of the history: what stands before its text and after it, as JSON. `silence`: one without
    a text is such an element too.
    """

    before: str
    after: str
    silence: bool

    def element(self, text: str) -> bytes:
        """The answer `text` with the comma before it; nothing where it is left out."""
        if not text and not self.silence:
            return b""
        return b",%s%s%s" % (self.before.encode(), orjson.dumps(text), self.after.encode())


@dataclass(frozen=True, slots=True)
class Script:
    """A conversation as bytes. `body`: of the first turn's request. `later`: what is said anew with each further turn,
    as elements of the history with a comma before each. They, and the answers between them, are put at `history_at`.
    """

    body: bytes
    history_at: int
    limit_at: int | None
    later: tuple[bytes, ...]

    def __len__(self) -> int:
        """The number of turns of the script."""
        return 1 + len(self.later)

    def request_body(self, history: bytes, limit: int | None) -> bytes:
        """The body of a turn's request, after `history` (of all but the first turn's own messages)."""
        body, at = self.body, self.history_at
        if self.limit_at is None:
            return b"%s%s%s" % (body[:at], history, body[at:])
        assert limit is not None, "a drawn limit has a number"
        number, place = b"%d" % limit, self.limit_at
        if place <= at:
            return b"".join((body[:place], number, body[place:at], history, body[at:]))
        return b"".join((body[:at], history, body[at:place], number, body[place:]))

    def packed(self) -> bytes:
        """The script as bytes, for a file."""
        lengths = [len(self.body), *map(len, self.later)]
        table = array("q", [len(self.later), self.history_at, self.limit_at or 0, *lengths])
        return b"".join((table.tobytes(), self.body, *self.later))

    @classmethod
    def unpacked(cls, data: bytes) -> "Script":
        """The script that was packed."""
        table = array("q")
        table.frombytes(data[: _HEAD * _INT])
        count, history_at, limit_at = table
        begin = (_HEAD + 1 + count) * _INT
        lengths = array("q")
        lengths.frombytes(data[_HEAD * _INT : begin])
        pieces = []
        for length in lengths:
            pieces.append(data[begin : begin + length])
            begin += length
        return cls(pieces[0], history_at, limit_at or None, tuple(pieces[1:]))
