"""The mock as Google's own client of Gemini sees it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

pytestmark = pytest.mark.usefixtures("only_loopback")

_SAYS = ("--default-answer", "the one answer", "--reasoning-tokens", "2", "--api-key", "k1", "--strict-model")
_FAILS = ("--fail-rate", "1", "--fail-status")
_ASK: Any = {"model": "mock-model", "contents": "what is it"}
ClientOf = Callable[..., genai.Client]


@pytest.fixture(scope="module")
def client_of(shared_mock: Any) -> Iterator[ClientOf]:
    """Connect clients to mocks by the mocks' options; no proxy, no second try. They close when they are forgotten."""
    with contextlib.ExitStack() as stack:

        def connect(*args: str, api_key: str = "k1") -> genai.Client:
            options = types.HttpOptions(base_url=shared_mock(*args).root, client_args={"trust_env": False})
            client = genai.Client(vertexai=False, api_key=api_key, http_options=options)
            stack.callback(client.close)
            return client

        yield connect


def _parts(response: types.GenerateContentResponse) -> list[types.Part]:
    assert response.candidates
    content = response.candidates[0].content
    assert content is not None
    return content.parts or []


def _said(responses: list[types.GenerateContentResponse]) -> tuple[str, str, types.FinishReason | None]:
    """Give the thoughts, the text and the finish reason of an answer that came in parts."""
    parts = [part for response in responses for part in _parts(response)]
    thoughts = "".join(part.text or "" for part in parts if part.thought)
    assert responses[-1].candidates
    text = "".join(part.text or "" for part in parts if not part.thought)
    return thoughts, text, responses[-1].candidates[0].finish_reason


@pytest.mark.parametrize(
    ("config", "text", "reason"),
    [
        pytest.param({}, "the one answer", "STOP", id="all"),
        pytest.param({"max_output_tokens": 4}, "the one", "MAX_TOKENS", id="limit"),
        pytest.param({"stop_sequences": [" one"]}, "the", "STOP", id="stop text"),
    ],
)
def test_a_stream_says_what_a_whole_answer_says(client_of: ClientOf, config: Any, text: str, reason: str) -> None:
    """Thoughts, text, finish reason and usage are the same; a stream counts on until its end."""
    models = client_of(*_SAYS).models
    whole = models.generate_content(**_ASK, config=config)
    parts = list(models.generate_content_stream(**_ASK, config=config))
    assert _said(parts) == _said([whole])
    assert whole.text == text
    assert _said([whole])[2] == types.FinishReason(reason)
    assert whole.usage_metadata == parts[-1].usage_metadata
    usage = whole.usage_metadata
    assert usage is not None
    tokens = len(text.split())
    assert (usage.prompt_token_count, usage.candidates_token_count) == (3, tokens)
    assert (usage.thoughts_token_count, usage.total_token_count) == (2, 5 + tokens)
    counts = [part.usage_metadata.candidates_token_count for part in parts if part.usage_metadata]
    assert counts == [0, 0, *range(1, tokens + 1), tokens]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_tool_call(client_of: ClientOf, streaming: bool) -> None:
    """With --tool-calls the first tool is called with arguments of its schema's types."""
    properties = {"city": types.Schema(type=types.Type.STRING), "days": types.Schema(type=types.Type.INTEGER)}
    schema = types.Schema(type=types.Type.OBJECT, properties=properties)
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", parameters=schema)])
    models, config = client_of("--tool-calls").models, types.GenerateContentConfig(tools=[tool])
    answers = (
        list(models.generate_content_stream(**_ASK, config=config))
        if streaming
        else [models.generate_content(**_ASK, config=config)]
    )
    (call,) = [call for answer in answers for call in answer.function_calls or ()]
    assert (call.name, call.args) == ("weather", {"city": "time", "days": 1})


@pytest.mark.parametrize(
    ("args", "change", "api_key", "error", "code", "status"),
    [
        pytest.param(_SAYS, {}, "k2", errors.ClientError, 400, "INVALID_ARGUMENT", id="key"),
        pytest.param(_SAYS, {"model": "x"}, "k1", errors.ClientError, 404, "NOT_FOUND", id="model"),
        pytest.param(
            _SAYS, {"config": {"candidate_count": 9}}, "k1", errors.ClientError, 400, "INVALID_ARGUMENT", id="request"
        ),
        pytest.param((*_FAILS, "429"), {}, "k1", errors.ClientError, 429, "RESOURCE_EXHAUSTED", id="429"),
        pytest.param((*_FAILS, "503"), {}, "k1", errors.ServerError, 503, "UNAVAILABLE", id="503"),
    ],
)
def test_errors(
    client_of: ClientOf, args: tuple[str, ...], change: Any, api_key: str, error: Any, code: int, status: str
) -> None:
    """Each refusal is the client's own exception, with the code and the status."""
    with pytest.raises(error) as caught:
        client_of(*args, api_key=api_key).models.generate_content(**{**_ASK, **change})
    assert (caught.value.code, caught.value.status) == (code, status)


def test_an_error_inside_a_stream(client_of: ClientOf) -> None:
    """The client raises it after the parts before it."""
    client = client_of("--stream-error-rate", "1", "--stream-error-status", "503")
    seen: list[types.GenerateContentResponse] = []
    with pytest.raises(errors.APIError) as caught:
        seen.extend(client.models.generate_content_stream(**_ASK))
    assert seen
    assert caught.value.code == 503


def test_models(client_of: ClientOf) -> None:
    """The list has the one model."""
    models = client_of(*_SAYS).models
    assert [model.name for model in models.list()] == ["models/mock-model"]
    assert models.get(model="mock-model").display_name == "mock-model"
    with pytest.raises(errors.ClientError):
        models.get(model="x")
