"""The OpenAI dialect: what each kind of stream and answer says, whole and byte by byte, and what bodies are made."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.names import ErrorClass
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.wire import openai, openai_answers
from evalkube_runner.wire.answer import Usage


def event(
    delta: dict[str, Any] | None = None, *, finish: str | None = None, index: int = 0, end: str = "\n\n", **more: Any
) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'id': 'x', 'choices': choices, **more})}{end}".encode()


def text_event(text: str, finish: str | None = None) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "text": text, "finish_reason": finish}]}) + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
HI = event({"content": "hi"})
STOP = event({}, finish="stop")
USAGE = event(usage={"prompt_tokens": 5, "completion_tokens": 7})
DONE = b"data: [DONE]\n\n"
HALF = event({"content": "cut"})[:-20]

# name: stream, chunks, finish reason, usage, error
STREAMS: dict[str, tuple[bytes, int, str | None, Usage | None, ErrorClass | None]] = {
    "an ordinary stream": (ROLE + HI * 3 + STOP + USAGE + DONE, 3, "stop", Usage(5, 7), None),
    "CRLF": ((ROLE + HI * 3 + STOP + DONE).replace(b"\n", b"\r\n"), 3, "stop", None, None),
    "no space after the colon": ((ROLE + HI * 3 + STOP + DONE).replace(b"data: ", b"data:"), 3, "stop", None, None),
    "comments and keep-alives": (
        b": ping\n\n" + ROLE + b": ping\n\n" + HI + b":\n\n" + HI + STOP + DONE,
        2,
        "stop",
        None,
        None,
    ),
    "finish reason beside the last text": (HI * 2 + event({"content": "!"}, finish="length"), 3, "length", None, None),
    "usage beside the last text": (
        HI + event({"content": "!"}, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 2}) + DONE,
        2,
        "stop",
        Usage(1, 2),
        None,
    ),
    "usage in every event": (
        HI
        + b"".join(event({"content": "a"}, usage={"prompt_tokens": 1, "completion_tokens": n}) for n in (1, 2))
        + DONE,
        3,
        None,
        Usage(1, 2),
        None,
    ),
    "no [DONE]": (HI + STOP, 1, "stop", None, None),
    "no finish reason": (HI + DONE, 1, None, None, None),
    "no blank line after [DONE]": (HI + DONE.rstrip(), 1, None, None, None),
    "nothing after [DONE] counts": (HI + DONE + HI, 1, None, None, None),
    "reasoning_content": (event({"reasoning_content": "hm"}) * 2 + HI + STOP + DONE, 3, "stop", None, None),
    "reasoning": (event({"reasoning": "hm"}) + STOP + DONE, 1, "stop", None, None),
    "content null beside reasoning": (event({"content": None, "reasoning_content": "a"}) + DONE, 1, None, None, None),
    "empty pieces are no tokens": (HI + event({"content": ""}) * 3 + HI + STOP + DONE, 2, "stop", None, None),
    "null pieces are no tokens": (HI + event({"content": None}) * 3 + STOP + DONE, 1, "stop", None, None),
    "a tool call": (event({"tool_calls": [{"function": {"arguments": "{"}}]}) + STOP + DONE, 1, "stop", None, None),
    "text that looks like an end": (
        HI + event({"content": 'data: [DONE] "finish_reason":"stop" \n\n'}) + HI + STOP + DONE,
        3,
        "stop",
        None,
        None,
    ),
    "quotes and escapes in the text": (
        event({"content": 'say "a" \\'}) + event({"content": '"'}) + HI + DONE,
        3,
        None,
        None,
        None,
    ),
    "text with a finish reason of its own frame": (
        HI * 2 + event({"content": "x"}, finish="content_filter"),
        3,
        "content_filter",
        None,
        None,
    ),
    "completions": (text_event("a") * 3 + text_event("", "length") + DONE, 3, "length", None, None),
    "completions, text at the end": (text_event("a") + text_event("b", "stop"), 2, "stop", None, None),
    "only usage": (USAGE + DONE, 0, None, Usage(5, 7), None),
    "finished without text, tokens in the usage": (ROLE + STOP + USAGE + DONE, 0, "stop", Usage(5, 7), None),
    "events that share one blank line": (HI.rstrip() + b"\n" + HI + DONE, 2, None, None, None),
    "an error in the stream": (ROLE + HI + event(error={"message": "boom"}), 1, None, None, ErrorClass.ERROR_IN_STREAM),
    "an error that is a string": (event(error="boom") + DONE, 0, None, None, ErrorClass.ERROR_IN_STREAM),
    "an error event": (HI + b'event: error\ndata: {"m": "boom"}\n\n', 1, None, None, ErrorClass.ERROR_IN_STREAM),
    "an error event that is text": (b"event: error\ndata: boom\n\n", 0, None, None, ErrorClass.ERROR_IN_STREAM),
    "vLLM's error object": (
        HI + b'data: {"object": "error", "message": "boom"}\n\n' + DONE,
        1,
        None,
        None,
        ErrorClass.ERROR_IN_STREAM,
    ),
    "an error after the first text, framed like text": (
        HI * 2 + event({"content": "x"}, error={"message": "boom"}) + DONE,
        2,
        None,
        None,
        ErrorClass.ERROR_IN_STREAM,
    ),
    "truncated between events": (ROLE + HI * 2, 2, None, None, ErrorClass.TRUNCATED_STREAM),
    "truncated inside an event": (ROLE + HI * 2 + HALF, 2, None, None, ErrorClass.TRUNCATED_STREAM),
    "role and no more": (ROLE, 0, None, None, ErrorClass.TRUNCATED_STREAM),
    "nothing": (b"", 0, None, None, ErrorClass.EMPTY_STREAM),
    "only keep-alives": (b": ping\n\n" * 3, 0, None, None, ErrorClass.EMPTY_STREAM),
    "only [DONE]": (DONE, 0, None, None, ErrorClass.EMPTY_STREAM),
    "finished without content": (ROLE + STOP + DONE, 0, "stop", None, ErrorClass.EMPTY_STREAM),
    "not JSON": (HI + b"data: {oops\n\n" + DONE, 1, None, None, ErrorClass.PARSE),
    "JSON but no object": (b"data: 7\n\n" + HI + DONE, 1, None, None, ErrorClass.PARSE),
    "a whole JSON error": (b'{"error": {"message": "boom"}}', 0, None, None, ErrorClass.ERROR_IN_STREAM),
    "a whole JSON answer": (b'{"choices": [{"message": {"content": "hi"}}]}', 0, None, None, ErrorClass.PARSE),
}


def read(pieces: list[bytes], choices: int = 1) -> openai_answers.Stream:
    stream = openai_answers.Stream(choices)
    told = sum(stream.feed(piece) for piece in pieces) + stream.end()
    assert told == stream.chunks
    return stream


@pytest.mark.parametrize(("stream", "chunks", "finish", "usage", "error"), STREAMS.values(), ids=STREAMS.keys())
def test_whole_and_byte_by_byte(
    stream: bytes, chunks: int, finish: str | None, usage: Usage | None, error: ErrorClass | None
) -> None:
    """Every kind of stream says the same however it is cut."""
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        found = read(pieces)
        fault = found.fault()
        assert (found.chunks, found.finish_reason, found.usage, fault and fault.error) == (chunks, finish, usage, error)


def test_error_message_reaches_people() -> None:
    """The server's own words stand in the fault, on one line."""
    fault = read([event(error={"message": "out of\n  memory", "code": 500})]).fault()
    assert fault is not None
    assert fault.message == "out of memory"


