"""Gemini's dialect: where requests go, and what bodies are made."""

from typing import Any

import orjson
import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner import urls
from evalkube_runner.perf.bodies import ask_of
from evalkube_runner.wire import gemini
from evalkube_runner.wire.ask import DRAWN, Ask, Operation
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.refusals import says_no_model, says_wrong_key

STREAM = ":streamGenerateContent?alt=sse"
GOOGLE = "https://h/v1/projects/p/locations/l/publishers/google"
USER: dict[str, object] = {"role": "user", "content": "hi"}
HI = {"role": "user", "parts": [{"text": "hi"}]}

# name: what is given, the model, where a load test's streams are asked for
ENDPOINTS = {
    "no path": ("https://h", "m", f"https://h/v1beta/models/m{STREAM}"),
    "a version": ("https://h/v1beta/", "m", f"https://h/v1beta/models/m{STREAM}"),
    "another version": ("https://h/v1", "m", f"https://h/v1/models/m{STREAM}"),
    "a query": ("https://h/v1?a=b", "m", "https://h/v1/models/m:streamGenerateContent?a=b&alt=sse"),
    "models": ("https://h/v1beta/models", "models/m", f"https://h/v1beta/models/m{STREAM}"),
    "a model": ("https://h/v1beta/models/n", "m", f"https://h/v1beta/models/n{STREAM}"),
    "Vertex": (GOOGLE, "m", f"{GOOGLE}/models/m{STREAM}"),
    "with the prefix": ("https://h", "models/m", f"https://h/v1beta/models/m{STREAM}"),
    "a tuned model": ("https://h", "tunedModels/m", f"https://h/v1beta/tunedModels/m{STREAM}"),
    "a name with a slash": ("https://h", "a/b c", f"https://h/v1beta/models/a%2Fb%20c{STREAM}"),
    "complete": ("https://h/x/models/m" + STREAM, "m", f"https://h/x/models/m{STREAM}"),
    "complete, for whole answers": ("https://h/x/models/m:generateContent", "m", f"https://h/x/models/m{STREAM}"),
    "complete, without alt": ("https://h/models/m:streamGenerateContent", "m", f"https://h/models/m{STREAM}"),
    "a path of its own": ("https://h/gate", "m", "https://h/gate"),
}


