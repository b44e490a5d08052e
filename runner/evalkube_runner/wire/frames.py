"""Learns the bytes around the text of one event, to read the next events of its kind without decoding them. Bytes only;
no I/O.
"""

import re
from collections.abc import Iterator, Sequence

from evalkube_runner.wire.decoding import NotJson, loads

__all__ = ["Varying", "end_of_string", "place", "strings"]

_REST = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"')  # of a JSON string, to its end
_BACKSLASH = 0x5C
_ZERO = 0x30
_NUMBER_BYTES = 9
_WORD_BYTES = 256


def end_of_string(block: bytes, begin: int, quote: int) -> int:
    """The end of the string that begins at `begin`, if the first quotation mark, at `quote`, is only one in it."""
    if quote <= begin or block[quote - 1] != _BACKSLASH:
        return -1
    match = _REST.match(block, begin)
    return match.end() - 1 if match is not None else -1


def place(raw: bytes, text: str) -> tuple[int, int] | None:
    """The place of the only string in an event's data that has `text`; None where there is none, or two."""
    encoded = text.encode("utf-8", "surrogatepass")
    quoted = b'"%s"' % encoded
    at = raw.find(quoted)
    if at >= 0 and b"\\" not in encoded:  # as nearly all texts stand there
        found = (at + 1, at + 1 + len(encoded)) if raw.find(quoted, at + 1) < 0 else None
    else:
        places = [match.span(1) for match in _VALUES.finditer(raw) if _says(match[1], encoded, text)]
        found = places[0] if len(places) == 1 else None
    if found is None or not raw.startswith(b"data:", raw.rfind(b"\n", 0, found[0]) + 1):
        return None
    return found


_VALUES = re.compile(rb'"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')


def _says(string: bytes, encoded: bytes, text: str) -> bool:
    return string == encoded if b"\\" not in string else strings([string]) == [text]


def strings(pieces: Sequence[bytes]) -> list[str]:
    """The text in strings of JSON that lack their quotation marks: one for all where that can be."""
    try:
        return [str(loads(b'"%s"' % b"".join(pieces)))]
    except NotJson:
        if len(pieces) > 1:
            return [text for piece in pieces for text in strings([piece])]
        return [pieces[0].decode("utf-8", "replace")]


class Varying:
    """A frame in which numbers differ from event to event: the constant bytes between them.

    What a number is, and that it may differ, says the dialect (`grammar.varying`); a zero, a sign, a fraction or more
    than nine digits are not taken for one, so that such an event is decoded.
    """

    __slots__ = ("_after", "_before", "_close", "_lead")

    def __init__(self, raw: bytes, begin: int, stop: int, varies: re.Pattern[bytes]) -> None:
        """Make the frame of the event `raw`, whose text stands from `begin` to `stop`."""
        before = [match for match in varies.finditer(raw) if match.end() <= begin]
        after = [match for match in varies.finditer(raw) if match.start() >= stop]
        self._lead, *rest = _between(raw, 0, before, begin)
        self._before = list(_holes(before, rest))
        ended = raw + b"\n\n"
        self._close, *rest = _between(ended, stop, after, len(ended))
        self._after = list(_holes(after, rest))

    @property
    def constant(self) -> bool:
        """Whether nothing but the text differs from event to event."""
        return not (self._before or self._after)

    def match(self, block: bytes, at: int) -> tuple[int, int, int] | None:
        """The begin and stop of the text of the event at `at`, and the event's end; None for an event that is framed
        otherwise or has no text.
        """
        if not block.startswith(self._lead, at):
            return None
        begin = _past(block, at + len(self._lead), self._before)
        if begin < 0:
            return None
        stop = block.find(b'"', begin)
        if not block.startswith(self._close, stop):
            stop = end_of_string(block, begin, stop)
        if stop <= begin or not block.startswith(self._close, stop):
            return None
        end = _past(block, stop + len(self._close), self._after)
        return (begin, stop, end) if end >= 0 else None


_Hole = tuple[bytes, int, bool]


def _between(raw: bytes, start: int, holes: Sequence[re.Match[bytes]], stop: int) -> Iterator[bytes]:
    """The constant bytes around and between what varies; never empty after a hole."""
    for hole in holes:
        yield raw[start : hole.start(hole.lastindex or 0)]
        start = hole.end(hole.lastindex or 0)
    yield raw[start:stop]


def _holes(holes: Sequence[re.Match[bytes]], behind: Sequence[bytes]) -> Iterator[_Hole]:
    """The holes of a frame: of each the bytes behind it, how far they may be, and whether it is a number."""
    for hole, follows in zip(holes, behind, strict=True):
        number = hole.lastindex != _WORDS
        yield follows, (_NUMBER_BYTES if number else _WORD_BYTES) + len(follows), number


_WORDS = 2  # the group of `grammar.varying` that is no number


def _past(block: bytes, at: int, holes: Sequence[_Hole]) -> int:
    """The end of the bytes behind the last hole, the first of which is at `at`; -1 where they do not follow."""
    for follows, within, number in holes:
        place = block.find(follows, at, at + within)
        if place < 0:
            return -1
        hole = block[at:place]
        if number:
            if not hole.isdigit() or block[at] == _ZERO:
                return -1
        elif hole and not hole.isalnum():
            return -1
        at = place + len(follows)
    return at
