"""Reads answers as their bytes arrive, streamed or whole, in any dialect of server-sent events. Bytes in, facts out; no
I/O.

JSON is decoded only where a decision needs it. Most events of a stream differ in nothing but the piece of text they
carry, so the first one that carries text teaches the reader the bytes before and after that text; an event framed by
the very same bytes, with no further quotation mark between them, is another piece of text and is not decoded. Every
other event (role, finish reason, usage, error, a changed frame) is, so the short cut never decides anything but "one
more piece".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, sse
from evalkube_runner.wire.answer import Answer, ChoiceSaid, Fault, Kind, Said
from evalkube_runner.wire.decoding import NotJson, loads
from evalkube_runner.wire.reading import Reading, Track

__all__ = ["MAX_BODY_BYTES", "MAX_EVENT_BYTES", "Grammar", "Stream", "whole"]

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""A single event beyond this is no answer but a fault; it bounds what a reader may hold."""

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A whole answer beyond this is a fault."""

Grammar: TypeAlias = Callable[[Mapping[str, Any], bytes], Said]
"""What an event says, given its JSON object and its type: all that a dialect has to decide."""

_REST = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"')  # of a JSON string, to its end
_BACKSLASH = 0x5C
_OURS = (b"", b"message")  # types of events that must be JSON; others may hold what they like
_EARLY_BYTES = 64 * 1024  # of lines that are tried before they end: bounds the work of doing so again and again
_FIELD = re.compile(rb"(?:data|event|id|retry)?:|(?:data|event|id|retry)?(?:\n|$)")
_FLUSH_PIECES = 1024


class Stream:
    """One answer in the making; see `dialect.StreamReader`."""

    __slots__ = (
        "_at_once",
        "_body",
        "_close",
        "_framed",
        "_garbage",
        "_grammar",
        "_head",
        "_joint",
        "_kept",
        "_key",
        "_opened",
        "_quotes",
        "_reading",
        "_splitter",
        "_tail",
        "_track",
        "_whole",
        "done",
        "tracks",
    )

    def __init__(self, grammar: Grammar, choices: int = 1, *, keep_text: bool = False) -> None:
        self.done = False
        self._grammar = grammar
        self._reading = Reading(choices, keep_text=keep_text)
        self.tracks = self._reading.tracks
        self._splitter = sse.Splitter()
        self._opened = False
        self._body: bytearray | None = None
        self._whole: Answer | None = None
        self._framed = False
        self._garbage = b""
        self._head = self._tail = self._close = self._joint = b""
        self._at_once = self._quotes = 0
        self._track: Track = self.tracks[0]
        self._key: tuple[int, Kind] = (0, "content")
        self._kept: list[bytes] | None = [] if keep_text else None

    @property
    def chunks(self) -> int:
        """Events so far that carried a piece of the answer."""
        return self._reading.chunks

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream of events, as far as it has come."""
        return self._body is None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        if self._framed and not self._splitter.pending and self._is_framed(data):
            return
        if not self._opened or self._body is not None:
            data = self._open(data)
        block = b"" if self.done else self._splitter.whole(data)
        at, end, new, try_run = 0, len(block), 0, True
        head, close, kept, framed = self._head, self._close, self._kept, self._framed
        while at < end:
            if framed and block.startswith(head, at):
                begin = at + len(head)
                quote = block.find(b'"', begin)
                if not block.startswith(close, quote):
                    quote = _end_of_string(block, begin, quote)
                if quote > begin and block.startswith(close, quote):
                    new += 1
                    if kept is not None:
                        kept.append(block[begin:quote])
                    at = quote + len(close)
                    if try_run and end - at > self._at_once:
                        stop, count = self._run(block, at)
                        try_run = count > 0  # a second try on the same bytes would fail too
                        at, new = stop, new + count
                    continue
            if block.startswith(b"\n", at):
                at += 1
                continue
            stop = block.find(b"\n\n", at)
            self._track.chunks += new
            new = 0
            self._event(block[at:stop])
            at = stop + 2
            if self.done:
                return
            head, close, framed = self._head, self._close, self._framed
        self._track.chunks += new
        if kept is not None and len(kept) > _FLUSH_PIECES:
            self._flush()
        if self._splitter.pending:
            self._look_at_pending()

    def _is_framed(self, data: bytes) -> bool:
        """Whether `data` is one event in the frame and no more, as most reads bring: counted then."""
        if not (data.startswith(self._head) and data.endswith(self._close)):
            return False
        begin, stop = len(self._head), len(data) - len(self._close)
        quote = data.find(b'"', begin)
        if stop <= begin or (quote != stop and _end_of_string(data, begin, quote) != stop):
            return False
        self._track.chunks += 1
        kept = self._kept
        if kept is not None:
            kept.append(data[begin:stop])
            if len(kept) > _FLUSH_PIECES:
                self._flush()
        return True

    def _open(self, data: bytes) -> bytes:
        """What of `data` is a stream: all, unless the body is a whole answer of JSON."""
        if self._body is None:
            begun = data.removeprefix(b"\xef\xbb\xbf").lstrip()
            if not begun:
                return data
            self._opened = True
            if not begun.startswith((b"{", b"[")) and faults.foreign(begun) is None:
                return data
            self._body = bytearray()
        if len(self._body) <= MAX_BODY_BYTES:
            self._body += data
        return b""

    def _run(self, block: bytes, at: int) -> tuple[int, int]:
        """Count the framed events from `at` on at once, where many came in one read: where they end, and how many.

        They are a run if every blank line up to the last one stands between the end and the beginning of a frame and no
        text has a quotation mark in it, which two counts tell; no event in it may be without text, which one search
        tells. A fifth of the CPU of a request.
        """
        head, tail, joint = self._head, self._tail, self._joint
        last = block.rfind(joint, at)
        if last < at or not block.startswith(head, at):
            return at, 0
        begin = last + len(joint) - len(head)
        stop = block.find(b"\n\n", begin)
        empty = head + tail
        if not block.endswith(tail, begin + len(head), stop) or block.startswith(empty, begin):
            return at, 0
        count = block.count(joint, at, stop) + 1
        if block.count(b'"', at, stop) != count * self._quotes or block.find(empty, at, stop) >= 0:
            return at, 0
        if self._kept is not None:
            self._kept.append(block[at + len(head) : stop - len(tail)].replace(joint, b""))
        return stop + 2, count

    def _look_at_pending(self) -> None:
        """What the server has written and not ended: lines that are whole events by themselves are taken as such, so
        that no time is that of a blank line which comes late or never.
        """
        pending = self._splitter.pending
        if len(pending) > MAX_EVENT_BYTES:
            self._splitter.end()
            self._fail(ErrorClass.TOO_LARGE, f"an event of more than {MAX_EVENT_BYTES} bytes")
        elif pending[-1:] in (b"\n", b"}", b"]") and len(pending) <= _EARLY_BYTES:
            lines = pending.strip(b"\n").split(b"\n")
            if all(map(_is_event, lines)):
                self._splitter.end()
                for line in lines:
                    self._event(line)

    def end(self) -> None:
        """The body is over: take what lacked its end mark."""
        rest = self._splitter.end()
        if self._body is None and not self._reading.begun and rest.lstrip().startswith(b"{"):
            self._body = bytearray(rest)
        if self._body is not None:
            choices = len(self._reading.tracks)
            self._whole = whole(bytes(self._body), self._grammar, choices, keep_text=self._kept is not None)
            self._body = bytearray()
        elif not self.done:
            self._event(rest, last=True)
            if not _FIELD.match(rest.lstrip(b"\n")):
                self._garbage = rest.strip()
        self._flush()

    def answer(self) -> Answer:
        """All that was said. Meaningful after `end`."""
        if self._whole is not None:
            return self._whole
        return self._reading.answer(self._fault())

    def _fault(self) -> Fault | None:
        """Why this answer is a failure: an error the server sent, else an end before the end."""
        reading = self._reading
        if reading.fault is not None:
            return reading.fault
        if not (self.done or self._all_finished()):
            if not reading.begun and self._garbage:
                return Fault(ErrorClass.PARSE, "the answer is no stream of events: " + faults.shown(self._garbage))
            if not reading.begun:
                return Fault(ErrorClass.EMPTY_STREAM, "the stream ended without an event")
            return Fault(
                ErrorClass.TRUNCATED_STREAM,
                f"the stream ended after {self.chunks} chunks without [DONE] or a finish reason",
            )
        return None

    def _all_finished(self) -> bool:
        """Whether every choice that has begun has ended: of those that were asked for, a server may give fewer."""
        return 0 < self._reading.begun <= len(self._reading.finish_reasons)

    def _fail(self, error: ErrorClass, message: str) -> None:
        self._reading.fail(Fault(error, message))

    def _event(self, raw: bytes, *, last: bool = False) -> None:
        event = sse.parse(raw)
        if event is None or self.done:
            return
        said = event.data.strip()
        if not said:  # a keep-alive
            return
        if said[:6].upper() == b"[DONE]":
            self.done, self._framed = True, False  # nothing after it is looked at
            self._splitter.end()
            return
        try:
            found = loads(event.data)
        except NotJson:
            self._not_json(event, last=last)
            return
        if isinstance(found, dict):
            self._object(found, event, raw)
        elif found is not None and event.name in _OURS:
            self._fail(ErrorClass.PARSE, "an event that is no JSON object: " + faults.shown(event.data))

    def _not_json(self, event: sse.Event, *, last: bool) -> None:
        """Data lines that are no JSON together may be so one by one (servers that forget the blank line between
        events).
        """
        lines = event.data.split(b"\n")
        if len(lines) > 1:
            name = b"event:" + event.name + b"\n" if event.name else b""
            for line in lines:
                self._event(name + b"data:" + line, last=last)
        elif b"error" in event.name.lower():
            self._fail(ErrorClass.ERROR_IN_STREAM, faults.shown(event.data))
        elif event.name in _OURS and not last:  # what the end cut short is a truncated stream, not a broken event
            self._fail(ErrorClass.PARSE, "an event that is not JSON: " + faults.shown(event.data))

    def _object(self, found: dict[str, Any], event: sse.Event, raw: bytes) -> None:
        self._flush()
        told = self._grammar(found, event.name)
        self._reading.take(told)
        if len(told.choices) == 1 and told.usage is None and told.fault is None:
            self._framed = self._framed and not told.choices[0].blank  # what comes after a blank is looked at
            self._learn(raw, told.choices[0])

    def _learn(self, raw: bytes, said: ChoiceSaid) -> None:
        """Remember the bytes around the only text of an event, if they can be told apart from it."""
        if len(said.pieces) != 1 or said.finish_reason is not None or not 0 <= said.choice < len(self.tracks):
            return
        kind, text = said.pieces[0]
        found = _place(raw, text)
        if found is None:
            return
        begin, stop = found
        self._head, self._tail = raw[:begin], raw[stop:]
        self._close = self._tail + b"\n\n"
        self._joint = self._close + self._head
        self._quotes = self._head.count(b'"') + self._tail.count(b'"')
        self._at_once = 4 * (len(self._head) + len(self._tail))
        self._track, self._key, self._framed = self.tracks[said.choice], (said.choice, kind), True

    def _flush(self) -> None:
        """Make text of the framed pieces: they are JSON strings without quotes, and many make one string."""
        if self._kept:
            self._reading.add(*self._key, _strings(self._kept))
            self._kept.clear()