@pytest.mark.parametrize(("stopped", "whole"), [((0, 1), True), ((0,), False), ((), False)])
def test_several_choices(stopped: tuple[int, ...], whole: bool) -> None:
    """Without [DONE] a stream of two choices is whole once both have finished."""
    stream = b"".join(event({"content": "a"}, index=index) for index in (0, 1, 0, 1))
    stream += b"".join(event({}, finish="stop", index=index) for index in stopped)
    found = read([stream], choices=2)
    assert found.chunks == 4
    assert (found.fault() is None) is whole


PIECES = st.lists(st.text(max_size=8), max_size=12)


@given(PIECES, st.booleans(), st.data())
def test_any_text_any_cut(pieces: list[str], ascii_only: bool, data: st.DataObject) -> None:
    """Chunks are exactly the non-empty pieces, whatever the text, its JSON spelling, and where reads fall."""
    choices = [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    events = [f"data: {json.dumps(choice, ensure_ascii=ascii_only)}\n\n" for choice in choices]
    stream = "".join(events).encode("utf-8", "surrogatepass") + STOP + DONE
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=5)))
    found = read([stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)])
    assert found.chunks == sum(bool(piece) for piece in pieces)


KINDS = st.sampled_from(
    (
        *[HI] * 8,
        event({"content": "ab"}),
        event({"content": ""}),
        event({"content": None}),
        event({"content": '"'}),
        event({"reasoning_content": "hm"}),
        ROLE,
        USAGE,
        HI.replace(b"\n", b"\r\n"),
        HI.rstrip() + b"\n" + HI,
        b": ping\n\n",
        b"\n",
    )
)


