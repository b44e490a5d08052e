"""OpenAI's responses, as bytes."""

import json
from typing import Any

import httpx
import pytest


def _post(mock: Any, **more: Any) -> httpx.Response:
    body = {key: value for key, value in {"model": "m", "input": "hi", **more}.items() if value is not ...}
    answer: httpx.Response = mock.client.post(f"{mock.url}/responses", json=body)
    return answer


def _kinds(answer: httpx.Response) -> list[str]:
    """Part a stream into the types of its documents, after which its events are named; they are numbered."""
    kinds = []
    for number, event in enumerate(answer.text.removesuffix("\n\n").split("\n\n")):
        name, data = event.split("\n")
        document = json.loads(data.removeprefix("data: "))
        assert (name, document["sequence_number"]) == (f"event: {document['type']}", number)
        kinds.append(document["type"].removeprefix("response."))
    return kinds


_ITEM = ("output_item.added", "output_item.done")
_PART = ("content_part.added", "content_part.done")
_SUMMARY = ("reasoning_summary_part.added", "reasoning_summary_part.done")


@pytest.mark.parametrize("summary", [False, True])
def test_the_order_of_events(shared_mock: Any, summary: bool) -> None:
    """As the reference has it: an item of reasoning, as text or as a summary, then the message."""
    mock = shared_mock("--reasoning-tokens", "1", "--default-answer", "a b")
    more: Any = {"reasoning": {"summary": "auto"}} if summary else {}
    part, text = (_SUMMARY, "reasoning_summary_text") if summary else (_PART, "reasoning_text")
    assert _kinds(_post(mock, stream=True, **more)) == [
        "created",
        "in_progress",
        *(_ITEM[0], part[0], f"{text}.delta", f"{text}.done", part[1], _ITEM[1]),
        *(_ITEM[0], _PART[0], "output_text.delta", "output_text.delta", "output_text.done", _PART[1], _ITEM[1]),
        "completed",
    ]


def test_the_order_of_events_of_a_call(shared_mock: Any) -> None:
    """An item whose arguments come token by token."""
    tools = [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {}}]
    arguments = "function_call_arguments"
    assert _kinds(_post(shared_mock("--tool-calls"), stream=True, tools=tools)) == [
        *("created", "in_progress", _ITEM[0], f"{arguments}.delta", f"{arguments}.done", _ITEM[1], "completed")
    ]


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        pytest.param("a b", 4, id="a text"),
        pytest.param([{"role": "user", "content": "a b"}], 4, id="a message"),
        pytest.param(
            [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a b"}]}], 4, id="parts"
        ),
        pytest.param(
            [{"role": "user", "content": "a b"}, {"type": "function_call_output", "call_id": "c", "output": "x y z"}],
            7,
            id="the answer of a tool",
        ),
    ],
)
def test_the_tokens_of_a_prompt(plain_mock: Any, given: Any, tokens: int) -> None:
    """Instructions and every item count."""
    assert _post(plain_mock, input=given, instructions="be good").json()["usage"]["input_tokens"] == tokens


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ...}, "model"),
        ({"input": ...}, "input"),
        ({"input": []}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"instructions": 5}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_refused_requests(plain_mock: Any, change: dict[str, Any], param: str) -> None:
    """A bad request is refused with 400 and the parameter's name."""
    answer = _post(plain_mock, **change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
