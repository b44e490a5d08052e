"""The OpenAI dialect: where requests go, and what bodies are made."""

from typing import Any

import orjson
import pytest

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.wire import openai


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":{"message":"no such key"}}', "no such key"),
        (b'{"error":"no such key"}', "no such key"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b"<h1>Bad\nGateway</h1>", "Bad Gateway"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_error_messages(body: bytes, text: str) -> None:
    """The text for people, whatever a server sends as an error."""
    assert openai.error_message(body) == text


@pytest.mark.parametrize(
    ("url", "endpoint", "chat"),
    [
        ("http://h/v1", "http://h/v1/chat/completions", True),
        ("http://h/v1/", "http://h/v1/chat/completions", True),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions", True),
        ("http://h/v1/completions", "http://h/v1/completions", False),
        ("http://h:1/x/v1?a=b", "http://h:1/x/v1/chat/completions?a=b", True),
    ],
)
def test_endpoints(url: str, endpoint: str, chat: bool) -> None:
    """A URL that names no endpoint gets that of chat completions."""
    assert (openai.endpoint(url), openai.is_chat(url)) == (endpoint, chat)


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


def test_drawn_token_limits() -> None:
    """A range is drawn per request, unless the body says its own limit."""
    ranged = spec(max_tokens=[1, 9])
    body = openai.body(ranged, "hi")
    assert "max_tokens" not in body
    assert openai.draws_max_tokens(ranged, body) == b'"max_tokens"'
    assert openai.draws_max_tokens(ranged, body | {"max_completion_tokens": 4}) is None
    assert openai.draws_max_tokens(spec(), body) is None


def test_the_key_is_a_bearer_token() -> None:
    """No key, no header."""
    assert openai.headers("k") == {"Authorization": "Bearer k"}
    assert openai.headers(None) == {}


@pytest.mark.parametrize(
    ("body", "texts", "ids"),
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
def test_prompts(body: dict[str, Any], texts: list[str], ids: int) -> None:
    """Texts of messages or of a plain prompt; token ids are counted as they are."""
    assert openai.prompt_texts(orjson.dumps(body)) == (texts, ids)