@given(st.lists(KINDS, max_size=40))
def test_runs_of_events_in_one_read(events: list[bytes]) -> None:
    """Many events in one read are counted as they are one by one."""
    stream = b"".join(events) + STOP + DONE
    singly = read([stream[at : at + 1] for at in range(len(stream))])
    assert read([stream]).chunks == read([*events, STOP, DONE]).chunks == singly.chunks


def test_the_short_cut_is_taken() -> None:
    """An event framed like the last text is not decoded: one whose text is no JSON counts instead of failing."""
    found = read([HI + HI.replace(b"hi", b"\\q") + DONE])
    assert (found.chunks, found.fault()) == (2, None)


def test_an_endless_event_is_a_fault() -> None:
    """What a reader holds is bounded."""
    fault = read([b"data: "] + [b"x" * (1 << 20)] * 9).fault()
    assert fault is not None
    assert fault.error is ErrorClass.TOO_LARGE


ANSWERS: dict[str, tuple[bytes, str | None, Usage | None, ErrorClass | None]] = {
    "whole": (
        b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
        "stop",
        Usage(1, 2),
        None,
    ),
    "without usage": (b'{"choices":[{"text":"hi"}]}', None, None, None),
    "usage of the wrong type": (
        b'{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":"1","completion_tokens":-2}}',
        None,
        Usage(None, None),
        None,
    ),
    "an error in a 200": (b'{"error":{"message":"boom"}}', None, None, ErrorClass.ERROR_IN_STREAM),
    "no choices": (b'{"choices":[]}', None, None, ErrorClass.PARSE),
    "a list": (b"[]", None, None, ErrorClass.PARSE),
    "HTML": (b"<html>", None, None, ErrorClass.PARSE),
    "nothing": (b"", None, None, ErrorClass.PARSE),
}


