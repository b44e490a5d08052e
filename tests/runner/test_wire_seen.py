"""A reader that knows earlier streams reads each as one that knows none."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.wire import openai_answers
from evalkube_runner.wire.answer import Said
from evalkube_runner.wire.openai_answers import GRAMMAR
from evalkube_runner.wire.stream import Answers, Stream

DONE = b"data: [DONE]\n\n"


def chunk(delta: Any, finish: Any = None, *, index: int = 0, **more: Any) -> dict[str, Any]:
    """An event with one choice, but for the marks of its stream."""
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}


ROLE = chunk({"role": "assistant", "content": ""})
TEXT = chunk({"content": "a"})
STOP = chunk({}, "stop")
CALL = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"id":"x","created":1}'}}
EVENTS: dict[str, dict[str, Any]] = {
    "role": ROLE,
    "role alone": chunk({"role": "assistant"}),
    "text": TEXT,
    "another text": chunk({"content": "b\u00fc"}),
    "a text of marks": chunk({"content": '"id":"s-1"'}),
    "empty text": chunk({"content": ""}),
    "thought": chunk({"reasoning_content": "hm"}),
    "call": chunk({"tool_calls": [CALL]}),
    "another choice": chunk({"content": "c"}, index=1),
    "another choice's role": chunk({"role": "assistant", "content": ""}, index=1),
    "stop": STOP,
    "length": chunk({}, "length"),
    "usage": {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    "another usage": {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 20}},
    "error": {"error": {"message": "overloaded"}},
    "object of error": {"object": "error", "message": "overloaded"},
}

MARKS = st.fixed_dictionaries(
    {},
    optional={"id": st.sampled_from(["s-1", "s-2", "s-12", "", '"', 7]), "created": st.sampled_from([1, 12, 123, "1"])},
)
STREAMS = st.lists(st.tuples(MARKS, st.lists(st.sampled_from(sorted(EVENTS)), max_size=8)), max_size=5)


def written(marks: Mapping[str, Any], events: list[str], *, first: bool = True, end: bytes = DONE) -> bytes:
    """A stream whose events have the marks, before what they say or after it."""
    found = [{**marks, **EVENTS[name]} if first else {**EVENTS[name], **marks} for name in events]
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in found) + end


def told(stream: Stream, pieces: list[bytes]) -> tuple[object, ...]:
    """All that a reader tells of a stream."""
    for piece in pieces:
        stream.feed(piece)
    stream.end()
    tracks = [(track.chunks, track.asides, track.blanks, track.inside) for track in stream.tracks]
    return stream.answer(), tracks, stream.done


@given(STREAMS, st.sampled_from([1, 2]), st.booleans(), st.booleans(), st.booleans())
def test_streams_one_after_the_other(
    streams: list[tuple[dict[str, Any], list[str]]], choices: int, keep_text: bool, marks_first: bool, singly: bool
) -> None:
    """Whatever came before, in one read or byte by byte."""
    answers = Answers(GRAMMAR)
    for marks, events in streams:
        data = written(marks, events, first=marks_first)
        pieces = [data[at : at + 1] for at in range(len(data))] if singly else [data]
        alone = told(Stream(GRAMMAR, choices, keep_text=keep_text), pieces)
        assert told(answers.reader(choices, keep_text=keep_text), pieces) == alone


@pytest.mark.parametrize("first", [True, False], ids=["marks first", "marks last"])
def test_a_stream_like_an_earlier_one_is_not_decoded(first: bool) -> None:
    """But for their texts, the events of a server's streams are alike."""
    decoded = []

    def said(found: Mapping[str, Any], name: bytes) -> Said:
        decoded.append(found)
        return openai_answers.said(found, name)

    answers = Answers(replace(GRAMMAR, begin=lambda: said))
    for at in range(3):
        marks = {"id": f"chatcmpl-{at}", "object": "chat.completion.chunk", "created": 1_700_000_000 + at}
        data = written(marks, ["role", "text", "another text", "stop", "usage"], first=first)
        told(answers.reader(keep_text=True), [data])
        assert len(decoded) == 4


def test_what_is_remembered_is_bounded() -> None:
    """A server whose events all differ does not fill the memory."""
    answers = Answers(GRAMMAR)
    for at in range(1000):
        answers.reader().feed(b'data: {"choices":[],"n":%d}\n\n' % at)
    held = answers._seen
    assert held is not None
    assert len(held._said) <= 256
