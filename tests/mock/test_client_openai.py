"""The mock as OpenAI's own client sees it: chat, completions, responses and embeddings."""

import base64
import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

pytestmark = pytest.mark.usefixtures("only_loopback")

_SAYS = ("--default-answer", "the one answer", "--reasoning-tokens", "2", "--api-key", "k1", "--strict-model")
_FAILS = ("--fail-rate", "1", "--fail-status")
_CHAT: Any = {"model": "mock-model", "messages": [{"role": "user", "content": "what is it"}]}
_INPUT: Any = {"model": "mock-model", "input": "what is it"}
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
ClientOf = Callable[..., openai.OpenAI]


@pytest.fixture(scope="module")
def client_of(shared_mock: Any) -> Iterator[ClientOf]:
    """Connect clients to mocks by the mocks' options; no proxy, no second try."""
    with openai.DefaultHttpxClient(trust_env=False) as http:

        def connect(*args: str, api_key: str = "k1") -> openai.OpenAI:
            return openai.OpenAI(base_url=shared_mock(*args).url, api_key=api_key, max_retries=0, http_client=http)

        yield connect


def test_a_chat(client_of: ClientOf) -> None:
    """Streamed and not, the same text, reason and usage."""
    client = client_of(*_SAYS)
    whole = client.chat.completions.create(**_CHAT)
    chunks = list(client.chat.completions.create(**_CHAT, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content == "the one answer"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (3, 5)


def test_completions(client_of: ClientOf) -> None:
    """Streamed and not, the same text and reason."""
    client = client_of("--default-answer", "to be or")
    whole = client.completions.create(model="m", prompt="x", max_tokens=2)
    chunks = list(client.completions.create(model="m", prompt="x", max_tokens=2, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text == "to be"
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "length"


@pytest.mark.parametrize("streaming", [False, True])
def test_a_tool_call_of_a_chat(client_of: ClientOf, streaming: bool) -> None:
    """With --tool-calls the first tool is called with arguments of its schema's types."""
    completions = client_of("--tool-calls").chat.completions
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": _SCHEMA}}]
    if streaming:
        with completions.stream(**_CHAT, tools=tools) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = completions.create(**_CHAT, tools=tools).choices[0]
    (call,) = choice.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "time", "days": 1}')
    assert (choice.finish_reason, call.type) == ("tool_calls", "function")


@pytest.mark.parametrize("summary", [None, "auto"])
@pytest.mark.parametrize("limit", [None, 3])
def test_a_response(client_of: ClientOf, summary: str | None, limit: int | None) -> None:
    """The events are numbered without a gap and their last bears the response that is not streamed, usage and all."""
    client = client_of(*_SAYS)
    more: Any = {"reasoning": {"summary": summary}, "max_output_tokens": limit}
    whole = client.responses.create(**_INPUT, **more)
    events = list(client.responses.create(**_INPUT, **more, stream=True))
    last = events[-1]
    assert last.type == ("response.incomplete" if limit else "response.completed")
    own = {"id", "created_at"}
    assert last.response.model_dump(exclude=own) == whole.model_dump(exclude=own)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (whole.output_text, whole.status) == (("the", "incomplete") if limit else ("the one answer", "completed"))
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (3, limit or 5)
    assert whole.usage.output_tokens_details.reasoning_tokens == 2
    name = "response.reasoning_summary_text.delta" if summary else "response.reasoning_text.delta"
    assert sum(event.type == name for event in events) == 2


@pytest.mark.parametrize("args", [_SAYS, ("--tool-calls",), ("--tokens", "0")])
def test_the_client_accumulates_a_response(client_of: ClientOf, args: tuple[str, ...]) -> None:
    """The client's own accumulation of the events is the response that is not streamed."""
    client = client_of(*args)
    tools: Any = [{"type": "function", "name": "weather", "parameters": _SCHEMA, "strict": None}]
    whole = client.responses.create(**_INPUT, tools=tools)
    with client.responses.stream(**_INPUT, tools=tools) as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(texts) == final.output_text == whole.output_text
    assert [item.type for item in final.output] == [item.type for item in whole.output]
    if args == ("--tool-calls",):
        assert [item.name for item in whole.output if item.type == "function_call"] == ["weather"]


@pytest.mark.parametrize(
    ("args", "change", "api_key", "error", "kind"),
    [
        pytest.param(_SAYS, {}, "k2", openai.AuthenticationError, "authentication_error", id="key"),
        pytest.param(_SAYS, {"model": "x"}, "k1", openai.NotFoundError, "not_found_error", id="model"),
        pytest.param(_SAYS, {"model": ""}, "k1", openai.BadRequestError, "invalid_request_error", id="request"),
        pytest.param((*_FAILS, "500"), {}, "k1", openai.InternalServerError, "server_error", id="500"),
        pytest.param((*_FAILS, "429"), {}, "k1", openai.RateLimitError, "rate_limit_error", id="429"),
    ],
)
@pytest.mark.parametrize("kind_of_request", ["chat", "responses", "embeddings"])
def test_errors(
    client_of: ClientOf,
    kind_of_request: str,
    args: tuple[str, ...],
    change: dict[str, Any],
    api_key: str,
    error: Any,
    kind: str,
) -> None:
    """Each refusal is the client's own exception, with the error's type."""
    client = client_of(*args, api_key=api_key)
    asks: dict[str, Callable[..., Any]] = {
        "chat": lambda: client.chat.completions.create(**{**_CHAT, **change}),
        "responses": lambda: client.responses.create(**{**_INPUT, **change}),
        "embeddings": lambda: client.embeddings.create(**{**_INPUT, **change}),
    }
    with pytest.raises(error) as caught:
        asks[kind_of_request]()
    assert caught.value.type == kind


def test_an_error_inside_a_chat(client_of: ClientOf) -> None:
    """The client raises it after the chunks before it."""
    stream = client_of("--stream-error-rate", "1").chat.completions.create(**_CHAT, stream=True)
    seen = []
    with pytest.raises(openai.APIError, match="while it generated"):
        seen.extend(stream)
    assert seen


def test_an_error_inside_a_response(client_of: ClientOf) -> None:
    """An error event, then the failed response, numbered on from the text before them."""
    events = list(client_of("--stream-error-rate", "1").responses.create(**_INPUT, stream=True))
    error, failed = events[-2:]
    assert error.type == "error"
    assert failed.type == "response.failed"
    assert failed.response.error is not None
    assert (error.code, failed.response.status, failed.response.error.code) == ("server_error", "failed", error.code)
    assert any(event.type == "response.output_text.delta" for event in events)
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("dimensions", [None, 1, 12, 1000])
@pytest.mark.parametrize("encoding", ["float", None])
def test_embeddings(client_of: ClientOf, encoding: Any, dimensions: int | None) -> None:
    """Vectors of length 1, the same for the same text; `None` is the client's own base64, read to floats."""
    more: Any = {"encoding_format": encoding} if encoding else {}
    more |= {"dimensions": dimensions} if dimensions else {}
    answer = client_of(*_SAYS).embeddings.create(model="mock-model", input=["a b", "c", "a b"], **more)
    first, other, again = [one.embedding for one in answer.data]
    assert (len(first), answer.usage.prompt_tokens, answer.usage.total_tokens) == (dimensions or 1024, 5, 5)
    assert first == again
    assert first != other or dimensions == 1
    assert math.hypot(*first) == pytest.approx(1, abs=1e-6)


def test_both_encodings_say_the_same(client_of: ClientOf) -> None:
    """Base64 is the same numbers as 32-bit floats; token ids are counted one by one."""
    client = client_of("--dimensions", "12")
    ask: Any = {"model": "m", "input": [[1, 2, 3], [4]]}
    floats = client.embeddings.create(**ask, encoding_format="float")
    packed: Any = client.embeddings.create(**ask, encoding_format="base64")
    unpacked = [struct.unpack("<12f", base64.b64decode(one.embedding)) for one in packed.data]
    assert [list(one) for one in unpacked] == [pytest.approx(one.embedding, rel=1e-6) for one in floats.data]
    assert floats.usage.prompt_tokens == 4


def test_models(client_of: ClientOf) -> None:
    """The list has the one model."""
    client = client_of(*_SAYS)
    assert [model.id for model in client.models.list()] == ["mock-model"]
    assert client.models.retrieve("mock-model").owned_by == "evalkube"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("x")
