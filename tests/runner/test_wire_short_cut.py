"""The reader decodes few events of a stream, in each dialect that names how its events differ."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from evalkube_runner.wire import anthropic_answers, dashscope_answers, gemini_answers, openai_responses_answers
from evalkube_runner.wire.answer import Said
from evalkube_runner.wire.grammar import Grammar, Says
from evalkube_runner.wire.stream import Stream

TOKENS = 200


def _response(at: int) -> bytes:
    """A piece of a response, as OpenAI writes it."""
    fields = {"sequence_number": at + 4, "item_id": "msg_1", "output_index": 0, "content_index": 0}
    found = {"type": "response.output_text.delta", **fields, "delta": f"w{at}", "obfuscation": f"x{at:x}"}
    return f"event: response.output_text.delta\ndata: {json.dumps(found)}\n\n".encode()


def _result(at: int) -> bytes:
    """A piece in DashScope's form; the first two are decoded to tell whether events repeat themselves."""
    output = {"choices": [{"message": {"content": f"w{at}", "role": "assistant"}, "finish_reason": "null"}]}
    counts = {"total_tokens": at + 23, "output_tokens": at + 1, "input_tokens": 22}
    body = json.dumps({"output": output, "usage": counts, "request_id": "r"})
    return f"id:{at + 1}\nevent:result\n:HTTP_STATUS/200\ndata:{body}\n\n".encode()


def _delta(at: int) -> bytes:
    """A piece of a message, as Anthropic writes it."""
    found = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"w{at}"}}
    return f"event: content_block_delta\ndata: {json.dumps(found)}\n\n".encode()


def _candidate(at: int) -> bytes:
    """A piece of a candidate, as Gemini writes it: with all counts so far."""
    candidate = {"content": {"parts": [{"text": f"w{at}"}], "role": "model"}, "index": 0}
    details = [{"modality": "TEXT", "tokenCount": 9}]
    counts = {"candidatesTokenCount": at + 1, "totalTokenCount": at + 10, "promptTokensDetails": details}
    found = {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9, **counts}, "modelVersion": "m"}
    return f"data: {json.dumps(found)}\r\n\r\n".encode()


class _Counting:
    """Says what another says, and counts."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.count = 0

    def __call__(self, found: Mapping[str, Any], name: bytes) -> Said:
        self.count += 1
        return self.says(found, name)


DIALECTS: dict[str, tuple[Grammar, Callable[[int], bytes]]] = {
    "openai_responses": (openai_responses_answers.GRAMMAR, _response),
    "anthropic": (anthropic_answers.GRAMMAR, _delta),
    "gemini": (gemini_answers.GRAMMAR, _candidate),
    "dashscope": (dashscope_answers.GRAMMAR, _result),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["one read", "an event a read"])
@pytest.mark.parametrize(("grammar", "event"), DIALECTS.values(), ids=DIALECTS)
def test_few_events_are_decoded(grammar: Grammar, event: Callable[[int], bytes], at_once: bool) -> None:
    """Numbers that count, and padding, do not make another kind of event."""
    counting = _Counting(grammar.begin())
    stream = Stream(replace(grammar, begin=lambda: counting), keep_text=True)
    events = [event(at) for at in range(TOKENS)]
    for piece in [b"".join(events)] if at_once else events:
        stream.feed(piece)
    stream.end()
    assert stream.chunks == TOKENS
    assert stream.answer().text() == "".join(f"w{at}" for at in range(TOKENS))
    assert counting.count <= 4
