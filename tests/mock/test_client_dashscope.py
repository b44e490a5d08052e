"""The mock as DashScope's own client sees it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from dashscope import Generation

pytestmark = pytest.mark.usefixtures("only_loopback")

_SAYS = ("--default-answer", "the one answer", "--api-key", "k1", "--strict-model")
_REASONS = (*_SAYS, "--reasoning-tokens", "2")
_FAILS = ("--fail-rate", "1", "--fail-status")
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def call_of(shared_mock: Any) -> Iterator[Callable[..., Call]]:
    """Give the client's call to mocks by the mocks' options; no proxy."""
    with requests.Session() as session:
        session.trust_env = False

        def connect(*args: str, api_key: str = "k1") -> Call:
            address = f"{shared_mock(*args).root}/api/v1"

            def call(**more: Any) -> Any:
                asked = {"model": "mock-model", "prompt": "what is it", **more}
                return Generation.call(**asked, api_key=api_key, base_address=address, session=session)

            return call

        yield connect


@pytest.mark.parametrize("incremental", [False, True])
def test_a_stream_of_messages(call_of: Callable[..., Call], incremental: bool) -> None:
    """Reasoning, then content, each new or all so far; the finish reason is null until the last event."""
    messages = [{"role": "user", "content": "what is it"}]
    more = {"messages": messages, "prompt": None, "result_format": "message"}
    whole = call_of(*_REASONS)(**more)
    events = list(call_of(*_REASONS)(**more, stream=True, incremental_output=incremental))
    said = [event.output.choices[0].message for event in events]
    if incremental:
        content = "".join(one.content for one in said)
        reasoning = "".join(one.reasoning_content for one in said)
    else:
        content, reasoning = said[-1].content, said[-1].reasoning_content
        assert [len(one.content.split()) for one in said] == [0, 0, 1, 2, 3, 3]
    message = whole.output.choices[0].message
    assert (content, reasoning) == (message.content, message.reasoning_content)
    assert (content, len(reasoning.split())) == ("the one answer", 2)
    assert [event.output.choices[0].finish_reason for event in events] == ["null"] * 5 + ["stop"]
    assert [event.usage.output_tokens for event in events] == [1, 2, 3, 4, 5, 5]
    assert events[-1].usage == whole.usage
    assert (whole.usage.input_tokens, whole.usage.total_tokens) == (3, 8)


@pytest.mark.parametrize(
    ("more", "text", "reason"),
    [
        pytest.param({}, "the one answer", "stop", id="all"),
        pytest.param({"max_tokens": 2}, "the one", "length", id="limit"),
        pytest.param({"stop": " answer"}, "the one", "stop", id="stop text"),
    ],
)
def test_texts(call_of: Callable[..., Call], more: Any, text: str, reason: str) -> None:
    """Without a format for results the output is a plain text."""
    call = call_of(*_SAYS)
    whole = call(**more)
    events = list(call(**more, stream=True, incremental_output=True))
    assert "".join(event.output.text for event in events) == whole.output.text == text
    assert events[-1].output.finish_reason == whole.output.finish_reason == reason


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"stream": True, "incremental_output": True}])
def test_a_tool_call(call_of: Callable[..., Call], more: Any) -> None:
    """With --tool-calls the first tool is called with arguments of its schema's types."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
    answer = call_of("--tool-calls")(tools=tools, result_format="message", **more)
    answers = list(answer) if more else [answer]
    calls = [one.output.choices[0].message.get("tool_calls") for one in answers]
    functions = [found[0]["function"] for found in calls if found]
    if more.get("incremental_output"):
        arguments = "".join(function["arguments"] for function in functions)
    else:
        arguments = functions[-1]["arguments"]
    assert (functions[0]["name"], arguments) == ("weather", '{"city": "time", "days": 1}')
    assert answers[-1].output.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("args", "change", "api_key", "status", "code"),
    [
        pytest.param(_SAYS, {}, "k2", 401, "InvalidApiKey", id="key"),
        pytest.param(_SAYS, {"model": "x"}, "k1", 404, "ModelNotFound", id="model"),
        pytest.param(_SAYS, {"max_tokens": 0}, "k1", 400, "InvalidParameter", id="request"),
        pytest.param((*_FAILS, "429"), {}, "k1", 429, "Throttling.RateQuota", id="429"),
        pytest.param((*_FAILS, "500"), {}, "k1", 500, "InternalError", id="500"),
    ],
)
def test_errors(
    call_of: Callable[..., Call], args: tuple[str, ...], change: Any, api_key: str, status: int, code: str, stream: bool
) -> None:
    """Each refusal has its status and code, which this client returns and does not raise."""
    answer = call_of(*args, api_key=api_key)(**change, stream=stream)
    answer = next(answer) if stream else answer
    assert (answer.status_code, answer.code) == (status, code)
    assert answer.message


def test_an_error_inside_a_stream(call_of: Callable[..., Call]) -> None:
    """The client gives it as the last answer, after the text before it."""
    *answers, failed = call_of("--stream-error-rate", "1")(stream=True)
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert answers
    assert (failed.code, failed.output) == ("InternalError", None)
