"""What a server says instead of an answer, in any form: the words that reach people."""

from typing import Any

import orjson
import pytest

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import openai
from fakes.wire_events import DONE, HI, STOP, event, read


def test_error_message_reaches_people() -> None:
    """The server's own words stand in the fault, on one line."""
    fault = read([event(error={"message": "out of\n  memory", "code": 500})])[1].fault
    assert fault is not None
    assert fault.message == "out of memory"


# name: what a server says instead of an answer, and the words that reach people
WORDS: dict[str, tuple[Any, str]] = {
    "OpenAI": ({"error": {"message": "boom", "type": "x", "code": 500}}, "boom"),
    "a string": ({"error": "boom", "error_type": "generation"}, "boom"),
    "a list": ({"error": ["boom", "bang"]}, "boom; bang"),
    "a list of objects": ({"errors": [{"message": "boom", "code": 7003}]}, "boom"),
    "a mark beside the words": ({"error": True, "message": "boom"}, "boom"),
    "a number beside the words": ({"error": 17, "error_msg": "boom"}, "boom"),
    "vLLM": ({"object": "error", "message": "boom", "code": 400}, "boom"),
    "by type": ({"type": "error", "msg": "boom"}, "boom"),
    "FastAPI": ({"detail": "boom"}, "boom"),
    "FastAPI's list": ({"detail": [{"loc": ["body", "n"], "msg": "boom"}]}, "body.n: boom"),
    "a code and a message": ({"code": 50501, "message": "boom", "data": None}, "boom"),
    "a code in words": ({"code": "InvalidParameter", "message": "boom"}, "boom"),
    "an envelope": ({"code": 401, "msg": "boom", "success": False}, "boom"),
    "Baidu": ({"error_code": 17, "error_msg": "boom"}, "boom"),
    "MiniMax": ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "boom"}}, "boom"),
    "Azure's gateway": ({"statusCode": 401, "message": "boom"}, "boom"),
    "RFC 9457": ({"title": "Problem", "status": 400, "detail": "boom"}, "boom"),
    "a message within a message": ({"error": {"message": {"detail": "boom"}}}, "boom"),
    "an empty message": ({"error": {"code": "1301", "message": ""}}, '{"code":"1301","message":""}'),
    "beside choices": ({"choices": [], "error": {"message": "boom"}}, "boom"),
}


@pytest.mark.parametrize("name", WORDS)
def test_errors_of_any_form(name: str) -> None:
    """In a stream, late or at once, and as a whole body with status 200 or another: the server's words."""
    body, words = WORDS[name]
    raw = orjson.dumps(body)
    for stream in (b"data: " + raw + b"\n\n", HI + b"data: " + raw + b"\n\n" + DONE, raw):
        fault = read([stream])[1].fault
        assert fault is not None
        assert (fault.error, fault.message) == (ErrorClass.ERROR_IN_STREAM, words)
    assert openai.error_message(raw) == words
    assert openai.error_message(b"data: " + raw + b"\n\n") == words


@pytest.mark.parametrize(
    "one",
    [
        {"id": "x"},
        {"type": "ping"},
        {"status": "processing", "message": "first in line"},
        {"code": 0, "message": "success"},
        {"error": None, "choices": []},
        {"error": {}, "choices": []},
        {"detail": None},
        {"success": True, "message": "ok"},
        {"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}},
    ],
)
def test_what_is_no_error(one: dict[str, Any]) -> None:
    """Objects that say nothing of the answer are passed over."""
    assert read([HI + b"data: " + orjson.dumps(one) + b"\n\n" + STOP])[1].fault is None


PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title><script>let a = 1</script></head>"
    b"<body><h1>Please &amp; log in</h1></body></html>"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PAGE, "the server answered with a web page (Sign in"),
        (b"\n" + PAGE, "Please & log in); is the URL complete?"),
        (b"<", "a web page; is the URL complete?"),
        (b"\x1f\x8b\x08", "compressed its answer (gzip)"),
        (b'{"a":1}\n{"b":2}\n', "lines of JSON"),
        (b"Try later", "Try later"),
    ],
)
def test_what_is_no_answer_is_told(body: bytes, words: str) -> None:
    """A sign-in page in a 200 is said to be one, streamed or not."""
    for answer in (read([body])[1], openai.answer(body)):
        assert answer.fault is not None
        assert answer.fault.error is ErrorClass.PARSE
        assert words in answer.fault.message


def test_a_stream_that_nobody_asked_for_is_told() -> None:
    """Where a load test wants whole answers."""
    fault = openai.answer(HI + STOP + DONE).fault
    assert fault is not None
    assert "set stream to true" in fault.message


def test_an_endless_event_is_a_fault() -> None:
    """What a reader holds is bounded."""
    fault = read([b"data: "] + [b"x" * (1 << 20)] * 9)[1].fault
    assert fault is not None
    assert fault.error is ErrorClass.TOO_LARGE
