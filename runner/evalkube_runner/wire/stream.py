"""Reads streams of answers as their bytes arrive, in any dialect of server-sent events. Bytes in, facts out; no I/O.

JSON is decoded only where a decision needs it. Most events of a stream differ in nothing but the piece of text they
carry, so the first one that carries text teaches the reader the bytes before and after that text; an event framed by
the very same bytes, with no further quotation mark between them, is another piece of text and is not decoded. Every
other event (role, finish reason, usage, error, a changed frame) is, so the short cut never decides anything but "one
more piece". Where a dialect says that numbers differ between such events (`grammar.varying`), they may differ in the
frame too; of token counts those of the last event are read.
"""

import contextlib
import re
from typing import Any

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, frames, sse
from evalkube_runner.wire.answer import Answer, ChoiceSaid, Fault, Kind, Said
from evalkube_runner.wire.decoding import NotJson, loads
from evalkube_runner.wire.grammar import Grammar
from evalkube_runner.wire.reading import Reading, Track
from evalkube_runner.wire.seen import FrameSeen, Marks, Seen
from evalkube_runner.wire.unended import whole_events
from evalkube_runner.wire.whole import MAX_BODY_BYTES, whole

__all__ = ["MAX_EVENT_BYTES", "Answers", "Stream"]

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""A single event beyond this is no answer but a fault; it bounds what a reader may hold."""

_EARLY_BYTES = 64 * 1024  # of lines that are tried before they end: bounds the work of doing so again and again
_FIELD = re.compile(rb"(?:data|event|id|retry)?:|(?:data|event|id|retry)?(?:\n|$)")
_FLUSH_PIECES = 1024


class Stream:
    """The reader of one answer; see `dialect.StreamReader`."""

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
        "_marks",
        "_opened",
        "_quotes",
        "_reading",
        "_said",
        "_seen",
        "_splitter",
        "_tail",
        "_track",
        "_uncounted",
        "_varying",
        "_whole",
        "done",
        "tracks",
    )

    def __init__(
        self, grammar: Grammar, choices: int = 1, *, keep_text: bool = False, seen: Seen | None = None
    ) -> None:
        """`seen`: what other streams in the grammar said."""
        self.done = False
        self._seen = seen
        self._marks: Marks = ()
        self._grammar = grammar
        self._said = grammar.begin()
        self._reading = Reading(choices, keep_text=keep_text)
        self.tracks = self._reading.tracks
        self._splitter = sse.Splitter()
        self._opened = False
        self._body: bytearray | None = None
        self._whole: Answer | None = None
        self._framed = False
        self._varying: frames.Varying | None = None
        self._uncounted: bytes | None = None
        self._garbage = b""
        self._head = self._tail = self._close = self._joint = b""
        self._at_once = self._quotes = 0
        self._track: Track = self.tracks[0]
        self._key: tuple[int, Kind] = (0, "content")
        self._kept: list[bytes] | None = [] if keep_text else None

    @property
    def chunks(self) -> int:
        """The events so far that carried a piece of the answer."""
        return self._reading.chunks

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream of events, as far as it has come."""
        return self._body is None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        if self._framed:
            if not self._splitter.pending and self._is_framed(data):
                return
        elif self._varying is not None and not self._splitter.pending:
            event = data.replace(b"\r\n", b"\n") if data.endswith(b"\r\n\r\n") else data
            if self._varies(event, 0, to=len(event)):
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
                    quote = frames.end_of_string(block, begin, quote)
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
            if self._varying is not None and (stop := self._varies(block, at)):
                at = stop
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
        if stop <= begin or (quote != stop and frames.end_of_string(data, begin, quote) != stop):
            return False
        self._track.chunks += 1
        kept = self._kept
        if kept is not None:
            kept.append(data[begin:stop])
            if len(kept) > _FLUSH_PIECES:
                self._flush()
        return True

    def _varies(self, block: bytes, at: int, *, to: int | None = None) -> int:
        """Count the event at `at` if it is in the frame that varies (and ends at `to`): where it ends; 0 of others."""
        found = self._varying.match(block, at) if self._varying is not None else None
        if found is None or (to is not None and found[2] != to):
            return 0
        begin, stop, end = found
        self._track.chunks += 1
        if self._uncounted is not None:
            self._uncounted = block[at:end]
        if self._kept is not None:
            self._kept.append(block[begin:stop])
            if len(self._kept) > _FLUSH_PIECES:
                self._flush()
        return end

    def _open(self, data: bytes) -> bytes:
        """The part of `data` that is a stream: all, unless the body is a whole answer of JSON."""
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
        """Take lines that the server has written and not ended, where they are whole events by themselves. So no event
        waits for a blank line that comes late or never.
        """
        pending = self._splitter.pending
        if len(pending) > MAX_EVENT_BYTES:
            self._splitter.end()
            self._fail(ErrorClass.TOO_LARGE, f"an event of more than {MAX_EVENT_BYTES} bytes")
        elif pending[-1:] in (b"\n", b"}", b"]") and len(pending) <= _EARLY_BYTES:
            events = whole_events(pending, self._grammar.keys)
            if events:
                self._splitter.end()
            for raw in events:
                self._event(raw)

    def end(self) -> None:
        """End the body: take what lacked its end mark."""
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
        """The whole answer. Meaningful after `end`."""
        if self._whole is not None:
            return self._whole
        return self._reading.answer(self._fault())

    def _fault(self) -> Fault | None:
        """The fault of this answer: an error that the server sent, else an end before the end."""
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
                f"the stream ended after {self.chunks} chunks without {self._grammar.ends}",
            )
        return None

    def _all_finished(self) -> bool:
        """Whether every choice that has begun has ended: of those that were asked for, a server may give fewer."""
        return 0 < self._reading.begun <= len(self._reading.finish_reasons)

    def _fail(self, error: ErrorClass, message: str) -> None:
        self._reading.fail(Fault(error, message))

    def _event(self, raw: bytes, *, last: bool = False) -> None:
        if self.done:
            return
        if raw == b"data: [DONE]":
            self._finish()
            return
        if (told := self._known(raw)) is not None:
            self._tell(told, raw)
            return
        event = sse.parse(raw)
        if event is None:
            return
        said = event.data.strip()
        if not said:  # a keep-alive
            return
        if said[:6].upper() == b"[DONE]":
            self._finish()
            return
        try:
            found = loads(event.data)
        except NotJson:
            self._not_json(event, last=last)
            return
        if isinstance(found, dict):
            self._object(found, event, raw)
        elif found is not None and event.name in self._grammar.names:
            self._fail(ErrorClass.PARSE, "an event that is no JSON object: " + faults.shown(event.data))

    def _finish(self) -> None:
        """Note that the server has said that the answer is over: nothing after that is read."""
        self.done, self._framed, self._varying = True, False, None
        self._splitter.end()

    def _not_json(self, event: sse.Event, *, last: bool) -> None:
        """Read data lines one by one that are not JSON together (servers that forget the blank line between events)."""
        lines = event.data.split(b"\n")
        if len(lines) > 1:
            name = b"event:" + event.name + b"\n" if event.name else b""
            for line in lines:
                self._event(name + b"data:" + line, last=last)
        elif b"error" in event.name.lower():
            self._fail(ErrorClass.ERROR_IN_STREAM, faults.shown(event.data))
        elif (
            event.name in self._grammar.names and not last
        ):  # what the end cut short is a truncated stream, not a broken event
            self._fail(ErrorClass.PARSE, "an event that is not JSON: " + faults.shown(event.data))

    def _object(self, found: dict[str, Any], event: sse.Event, raw: bytes) -> None:
        told = self._said(found, event.name)
        if self._seen is not None and told.fault is None and not any(choice.pieces for choice in told.choices):
            self._seen.keep(raw, self._marks, told)
        self._tell(told, raw)

    def _known(self, raw: bytes) -> Said | None:
        """The content of an event, where another stream had the same."""
        seen = self._seen
        if seen is None:
            return None
        if not self._marks:
            self._marks = seen.marks(raw)
        return seen.said(raw, self._marks)

    def _tell(self, told: Said, raw: bytes) -> None:
        """Take what an event says, and what its bytes tell of the next ones."""
        self._flush()
        opens = len(self.tracks) == 1 and self._seen is not None and not self.tracks[0].begun and _opens(told)
        self._reading.take(told)
        if told.over:
            self._finish()
        elif opens and self._seen is not None:
            self._expect(self._seen.frame(self._marks), told.choices[0].choice)
        elif told.unlike or (len(told.choices) == 1 and told.choices[0].blank):
            self._framed, self._varying = False, None  # what comes after a blank is looked at
        elif len(told.choices) == 1 and told.fault is None:
            self._learn(raw, told.choices[0], counted=told.usage is not None)

    def _learn(self, raw: bytes, said: ChoiceSaid, *, counted: bool) -> None:
        """Remember the bytes around the only text of an event, if they can be told apart from it. `counted`: it states
        how many tokens there are so far.
        """
        if len(said.pieces) != 1 or said.finish_reason is not None or not 0 <= said.choice < len(self.tracks):
            return
        varies = self._grammar.varies
        if counted and (varies is None or len(self.tracks) > 1):
            return
        kind, text = said.pieces[0]
        found = frames.place(raw, text)
        if found is None:
            return
        self._track, self._key = self.tracks[said.choice], (said.choice, kind)
        frame = frames.Varying(raw, *found, varies) if varies is not None else None
        if frame is not None and not frame.constant:
            self._varying, self._framed = frame, False
            self._uncounted = b"" if counted else None
            return
        begin, stop = found
        if self._seen is not None and self._reading.chunks == 1:
            self._seen.keep_frame(FrameSeen(raw[:begin], raw[stop:], said.choice, kind), self._marks)
        self._set_frame(raw[:begin], raw[stop:])

    def _expect(self, frame: FrameSeen | None, choice: int) -> None:
        """Expect texts in the frame of earlier streams, since this one opened as they did."""
        if frame is not None and frame.choice == choice == 0:
            self._track, self._key = self.tracks[choice], (choice, frame.kind)
            self._set_frame(frame.head, frame.tail)

    def _set_frame(self, head: bytes, tail: bytes) -> None:
        self._varying = None
        self._head, self._tail = head, tail
        self._close = self._tail + b"\n\n"
        self._joint = self._close + self._head
        self._quotes = self._head.count(b'"') + self._tail.count(b'"')
        self._at_once = 4 * (len(self._head) + len(self._tail))
        self._framed = True

    def _flush(self) -> None:
        """Make text of the framed pieces: they are JSON strings without quotes, and many make one string. Of the token
        counts beside them the last ones hold.
        """
        if self._kept:
            self._reading.add(*self._key, frames.strings(self._kept))
            self._kept.clear()
        if self._uncounted:
            event, self._uncounted = sse.parse(self._uncounted.rstrip(b"\n")), b""
            with contextlib.suppress(NotJson):  # a text that is none: an event that is not read costs its counts
                found = loads(event.data) if event is not None else None
                if event is not None and isinstance(found, dict):
                    self._reading.take(Said(usage=self._said(found, event.name).usage))


def _opens(told: Said) -> bool:
    """Whether an event does no more than open a choice with its role; an empty text beside that is none."""
    if len(told.choices) != 1 or told.fault is not None or told.unlike:
        return False
    (choice,) = told.choices
    return choice.opening and not choice.pieces and choice.finish_reason is None


class Answers:
    """The readers of a dialect that has one grammar for all its answers."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._seen = Seen(grammar.marks) if grammar.marks is not None else None

    def reader(self, choices: int = 1, *, keep_text: bool = False) -> Stream:
        """A reader for one answer."""
        return Stream(self._grammar, choices, keep_text=keep_text, seen=self._seen)

    def whole(self, body: bytes, choices: int = 1, *, keep_text: bool = False) -> Answer:
        """The content of an answer that was not streamed."""
        return whole(body, self._grammar, choices, keep_text=keep_text)
