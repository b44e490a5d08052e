"""The client against an endpoint that fails on purpose."""

import asyncio
import json
import socket
from typing import Any

import pytest

from evalkube_benchmarks.benchmark import Message
from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass, error_class_of_status
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.gate import Gate
from fakes import scripted_endpoint
from fakes.raw_server import Close, Hang, raw_server
from fakes.scripted_endpoint import Says, Script, ScriptedEndpoint, says

HI = [Message("user", "hi")]


def _ask(script: Script, **config: Any) -> tuple[Answer | RequestFailed, ScriptedEndpoint]:
    """The outcome of one question to an endpoint that follows `script`."""

    async def ask() -> tuple[Answer | RequestFailed, ScriptedEndpoint]:
        options = GenerationConfig(**{"retries": 3, "retry_interval": 0.0, **config})
        async with (
            scripted_endpoint.running(script) as endpoint,
            Client(endpoint.url, "m", options, api_key="sk-secret", connections=1, gate=Gate()) as client,
        ):
            try:
                return await client.ask(HI), endpoint
            except RequestFailed as failure:
                return failure, endpoint

    return asyncio.run(ask())


def test_an_answer_comes_with_its_figures() -> None:
    """Text, tokens and latency; the key travels as a bearer token, to the completed path."""
    answer, endpoint = _ask(
        lambda _body, _number: says("C", wait_s=0.05), extra_query={"v": "1"}, extra_headers={"X-A": "b"}
    )
    assert isinstance(answer, Answer)
    assert (answer.text, answer.attempts, answer.tokens and answer.tokens.completion) == ("C", 1, 3)
    assert 50_000_000 <= answer.latency_ns < 10_000_000_000
    assert endpoint.paths == ["/v1/chat/completions?v=1"]
    assert (endpoint.headers[0]["authorization"], endpoint.headers[0]["x-a"]) == ("Bearer sk-secret", "b")


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Says(429), id="too many requests"),
        pytest.param(Says(503), id="unavailable"),
        pytest.param(Says(408), id="the server's timeout"),
        pytest.param(Says(hang_up=True), id="hung up"),
        pytest.param(Says(body=b'{"cho', cut=True), id="cut off"),
        pytest.param(says("late", wait_s=60), id="too late"),
    ],
)
def test_what_may_pass_is_tried_again(failure: Says) -> None:
    """The second attempt's answer counts, and says that it was the second."""
    answer, endpoint = _ask(lambda _body, number: failure if number == 0 else says("C"), timeout=2)
    assert isinstance(answer, Answer), answer
    assert answer.attempts == len(endpoint.bodies) == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ErrorClass.STATUS_4XX),
        (401, ErrorClass.STATUS_401),
        (403, ErrorClass.STATUS_403),
        (404, ErrorClass.STATUS_404),
    ],
)
def test_a_refusal_is_not_tried_again(status: int, error: ErrorClass) -> None:
    """One request, and the server's own words with its status."""
    body = json.dumps({"error": {"message": "no such model"}}).encode()
    failure, endpoint = _ask(lambda _body, _number: Says(status, body))
    assert isinstance(failure, RequestFailed)
    assert (failure.error, failure.status, len(endpoint.bodies)) == (error, status, 1)
    assert failure.message == f"HTTP {status}: no such model"


_CUT = b"Content-Length: 999\r\n\r\n"
_SAID = b'{"error": {"message": "no such model"}}'

