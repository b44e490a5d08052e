"""DashScope's own text generation, as bytes."""

import json
from typing import Any

import httpx
import pytest

_PATH = "/api/v1/services/aigc/text-generation/generation"
_STREAM = {"X-DashScope-SSE": "enable"}


def _post(mock: Any, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    body = {"model": "m", "input": {"prompt": "hi"}, **more}
    body = {key: value for key, value in body.items() if value is not ...}
    answer: httpx.Response = mock.client.post(mock.root + _PATH, json=body, headers=headers)
    return answer


def _events(answer: httpx.Response) -> list[Any]:
    """Part a stream into its documents; the lines of each event are as the reference shows them."""
    found = []
    for number, event in enumerate(answer.text.removesuffix("\n\n").split("\n\n"), 1):
        number_line, kind, status, data = event.split("\n")
        assert (number_line, kind, status) == (f"id:{number}", "event:result", ":HTTP_STATUS/200")
        found.append(json.loads(data.removeprefix("data:")))
    return found


@pytest.mark.parametrize(
    ("incremental", "texts"),
    [(True, ["a", " b", ""]), (False, ["a", "a b", "a b"]), (None, ["a", "a b", "a b"])],
)
def test_a_stream(shared_mock: Any, incremental: bool | None, texts: list[str]) -> None:
    """Numbered events of what is new or of all so far, with the usage so far."""
    parameters = {"incremental_output": incremental}
    events = _events(_post(shared_mock("--default-answer", "a b"), _STREAM, parameters=parameters))
    assert [event["output"]["text"] for event in events] == texts
    assert [event["output"]["finish_reason"] for event in events] == ["null", "null", "stop"]
    assert [event["usage"]["output_tokens"] for event in events] == [1, 2, 2]
    assert len({event["request_id"] for event in events}) == 1


def test_an_error_inside_a_stream(shared_mock: Any) -> None:
    """The event is named error and has a status of its own, after those that are well."""
    answer = _post(shared_mock("--stream-error-rate", "1", "--stream-error-status", "429"), _STREAM)
    *before, last = answer.text.removesuffix("\n\n").split("\n\n")
    number, kind, status, data = last.split("\n")
    assert (number, kind, status) == (f"id:{len(before) + 1}", "event:error", ":HTTP_STATUS/429")
    assert set(json.loads(data.removeprefix("data:"))) == {"code", "message", "request_id"}


@pytest.mark.parametrize("headers", [_STREAM, {"Accept": "text/event-stream"}])
def test_a_refused_stream(plain_mock: Any, headers: dict[str, str]) -> None:
    """Who asked for a stream gets the refusal as an event, under the error's own status."""
    answer = _post(plain_mock, headers, model=...)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/event-stream;charset=UTF-8")
    head, _, data = answer.text.partition("data:")
    assert head == "id:1\nevent:error\n:HTTP_STATUS/400\n"
    assert json.loads(data)["code"] == "InvalidParameter"


def test_reasoning_has_messages_only(shared_mock: Any) -> None:
    """Without a format for results a model that reasons answers in messages, as the real ones do."""
    mock = shared_mock("--reasoning-tokens", "2", "--default-answer", "a")
    message = _post(mock).json()["output"]["choices"][0]["message"]
    assert (message["role"], message["content"], len(message["reasoning_content"].split())) == ("assistant", "a", 2)
    text = _post(mock, parameters={"result_format": "text"}).json()["output"]["text"]
    assert text == message["reasoning_content"] + "a"


def test_several_choices(shared_mock: Any) -> None:
    """n choices in one document, and all of them count."""
    answer = _post(shared_mock("--default-answer", "a b"), parameters={"n": 3, "result_format": "message"}).json()
    assert [choice["index"] for choice in answer["output"]["choices"]] == [0, 1, 2]
    assert answer["usage"]["output_tokens"] == 6


def test_a_bound_on_what_repeats_itself(shared_mock: Any) -> None:
    """A cumulative stream grows with the square of its tokens: over 2048 of them it is refused, an incremental not."""
    mock = shared_mock("--tokens", "2049")
    refused = _post(mock, _STREAM)
    assert (refused.status_code, "incremental_output" in refused.text) == (400, True)
    assert len(_events(_post(mock, _STREAM, parameters={"incremental_output": True}))) == 2050


def test_request_ids_differ(plain_mock: Any) -> None:
    """Each answer has its own, in the form of a UUID."""
    ids = [_post(plain_mock).json()["request_id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert {len(one) for one in ids} == {36}


def test_an_unknown_path_is_told_in_the_dialect(plain_mock: Any) -> None:
    """404 with a code of its own."""
    answer = plain_mock.client.post(f"{plain_mock.root}/api/v1/services/none", json={})
    assert (answer.status_code, set(answer.json())) == (404, {"code", "message", "request_id"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ...}, "model"),
        ({"input": ...}, "messages"),
        ({"input": {"prompt": 5}}, "messages"),
        ({"input": {"messages": []}}, "input.messages"),
        ({"input": {"messages": [{"content": "x"}]}}, "input.messages[0]"),
        ({"input": {"messages": [{"role": "user", "content": 5}]}}, "input.messages[0].content"),
        ({"parameters": 5}, "parameters"),
        ({"parameters": {"result_format": "xml"}}, "parameters.result_format"),
        ({"parameters": {"incremental_output": "yes"}}, "incremental_output"),
        ({"parameters": {"n": 5}}, "'n'"),
    ],
)
def test_refused_requests(plain_mock: Any, change: dict[str, Any], message: str) -> None:
    """A bad request is refused with 400 and the field's name."""
    answer = _post(plain_mock, **change)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")
    assert message in answer.json()["message"]
