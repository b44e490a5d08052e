"""DashScope's own text generation: where requests go, and what bodies are made."""

from typing import Any

import orjson
import pytest

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.perf.bodies import ask_of, rendered
from evalkube_runner.wire import dashscope
from evalkube_runner.wire.ask import DRAWN, Ask, Operation, Prompt
from evalkube_runner.wire.refusals import says_no_model

CHAT = Operation("m", stream=True)
TEXT = "/api/v1/services/aigc/text-generation/generation"
SEES = "/api/v1/services/aigc/multimodal-generation/generation"

# name: what is given, the URL of a load test, the URL of an evaluation
URLS: dict[str, tuple[str, str, str]] = {
    "a base": ("http://h/api/v1", f"http://h{TEXT}", f"http://h{TEXT}"),
    "a base, a slash": ("http://h/api/v1/", f"http://h{TEXT}", f"http://h{TEXT}"),
    "no path": ("http://h:8000", f"http://h:8000{TEXT}", f"http://h:8000{TEXT}"),
    "complete": (f"http://h{TEXT}", f"http://h{TEXT}", f"http://h{TEXT}"),
    "another service": (f"http://h{SEES}?a=b", f"http://h{SEES}?a=b", f"http://h{SEES}?a=b"),
    "behind a gateway": ("http://h/ali/api/v1", f"http://h/ali{TEXT}", f"http://h/ali{TEXT}"),
    "another base": (
        "http://h/ali",
        "http://h/ali",
        "http://h/ali/services/aigc/text-generation/generation",
    ),
}


@pytest.mark.parametrize(("given", "load", "base"), URLS.values(), ids=URLS)
def test_urls(given: str, load: str, base: str) -> None:
    """A base gets the path of text generation; a service that is named stands as it is."""
    assert dashscope.endpoint(given, CHAT) == load
    assert dashscope.endpoint(given, CHAT, base=True) == base


def test_headers() -> None:
    """A stream is asked for by a header; the key is a bearer token unless the run names another header."""
    assert dashscope.fixed_headers(stream=True) == {"X-DashScope-SSE": "enable", "Accept": "text/event-stream"}
    assert dashscope.fixed_headers(stream=False) == {"Accept": "application/json"}
    assert dashscope.headers("k", f"http://h{TEXT}") == {"Authorization": "Bearer k"}
    assert dashscope.headers("k", f"http://h{TEXT}", "X-Key") == {"X-Key": "k"}
    assert dashscope.headers(None, f"http://h{TEXT}") == {}


def load_test(prompt: Prompt, url: str = f"http://h{TEXT}", **fields: Any) -> dict[str, Any]:
    """What is sent for a prompt of a load test."""
    spec = PerfRunSpec.model_validate({"model": "m", "url": url, "api": "dashscope", **fields})
    return dashscope.body(ask_of(spec, prompt))


def test_body_of_messages() -> None:
    """The prompt is one object, what is asked of the answer another; a stream comes in pieces."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "hi"}]
    made = load_test(messages, max_tokens=[9], top_p=0.5, top_k=3, n_choices=2, stop=["."], repetition_penalty=1.1)
    assert made == {
        "model": "m",
        "input": {"messages": messages},
        "parameters": {
            "result_format": "message",
            "incremental_output": True,
            "max_tokens": 9,
            "temperature": 0.0,
            "top_p": 0.5,
            "top_k": 3,
            "n": 2,
            "seed": 42,
            "stop": ["."],
            "repetition_penalty": 1.1,
        },
    }
    assert "incremental_output" not in load_test(messages, stream=False)["parameters"]
    assert load_test("hi")["input"] == {"prompt": "hi"}


def test_body_of_an_evaluation() -> None:
    """What only evaluations ask for."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    ask = Ask(
        model="m",
        prompt="hi",
        presence_penalty=0.5,
        logprobs=True,
        top_logprobs=2,
        response_schema={"type": "object"},
        tools=tools,
    )
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert dashscope.body(ask)["parameters"] == {
        "result_format": "message",
        "presence_penalty": 0.5,
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "tools": tools,
    }


