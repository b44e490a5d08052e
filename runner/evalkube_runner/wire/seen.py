"""Remembers events of earlier streams. A server's streams differ only in their texts and in marks, such as an id. So an
event that an earlier stream had, but for its marks, means the same, and texts are framed alike. No I/O.
"""

import re
from typing import NamedTuple, TypeAlias

from evalkube_runner.wire.answer import Kind, Said

__all__ = ["FrameSeen", "Marks", "Seen"]

Marks: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""What marks the events of one stream, each with what stands for it in those that are kept."""

_MOST = 256  # events with counts differ from answer to answer
_EVENT_BYTES = 2048


class FrameSeen(NamedTuple):
    """The bytes before and after the text of an event, and what that text is of."""

    head: bytes
    tail: bytes
    choice: int
    kind: Kind


class Seen:
    """The events without a text, and the frame of the last stream's first text, of all streams in one grammar.

    `marks`: what may differ between two events that say the same, anywhere in the JSON; none of it says anything.
    """

    __slots__ = ("_frame", "_marks", "_said")

    def __init__(self, marks: re.Pattern[bytes]) -> None:
        self._marks = marks
        self._said: dict[bytes, Said] = {}
        self._frame: FrameSeen | None = None

    def marks(self, raw: bytes) -> Marks:
        """The marks of a stream, of which `raw` is an event."""
        return tuple(zip(dict.fromkeys(self._marks.findall(raw)), _PLACES, strict=False))

    def said(self, raw: bytes, marks: Marks) -> Said | None:
        """The content of an event; None where none like it was kept."""
        return self._said.get(_without(raw, marks))

    def keep(self, raw: bytes, marks: Marks, said: Said) -> None:
        """Remember what an event says."""
        if len(raw) > _EVENT_BYTES:
            return
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[_without(raw, marks)] = said

    def frame(self, marks: Marks) -> FrameSeen | None:
        """The frame that a stream with these marks should have."""
        seen = self._frame
        if seen is None:
            return None
        return FrameSeen(_with(seen.head, marks), _with(seen.tail, marks), seen.choice, seen.kind)

    def keep_frame(self, frame: FrameSeen, marks: Marks) -> None:
        """Remember how a stream framed its texts."""
        self._frame = FrameSeen(_without(frame.head, marks), _without(frame.tail, marks), frame.choice, frame.kind)


_ANY_PLACE = b"\0"  # what no JSON has in it
_PLACES = tuple(b"\0%d\0" % at for at in range(8))


def _without(raw: bytes, marks: Marks) -> bytes:
    for mark, place in marks:
        raw = raw.replace(mark, place)
    return raw


def _with(raw: bytes, marks: Marks) -> bytes:
    if _ANY_PLACE in raw:
        for mark, place in marks:
            raw = raw.replace(place, mark)
    return raw
