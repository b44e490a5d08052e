"""What holds in every dialect: known timing, faults in its own words, keys, answers that are rendered once."""

import dataclasses
import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evalkube_mock import wire
from evalkube_mock.dialects.model import Ask, Call, RefusedError, Reply
from evalkube_mock.dialects.table import DIALECTS

MockOf = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class _Language:
    """How to ask for a streamed or whole answer, and what an error looks like."""

    name: str
    path: str  # {} is the method of Gemini
    body: Callable[[str, bool], dict[str, Any]]
    error: Callable[[Any], Any]  # finds the error's kind in its document
    key: Callable[[str], dict[str, str]] = lambda key: {"authorization": f"Bearer {key}"}
    headers: Callable[[bool], dict[str, str]] = lambda stream: {}
    ends: str = ""  # of every whole stream
    repeats: bool = False  # each event says all so far

    def post(self, mock: Any, *, text: str = "hi", stream: bool = True, key: str | None = None) -> httpx.Response:
        """Ask a mock."""
        path = self.path.format("streamGenerateContent?alt=sse" if stream else "generateContent")
        headers = {**self.headers(stream), **({} if key is None else self.key(key))}
        answer: httpx.Response = mock.client.post(mock.root + path, json=self.body(text, stream), headers=headers)
        return answer


def _chat(text: str, stream: bool) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}


