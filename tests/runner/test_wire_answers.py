"""Whole answers: what each kind says, the same to the reader of streams."""

import orjson
import pytest

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import openai
from evalkube_runner.wire.answer import Kind, Usage
from fakes.wire_events import CALL, read, usage

MESSAGE = {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}


# name: body, finish reason, usage, error, texts of the first choice
ANSWERS: dict[str, tuple[bytes, str | None, Usage | None, ErrorClass | None, dict[Kind, str]]] = {
    "whole": (orjson.dumps({"choices": [MESSAGE], "usage": usage(1, 2)}), "stop", Usage(1, 2), None, {"content": "hi"}),
    "without usage": (b'{"choices":[{"text":"hi"}]}', None, None, None, {"content": "hi"}),
    "reasoning": (
        b'{"choices":[{"message":{"content":"a","reasoning_content":"b"}}]}',
        None,
        None,
        None,
        {"content": "a", "reasoning": "b"},
    ),
    "parts": (
        b'{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}',
        None,
        None,
        None,
        {"content": "ab"},
    ),
    "a tool call": (
        orjson.dumps({"choices": [{"message": {"content": None, **CALL}}]}),
        None,
        None,
        None,
        {"tool_calls": 'f{"a": 1}'},
    ),
    "usage with its parts": (
        orjson.dumps(
            {
                "choices": [MESSAGE],
                "usage": usage(5, 9)
                | {"completion_tokens_details": {"reasoning_tokens": 4}, "prompt_tokens_details": {"cached_tokens": 2}},
            }
        ),
        "stop",
        Usage(5, 9, 4, 2),
        None,
        {"content": "hi"},
    ),
    "an error in a 200": (b'{"error":{"message":"boom"}}', None, None, ErrorClass.ERROR_IN_STREAM, {}),
    "no choices": (b'{"choices":[]}', None, None, ErrorClass.PARSE, {}),
    "no choices at all": (b'{"choices":null}', None, None, ErrorClass.PARSE, {}),
    "a list": (b"[]", None, None, ErrorClass.PARSE, {}),
    "a message that is null": (
        b'{"choices":[{"message":null,"finish_reason":"stop"}]}',
        "stop",
        None,
        ErrorClass.PARSE,
        {},
    ),
    "no message": (b'{"choices":[{"index":0,"finish_reason":"stop"}]}', "stop", None, ErrorClass.PARSE, {}),
    "an empty content": (b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}', "stop", None, None, {}),
    "a number": (b'{"choices":[{"message":{"content":42}}]}', None, None, None, {"content": "42"}),
    "half a character": (b'{"choices":[{"text":"a\\ud83d"}]}', None, None, None, {"content": "a\ufffd"}),
    "stray bytes": (b'{"choices":[{"text":"caf\xe9"}]}', None, None, None, {"content": "caf\ufffd"}),
    "NaN": (b'{"choices":[{"text":"a","logprobs":NaN}]}', None, None, None, {"content": "a"}),
    "a byte order mark": (b'\xef\xbb\xbf{"choices":[{"text":"a"}]}', None, None, None, {"content": "a"}),
    "line feeds before it": (b'\n\n\n{"choices":[{"text":"a"}]}', None, None, None, {"content": "a"}),
    "no end of brackets": (b"[" * 100_000, None, None, ErrorClass.PARSE, {}),
    "two documents": (b'{"choices":[{"text":"a"}]}' * 2, None, None, ErrorClass.PARSE, {}),
    "abort": (
        b'{"choices":[{"message":{"content":"First, "},"finish_reason":"abort"}]}',
        "abort",
        None,
        ErrorClass.ERROR_IN_STREAM,
        {"content": "First, "},
    ),
    "HTML": (b"<html>", None, None, ErrorClass.PARSE, {}),
    "nothing": (b"", None, None, ErrorClass.PARSE, {}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str) -> None:
    """What a whole answer says; the reader of streams says the same of it, but for an empty body."""
    body, finish, used, error, texts = ANSWERS[name]
    for found in (openai.answer(body, keep_text=True), *([read([body])[1]] if body else [])):
        assert (found.finish_reasons.get(0), found.usage, found.fault and found.fault.error) == (finish, used, error)
        assert {kind: text for (_, kind), text in found.texts.items()} == texts