# name: a status, what follows its line, how it ends, what is told
CUT_REFUSALS: dict[str, tuple[int, bytes, Hang | Close, str]] = {
    "closed": (500, _CUT + _SAID, Close(), "HTTP 500: no such model"),
    "reset": (401, _CUT + _SAID, Close(reset=True), "HTTP 401: "),
    "stopped": (404, _CUT + _SAID, Hang(), "HTTP 404: no such model"),
    "closed within a chunk": (403, b"Transfer-Encoding: chunked\r\n\r\n99\r\noops", Close(), "HTTP 403: oops"),
    "no word of it": (400, _CUT, Close(), "HTTP 400: No"),
    "no gzip": (400, b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops", Close(), "HTTP 400: No"),
    "a redirect": (
        307,
        b"Location: http://h/v2\r\n" + _CUT,
        Close(),
        "HTTP 307: the endpoint redirects to http://h/v2",
    ),
}


@pytest.mark.parametrize(("status", "rest", "end", "said"), CUT_REFUSALS.values(), ids=CUT_REFUSALS.keys())
def test_a_refusal_that_is_cut(status: int, rest: bytes, end: Hang | Close, said: str) -> None:
    """Its status is known: it is that refusal, with as much of its words as came."""

    async def ask() -> RequestFailed:
        head = b"HTTP/1.1 %d No\r\n" % status
        async with raw_server(lambda _connection, _request: [head + rest, 0.05, end]) as server:
            url, config = f"http://127.0.0.1:{server.port}/v1", GenerationConfig(retries=1, timeout=60)
            async with Client(url, "m", config, api_key=None, connections=1, gate=Gate()) as client:
                with pytest.raises(RequestFailed) as caught:
                    await client.ask(HI)
                return caught.value

    failure = asyncio.run(ask())
    assert (failure.error, failure.status) == (error_class_of_status(status), status)
    assert failure.message.startswith(said)


def test_attempts_are_limited_and_the_last_failure_is_told() -> None:
    """`retries` is the number of attempts."""
    failure, endpoint = _ask(lambda _body, _number: Says(500, b"oops"), retries=2)
    assert isinstance(failure, RequestFailed)
    assert (failure.error, len(endpoint.bodies)) == (ErrorClass.STATUS_5XX, 2)


def test_retry_after_is_waited_for() -> None:
    """The pause is the server's, not the configured one of nothing."""

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        script: Script = lambda _body, number: says("C") if number else Says(429, headers={"retry-after": "0.2"})  # noqa: E731
        async with scripted_endpoint.running(script) as endpoint:
            config = GenerationConfig(retry_interval=0.0)
            async with Client(endpoint.url, "m", config, api_key=None, connections=1, gate=Gate()) as client:
                begun = loop.time()
                await client.ask(HI)
                return loop.time() - begun

    assert 0.2 <= asyncio.run(timed()) < 10


def test_a_redirect_is_not_followed() -> None:
    """Following it would carry the key elsewhere; the message names the address."""
    failure, endpoint = _ask(lambda _body, _number: Says(307, headers={"location": "http://elsewhere/v1"}))
    assert isinstance(failure, RequestFailed)
    assert (failure.error, len(endpoint.bodies)) == (ErrorClass.STATUS_3XX, 1)
    assert "http://elsewhere/v1" in failure.message


def test_a_200_without_an_answer_is_a_parse_error() -> None:
    """An HTML page with status 200 is neither tried again nor scored."""
    failure, endpoint = _ask(lambda _body, _number: Says(body=b"<html>"))
    assert isinstance(failure, RequestFailed)
    assert (failure.error, len(endpoint.bodies)) == (ErrorClass.PARSE, 1)


def _event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def _message(message: dict[str, Any], finish: str | None, **more: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}).encode()


_NONE = {"usage": {"prompt_tokens": 5, "completion_tokens": 0}}
_SOME = {"usage": {"prompt_tokens": 5, "completion_tokens": 9}}
_DONE = b"data: [DONE]\n\n"

# name: what is said, the finish reason, the usage; the text, or the error
SAID: dict[str, tuple[dict[str, Any], str | None, dict[str, Any], str | ErrorClass]] = {
    "words": ({"content": "C"}, "stop", _SOME, "C"),
    "a refusal": ({"refusal": "I can't"}, "stop", _SOME, "I can't"),
    "a message in parts": ({"content": [{"type": "text", "text": "C"}]}, "stop", _SOME, "C"),
    "thoughts alone": ({"content": None, "reasoning_content": "hm"}, "stop", _SOME, ""),
    "nothing": ({"content": ""}, "stop", _NONE, ""),
    "nothing, of one token": ({"content": ""}, "stop", _SOME, ""),
    "held back by a filter": ({"content": None}, "content_filter", _NONE, ""),
    "cut off before the first word": ({"content": ""}, "length", _NONE, ErrorClass.EMPTY_STREAM),
    "cut off in hidden thoughts": ({"content": ""}, "max_tokens", _SOME, ""),
    "cut off": ({"content": "C"}, "MAX_TOKENS", _SOME, "C"),
    "given up": ({"content": "C"}, "abort", _SOME, ErrorClass.ERROR_IN_STREAM),
    "nothing, without an end": ({"content": ""}, None, _NONE, ErrorClass.EMPTY_STREAM),
}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("stream", [False, True], ids=["whole was asked", "a stream was asked"])
def test_an_answer_is_the_same_streamed_or_whole(name: str, stream: bool) -> None:
    """What counts is what the body is, not what was asked for nor what its Content-Type says."""
    said, reason, usage, wanted = SAID[name]
    streamed = _event({"role": "assistant", "content": ""}) + _event(said) + _event({}, reason, **usage) + _DONE
    for body in (_message(said, reason, **usage), streamed):
        for kind in ("application/json", "text/event-stream", "text/plain"):
            answer, _ = _ask(
                lambda _body, _number, body=body, kind=kind: Says(body=body, headers={"content-type": kind}),  # type: ignore[misc]
                stream=stream,
                retries=1,
            )
            if isinstance(answer, Answer):
                assert (answer.text, answer.finish_reason, answer.empty) == (wanted, reason, wanted == "")
            else:
                assert answer.error == wanted


