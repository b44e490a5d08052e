"""Server-sent events, cut out of a stream of bytes as it arrives. No I/O, no JSON, no opinion on what an event means.

Grammar: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6, with two liberties that real
servers need: an event that the end of the body cuts short of its blank line is still handed out (`Splitter.end`),
and fields other than `event` and `data` are dropped.
"""

from typing import NamedTuple

__all__ = ["Event", "Splitter", "parse"]


class Event(NamedTuple):
    """An event of a stream: its type (empty unless the server named one) and its data lines, joined by line feeds."""

    name: bytes
    data: bytes


class Splitter:
    """Cuts chunks of any size into the raw text of whole events, each without its blank line and with LF line ends.

    `pending` is what has come of the event that is not whole yet; the caller bounds it.
    """

    __slots__ = ("_after_cr", "_begun", "pending")

    def __init__(self) -> None:
        self.pending = b""
        self._after_cr = False
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """The raw events that `data` completes; they may be empty or nothing but comments."""
        return self.whole(data).split(b"\n\n")[:-1]

    def whole(self, data: bytes) -> bytes:
        """The events that `data` completes in one piece, each with its blank line: for readers that need not look at
        every one.
        """
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if self.pending:
            data = self.pending + data
        if not self._begun:
            if len(data) < 3 and b"\xef\xbb\xbf".startswith(data):
                self.pending = data
                return b""
            self._begun = True
            data = data.removeprefix(b"\xef\xbb\xbf")
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            self.pending = data
            return b""
        self.pending = data[end:]
        return data[:end]

    def end(self) -> bytes:
        """The rest after the last blank line: an event whose end the server did not mark, or nothing."""
        tail, self.pending = self.pending, b""
        return tail

    def _with_line_feeds(self, data: bytes) -> bytes:
        """CRLF and CR as LF. A CR at the end of a chunk counts at once, and an LF that opens the next one is its
        other half.
        """
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def parse(raw: bytes) -> Event | None:
    """The event in `raw`; None for comments, keep-alives and whatever else carries no data."""
    if raw.startswith(b"data:") and b"\n" not in raw:
        return Event(b"", raw[6:] if raw.startswith(b"data: ") else raw[5:])
    name = b""
    lines: list[bytes] = []
    for line in raw.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value
    return Event(name, b"\n".join(lines)) if lines else None
