"""Anthropic's dialect: where requests go, and what bodies are made."""

from typing import Any

import orjson
import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.perf.bodies import ask_of
from evalkube_runner.wire import anthropic
from evalkube_runner.wire.ask import DRAWN, Ask, Operation
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.refusals import says_no_model

CHAT = Operation("m", stream=True)
USER: dict[str, object] = {"role": "user", "content": "hi"}

# name: what is given, where a load test posts to, and where an evaluation does
ENDPOINTS = {
    "no path": ("https://h", "https://h/v1/messages", "https://h/v1/messages"),
    "a base": ("http://h/v1/", "http://h/v1/messages", "http://h/v1/messages"),
    "a base with a query": ("http://h/v1?a=b", "http://h/v1/messages?a=b", "http://h/v1/messages?a=b"),
    "complete": ("http://h/v1/messages", "http://h/v1/messages", "http://h/v1/messages"),
    "below a vendor's": ("http://h/anthropic", "http://h/anthropic/v1/messages", "http://h/anthropic/v1/messages"),
    "a path of its own": ("http://h/gate", "http://h/gate", "http://h/gate/v1/messages"),
}


@pytest.mark.parametrize(("given", "load", "evaluation"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints(given: str, load: str, evaluation: str) -> None:
    """A base URL gets the path of messages."""
    assert anthropic.endpoint(given, CHAT) == load
    assert anthropic.endpoint(given, CHAT, base=True) == evaluation


def test_headers() -> None:
    """The key as it is, unless a header for tokens is named; and the API's version."""
    assert anthropic.headers("k", "http://h") == {"x-api-key": "k"}
    assert anthropic.headers("k", "http://h", "Authorization") == {"Authorization": "Bearer k"}
    assert anthropic.headers(None, "http://h") == {}
    assert anthropic.fixed_headers(stream=True) == {"anthropic-version": "2023-06-01"}


def body(prompt: Any, **fields: Any) -> dict[str, Any]:
    """What is sent for a prompt of a load test."""
    spec = PerfRunSpec(model="m", url="http://h/v1", api="anthropic", **fields)
    return anthropic.body(ask_of(spec, prompt))


def test_body_of_messages() -> None:
    """The fields that the API has; the schedule's seed is not sent."""
    made = body([{"role": "system", "content": "s"}, USER], max_tokens=[9], top_k=4, top_p=0.5, stop=["."])
    assert made == {
        "model": "m",
        "system": "s",
        "messages": [USER],
        "max_tokens": 9,
        "temperature": 0.0,
        "top_k": 4,
        "top_p": 0.5,
        "stop_sequences": ["."],
        "stream": True,
    }


def test_a_plain_prompt_and_a_ready_body() -> None:
    """A text is a message; a body's own fields win, and further keys over them."""
    assert body("hi")["messages"] == [USER]
    made = body({"messages": [USER], "temperature": 1}, temperature=0.5, extra_args={"top_k": 1, "max_tokens": None})
    assert made == {"model": "m", "messages": [USER], "temperature": 1, "top_k": 1, "stream": True}


def test_drawn_limits() -> None:
    """They stand where the limit does."""
    assert body("hi", max_tokens=[1, 9])["max_tokens"] is DRAWN


def test_a_history_with_tools() -> None:
    """Calls and what they gave are blocks; turns of one role that follow each other are one."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    made = body(
        [
            {"role": "developer", "content": "s"},
            {"role": "system", "content": [{"type": "text", "text": "t"}]},
            USER,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "5"},
            {"role": "user", "content": "go on"},
        ]
    )
    assert made["system"] == [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}]
    result = {"type": "tool_result", "tool_use_id": "c", "content": "5"}
    assert made["messages"] == [
        USER,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
        {"role": "user", "content": [result, {"type": "text", "text": "go on"}]},
    ]
    assert anthropic.prompt_texts(orjson.dumps(made)) == (["s", "t", "hi", "5", "go on"], 0)


def test_tools_schemas_and_effort() -> None:
    """In the API's own form."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    made = anthropic.body(
        Ask(model="m", prompt="hi", tools=[tool], response_schema={"type": "object"}, reasoning_effort="low")
    )
    assert made["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert made["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}
    off = anthropic.body(Ask(model="m", prompt="hi", reasoning_effort="none"))
    assert off["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("data:image/png;base64,QQ==", {"type": "base64", "media_type": "image/png", "data": "QQ=="}),
        ("https://h/a.png", {"type": "url", "url": "https://h/a.png"}),
    ],
)
def test_pictures(url: str, source: dict[str, str]) -> None:
    """Both forms have a counterpart."""
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}]
    (message,) = body([{"role": "user", "content": content}])["messages"]
    assert message["content"] == [{"type": "text", "text": "what?"}, {"type": "image", "source": source}]


# name: a prompt, what is named
REFUSED: dict[str, tuple[Any, str]] = {
    "sound": ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}], "input_audio"),
    "token ids": ([1, 2], "token ids"),
    "a field of a message": ([{**USER, "name": "Bo"}], r"messages\[0\].name"),
    "a role": ([{"role": "critic", "content": "x"}], "critic"),
    "broken arguments": (
        [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{"}}]}],
        "arguments",
    ),
}


@pytest.mark.parametrize(("prompt", "named"), REFUSED.values(), ids=REFUSED)
def test_what_it_cannot_say(prompt: Any, named: str) -> None:
    """It is refused by its name."""
    with pytest.raises(Inexpressible, match=named):
        body(prompt)


# name: the fields of a load test, those of a generation_config
LACKING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "min_tokens": ({"min_tokens": 3}, {}),
    "n_choices": ({"n_choices": 2}, {}),
    "tokenize_prompt": ({"tokenize_prompt": True, "tokenizer_path": "t"}, {}),
    "apply_chat_template": ({"apply_chat_template": False}, {}),
    "reasoning_effort": ({}, {"reasoning_effort": "minimal"}),
    "seed": ({}, {"seed": 3}),
    "logit_bias": ({}, {"logit_bias": {"1": 1.0}}),
}


@pytest.mark.parametrize("field", LACKING)
def test_fields_that_it_lacks(field: str) -> None:
    """They are refused with the field's name, before anything runs."""
    perf, config = LACKING[field]
    load = {"model": "m", "url": "http://h", "api": "anthropic", **perf}
    evaluation = {"model": "m", "api_url": "http://h", "api": "anthropic", "datasets": ["gsm8k"]}
    model, fields = (PerfRunSpec, load) if perf else (EvalRunSpec, {**evaluation, "generation_config": config})
    with pytest.raises(ValueError, match=f"{field}: .*anthropic"):
        model.model_validate(fields, by_name=True)


def test_errors() -> None:
    """The text for people; an unknown model is known by it."""
    error = b'{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"},"request_id":"r"}'
    assert anthropic.error_message(error) == "model: claude-9"
    assert says_no_model("model: claude-9")
    assert not says_no_model("model: Field required")