@pytest.mark.parametrize(("body", "finish", "usage", "error"), ANSWERS.values(), ids=ANSWERS.keys())
def test_answers(body: bytes, finish: str | None, usage: Usage | None, error: ErrorClass | None) -> None:
    """What a whole answer says."""
    found = openai.answer(body)
    assert (found.finish_reason, found.usage, found.fault and found.fault.error) == (finish, usage, error)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":{"message":"no such key"}}', "no such key"),
        (b'{"error":"no such key"}', "no such key"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b"<h1>Bad\nGateway</h1>", "<h1>Bad Gateway</h1>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_error_messages(body: bytes, text: str) -> None:
    """The text for people, whatever a server sends as an error."""
    assert openai.error_message(body) == text


# name: url of a load test, where it posts to, whether that takes messages
ENDPOINTS = {
    "a base": ("http://h/v1", "http://h/v1/chat/completions", True),
    "a base with a slash": ("http://h/v1/", "http://h/v1/chat/completions", True),
    "a base with a query": ("http://h:1/x/v1?a=b", "http://h:1/x/v1/chat/completions?a=b", True),
    "no path": ("http://h", "http://h/chat/completions", True),
    "a slash for a path": ("http://h/?a=b", "http://h/chat/completions?a=b", True),
    "chat completions": ("http://h/v1/chat/completions", "http://h/v1/chat/completions", True),
    "completions": ("http://h/v1/completions", "http://h/v1/completions", False),
    "a path of its own": ("http://h/generate", "http://h/generate", True),
    "with a slash at its end": ("http://h/generate/", "http://h/generate/", True),
    "a gateway's": ("https://h/api/v3/bots/chat", "https://h/api/v3/bots/chat", True),
    "another version": ("http://h/v2", "http://h/v2", True),
    "Azure's": (
        "https://h/openai/deployments/d/chat/completions?api-version=2024-10-21",
        "https://h/openai/deployments/d/chat/completions?api-version=2024-10-21",
        True,
    ),
}


@pytest.mark.parametrize(("url", "endpoint", "chat"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_endpoints(url: str, endpoint: str, chat: bool) -> None:
    """A URL is complete unless it ends in /v1 or has no path; then it gets the path of chat completions."""
    assert (openai.endpoint(url), openai.is_chat(url)) == (endpoint, chat)


# name: api_url of an evaluation, where it posts to
BASES = {
    "a base": ("https://h/compatible-mode/v1", "https://h/compatible-mode/v1/chat/completions"),
    "another version": ("https://h/api/v3/", "https://h/api/v3/chat/completions"),
    "below a version": ("https://h/v1beta/openai", "https://h/v1beta/openai/chat/completions"),
    "no path": ("http://h", "http://h/chat/completions"),
    "complete": ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
    "Azure's": (
        "https://h/openai/deployments/d?api-version=1",
        "https://h/openai/deployments/d/chat/completions?api-version=1",
    ),
}


@pytest.mark.parametrize(("base", "endpoint"), BASES.values(), ids=BASES.keys())
def test_base_urls(base: str, endpoint: str) -> None:
    """An evaluation is given a base URL, as OpenAI's clients are."""
    assert openai.chat_endpoint(base) == endpoint


# name: url, api_key_header, the header
KEYS: dict[str, tuple[str, str | None, dict[str, str]]] = {
    "as OpenAI has it": ("http://h/v1", None, {"Authorization": "Bearer k"}),
    "as Azure has it": ("https://h/openai/deployments/d/chat/completions?api-version=1", None, {"api-key": "k"}),
    "another header": ("http://h/v1", "X-Key", {"X-Key": "k"}),
    "a gateway before Azure": ("https://h/openai/deployments/d", "authorization", {"authorization": "Bearer k"}),
}


@pytest.mark.parametrize(("url", "name", "header"), KEYS.values(), ids=KEYS.keys())
def test_the_header_of_the_key(url: str, name: str | None, header: dict[str, str]) -> None:
    """A bearer token, unless the URL or the run says another header; nothing without a key."""
    assert openai.headers("k", url, name) == header
    assert openai.headers(None, url, name) == {}


# name: the URL's query, the further one, both
QUERIES: dict[str, tuple[str, dict[str, str], str]] = {
    "only the URL's": ("?a=b%20c", {}, "?a=b%20c"),
    "only the further one": ("", {"a": "b c", "d": "&"}, "?a=b+c&d=%26"),
    "joined": ("?api-version=2024-10-21", {"tenant": "t1"}, "?api-version=2024-10-21&tenant=t1"),
    "the same name": ("?a=1&b=2&a=3", {"a": "4"}, "?b=2&a=4"),
    "the same name, spelt otherwise": ("?api%2Dversion=1", {"api-version": "2"}, "?api-version=2"),
    "a name without a value": ("?debug", {"a": "1"}, "?debug&a=1"),
}


@pytest.mark.parametrize(("own", "more", "both"), QUERIES.values(), ids=QUERIES.keys())
def test_queries_are_joined(own: str, more: dict[str, str], both: str) -> None:
    """The URL's own stays as it is spelt; of two values the further one counts."""
    assert openai.endpoint(f"http://h/v1/x{own}", query=more) == f"http://h/v1/x{both}"
    assert openai.chat_endpoint(f"http://h/v1{own}", more) == f"http://h/v1/chat/completions{both}"


def test_plain_prompts_have_their_own_endpoint() -> None:
    """Where the URL leaves it open; a URL that names an endpoint is taken at its word."""
    assert openai.endpoint("http://h/v1", plain=True) == "http://h/v1/completions"
    assert openai.endpoint("http://h/v1/chat/completions", plain=True) == "http://h/v1/chat/completions"


def spec(**fields: Any) -> PerfRunSpec:
    return PerfRunSpec(model="m", url="http://h/v1", **fields)


def test_body_of_messages() -> None:
    """The sampling fields of a spec, without those that are not set, and a stream with its usage."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "hi"}]
    made = openai.body(spec(max_tokens=[9], top_p=0.5, n_choices=2, stop=["."]), messages)
    assert made == {
        "model": "m",
        "messages": messages,
        "max_tokens": 9,
        "n": 2,
        "seed": 42,
        "stop": ["."],
        "temperature": 0.0,
        "top_p": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_body_of_text_and_token_ids() -> None:
    """Plain text and token ids are a prompt; nothing about streaming without it."""
    assert openai.body(spec(stream=False), "hi")["prompt"] == "hi"
    assert openai.body(spec(stream=False), [1, 2])["prompt"] == [1, 2]
    assert "stream" not in openai.body(spec(stream=False), "hi")


def test_precedence_of_fields() -> None:
    """A prompt that is a body keeps its fields, and extra_args win over everything."""
    made = openai.body(spec(temperature=1.0, extra_args={"top_k": 3}), {"temperature": 0.5, "top_k": 9, "prompt": "x"})
    assert (made["temperature"], made["top_k"], made["prompt"]) == (0.5, 3, "x")


# name: what is made, further keys, the body
MERGED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "they win": ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
    "null drops": ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    "null drops what is not there": ({"b": 2}, {"a": None}, {"b": 2}),
    "null inside a value stays": ({}, {"a": {"b": None}}, {"a": {"b": None}}),
    "null of the prompt's own body stays": ({"a": None}, {}, {"a": None}),
    "max_completion_tokens": ({"max_tokens": 9}, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
    "both are given": ({}, {"max_tokens": 9, "max_completion_tokens": 5}, {"max_completion_tokens": 5}),
    "of the prompt's own body": ({"max_tokens": 9, "max_completion_tokens": 5}, {}, {"max_completion_tokens": 5}),
    "max_completion_tokens of null": ({"max_tokens": 9}, {"max_completion_tokens": None}, {"max_tokens": 9}),
}


@pytest.mark.parametrize(("made", "extra", "body"), MERGED.values(), ids=MERGED.keys())
def test_further_keys(made: dict[str, Any], extra: dict[str, Any], body: dict[str, Any]) -> None:
    """They win, null takes a key away, and a body has one limit of tokens."""
    assert openai.merged(made, extra) == body


def test_a_strict_endpoint_is_sent_what_it_knows() -> None:
    """Everything that is added unasked can be left out."""
    left_out = {"seed": None, "stream_options": None, "temperature": None, "max_tokens": None}
    assert openai.body(spec(extra_args=left_out), "hi") == {"model": "m", "prompt": "hi", "stream": True}


def test_drawn_token_limits() -> None:
    """A range is drawn per request, unless the body says its own limit."""
    ranged = spec(max_tokens=[1, 9])
    body = openai.body(ranged, "hi")
    assert "max_tokens" not in body
    assert openai.draws_max_tokens(ranged, body) == b'"max_tokens"'
    assert openai.draws_max_tokens(ranged, body | {"max_completion_tokens": 4}) is None
    assert openai.draws_max_tokens(spec(), body) is None
    for more in ({"max_tokens": None}, {"max_tokens": 4}, {"max_completion_tokens": 4}):
        other = spec(max_tokens=[1, 9], extra_args=more)
        assert openai.draws_max_tokens(other, openai.body(other, "hi")) is None