def _is_event(line: bytes) -> bool:
    """Whether a line is an event whatever may follow: an object with choices, or [DONE]."""
    if not line.startswith(b"data:"):
        return False
    said = line[5:].strip()
    if said == b"[DONE]":
        return True
    if not said.endswith(b"}"):
        return False
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and isinstance(found.get("choices"), list)


def _end_of_string(block: bytes, begin: int, quote: int) -> int:
    """Where the string ends that begins at `begin`, if the first quotation mark, at `quote`, is only one in it."""
    if quote <= begin or block[quote - 1] != _BACKSLASH:
        return -1
    match = _REST.match(block, begin)
    return match.end() - 1 if match is not None else -1


def _place(raw: bytes, text: str) -> tuple[int, int] | None:
    """Where the only string of `raw` stands that says `text`; None where there is none, or another one like it."""
    if b"\n" in raw or not raw.startswith(b"data:"):
        return None
    encoded = text.encode("utf-8", "surrogatepass")
    quoted = b'"%s"' % encoded
    place = raw.find(quoted)
    if place >= 0 and b"\\" not in encoded:  # as nearly all texts stand there
        return (place + 1, place + 1 + len(encoded)) if raw.find(quoted, place + 1) < 0 else None
    places = [match.span(1) for match in _VALUES.finditer(raw) if _says(match[1], encoded, text)]
    return places[0] if len(places) == 1 else None


