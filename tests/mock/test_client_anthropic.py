"""The mock as Anthropic's own client sees it: what that client accepts is how the real API speaks."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest

pytestmark = pytest.mark.usefixtures("only_loopback")

_SAYS = ("--default-answer", "the one answer", "--reasoning-tokens", "2", "--api-key", "k1", "--strict-model")
_ASK: Any = {"model": "mock-model", "max_tokens": 50, "messages": [{"role": "user", "content": "what is it"}]}
_TOOL: Any = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}
ClientOf = Callable[..., anthropic.Anthropic]


@pytest.fixture(scope="module")
def client_of(shared_mock: Any) -> Iterator[ClientOf]:
    """Connect clients to mocks by the mocks' options; no proxy, no second try."""
    with anthropic.DefaultHttpxClient(trust_env=False) as http:

        def connect(*args: str, api_key: str = "k1") -> anthropic.Anthropic:
            return anthropic.Anthropic(
                base_url=shared_mock(*args).root, api_key=api_key, max_retries=0, http_client=http
            )

        yield connect


def test_a_whole_answer(client_of: ClientOf) -> None:
    """A thinking block, a text block, the stop reason and the usage."""
    message = client_of(*_SAYS).messages.create(**_ASK)
    thinking, text = message.content
    assert thinking.type == "thinking"
    assert text.type == "text"
    assert (len(thinking.thinking.split()), text.text, bool(thinking.signature)) == (2, "the one answer", True)
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 3, 5)


def test_a_stream_adds_up_to_the_whole_answer(client_of: ClientOf) -> None:
    """The client's own accumulation of the events is the message that is not streamed."""
    client = client_of(*_SAYS)
    with client.messages.stream(**_ASK) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    whole = client.messages.create(**_ASK)
    assert final.model_dump(exclude={"id"}) == whole.model_dump(exclude={"id"})
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert {"thinking", "signature", "text"} <= set(kinds)


@pytest.mark.parametrize(
    ("change", "text", "reason", "sequence"),
    [
        pytest.param({"max_tokens": 3}, "the", "max_tokens", None, id="limit"),
        pytest.param({"stop_sequences": ["x", " ans"]}, "the one", "stop_sequence", " ans", id="stop text"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_stop_reasons(
    client_of: ClientOf, streaming: bool, change: dict[str, Any], text: str, reason: str, sequence: str | None
) -> None:
    """A limit and a stop text end an answer, and the reason tells which."""
    client = client_of(*_SAYS)
    if streaming:
        with client.messages.stream(**{**_ASK, **change}) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**{**_ASK, **change})
    assert message.content[-1].type == "text"
    assert (message.content[-1].text, message.stop_reason, message.stop_sequence) == (text, reason, sequence)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_tool_call(client_of: ClientOf, streaming: bool) -> None:
    """With --tool-calls the first tool is called with arguments of its schema's types."""
    client = client_of("--tool-calls")
    if streaming:
        with client.messages.stream(**_ASK, tools=[_TOOL]) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**_ASK, tools=[_TOOL])
    (use,) = message.content
    assert use.type == "tool_use"
    assert (use.name, use.input, message.stop_reason) == ("weather", {"city": "time", "days": 1}, "tool_use")


@pytest.mark.parametrize(
    ("args", "change", "api_key", "error", "kind"),
    [
        pytest.param(_SAYS, {}, "k2", anthropic.AuthenticationError, "authentication_error", id="key"),
        pytest.param(_SAYS, {"model": "x"}, "k1", anthropic.NotFoundError, "not_found_error", id="model"),
        pytest.param(_SAYS, {"messages": []}, "k1", anthropic.BadRequestError, "invalid_request_error", id="request"),
        pytest.param(("--fail-rate", "1"), {}, "k1", anthropic.InternalServerError, "api_error", id="500"),
        pytest.param(
            ("--fail-rate", "1", "--fail-status", "429"),
            {},
            "k1",
            anthropic.RateLimitError,
            "rate_limit_error",
            id="429",
        ),
        pytest.param(
            ("--fail-rate", "1", "--fail-status", "529"),
            {},
            "k1",
            anthropic.APIStatusError,
            "overloaded_error",
            id="529",
        ),
    ],
)
def test_errors(
    client_of: ClientOf, args: tuple[str, ...], change: dict[str, Any], api_key: str, error: Any, kind: str
) -> None:
    """Each refusal is the client's own exception, with the error's type."""
    with pytest.raises(error) as caught:
        client_of(*args, api_key=api_key).messages.create(**{**_ASK, **change})
    assert caught.value.body["error"]["type"] == kind


def test_an_overload_inside_a_stream(client_of: ClientOf) -> None:
    """An error event after some text is an exception too."""
    client = client_of("--stream-error-rate", "1", "--stream-error-status", "529")
    texts: list[str] = []
    with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(**_ASK) as stream:
        texts.extend(stream.text_stream)
    assert texts
    assert caught.value.body["error"]["type"] == "overloaded_error"  # type: ignore[index] # an object, says the API


def test_models(client_of: ClientOf) -> None:
    """The list has the one model."""
    client = client_of(*_SAYS)
    assert [model.id for model in client.models.list()] == ["mock-model"]
    assert client.models.retrieve("mock-model").display_name == "mock-model"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("x")
