"""What was said, as text, in the OpenAI dialect: for counting tokens where the server does not. Bytes in, strings
out; no I/O, and no part of a load that needs no text.

Content and reasoning of each choice are texts of their own, because a model's tokens never span them. What a chat
template puts around messages is nobody's text and is not here.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from evalkube_runner.wire import sse
from evalkube_runner.wire.openai_answers import MAX_EVENT_BYTES, Stream

__all__ = ["TextStream", "answer_texts", "prompt_texts"]

_DECODE_BYTES = 64 * 1024
"""Raw events are kept until there are so many: most streams end before, and then with a usage that makes their text
superfluous. Decoding them takes less than half a millisecond.
"""


class TextStream(Stream):
    """A ``Stream`` that can say its text. Events in the frame that the stream has learned are not decoded here either:
    their pieces are JSON strings without quotes, and many make one string.
    """

    __slots__ = ("_events", "_key", "_raw", "_raw_bytes", "_texts")

    def __init__(self, choices: int = 1) -> None:
        super().__init__(choices)
        self._events = sse.Splitter()
        self._raw: list[bytes] = []
        self._raw_bytes = 0
        self._key = (0, "")
        self._texts: dict[tuple[int, str], list[str]] = {}

    def feed(self, data: bytes) -> int:
        """See ``Stream.feed``."""
        self._raw.append(data)
        self._raw_bytes += len(data)
        if self._raw_bytes >= _DECODE_BYTES:
            self._decode()
        return super().feed(data)

    def texts(self) -> list[str]:
        """Everything so far, one text for each choice and kind. Meaningful after ``end``."""
        self._decode()
        self._take(self._events.end())
        return ["".join(pieces) for pieces in self._texts.values()]

    def _learn(self, raw: bytes, key: str, text: str) -> None:
        """What came before belongs to the frame before."""
        if self._head:
            self._decode()
        super()._learn(raw, key, text)
        event = sse.parse(raw)
        for index, kind, _ in _said((_object(event.data) if event else None) or {}):
            self._key = (index, kind)

    def _decode(self) -> None:
        framed: list[bytes] = []
        head, tail = self._head, self._tail
        frame_bytes = len(head) + len(tail) or MAX_EVENT_BYTES  # also after [DONE], which the stream itself ends with
        for raw in self._events.feed(b"".join(self._raw)):
            if len(raw) > frame_bytes and raw.startswith(head) and raw.endswith(tail):
                framed.append(raw)
                continue
            self._take_framed(framed)
            self._take(raw)
        self._take_framed(framed)
        if self._events.pending_bytes > MAX_EVENT_BYTES:
            self._events.end()  # the reader itself calls this a fault
        self._raw.clear()
        self._raw_bytes = 0

    def _take_framed(self, framed: list[bytes]) -> None:
        begin, end = len(self._head), len(self._tail)
        try:
            text = orjson.loads(b'"%s"' % b"".join([raw[begin:-end] for raw in framed]))
        except orjson.JSONDecodeError:  # one of them has more in it than a text
            for raw in framed:
                self._take(raw)
        else:
            if text:
                self._texts.setdefault(self._key, []).append(text)
        framed.clear()

    def _take(self, raw: bytes) -> None:
        event = sse.parse(raw)
        if event is None:
            return
        found = _object(event.data)
        parts = [found] if found is not None else [_object(line) for line in event.data.split(b"\n")]
        for part in parts:
            for index, kind, text in _said(part or {}):
                self._texts.setdefault((index, kind), []).append(text)


def answer_texts(body: bytes) -> list[str]:
    """The texts of an answer that was not streamed."""
    return [text for _, _, text in _said(_object(body) or {})]


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt, and how many token ids it has besides."""
    found = _object(body) or {}
    texts: list[str] = []
    for message in found.get("messages") or []:
        texts += _content(message.get("content"))
    prompt = found.get("prompt")
    parts = prompt if isinstance(prompt, list) else [prompt]
    texts += [part for part in parts if isinstance(part, str)]
    ids = sum(len(part) if isinstance(part, list) else 1 for part in parts if isinstance(part, int | list))
    return texts, ids


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _said(found: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """The pieces of text in one event or answer: (choice, kind, text)."""
    choices = found.get("choices")
    for at, choice in enumerate(choices if isinstance(choices, list) else []):
        if not isinstance(choice, dict):
            continue
        index = choice.get("index")
        index = index if isinstance(index, int) else at
        for kind, text in _pieces(choice):
            if isinstance(text, str) and text:
                yield index, kind, text


def _pieces(choice: dict[str, Any]) -> Iterator[tuple[str, object]]:
    part = choice.get("delta") or choice.get("message")
    if not isinstance(part, dict):
        yield "text", choice.get("text")
        return
    yield "content", part.get("content")
    yield "reasoning", part.get("reasoning_content") or part.get("reasoning")  # some servers send both: one text
    yield "refusal", part.get("refusal")
    for call in part.get("tool_calls") or []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield "tool_calls", function.get("name")
            yield "tool_calls", function.get("arguments")


def _content(content: object) -> list[str]:
    """A message's text: a string, or the text parts of a list."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
