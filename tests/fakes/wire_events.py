"""Bytes of answers in the OpenAI dialect, event by event, and what the reader makes of them."""

import json
from typing import Any

import orjson

from evalkube_runner.wire import openai
from evalkube_runner.wire.answer import Answer
from evalkube_runner.wire.stream import Stream

__all__ = [
    *("CALL", "DONE", "HALF", "HI", "ROLE", "STOP", "TWICE", "USAGE"),
    *("both", "event", "framed", "read", "text_event", "usage"),
]


def event(
    delta: dict[str, Any] | None = None, *, finish: Any = None, index: Any = 0, end: str = "\n\n", **more: Any
) -> bytes:
    """A chunk of a chat; without `delta` it has no choice."""
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'id': 'x', 'choices': choices, **more})}{end}".encode()


def both(*choices: dict[str, Any]) -> bytes:
    """An event of several choices."""
    return b"data: " + orjson.dumps({"choices": choices}) + b"\n\n"


def text_event(text: str, finish: str | None = None) -> bytes:
    """A chunk of a completion."""
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "text": text, "finish_reason": finish}]}) + b"\n\n"


def usage(prompt: Any, completion: Any) -> dict[str, Any]:
    """Counts as a server states them."""
    return {"prompt_tokens": prompt, "completion_tokens": completion}


ROLE = event({"role": "assistant", "content": ""})
HI = event({"content": "hi"})
STOP = event({}, finish="stop")
USAGE = event(usage=usage(5, 7))
DONE = b"data: [DONE]\n\n"
HALF = event({"content": "cut"})[:-20]
CALL: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a": 1}'}}]}
TWICE = b'data: {"choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":null}]}\n\n'


def framed(*texts: bytes) -> bytes:
    """Chunks that differ in nothing but their texts, which are JSON already."""
    return b"".join(TWICE.replace(b"TEXT", text) for text in texts)


def read(pieces: list[bytes], choices: int = 1, *, keep_text: bool = True) -> tuple[Stream, Answer]:
    """The reader that took the pieces, and the answer that it read."""
    stream = openai.reader(choices, keep_text=keep_text)
    for piece in pieces:
        stream.feed(piece)
    stream.end()
    return stream, stream.answer()
