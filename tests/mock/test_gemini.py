"""Gemini's generateContent, as bytes."""

import json
from typing import Any

import httpx
import pytest

_BODY: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def _post(mock: Any, method: str = "generateContent", **more: Any) -> httpx.Response:
    body = {key: value for key, value in {**_BODY, **more}.items() if value is not ...}
    answer: httpx.Response = mock.client.post(f"{mock.root}/v1beta/models/m:{method}", json=body)
    return answer


def test_server_sent_events(shared_mock: Any) -> None:
    """Every event has candidates and counts, the last the finish reason and the total; there is no end mark."""
    answer = _post(shared_mock("--reasoning-tokens", "1", "--default-answer", "a b"), "streamGenerateContent?alt=sse")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(event.removeprefix("data: ")) for event in answer.text.split("\r\n\r\n")[:-1]]
    parts = [event["candidates"][0]["content"]["parts"][0] for event in events]
    assert [part.get("thought", False) for part in parts] == [True, False, False, False]
    assert [part["text"] for part in parts[1:]] == ["a", " b", ""]
    assert [event["candidates"][0].get("finishReason") for event in events] == [None, None, None, "STOP"]
    assert [event["usageMetadata"]["promptTokenCount"] for event in events] == [1] * 4
    assert events[-1]["usageMetadata"] == {
        "promptTokenCount": 1,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 1,
        "totalTokenCount": 4,
    }


@pytest.mark.parametrize("answer", ["a b", ""])
@pytest.mark.parametrize("method", ["streamGenerateContent", "streamGenerateContent?alt=json"])
def test_a_json_array(shared_mock: Any, method: str, answer: str) -> None:
    """Without alt=sse the stream is one array, an element per token and a last one, even of an empty answer."""
    response = _post(shared_mock("--default-answer", answer), method)
    assert response.headers["content-type"].startswith("application/json")
    texts = [one["candidates"][0]["content"]["parts"][0]["text"] for one in response.json()]
    assert ("".join(texts), len(texts)) == (answer, len(answer.split()) + 1)


def test_an_error_inside_a_json_array(shared_mock: Any) -> None:
    """The error is an element, and the array is still one."""
    *parts, error = _post(shared_mock("--stream-error-rate", "1"), "streamGenerateContent").json()
    assert parts
    assert error["error"]["status"] == "INTERNAL"


def test_several_candidates(shared_mock: Any) -> None:
    """They come side by side in one event, and all of them count."""
    config = {"candidateCount": 3}
    found = _post(shared_mock("--default-answer", "a b"), generationConfig=config).json()
    assert [one["index"] for one in found["candidates"]] == [0, 1, 2]
    assert found["usageMetadata"]["candidatesTokenCount"] == 6


@pytest.mark.parametrize(
    "change",
    [
        {"generationConfig": {"maxOutputTokens": 2}},
        {"generation_config": {"max_output_tokens": 2}},
    ],
)
def test_both_spellings_of_fields(plain_mock: Any, change: dict[str, Any]) -> None:
    """JSON's and protobuf's."""
    assert _post(plain_mock, **change).json()["usageMetadata"]["candidatesTokenCount"] == 2


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/a%2Fb:generateContent", "a/b"),
        ("/v1/models/m:generateContent", "m"),
        ("/v1beta/models/a:b:generateContent", "a:b"),
    ],
)
def test_the_model_stands_in_the_path(plain_mock: Any, path: str, model: str) -> None:
    """Escaped and with a colon too, in both versions of the API."""
    assert plain_mock.client.post(plain_mock.root + path, json=_BODY).json()["modelVersion"] == model


def test_a_key_in_the_query(shared_mock: Any) -> None:
    """?key= is taken as the header is."""
    mock = shared_mock("--api-key", "k1")
    statuses = [_post(mock, f"generateContent?key={key}").status_code for key in ("k1", "k2", "")]
    assert statuses == [200, 400, 403]


def test_an_unknown_path_is_told_in_the_dialect(plain_mock: Any) -> None:
    """404 with Google's status."""
    answer = plain_mock.client.get(f"{plain_mock.root}/v1beta/cachedContents")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contents": ...}, "contents is not specified"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [{"role": "user", "parts": "x y"}], "systemInstruction": 5}, "systemInstruction"),
        ({"contents": [{"role": "user", "parts": [5]}]}, "contents[0].parts"),
        ({"generationConfig": 5}, "generationConfig"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "maxOutputTokens"),
        ({"generationConfig": {"candidateCount": 9}}, "candidateCount"),
    ],
)
def test_refused_requests(plain_mock: Any, change: dict[str, Any], message: str) -> None:
    """A bad request is refused with 400 and the field's name."""
    answer = _post(plain_mock, **change)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert message in error["message"]