@pytest.mark.parametrize("end", [Hang(), Close(), Close(reset=True)], ids=["open", "closed", "reset"])
def test_an_answer_is_whole_when_it_says_so(end: Hang | Close) -> None:
    """After [DONE] nothing is waited for long, and nothing that happens counts."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99999\r\n\r\n"
    body = _event({"content": "C"}, "stop") + _DONE + _event({"content": "X"})

    async def ask() -> Answer:
        async with raw_server(lambda _connection, _request: [head + body, end]) as server:
            url, config = f"http://127.0.0.1:{server.port}/v1", GenerationConfig(retries=1, stream=True, timeout=60)
            async with Client(url, "m", config, api_key=None, connections=1, gate=Gate()) as client:
                return await client.ask(HI)

    answer = asyncio.run(ask())
    assert answer.text == "C"
    assert answer.latency_ns < 30_000_000_000


# name: what a head says of the body, what stands before that, whether it is an answer
LENGTHS = {
    "64 bits": (b"Content-Length: %d" % (2**64 - 1), b"", True),
    "more than 64 bits": (b"Content-Length: 99999999999999999999", b"", False),
    "a chunk of 64 bits": (b"Transfer-Encoding: chunked", b"ffffffffffffffff\r\n", True),
    "a chunk of more": (b"Transfer-Encoding: chunked", b"ffffffffffffffffff\r\n", False),
    "a later chunk of more": (b"Transfer-Encoding: chunked", b"2\r\n\n\n\r\nffffffffffffffffff\r\n", False),
}


@pytest.mark.parametrize(("head", "before", "counts"), LENGTHS.values(), ids=LENGTHS.keys())
def test_a_length_that_is_none(head: bytes, before: bytes, counts: bool) -> None:
    """What announces more than a length can say is no HTTP, though an answer seems to be in it; as for load tests."""
    body = _event({"content": "C"}, "stop") + _DONE

    async def ask() -> str:
        answer = b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%s%s" % (head, before, body)
        async with raw_server(lambda _connection, _request: [answer, Close()]) as server:
            url, config = f"http://127.0.0.1:{server.port}/v1", GenerationConfig(retries=1, stream=True)
            async with Client(url, "m", config, api_key=None, connections=1, gate=Gate()) as client:
                try:
                    return (await client.ask(HI)).text
                except RequestFailed as failure:
                    return f"{failure.error}: {failure.message}"

    none = "parse: the answer is not HTTP/1.1: it announces more bytes than a length can say"
    assert asyncio.run(ask()) == ("C" if counts else none)


def test_connections_are_used_again_after_a_stream() -> None:
    """The end of the message is waited for."""
    body = _event({"content": "C"}, "stop") + _DONE
    part = b"%x\r\n%s\r\n" % (len(body), body)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def ask() -> int:
        async with raw_server(lambda _connection, _request: [head + part, 0.02, b"0\r\n\r\n"]) as server:
            url, config = f"http://127.0.0.1:{server.port}/v1", GenerationConfig(retries=1, stream=True)
            async with Client(url, "m", config, api_key=None, connections=1, gate=Gate()) as client:
                for _ in range(3):
                    await client.ask(HI)
            return server.connections

    assert asyncio.run(ask()) == 1


def test_a_web_page_is_told() -> None:
    """With its words, and what to look at."""
    page = b"<html><body><h1>Welcome, please log in</h1></body></html>"
    for stream in (False, True):
        failure, _ = _ask(lambda _body, _number: Says(body=page, headers={"content-type": "text/html"}), stream=stream)
        assert isinstance(failure, RequestFailed)
        assert failure.error is ErrorClass.PARSE
        assert "web page (Welcome, please log in)" in failure.message


def test_a_stream_gives_the_time_of_its_first_token() -> None:
    """TTFT is measured where the answer is streamed."""
    events = b'data: {"choices": [{"delta": {"content": "C"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    answer, endpoint = _ask(
        lambda _body, _number: Says(body=events, headers={"content-type": "text/event-stream"}), stream=True
    )
    assert isinstance(answer, Answer), answer
    assert answer.text == "C"
    assert answer.ttft_ns is not None
    assert 0 < answer.ttft_ns <= answer.latency_ns
    assert endpoint.bodies[0]["stream"] is True


def test_nobody_there() -> None:
    """A refused connection has its class, tries again, and never shows the key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    async def ask() -> None:
        async with Client(
            url, "m", GenerationConfig(retries=2, retry_interval=0.0), api_key="sk-secret", connections=1, gate=Gate()
        ) as client:
            await client.ask(HI)

    with pytest.raises(RequestFailed) as failed:
        asyncio.run(ask())
    assert failed.value.error is ErrorClass.CONNECT
    assert "sk-secret" not in repr(failed.value) + str(failed.value.__cause__)