@pytest.mark.parametrize(("given", "model", "endpoint"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints(given: str, model: str, endpoint: str) -> None:
    """They have the model and the method; what is encoded stays so."""
    assert urls.encoded(gemini.endpoint(given, Operation(model, stream=True))) == endpoint


def test_endpoints_of_an_evaluation() -> None:
    """A base URL gets all of the path; answers that come whole have another method."""
    whole = Operation("m", stream=False)
    assert gemini.endpoint("https://h/gate", whole, base=True) == "https://h/gate/v1beta/models/m:generateContent"
    complete = "https://h/v1/models/m:streamGenerateContent"
    assert gemini.endpoint(complete, whole, base=True) == "https://h/v1/models/m:generateContent"


def test_headers() -> None:
    """The key as it is, unless a header for tokens is named."""
    assert gemini.headers("k", "http://h") == {"x-goog-api-key": "k"}
    assert gemini.headers("k", "http://h", "Authorization") == {"Authorization": "Bearer k"}
    assert gemini.headers(None, "http://h") == {}


def body(prompt: Any, **fields: Any) -> dict[str, Any]:
    """What is sent for a prompt of a load test."""
    spec = PerfRunSpec(model="m", url="http://h/v1", api="gemini", **fields)
    return gemini.body(ask_of(spec, prompt))


def test_body_of_messages() -> None:
    """The fields that the API has, and no model: it stands in the path."""
    made = body([{"role": "system", "content": "s"}, USER], max_tokens=[9], top_k=4, n_choices=2, stop=["."])
    assert made == {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [HI],
        "generationConfig": {
            "maxOutputTokens": 9,
            "temperature": 0.0,
            "topK": 4,
            "candidateCount": 2,
            "seed": 42,
            "stopSequences": ["."],
        },
    }


def test_a_plain_prompt_and_a_ready_body() -> None:
    """A text is a message; a body's own fields win, and further keys over them, also by protobuf's names."""
    assert body("hi")["contents"] == [HI]
    ready = {"contents": [HI], "generation_config": {"temperature": 1, "max_output_tokens": 3}}
    made = body(ready, extra_args={"generationConfig": {"seed": None, "topK": 1}, "safetySettings": []})
    config = {"temperature": 1, "maxOutputTokens": 3, "topK": 1}
    assert made == {"contents": [HI], "generationConfig": config, "safetySettings": []}


def test_drawn_limits() -> None:
    """They stand where the limit does, unless it is taken away."""
    assert body("hi", max_tokens=[1, 9])["generationConfig"]["maxOutputTokens"] is DRAWN
    made = body("hi", max_tokens=[1, 9], extra_args={"generationConfig": {"maxOutputTokens": None}})
    assert "maxOutputTokens" not in made["generationConfig"]


def test_a_history_with_tools() -> None:
    """Calls and what they gave are parts; turns of one role that follow each other are one."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    made = body(
        [
            USER,
            {"role": "assistant", "content": "I look", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "5"},
            {"role": "user", "content": "go on"},
        ]
    )
    response = {"functionResponse": {"name": "f", "response": {"result": "5"}}}
    assert made["contents"] == [
        HI,
        {"role": "model", "parts": [{"text": "I look"}, {"functionCall": {"name": "f", "args": {"a": 1}}}]},
        {"role": "user", "parts": [response, {"text": "go on"}]},
    ]
    assert gemini.prompt_texts(orjson.dumps(made)) == (["hi", "I look", "go on"], 0)


def test_turns_in_the_own_form() -> None:
    """They go out as they are, a single part too."""
    made = body([{"role": "user", "parts": {"text": "hi"}}, {"role": "user", "parts": [{"text": "there"}]}])
    assert made["contents"] == [{"role": "user", "parts": [{"text": "hi"}, {"text": "there"}]}]


def test_tools_schemas_and_effort() -> None:
    """In the API's own form."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    ask = Ask(model="m", prompt="hi", tools=[tool], response_schema={"type": "object"}, reasoning_effort="low")
    made = gemini.body(ask)
    functions = [{"name": "f", "parametersJsonSchema": {"type": "object"}}]
    assert made["tools"] == [{"functionDeclarations": functions}]
    assert made["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }
    off = gemini.body(Ask(model="m", prompt="hi", reasoning_effort="none"))
    assert off["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("data:image/png;base64,QQ==", {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}),
        ("https://h/a.png", {"fileData": {"fileUri": "https://h/a.png"}}),
    ],
)
def test_pictures(url: str, part: dict[str, Any]) -> None:
    """Both forms have a counterpart."""
    (turn,) = body([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])["contents"]
    assert turn["parts"] == [part]


# name: a prompt, what is named
REFUSED: dict[str, tuple[Any, str]] = {
    "sound": ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}], "input_audio"),
    "token ids": ([1, 2], "token ids"),
    "a field of a message": ([{**USER, "name": "Bo"}], r"messages\[0\].name"),
    "a result of no call": ([{"role": "tool", "tool_call_id": "c", "content": "x"}], "tool_call_id"),
}


@pytest.mark.parametrize(("prompt", "named"), REFUSED.values(), ids=REFUSED)
def test_what_it_cannot_say(prompt: Any, named: str) -> None:
    """It is refused by its name."""
    with pytest.raises(Inexpressible, match=named):
        body(prompt)


# name: the fields of a load test, those of a generation_config
LACKING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "min_tokens": ({"min_tokens": 3}, {}),
    "repetition_penalty": ({"repetition_penalty": 1.1}, {}),
    "tokenize_prompt": ({"tokenize_prompt": True, "tokenizer_path": "t"}, {}),
    "apply_chat_template": ({"apply_chat_template": False}, {}),
    "reasoning_effort": ({}, {"reasoning_effort": "xhigh"}),
    "logit_bias": ({}, {"logit_bias": {"1": 1.0}}),
}


@pytest.mark.parametrize("field", LACKING)
def test_fields_that_it_lacks(field: str) -> None:
    """They are refused with the field's name, before anything runs."""
    perf, config = LACKING[field]
    load = {"model": "m", "url": "http://h", "api": "gemini", **perf}
    evaluation = {"model": "m", "api_url": "http://h", "api": "gemini", "datasets": ["gsm8k"]}
    model, fields = (PerfRunSpec, load) if perf else (EvalRunSpec, {**evaluation, "generation_config": config})
    with pytest.raises(ValueError, match=f"{field}: .*gemini"):
        model.model_validate(fields, by_name=True)


def test_errors() -> None:
    """The text for people; an unknown model and a wrong key are known by it."""
    said = "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."
    error = orjson.dumps({"error": {"code": 404, "message": said, "status": "NOT_FOUND"}})
    assert gemini.error_message(error) == gemini.error_message(b"[" + error + b"]") == said
    assert says_no_model(said)
    assert says_wrong_key("HTTP 400: API key not valid. Please pass a valid API key.")
    assert not says_wrong_key("HTTP 400: max_tokens is not valid")
