"""Anthropic's messages, as bytes."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

_HEADERS = {"anthropic-version": "2023-06-01"}


def _post(mock: Any, headers: dict[str, str] = _HEADERS, **more: Any) -> httpx.Response:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **more}
    body = {key: value for key, value in body.items() if value is not ...}
    answer: httpx.Response = mock.client.post(f"{mock.root}/v1/messages", json=body, headers=headers)
    return answer


def _events(answer: httpx.Response) -> list[Any]:
    """Part a stream into its documents; each event is named after the type of its document."""
    found = []
    for event in answer.text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def test_the_order_of_events(shared_mock: Any) -> None:
    """As the reference has it: start, a block of thinking with its signature, a block of text, the reason, the end."""
    mock = shared_mock("--reasoning-tokens", "1", "--default-answer", "a b")
    events = _events(_post(mock, stream=True))
    kinds = [event.get("delta", {}).get("type", event["type"]) for event in events]
    block = ["content_block_start", "content_block_stop"]
    assert kinds == [
        "message_start",
        block[0],
        "ping",
        "thinking_delta",
        "signature_delta",
        block[1],
        block[0],
        "text_delta",
        "text_delta",
        block[1],
        "message_delta",
        "message_stop",
    ]
    assert [event["index"] for event in events if "index" in event] == [0] * 4 + [1] * 4
    assert events[0]["message"]["usage"]["input_tokens"] == 1
    assert events[-2]["usage"] == {"output_tokens": 3}


def test_the_opening_can_come_early(mock_of: Callable[..., Any]) -> None:
    """--role early sends all before the first token with the head: a client must not take it for a token."""
    mock = mock_of("--role", "early", "--ttft-ms", "30000")
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}], "stream": True}
    with mock.client.stream("POST", f"{mock.root}/v1/messages", json=body, headers=_HEADERS) as answer:
        lines = answer.iter_lines()
        names = [line for line in itertools.islice(lines, 8) if line.startswith("event:")]
    assert names == ["event: message_start", "event: content_block_start", "event: ping"]


@pytest.mark.parametrize("role", ["first", "none"])
def test_the_opening_cannot_be_left_out(shared_mock: Any, role: str) -> None:
    """Without message_start a stream means nothing: --role none changes OpenAI's only."""
    assert _events(_post(shared_mock("--role", role), stream=True))[0]["type"] == "message_start"


@pytest.mark.parametrize(
    ("change", "tokens"),
    [
        pytest.param({"system": "be good"}, 3, id="system text"),
        pytest.param({"system": [{"type": "text", "text": "be good"}]}, 3, id="system blocks"),
        pytest.param(
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "a b"}, {"type": "image", "source": {}}]},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x y z"}]},
                ]
            },
            5,
            id="blocks",
        ),
    ],
)
def test_the_tokens_of_a_prompt(plain_mock: Any, change: dict[str, Any], tokens: int) -> None:
    """System prompt, messages and the answers of tools count."""
    assert _post(plain_mock, **change).json()["usage"]["input_tokens"] == tokens


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"headers": {}}, "anthropic-version: header is required"),
        ({"max_tokens": ...}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": ...}, "model"),
        ({"messages": ...}, "messages: Field required"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"system": 5}, "system"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_refused_requests(plain_mock: Any, change: dict[str, Any], message: str) -> None:
    """A bad request is refused with 400 and what is wrong with it."""
    answer = _post(plain_mock, **change)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert message in error["message"]