_LANGUAGES = [
    _Language("openai", "/v1/chat/completions", _chat, lambda found: found["error"]["type"], ends="data: [DONE]\n\n"),
    _Language(
        "openai_responses",
        "/v1/responses",
        lambda text, stream: {"model": "m", "input": text, "stream": stream},
        lambda found: found["error"]["type"] if "error" in found else found["code"],
    ),
    _Language(
        "anthropic",
        "/v1/messages",
        lambda text, stream: {**_chat(text, stream), "max_tokens": 1000},
        lambda found: found["error"]["type"],
        lambda key: {"x-api-key": key},
        lambda stream: {"anthropic-version": "2023-06-01"},
        ends='event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ),
    _Language(
        "gemini",
        "/v1beta/models/m:{}",
        lambda text, stream: {"contents": [{"role": "user", "parts": [{"text": text}]}]},
        lambda found: found["error"]["status"],
        lambda key: {"x-goog-api-key": key},
    ),
    _Language(
        "dashscope",
        "/api/v1/services/aigc/text-generation/generation",
        lambda text, stream: {"model": "m", "input": {"prompt": text}},
        lambda found: found["code"],
        headers=lambda stream: {"x-dashscope-sse": "enable"} if stream else {},
        repeats=True,
    ),
]
_QUERIES = [
    _Language(
        "openai_embedding",
        "/v1/embeddings",
        lambda text, stream: {"model": "m", "input": text},
        lambda found: found["error"]["type"],
    ),
    _Language(
        "openai_rerank",
        "/v1/rerank",
        lambda text, stream: {"model": "m", "query": text, "documents": ["a"]},
        lambda found: found["error"]["type"],
    ),
]
_EVERY = pytest.mark.parametrize("language", _LANGUAGES + _QUERIES, ids=lambda one: one.name)
_TALKING = pytest.mark.parametrize("language", _LANGUAGES, ids=lambda one: one.name)


def _last_document(answer: httpx.Response) -> Any:
    """Give the last document of a stream that is an error."""
    data = [line.partition(":")[2] for line in answer.text.splitlines() if line.startswith("data:")]
    found = [json.loads(one) for one in data if one.strip() != "[DONE]"]
    return next(one for one in reversed(found) if one.get("type") != "response.failed")


def test_every_dialect_is_tried() -> None:
    """A new dialect has a row here."""
    assert [one.name for one in DIALECTS] == [one.name for one in _LANGUAGES + _QUERIES]


@_TALKING
def test_paced_tokens_meet_their_targets(mock_of: MockOf, language: _Language) -> None:
    """No token comes before its time, and the record has the first, the last and how many there were."""
    mock = mock_of("--ttft-ms", "60", "--itl-ms", "20", "--tokens", "6")
    language.post(mock)
    record = mock.record()
    assert (record["tokens"], record["outcome"]) == ([6], ["complete"])
    assert record["ttft_ms"][0] >= 60
    assert record["latency_ms"][0] >= 160


@_TALKING
@pytest.mark.parametrize("itl_ms", ["0", "1"])
def test_one_rendering_serves_all_prompts(mock_of: MockOf, language: _Language, itl_ms: str) -> None:
    """The prompt's length changes what is told of it and, by its digits, the size of chunks: all stay right."""
    mock = mock_of("--tokens", "4", "--itl-ms", itl_ms)
    texts = [" ".join(["w"] * count) for count in (1, 9, 10, 3, 123, 9)]
    answers = [language.post(mock, text=text) for text in texts]
    assert [answer.status_code for answer in answers] == [200] * len(texts)
    assert all(answer.text.endswith(language.ends) for answer in answers)
    assert mock.record()["tokens"] == [4] * len(texts)


@_EVERY
def test_a_whole_answer_takes_its_time(mock_of: MockOf, language: _Language) -> None:
    """Its latency is what is set, and the record has it as complete."""
    mock = mock_of("--latency-ms", "50", "--tokens", "3")
    answer = language.post(mock, stream=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    record = mock.record()
    assert (record["outcome"], record["tokens"]) == (["complete"], [3 if language in _LANGUAGES else 0])
    assert 50 <= record["latency_ms"][0] < 550


@_EVERY
def test_keys(shared_mock: MockOf, language: _Language) -> None:
    """The right key is served; another one and none are refused as the dialect does."""
    mock = shared_mock("--api-key", "k1")
    assert language.post(mock, key="k1").status_code == 200
    refusals = [language.post(mock, key=key, stream=False) for key in ("k2", None)]
    expected = {"gemini": [400, 403]}.get(language.name, [401, 401])
    assert [answer.status_code for answer in refusals] == expected
    kinds = {"gemini": "INVALID_ARGUMENT", "dashscope": "InvalidApiKey"}
    assert language.error(refusals[0].json()) == kinds.get(language.name, "authentication_error")


@_EVERY
@pytest.mark.parametrize("stream", [False, True])
def test_failures(shared_mock: MockOf, language: _Language, stream: bool) -> None:
    """A request that is chosen to fail has the status and the dialect's own error, and says when to try again."""
    mock = shared_mock("--fail-rate", "1", "--fail-status", "429", "--retry-after-s", "7")
    answer = language.post(mock, stream=stream)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    kinds = {"gemini": "RESOURCE_EXHAUSTED", "dashscope": "Throttling.RateQuota"}
    error = json.loads(answer.text.rpartition("\ndata:")[2])  # DashScope's is an event where a stream was asked for
    assert language.error(error) == kinds.get(language.name, "rate_limit_error")


@_TALKING
def test_an_error_inside_a_stream(mock_of: MockOf, language: _Language) -> None:
    """The status is 200, some tokens come, then the dialect's own error and an orderly end."""
    mock = mock_of("--stream-error-rate", "1", "--tokens", "10")
    answer = language.post(mock)
    kinds = {"gemini": "INTERNAL", "dashscope": "InternalError", "anthropic": "api_error"}
    assert language.error(_last_document(answer)) == kinds.get(language.name, "server_error")
    assert answer.status_code == 200
    assert mock.record()["outcome"] == ["error_event"]
    assert 1 <= mock.record()["tokens"][0] < 10


@_TALKING
@pytest.mark.parametrize("stream", [False, True])
def test_a_truncated_answer(shared_mock: MockOf, language: _Language, stream: bool) -> None:
    """The connection closes in the middle: a client that checks can tell."""
    with pytest.raises(httpx.RemoteProtocolError):
        language.post(shared_mock("--truncate-rate", "1", "--tokens", "10"), stream=stream)


@_EVERY
def test_bodies_that_are_no_object(plain_mock: Any, language: _Language) -> None:
    """Malformed JSON and JSON of another kind are the dialect's own 400."""
    path, headers = language.path.format("generateContent"), language.headers(False)
    for body in (b"", b"{", b"[]", b"\xff"):
        answer = plain_mock.client.post(plain_mock.root + path, content=body, headers=headers)
        assert answer.status_code == 400
        kinds = {"gemini": "INVALID_ARGUMENT", "dashscope": "InvalidParameter"}
        assert language.error(answer.json()) == kinds.get(language.name, "invalid_request_error")


@_EVERY
def test_another_method(plain_mock: Any, language: _Language) -> None:
    """Only POST is taken, and that is told in the dialect."""
    path, headers = language.path.format("generateContent"), language.headers(False)
    answer = plain_mock.client.get(plain_mock.root + path, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert language.error(answer.json())


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_the_stamp_has_one_length(dialect: Any) -> None:
    """Chunk sizes are rendered ahead: the first and the last possible response have equally long stamps."""
    ask = Ask(endpoint="chat", model="m", prompt="", prompt_tokens=12, variant=" incremental")
    assert len(dialect.stamp(ask, 0, 1_000_000_000)) == len(dialect.stamp(ask, 10**18, 9_999_999_999))


_REPLIES = {
    "text": Reply((), ("a", " b"), "stop"),
    "reasoning": Reply(("hm", " so"), ("a",), "length"),
    "only reasoning": Reply(("hm",), (), "length"),
    "nothing": Reply((), (), "stop"),
    "a call": Reply(("hm",), (), "tool_calls", call=Call("f", '{"x": 1}'), arguments=('{"x":', " 1}")),
}


@pytest.mark.parametrize("dialect", DIALECTS[:5], ids=lambda one: one.name)
@pytest.mark.parametrize("reply", _REPLIES.values(), ids=_REPLIES)
def test_a_token_is_a_step(dialect: Any, reply: Reply) -> None:
    """Every token has events, each of them a whole one, whatever a reply consists of; so has an error after any."""
    if reply.call is not None and dialect.name == "gemini":
        reply = dataclasses.replace(reply, arguments=(reply.call.arguments,))
    ask = Ask(endpoint="chat", model="m", prompt="", prompt_tokens=12, stream=True, variant=" incremental")
    script = dialect.script(ask, reply, role=True)
    assert [len(step) >= 1 for step in script.tokens] == [True] * reply.tokens
    stamp = dialect.stamp(ask, 3, 1_700_000_000)
    ends = [dialect.error_events(ask, reply, sent, RefusedError(500, "x")) for sent in range(reply.tokens + 1)]
    for sent, end in enumerate([*ends, (*script.closing, *dialect.ending(ask, reply))]):
        events = [*script.opening, *itertools.chain(*script.tokens[:sent]), *end]
        for event in stamp.join(wire.flat(events)).decode().replace("\r\n", "\n").removesuffix("\n\n").split("\n\n"):
            data = event.partition("data:")[2].strip()
            assert data == "[DONE]" or isinstance(json.loads(data), dict)
