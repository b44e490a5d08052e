"""Load tests with tools in their requests, against the mock model, in every dialect that has them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_crds.names import Reason
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.dialect import HISTORIES
from fakes.load_tests import load, spec
from fakes.mock_model import running_mock

TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
OTHER = {"type": "function", "function": {"name": "time"}}
ASKED = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Is it warm?"}]
CALLED = {
    "openai": "tool_calls",
    "openai_responses": "tool_calls",
    "dashscope": "tool_calls",
    "anthropic": "tool_use",
    "gemini": "STOP",
}


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model that calls tools, and keeps what it was asked."""
    with running_mock("--tool-calls", "--keep-bodies", "100") as url:
        yield url


def asked(url: str, folder: Path, api: str, **fields: Any) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """The finish reasons of a load of two requests, and their bodies."""
    root = url.removesuffix("/v1")
    target = {"gemini": f"{root}/v1beta", "dashscope": f"{root}/api/v1"}.get(api, url)
    httpx.delete(f"{root}/record", trust_env=False)
    point = load(folder, spec(target, api=api, number=2, no_test_connection=True, **fields)).points[0]
    assert (point.succeeded, point.failed) == (2, 0)
    return point.finish_reasons, httpx.get(f"{root}/requests", trust_env=False).json()


def names(body: Any) -> list[str]:
    """Of the functions in a body, in any dialect."""
    if isinstance(body, list):
        return [name for one in body for name in names(one)]
    if not isinstance(body, dict):
        return []
    own = [body["name"]] if isinstance(body.get("name"), str) else []
    return own + [name for key, value in body.items() if key != "messages" for name in names(value)]


@pytest.mark.parametrize("api", HISTORIES)
def test_tools_of_the_spec(tmp_path: Path, mock: str, api: str) -> None:
    """Every request has them, and the mock, which reads each API's own form, calls the first."""
    finished, bodies = asked(mock, tmp_path, api, tools=[TOOL, OTHER])
    assert finished == {CALLED[api]: 2}
    assert [names(body) for body in bodies] == [["weather", "time"]] * 2


@pytest.mark.parametrize("api", HISTORIES)
def test_tools_that_are_not_to_be_called(tmp_path: Path, mock: str, api: str) -> None:
    """The mock then answers in words."""
    finished, _ = asked(mock, tmp_path, api, tools=[TOOL], tool_choice="none", max_tokens=3)
    assert "tool" not in str(finished)
    assert set(finished) & {"length", "max_tokens", "max_output_tokens", "MAX_TOKENS"}


@pytest.mark.parametrize("api", HISTORIES)
def test_tools_of_a_row(tmp_path: Path, mock: str, api: str) -> None:
    """A line with messages and tools is a chat in every dialect; its tools go before those of the spec."""
    path = tmp_path / "rows.jsonl"
    rows = [{"messages": ASKED, "tools": [OTHER]}, {"messages": ASKED}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"dataset": "line_by_line", "dataset_path": str(path), "data_source": None}
    _, bodies = asked(mock, tmp_path, api, tools=[TOOL], tool_choice="weather", **fields)
    found = [names(body.get("tools") or body["parameters"]["tools"]) for body in bodies]
    assert found == [["time"], ["weather"]]
    assert "weather" not in str(bodies[0])
    assert str(bodies[0]).count("Be kind.") == 1


def test_tools_of_conversations(tmp_path: Path, mock: str) -> None:
    """Each turn has them; an answer that calls one is an empty message in the history."""
    path = tmp_path / "talks.jsonl"
    path.write_text(json.dumps({"messages": [*ASKED, {"role": "assistant"}, ASKED[1]], "tools": [TOOL]}))
    root = mock.removesuffix("/v1")
    httpx.delete(f"{root}/record", trust_env=False)
    fields = {"dataset": "custom_multi_turn", "dataset_path": str(path), "data_source": None}
    point = load(tmp_path, spec(mock, number=1, no_test_connection=True, tools=[OTHER], **fields)).points[0]
    bodies = httpx.get(f"{root}/requests", trust_env=False).json()
    assert point.finish_reasons == {"tool_calls": 2}
    assert [body["tools"] for body in bodies] == [[TOOL], [TOOL]]
    assert bodies[1]["messages"] == [*ASKED, {"role": "assistant", "content": ""}, ASKED[1]]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"tools": [TOOL]}, "tools", id="tools"),
        pytest.param({"dataset": "share_gpt_en_multi_turn"}, "dataset", id="conversations"),
    ],
)
def test_where_no_messages_are_taken(tmp_path: Path, fields: dict[str, Any], field: str) -> None:
    """Before any request is sent."""
    with pytest.raises(RunFailed, match=f"{field}: the url takes no messages") as caught:
        load(tmp_path, spec("http://127.0.0.1:9/v1/completions", **fields))
    assert caught.value.reason is Reason.INVALID_SPEC