PARTS: list[dict[str, object]] = [
    {"type": "text", "text": "t"},
    {"type": "image_url", "image_url": {"url": "data:x"}},
    {"type": "image_url", "image_url": "http://p"},
    {"type": "video_url", "video_url": {"url": "http://v"}},
    {"audio": "http://a"},
]
# name: where it goes, a content, what is sent
CONTENTS: dict[str, tuple[str, object, object]] = {
    "a text": (TEXT, "t", "t"),
    "a text for a model that sees": (SEES, "t", [{"text": "t"}]),
    "parts": (
        SEES,
        PARTS,
        [{"text": "t"}, {"image": "data:x"}, {"image": "http://p"}, {"video": "http://v"}, {"audio": "http://a"}],
    ),
}


@pytest.mark.parametrize(("path", "content", "sent"), CONTENTS.values(), ids=CONTENTS)
def test_contents(path: str, content: object, sent: object) -> None:
    """Models that see take lists of parts alone, in a form of their own."""
    made = load_test([{"role": "user", "content": content}], f"http://h{path}")
    assert made["input"]["messages"] == [{"role": "user", "content": sent}]


def test_precedence_of_fields() -> None:
    """A prompt that is a body keeps its fields, and extra_args win; parameters are joined key by key."""
    own: dict[str, object] = {"input": {"prompt": "x"}, "parameters": {"temperature": 0.5, "top_k": 9}}
    extra = {"parameters": {"top_k": 3, "enable_thinking": True, "max_tokens": None}, "x": 1}
    assert load_test(own, extra_args=extra, stream=False) == {
        "model": "m",
        "input": {"prompt": "x"},
        "parameters": {
            "result_format": "message",
            "temperature": 0.5,
            "seed": 42,
            "top_k": 3,
            "enable_thinking": True,
        },
        "x": 1,
    }


def test_drawn_token_limits() -> None:
    """They stand among the parameters, unless a body says its own."""
    made = load_test("hi", max_tokens=[1, 9])
    body, place = rendered(made)
    assert made["parameters"]["max_tokens"] is DRAWN
    assert orjson.loads(body[:place] + b"5" + body[place:])["parameters"]["max_tokens"] == 5
    own: dict[str, object] = {"parameters": {"max_tokens": 3}}
    assert load_test(own, max_tokens=[1, 9])["parameters"]["max_tokens"] == 3


@pytest.mark.parametrize(
    ("sent", "texts"),
    [
        ({"input": {"prompt": "p"}}, ["p"]),
        ({"input": {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}}, ["s", "u"]),
        ({"input": {"messages": [{"role": "user", "content": [{"text": "u"}, {"image": "i"}]}]}}, ["u"]),
        ({"input": "x"}, []),
        ({}, []),
        ([], []),
    ],
)
def test_prompts(sent: Any, texts: list[str]) -> None:
    """All that the model reads as text."""
    assert dashscope.prompt_texts(orjson.dumps(sent)) == (texts, 0)


# name: the body of a refusal, what people are told, whether it is about the model
REFUSALS: dict[str, tuple[bytes, str, bool]] = {
    "no such model": (
        b'{"code":"ModelNotFound","message":"The model qwen-x was not found","request_id":"r"}',
        "ModelNotFound: The model qwen-x was not found",
        True,
    ),
    "no such model, older": (
        b'{"code":"InvalidParameter","message":"Model not exist.","request_id":"r"}',
        "InvalidParameter: Model not exist.",
        True,
    ),
    "a key": (
        b'{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r"}',
        "InvalidApiKey: Invalid API-key provided.",
        False,
    ),
    "another service's model": (
        b'{"code":"InvalidParameter","message":"url error, please check url\xef\xbc\x81","request_id":"r"}',
        "InvalidParameter: url error, please check url\uff01",
        False,
    ),
    "as an event": (
        b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"Arrearage","message":"Access denied"}\n\n',
        "Arrearage: Access denied",
        False,
    ),
    "a page": (b"<html>Bad Gateway</html>", "Bad Gateway", False),
    "OpenAI's form": (b'{"error":{"message":"no","code":"x"}}', "no", False),
}


@pytest.mark.parametrize(("body", "words", "model"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(body: bytes, words: str, model: bool) -> None:
    """An error's words stand behind its code, by which the reference explains it."""
    assert dashscope.error_message(body) == words
    assert says_no_model(words) is model
