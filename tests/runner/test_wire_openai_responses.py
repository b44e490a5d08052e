"""OpenAI's responses: where requests go, and what bodies are made. Its streams are among the named ones."""

from typing import Any

import orjson
import pytest

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.perf.bodies import ask_of, rendered
from evalkube_runner.wire import openai_responses as responses
from evalkube_runner.wire.ask import DRAWN, Ask, Operation, Prompt

CHAT = Operation("m", stream=True)

# name: what is given, the URL of a load test, the URL of an evaluation
URLS: dict[str, tuple[str, str, str]] = {
    "a base": ("http://h/v1", "http://h/v1/responses", "http://h/v1/responses"),
    "a base, a slash": ("http://h/v1/", "http://h/v1/responses", "http://h/v1/responses"),
    "no path": ("http://h:8000", "http://h:8000/v1/responses", "http://h:8000/v1/responses"),
    "complete": ("http://h/v1/responses", "http://h/v1/responses", "http://h/v1/responses"),
    "another base": ("http://h/api", "http://h/api", "http://h/api/responses"),
    "Azure": (
        "https://r.openai.azure.com/openai/v1?api-version=preview",
        "https://r.openai.azure.com/openai/v1/responses?api-version=preview",
        "https://r.openai.azure.com/openai/v1/responses?api-version=preview",
    ),
    "Azure's older": (
        "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
        "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
        "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
    ),
}


@pytest.mark.parametrize(("given", "load", "base"), URLS.values(), ids=URLS)
def test_urls(given: str, load: str, base: str) -> None:
    """A base gets the path of responses; a load test's other URLs stand as they are."""
    assert responses.endpoint(given, CHAT) == load
    assert responses.endpoint(given, CHAT, base=True) == base


# name: url, api_key_header, the header
KEYS: dict[str, tuple[str, str | None, dict[str, str]]] = {
    "as OpenAI has it": ("http://h/v1/responses", None, {"Authorization": "Bearer k"}),
    "as Azure has it": ("https://r.openai.azure.com/openai/v1/responses", None, {"api-key": "k"}),
    "Azure's other name": ("https://r.services.ai.azure.com/openai/v1/responses", None, {"api-key": "k"}),
    "a gateway before Azure": ("https://h/openai/responses?api-version=1", None, {"api-key": "k"}),
    "a path like Azure's": ("https://api.groq.com/openai/v1/responses", None, {"Authorization": "Bearer k"}),
    "another header": ("https://r.openai.azure.com/openai/v1/responses", "X-Key", {"X-Key": "k"}),
}


@pytest.mark.parametrize(("url", "name", "header"), KEYS.values(), ids=KEYS)
def test_the_header_of_the_key(url: str, name: str | None, header: dict[str, str]) -> None:
    """A bearer token, unless the URL or the run says another header; nothing without a key."""
    assert responses.headers("k", url, name) == header
    assert responses.headers(None, url, name) == {}


def load_test(prompt: Prompt, **fields: Any) -> dict[str, Any]:
    """What is sent for a prompt of a load test."""
    spec = PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1", "api": "openai_responses", **fields})
    return responses.body(ask_of(spec, prompt))


def test_body_of_messages() -> None:
    """The fields under the API's own names; a load is not stored; the schedule's seed is no parameter here."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "hi"}]
    assert load_test(messages, max_tokens=[9], top_p=0.5, logprobs=True) == {
        "model": "m",
        "input": messages,
        "max_output_tokens": 9,
        "temperature": 0.0,
        "top_p": 0.5,
        "include": ["message.output_text.logprobs"],
        "store": False,
        "stream": True,
    }
    assert "stream" not in load_test(messages, stream=False)


def test_body_of_an_evaluation() -> None:
    """What only evaluations ask for."""
    ask = Ask(
        model="m",
        prompt="hi",
        max_tokens=4,
        max_completion_tokens=5,
        top_logprobs=2,
        reasoning_effort="low",
        response_schema={"type": "object"},
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}, {"type": "web_search"}],
    )
    assert responses.body(ask) == {
        "model": "m",
        "input": "hi",
        "max_output_tokens": 5,
        "top_logprobs": 2,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True}},
        "tools": [{"type": "function", "strict": False, "name": "f", "parameters": {}}, {"type": "web_search"}],
        "store": False,
    }


# name: a message of a chat, the items of the input
ITEMS: dict[str, tuple[dict[str, object], list[dict[str, object]]]] = {
    "of the system": ({"role": "system", "content": "s"}, [{"role": "system", "content": "s"}]),
    "parts": (
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}},
                {"type": "file", "file": {"file_id": "f"}},
                {"type": "input_audio", "input_audio": {}},
            ],
        },
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "t"},
                    {"type": "input_image", "image_url": "data:x", "detail": "low"},
                    {"type": "input_file", "file_id": "f"},
                    {"type": "input_audio", "input_audio": {}},
                ],
            }
        ],
    ),
    "what a model said": (
        {"role": "assistant", "content": [{"type": "text", "text": "t"}]},
        [{"role": "assistant", "content": [{"type": "output_text", "text": "t"}]}],
    ),
    "calls": (
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}],
    ),
    "words and calls": (
        {"role": "assistant", "content": "t", "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
        [
            {"role": "assistant", "content": "t"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": None},
        ],
    ),
    "what a tool gave": (
        {"role": "tool", "tool_call_id": "c", "content": "4"},
        [{"type": "function_call_output", "call_id": "c", "output": "4"}],
    ),
    "no content": ({"role": "user", "content": None}, [{"role": "user", "content": ""}]),
}


@pytest.mark.parametrize(("message", "items"), ITEMS.values(), ids=ITEMS)
def test_messages_are_items(message: dict[str, object], items: list[dict[str, object]]) -> None:
    """Nothing of a message is left out."""
    assert load_test([message])["input"] == items


def test_precedence_of_fields() -> None:
    """A prompt that is a body keeps its fields, and extra_args win; objects are joined key by key, null takes away."""
    own: dict[str, object] = {"input": "x", "temperature": 0.5, "reasoning": {"effort": "low"}, "top_k": 9}
    extra = {"top_k": 3, "store": None, "reasoning": {"summary": "auto"}, "temperature": None}
    assert load_test(own, extra_args=extra) == {
        "model": "m",
        "input": "x",
        "max_output_tokens": 2048,
        "reasoning": {"effort": "low", "summary": "auto"},
        "top_k": 3,
        "stream": True,
    }


def test_drawn_token_limits() -> None:
    """They stand where the limit does, unless a body says its own."""
    made = load_test("hi", max_tokens=[1, 9])
    body, place = rendered(made)
    assert made["max_output_tokens"] is DRAWN
    assert orjson.loads(body[:place] + b"5" + body[place:])["max_output_tokens"] == 5
    assert load_test({"input": "x", "max_output_tokens": 3}, max_tokens=[1, 9])["max_output_tokens"] == 3


@pytest.mark.parametrize(
    ("sent", "texts"),
    [
        ({"input": "p"}, ["p"]),
        ({"instructions": "i", "input": [{"role": "user", "content": "u"}]}, ["i", "u"]),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "u"}, {"type": "x"}]}]}, ["u"]),
        ({"input": [{"type": "function_call_output", "output": "o"}]}, ["o"]),
        ({}, []),
        ([], []),
    ],
)
def test_prompts(sent: Any, texts: list[str]) -> None:
    """All that the model reads as text."""
    assert responses.prompt_texts(orjson.dumps(sent)) == (texts, 0)
