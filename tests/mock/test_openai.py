"""The OpenAI dialect, without a server."""

import dataclasses
from typing import Any

import orjson
import pytest

from evalkube_mock import wire
from evalkube_mock.dialects.model import Ask, Dialect, Endpoint, RefusedError, Reply
from evalkube_mock.dialects.openai import OpenAI

_DIALECT: Dialect = OpenAI()
_ASK = Ask(endpoint="chat", model='m"1', prompt="hi", prompt_tokens=3, stream=True, include_usage=True)
_REPLY = Reply(reasoning=("hm",), content=("a", ' "b"\n'), finish_reason="stop")


def _read(endpoint: str = "chat", **change: Any) -> Ask:
    document: dict[str, Any] = {"model": "m"}
    document |= {"messages": [{"role": "user", "content": "hi"}]} if endpoint == "chat" else {"prompt": "hi"}
    document |= change
    return _DIALECT.read(
        Endpoint(endpoint), [], orjson.dumps({key: value for key, value in document.items() if value is not ...})
    )


def _events(ask: Ask, *, role: bool = True) -> list[Any]:
    """Render a whole stream and take it apart again; the end mark comes as a text."""
    script = _DIALECT.script(ask, _REPLY, role=role)
    steps = [event for step in script.tokens for event in step]
    events = (*script.opening, *steps, *script.closing, *_DIALECT.ending(ask, _REPLY))
    text = _DIALECT.stamp(ask, 7, 1_700_000_000).join(wire.flat(events))
    data = [event.removeprefix(b"data: ") for event in text.removesuffix(b"\n\n").split(b"\n\n")]
    return [*map(orjson.loads, data[:-1]), data[-1].decode()]


def test_a_chat_stream() -> None:
    """Role, reasoning, content, finish reason, usage and end mark, in the envelope of real servers."""
    *events, done = _events(_ASK)
    deltas = [event["choices"][0]["delta"] for event in events[:-1]]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"content": "a"},
        {"content": ' "b"\n'},
        {},
    ]
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]] == [None] * 4 + ["stop"]
    assert {(event["id"], event["object"], event["created"], event["model"]) for event in events} == {
        ("chatcmpl-" + "7".zfill(24), "chat.completion.chunk", 1_700_000_000, 'm"1')
    }
    usage = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert (events[-1]["choices"], events[-1]["usage"], done) == (
        [],
        {**usage, "completion_tokens_details": {"reasoning_tokens": 1}},
        "[DONE]",
    )


def test_a_text_stream() -> None:
    """Completions have texts for deltas and no role."""
    *events, _ = _events(dataclasses.replace(_ASK, endpoint="text", include_usage=False))
    assert [event["choices"][0]["text"] for event in events] == ["hm", "a", ' "b"\n', ""]
    assert {event["object"] for event in events} == {"text_completion"}


def test_several_choices() -> None:
    """n choices stream side by side and all of them count."""
    *events, _ = _events(dataclasses.replace(_ASK, choices=3), role=False)
    assert [event["choices"][0]["index"] for event in events[:-1]] == [0, 1, 2] * 4
    assert events[-1]["usage"]["completion_tokens"] == 9


def test_the_stamp_has_one_length() -> None:
    """Chunk sizes are rendered ahead, so the first and the last possible response must have equally long stamps."""
    assert len(_DIALECT.stamp(_ASK, 0, 1_000_000_000)) == len(_DIALECT.stamp(_ASK, 10**18, 9_999_999_999))


@pytest.mark.parametrize("endpoint", ["chat", "text"])
def test_a_whole_answer(endpoint: str) -> None:
    """Not streamed: the same text in one document, with usage always."""
    ask = dataclasses.replace(_ASK, endpoint=endpoint, stream=False, include_usage=False, choices=2)
    document = orjson.loads(_DIALECT.whole(ask, _REPLY, 1, 1_700_000_000))
    choice = document["choices"][1]
    if endpoint == "chat":
        assert choice["message"] == {"role": "assistant", "content": 'a "b"\n', "reasoning_content": "hm"}
    else:
        assert choice["text"] == 'hma "b"\n'
    assert (choice["index"], choice["finish_reason"], document["usage"]["total_tokens"]) == (1, "stop", 9)