_VALUES = re.compile(rb'"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')


def _says(string: bytes, encoded: bytes, text: str) -> bool:
    return string == encoded if b"\\" not in string else _strings([string]) == [text]


def _strings(pieces: Sequence[bytes]) -> list[str]:
    """The text in strings of JSON that lack their quotation marks: one for all where that can be."""
    try:
        return [str(loads(b'"%s"' % b"".join(pieces)))]
    except NotJson:
        if len(pieces) > 1:
            return [text for piece in pieces for text in _strings([piece])]
        return [pieces[0].decode("utf-8", "replace")]


def whole(body: bytes, grammar: Grammar, choices: int = 1, *, keep_text: bool = True) -> Answer:
    """What an answer that was not streamed says; anything but an object with choices is a fault."""
    if len(body) > MAX_BODY_BYTES:
        return Answer(fault=Fault(ErrorClass.TOO_LARGE, f"an answer of more than {MAX_BODY_BYTES} bytes"))
    try:
        found = loads(body)
    except NotJson:
        return Answer(fault=Fault(ErrorClass.PARSE, _not_an_answer(body)))
    if not isinstance(found, dict):
        return Answer(fault=Fault(ErrorClass.PARSE, "the answer is no JSON object: " + faults.shown(body)))
    reading = Reading(choices, keep_text=keep_text)
    told = grammar(found, b"")
    reading.take(told)
    if reading.fault is None and told.choices and all(choice.bare for choice in told.choices):
        reading.fail(Fault(ErrorClass.PARSE, "the answer has no message: " + faults.shown(body)))
    if reading.fault is None and not told.choices:
        reading.fail(Fault(ErrorClass.PARSE, "the answer has no choices: " + faults.shown(body)))
    return reading.answer(reading.fault)


def _not_an_answer(body: bytes) -> str:
    """What a body is that is no JSON."""
    found = faults.foreign(body)
    if found is not None:
        return found
    if body.lstrip().startswith((b"data:", b"event:", b":")):
        return "the server answered with a stream that nobody asked for; set stream to true"
    lines = body.strip().split(b"\n", 1)
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines):
        return "the server answered with lines of JSON, which is no stream of events; is the URL complete?"
    return "the answer is not JSON: " + faults.shown(body)
