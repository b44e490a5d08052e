"""Request bodies, and the words in answers."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass
from evalkube_runner.eval import chat
from evalkube_runner.eval.benchmarks.declaration import Message

HI = [Message("user", "hi")]


def _event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    return (
        b"data: "
        + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}).encode()
        + b"\n\n"
    )


STREAM = (
    _event({"role": "assistant", "content": ""})
    + _event({"reasoning_content": "hm "})
    + _event({"content": "the line\u2028goes "})
    + _event({"content": "on 😀"})
    + _event({}, "length")
    + b'data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}}\n\ndata: [DONE]\n\n'
)


def test_a_body_has_the_defaults_and_nothing_unset() -> None:
    """Temperature 0 and 2048 tokens are sent; what is not set is not."""
    messages = [{"role": "user", "content": "hi"}]
    assert chat.body("m", HI, GenerationConfig()) == {
        "model": "m",
        "messages": messages,
        "temperature": 0.0,
        "max_tokens": 2048,
    }


def test_repeats_get_seeds_of_their_own_and_extra_body_wins() -> None:
    """With one seed for all, k answers would be one."""
    config = GenerationConfig(seed=5, stream=True, extra_body={"temperature": 1, "min_p": 0.1}, stop_seqs=["x"])
    made = chat.body("m", HI, config, repeat=2)
    assert (made["seed"], made["temperature"], made["min_p"], made["stop"]) == (7, 1, 0.1, ["x"])
    assert made["stream_options"] == {"include_usage": True}


def test_a_body_has_one_limit_of_tokens_and_no_null() -> None:
    """`max_completion_tokens` replaces `max_tokens`, wherever it stands; null leaves a key out."""
    for config in (
        GenerationConfig(max_completion_tokens=5, extra_body={"temperature": None}),
        GenerationConfig(max_tokens=9, extra_body={"max_completion_tokens": 5, "temperature": None}),
    ):
        made = chat.body("m", HI, config)
        assert made.keys() == {"model", "messages", "max_completion_tokens"}
        assert made["max_completion_tokens"] == 5


def test_a_whole_answer() -> None:
    """Text, thoughts, the reason to stop and tokens are read, whatever else is there."""
    usage = {"prompt_tokens": 5, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}
    message = {"content": "C", "reasoning_content": "hm"}
    found = chat.read_answer(
        json.dumps({"choices": [{"message": message, "finish_reason": "length"}], "usage": usage}).encode()
    )
    assert (found.text, found.reasoning, found.truncated, found.tokens) == ("C", "hm", True, chat.Tokens(5, 9, 4))


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, ""), ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"), ("x", "x")],
)
def test_contents_of_every_shape(content: Any, text: str) -> None:
    """Null is an empty answer, not a failure; parts are joined."""
    assert chat.read_answer(json.dumps({"choices": [{"message": {"content": content}}]}).encode()).text == text


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", ErrorClass.PARSE),
        (b"{}", ErrorClass.PARSE),
        (b'{"error": {"message": "boom"}}', ErrorClass.ERROR_IN_STREAM),
    ],
)
def test_a_body_that_is_no_answer(body: bytes, error: ErrorClass) -> None:
    """A 200 that holds no answer is a failure with its class."""
    with pytest.raises(chat.BadAnswer) as failed:
        chat.read_answer(body)
    assert failed.value.error is error


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=30))
def test_a_stream_reads_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """Reads may end anywhere, within a character or an event; a line separator within JSON is no line end."""
    words, edges = chat.StreamedText(), [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        words.feed(STREAM[start:end])
    found = words.answer()
    assert (found.text, found.reasoning) == ("the line\u2028goes on 😀", "hm ")
    assert (found.finish_reason, found.tokens) == ("length", chat.Tokens(5, 9))


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (STREAM[:200], ErrorClass.TRUNCATED_STREAM),
        (b"", ErrorClass.EMPTY_STREAM),
        (_event({"content": "a"}) + b'data: {"error": {"message": "out of memory"}}\n\n', ErrorClass.ERROR_IN_STREAM),
    ],
)
def test_a_stream_that_is_no_answer(stream: bytes, error: ErrorClass) -> None:
    """Half an answer is a failure, not a wrong answer."""
    words = chat.StreamedText()
    words.feed(stream)
    with pytest.raises(chat.BadAnswer) as failed:
        words.answer()
    assert failed.value.error is error
