"""The OpenAI dialect: where requests go, and what bodies are made."""

from typing import Any

import orjson
import pytest

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.perf.bodies import ask_of
from evalkube_runner.wire import heads, openai
from evalkube_runner.wire.ask import DRAWN, Operation, Prompt

CHAT = Operation("m", stream=True)
PLAIN = Operation("m", stream=True, messages=False)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"error":{"message":"no such key"}}', "no such key"),
        (b'{"error":"no such key"}', "no such key"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b"<h1>Bad\nGateway</h1>", "Bad Gateway"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_error_messages(data: bytes, text: str) -> None:
    """The text for people, whatever a server sends as an error."""
    assert openai.error_message(data) == text


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
    assert openai.endpoint(url, CHAT) == endpoint
    assert openai.takes_messages(endpoint) is chat


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
    assert openai.endpoint(base, CHAT, base=True) == endpoint


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
    assert heads.with_query(openai.endpoint(f"http://h/v1/x{own}", CHAT), more) == f"http://h/v1/x{both}"
    base = heads.with_query(openai.endpoint(f"http://h/v1{own}", CHAT, base=True), more)
    assert base == f"http://h/v1/chat/completions{both}"


def test_plain_prompts_have_their_own_endpoint() -> None:
    """Where the URL leaves it open; a URL that names an endpoint is taken at its word."""
    assert openai.endpoint("http://h/v1", PLAIN) == "http://h/v1/completions"
    assert openai.endpoint("http://h/v1/chat/completions", PLAIN) == "http://h/v1/chat/completions"


def body(prompt: Prompt, **fields: Any) -> dict[str, Any]:
    """What is sent for a prompt of a load test."""
    return openai.body(ask_of(PerfRunSpec(model="m", url="http://h/v1", **fields), prompt))


def test_body_of_messages() -> None:
    """The sampling fields of a spec, without those that are not set, and a stream with its usage."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "hi"}]
    made = body(messages, max_tokens=[9], top_p=0.5, n_choices=2, stop=["."])
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
    assert body("hi", stream=False)["prompt"] == "hi"
    assert body([1, 2], stream=False)["prompt"] == [1, 2]
    assert "stream" not in body("hi", stream=False)


def test_precedence_of_fields() -> None:
    """A prompt that is a body keeps its fields, and extra_args win over everything."""
    made = body({"temperature": 0.5, "top_k": 9, "prompt": "x"}, temperature=1.0, extra_args={"top_k": 3})
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


@pytest.mark.parametrize(("made", "extra", "both"), MERGED.values(), ids=MERGED.keys())
def test_further_keys(made: dict[str, Any], extra: dict[str, Any], both: dict[str, Any]) -> None:
    """They win, null takes a key away, and a body has one limit of tokens."""
    assert openai.merged(made, extra) == both


def test_a_strict_endpoint_is_sent_what_it_knows() -> None:
    """Everything that is added unasked can be left out."""
    left_out = {"seed": None, "stream_options": None, "temperature": None, "max_tokens": None}
    assert body("hi", extra_args=left_out) == {"model": "m", "prompt": "hi", "stream": True}


def test_drawn_token_limits() -> None:
    """A range is drawn from per request, unless the body says its own limit."""
    assert body("hi", max_tokens=[1, 9])["max_tokens"] is DRAWN
    for more in ({"max_tokens": None}, {"max_tokens": 4}, {"max_completion_tokens": 4}):
        assert DRAWN not in body("hi", max_tokens=[1, 9], extra_args=more).values()
        assert DRAWN not in body({"prompt": "hi", **more}, max_tokens=[1, 9]).values()


@pytest.mark.parametrize(
    ("sent", "texts", "ids"),
    [
        ({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}, ["s", "u"], 0),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "u"}, {"type": "image_url"}]}]}, ["u"], 0),
        ({"prompt": "p"}, ["p"], 0),
        ({"prompt": ["p", "q"]}, ["p", "q"], 0),
        ({"prompt": [5, 6, 7]}, [], 3),
        ({"prompt": [[5, 6], [7]]}, [], 3),
        ({}, [], 0),
    ],
)
def test_prompts(sent: dict[str, Any], texts: list[str], ids: int) -> None:
    """Texts of messages or of a plain prompt; token ids are counted as they are."""
    assert openai.prompt_texts(orjson.dumps(sent)) == (texts, ids)