@pytest.mark.parametrize(
    ("messages", "prompt", "tokens"),
    [
        pytest.param([{"role": "user", "content": "one two"}], "one two", 2, id="one"),
        pytest.param(
            [
                {"role": "system", "content": "be good"},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "yes"},
                {"role": "user", "content": "last one"},
            ],
            "last one",
            6,
            id="the last user message of a dialogue, the tokens of all",
        ),
        pytest.param(
            [{"role": "user", "content": "q"}, {"role": "assistant", "content": None}],
            "q",
            1,
            id="a turn of only tools",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]}],
            "a",
            1,
            id="content parts",
        ),
        pytest.param([{"role": "system", "content": "x"}], "", 1, id="no user message"),
    ],
)
def test_the_prompt_of_a_chat(messages: list[Any], prompt: str, tokens: int) -> None:
    """The answer is looked up by the last user message; usage counts every message."""
    ask = _read(messages=messages)
    assert (ask.prompt, ask.prompt_tokens) == (prompt, tokens)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("a b", ("a b", 2)), (["a b"], ("a b", 2)), ([1, 2, 3], ("", 3)), ([[1, 2]], ("", 2))],
)
def test_the_prompt_of_a_completion(prompt: Any, expected: tuple[str, int]) -> None:
    """A text, token ids, or a batch of one of either."""
    ask = _read("text", prompt=prompt)
    assert (ask.prompt, ask.prompt_tokens) == expected


def test_what_a_request_can_ask() -> None:
    """Every option that the mock obeys is read; unknown ones are let pass, as real servers do."""
    streaming: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    ask = _read(**streaming, max_tokens=9, min_tokens=4, n=2, stop="\n", ignore_eos=True, top_k=5)
    assert ask == Ask("chat", "m", "hi", 1, True, True, 9, 4, True, 2, ("\n",))


def test_the_newer_name_of_max_tokens_wins() -> None:
    """max_completion_tokens is what OpenAI calls it now."""
    assert _read(max_tokens=5, max_completion_tokens=7).max_tokens == 7


@pytest.mark.parametrize(
    ("endpoint", "change", "param"),
    [
        pytest.param("chat", {"model": ...}, "model", id="no model"),
        pytest.param("chat", {"model": 5}, "model", id="model is no text"),
        pytest.param("chat", {"messages": ...}, "messages", id="no messages"),
        pytest.param("chat", {"messages": []}, "messages", id="empty messages"),
        pytest.param("chat", {"messages": "hi"}, "messages", id="messages are no list"),
        pytest.param("chat", {"messages": [{"content": "x"}]}, "messages[0]", id="no role"),
        pytest.param("chat", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content", id="content"),
        pytest.param("text", {"prompt": ...}, "prompt", id="no prompt"),
        pytest.param("text", {"prompt": ["a", "b"]}, "prompt", id="a batch"),
        pytest.param("text", {"prompt": []}, "prompt", id="empty prompt"),
        pytest.param("chat", {"stream": "yes"}, "stream", id="stream is no flag"),
        pytest.param("chat", {"stream_options": {"include_usage": True}}, "stream_options", id="options, no stream"),
        pytest.param("chat", {"stream": True, "stream_options": 1}, "stream_options", id="options are no object"),
        pytest.param("chat", {"max_tokens": 0}, "max_tokens", id="max_tokens 0"),
        pytest.param("chat", {"max_tokens": 1.5}, "max_tokens", id="max_tokens a fraction"),
        pytest.param("chat", {"max_tokens": True}, "max_tokens", id="max_tokens a flag"),
        pytest.param("chat", {"n": 129}, "n", id="too many choices"),
        pytest.param("chat", {"stop": [1]}, "stop", id="stop is no text"),
    ],
)
def test_refused_requests(endpoint: str, change: dict[str, Any], param: str) -> None:
    """A bad request is refused with 400 and the parameter's name, in OpenAI's form."""
    with pytest.raises(RefusedError) as caught:
        _read(endpoint, **change)
    assert (caught.value.status, caught.value.param) == (400, param)
    error = orjson.loads(_DIALECT.error(caught.value, 0))["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"] == caught.value.message != ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_bodies_that_are_no_object(body: bytes) -> None:
    """Malformed JSON and JSON of another kind are 400s."""
    with pytest.raises(RefusedError) as caught:
        _DIALECT.read(Endpoint("chat"), [], body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"Authorization", b"Bearer k1")], "k1"),
        ([(b"x", b"y"), (b"authorization", b"bearer  k1 ")], "k1"),
        ([(b"Authorization", b"Basic k1")], None),
        ([(b"api-key", b"k1")], "k1"),
        ([], None),
    ],
)
def test_credential(headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    """The key is the bearer token, or with Azure the header `api-key`."""
    assert _DIALECT.credential(headers, "") == expected
