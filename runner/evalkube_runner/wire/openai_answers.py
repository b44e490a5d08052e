"""What answers in the OpenAI dialect say, streamed and whole. Bytes in, facts out; no I/O.

Reference: https://platform.openai.com/docs/api-reference/chat/streaming, and what vLLM, SGLang, DeepSeek and Azure
make of it: reasoning in ``reasoning_content`` or ``reasoning``, error objects inside a 200, streams without
``[DONE]``.

JSON is decoded only where a decision needs it. Most events of a stream differ in nothing but the piece of text they
carry, so the first one that carries text teaches the reader the bytes before and after that text; an event framed by
the very same bytes is another piece of text and is not decoded. Every other event (role, finish reason, usage, error,
a changed frame) is, so the short cut never decides anything but "one more piece".
"""

import re
from typing import Any

import orjson

from evalkube_crds.names import ErrorClass
from evalkube_crds.redaction import CUT
from evalkube_runner.wire import sse
from evalkube_runner.wire.answer import Answer, Fault, Usage, clip

__all__ = ["Stream", "answer", "error_message"]

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""A single event beyond this is no answer but a fault; it bounds what a reader may hold."""

_SHOWN_BYTES = 1024

_NO_FRAME = 1 << 62  # no event is that long: nothing has been learned
_TEXT_KEYS = ("content", "reasoning_content", "reasoning", "refusal")
_STRING = re.compile(rb'\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')


class Stream:
    """One streamed answer of chat completions or completions; see ``dialect.StreamReader``."""

    __slots__ = (
        "_close",
        "_fault",
        "_finished",
        "_frame_bytes",
        "_head",
        "_joint",
        "_seen",
        "_splitter",
        "_tail",
        "_wanted",
        "chunks",
        "done",
        "finish_reason",
        "usage",
    )

    def __init__(self, choices: int = 1) -> None:
        self.chunks = 0
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.done = False
        self._fault: Fault | None = None
        self._wanted = choices
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._splitter = sse.Splitter()
        self._head = b""
        self._tail = b""
        self._close = b""
        self._joint = b""
        self._frame_bytes = _NO_FRAME

    def feed(self, data: bytes) -> int:
        """Take the next bytes; how many events in them carried some of the answer."""
        before = self.chunks
        block = self._splitter.whole(data)
        at, end, try_run = 0, len(block), True
        while at < end:
            line_end = block.find(b"\n", at)
            if (
                line_end - at > self._frame_bytes
                and block.startswith(self._head, at)
                and block.startswith(self._close, line_end - len(self._tail))
            ):
                self.chunks += 1
                at = line_end + 2
                if try_run and end - at > 4 * self._frame_bytes:
                    run_end = self._run(block, at)
                    try_run = run_end > at  # a second try on the same bytes would fail too
                    at = run_end
                continue
            stop = block.find(b"\n\n", at)
            if stop < 0:  # a third line feed in a row at the end
                break
            self._event(block[at:stop])
            at = stop + 2
        if self._splitter.pending_bytes > MAX_EVENT_BYTES:
            self._splitter.end()
            self._fail(ErrorClass.TOO_LARGE, f"an event of more than {MAX_EVENT_BYTES} bytes")
        return self.chunks - before

    def _run(self, block: bytes, at: int) -> int:
        """Count the framed events from ``at`` on at once, where many came in one read; where they end, or ``at``.

        They are a run if every blank line up to the last one stands between the end and the beginning of a frame, which
        two counts tell; no event in it may be without text, which one search tells. A fifth of the CPU of a request.
        """
        head, tail, joint = self._head, self._tail, self._joint
        last = block.rfind(joint, at)
        if last < at:
            return at
        begin = last + len(joint) - len(head)
        stop = block.find(b"\n\n", begin)
        first = block.find(b"\n\n", at)
        if not (
            block.startswith(head, at)
            and block.endswith(tail, begin, stop)
            and min(first - at, stop - begin) > self._frame_bytes
        ):
            return at
        count = block.count(joint, at, stop) + 1
        if block.count(b"\n", at, stop) != 2 * (count - 1) or block.find(head + tail, at, stop) >= 0:
            return at
        self.chunks += count
        return stop + 2

    def end(self) -> int:
        """The body is over; how many further events carried some of the answer."""
        before = self.chunks
        rest = self._splitter.end()
        if rest.lstrip().startswith(b"{"):
            self._unstreamed(rest)
        else:
            self._event(rest, last=True)
        return self.chunks - before

    def fault(self) -> Fault | None:
        """Why this answer is a failure: an error the server sent, else an end before the end, else no content."""
        if self._fault is not None:
            return self._fault
        if not (self.done or self._all_finished()):
            if not self._seen and not self.chunks:
                return Fault(ErrorClass.EMPTY_STREAM, "the stream ended without an event")
            return Fault(
                ErrorClass.TRUNCATED_STREAM,
                f"the stream ended after {self.chunks} chunks without [DONE] or a finish reason",
            )
        if not self.chunks and not (self.usage and self.usage.completion_tokens):
            return Fault(ErrorClass.EMPTY_STREAM, "the stream carried no content")
        return None

    def texts(self) -> list[str]:
        """None: text is not kept here (``openai_texts.TextStream``)."""
        return []

    def _all_finished(self) -> bool:
        return len(self._finished) >= max(self._wanted, len(self._seen), 1)

    def _fail(self, error: ErrorClass, message: str) -> None:
        if self._fault is None:
            self._fault = Fault(error, clip(message))

    def _event(self, raw: bytes, *, last: bool = False) -> None:
        event = sse.parse(raw)
        if event is None or self.done:
            return
        if event.data.strip() == b"[DONE]":
            self.done = True
            self._frame_bytes = _NO_FRAME  # nothing after it is looked at
            return
        try:
            found = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            self._not_json(event, last=last)
            return
        if isinstance(found, dict):
            self._object(found, event, raw)
        else:
            self._fail(ErrorClass.PARSE, "an event that is no JSON object: " + _text(event.data))

    def _not_json(self, event: sse.Event, *, last: bool) -> None:
        """Data lines that are no JSON together may be so one by one (servers that forget the blank line between
        events).
        """
        lines = event.data.split(b"\n")
        if len(lines) > 1:
            for line in lines:
                self._event(b"data:" + line, last=last)
        elif event.name == b"error":
            self._fail(ErrorClass.ERROR_IN_STREAM, _text(event.data))
        elif not last:  # what the end of the body cut short is a truncated stream, not a broken event
            self._fail(ErrorClass.PARSE, "an event that is not JSON: " + _text(event.data))

    def _object(self, found: dict[str, Any], event: sse.Event, raw: bytes) -> None:
        error = _error_in(found)
        if error is None and event.name == b"error":
            error = _text(event.data)
        if error is not None:
            self._fail(ErrorClass.ERROR_IN_STREAM, error)
            return
        usage = _usage_in(found)
        if usage is not None:
            self.usage = usage
        choices = found.get("choices")
        if not isinstance(choices, list):
            return
        texts = [text for choice in choices if isinstance(choice, dict) for text in self._choice(choice)]
        self.chunks += bool(texts)
        if len(texts) == len(choices) == 1 and usage is None and choices[0].get("finish_reason") is None:
            self._learn(raw, *texts[0])

    def _choice(self, choice: dict[str, Any]) -> list[tuple[str, str]]:
        """Note one choice; the pieces of answer in it, by key."""
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        self._seen.add(index)
        reason = choice.get("finish_reason")
        if reason is not None:
            self._finished.add(index)
            self.finish_reason = str(reason)
        return _pieces(choice)

    def _learn(self, raw: bytes, key: str, text: str) -> None:
        """Remember the bytes around ``text`` in ``raw``, if ``key`` is where they stand."""
        quoted = b'"%s"' % key.encode()
        at = raw.find(quoted)
        match = _STRING.match(raw, at + len(quoted)) if at >= 0 and b"\n" not in raw else None
        if match is None or not match[1] or orjson.loads(b'"%s"' % match[1]) != text:
            return
        self._head, self._tail = raw[: match.start(1)], raw[match.end(1) :]
        self._close = self._tail + b"\n\n"
        self._joint = self._close + self._head
        self._frame_bytes = len(self._head) + len(self._tail)

    def _unstreamed(self, body: bytes) -> None:
        """A plain JSON body where a stream was asked for: an error object, or a server that does not stream."""
        whole = answer(body)
        if whole.fault is not None:
            error = ErrorClass.ERROR_IN_STREAM if whole.fault.error is ErrorClass.ERROR_IN_STREAM else ErrorClass.PARSE
            self._fail(error, whole.fault.message)
        else:
            self._fail(ErrorClass.PARSE, "the server answered without streaming; set stream to false")


def _pieces(choice: dict[str, Any]) -> list[tuple[str, str]]:
    """The non-empty pieces of answer in one choice. A role alone, an empty string or null is none."""
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        text = choice.get("text")
        return [("text", text)] if isinstance(text, str) and text else []
    found = [(key, value if isinstance(value, str) else "") for key in _TEXT_KEYS if (value := delta.get(key))]
    return found if found or not delta.get("tool_calls") else [("tool_calls", "")]


def _text(data: bytes) -> str:
    cut = CUT if len(data) > _SHOWN_BYTES else ""
    return clip(data[:_SHOWN_BYTES].decode("utf-8", "replace") + cut)


def _error_in(found: dict[str, Any]) -> str | None:
    """The message of an error object: OpenAI's ``{"error": {"message"}}``, a bare string, vLLM's ``{"object":
    "error"}``.
    """
    error = found.get("error")
    if not error:
        if found.get("object") == "error":
            return clip(str(found.get("message", "error")))
        return None
    if isinstance(error, dict):
        message = error.get("message") or orjson.dumps(error).decode()
        return clip(str(message))
    return clip(str(error))


def _usage_in(found: dict[str, Any]) -> Usage | None:
    usage = found.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def answer(body: bytes) -> Answer:
    """What an answer that was not streamed says; anything but an object with choices is a fault."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(None, None, Fault(ErrorClass.PARSE, "the answer is not JSON: " + _text(body)))
    if not isinstance(found, dict):
        return Answer(None, None, Fault(ErrorClass.PARSE, "the answer is no JSON object: " + _text(body)))
    error = _error_in(found)
    if error is not None:
        return Answer(None, None, Fault(ErrorClass.ERROR_IN_STREAM, error))
    choices = found.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return Answer(None, None, Fault(ErrorClass.PARSE, "the answer has no choices: " + _text(body)))
    reason = choices[0].get("finish_reason")
    return Answer(None if reason is None else str(reason), _usage_in(found), None)


def error_message(body: bytes) -> str:
    """The text for people in the body of an HTTP error: its error object's, FastAPI's ``detail``, or all of it."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _text(body)
    if isinstance(found, dict):
        error = _error_in(found)
        if error is not None:
            return error
        for key in ("message", "detail"):
            if found.get(key):
                return clip(str(found[key]))
    return _text(body)
