"""The connection engine against a server that sends any bytes: what each request is reported as."""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from evalkube_crds.names import ErrorClass
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
from evalkube_runner.perf.target import Target, request_head, target_of
from evalkube_runner.wire import openai
from fakes.raw_server import Close, Hang, RawServer, Step, raw_server

TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
LIMITS = Limits(total_s=60.0)
DONE = b"data: [DONE]\n\n"
STREAM = TEXT * 3 + STOP + DONE
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def sized(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


WHOLE = CHUNKED + chunk(STREAM) + b"0\r\n\r\n"


def exchange_for(index: int, port: int, ended: Callable[[Exchange], None], *, stream: bool) -> Exchange:
    head = request_head(Target("127.0.0.1", port, False, "/v1"), {})
    return Exchange(index, head + b"2\r\n\r\n{}", openai, stream=stream, choices=1, ended=ended)


def asked(
    script: Callable[[int, int], list[Step]],
    *,
    requests: int = 1,
    stream: bool = True,
    limits: Limits = LIMITS,
    pause_s: float = 0.0,
) -> tuple[list[Exchange], RawServer]:
    """Send ``requests`` one after the other through one pool."""

    async def work() -> tuple[list[Exchange], RawServer]:
        async with raw_server(script) as server:
            target = Target("127.0.0.1", server.port, False, "/v1")
            pool = Pool(target, limits, ["127.0.0.1"], connected=lambda _: None)
            found = []
            for index in range(requests):
                over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
                pool.send(exchange_for(index, server.port, over.set_result, stream=stream))
                found.append(await asyncio.wait_for(over, 60))
                await asyncio.sleep(pause_s)
            await pool.close()
            return found, server

    return uvloop.run(work())


# name: steps, error, chunks
STREAMS: dict[str, tuple[list[Step], ErrorClass | None, int]] = {
    "in one piece": ([WHOLE], None, 3),
    "an HTTP chunk per event": (
        [CHUNKED + chunk(TEXT) * 2 + chunk(TEXT + STOP) + chunk(DONE) + b"0\r\n\r\n"],
        None,
        3,
    ),
    "events across HTTP chunks": (
        [CHUNKED + b"".join(chunk(STREAM[at : at + 7]) for at in range(0, len(STREAM), 7)) + b"0\r\n\r\n"],
        None,
        3,
    ),
    "byte by byte": (
        [
            CHUNKED[:20],
            0.001,
            CHUNKED[20:],
            *[WHOLE[len(CHUNKED) :][at : at + 1] for at in range(60)],
            WHOLE[len(CHUNKED) + 60 :],
        ],
        None,
        3,
    ),
    "with a length": ([sized(STREAM)], None, 3),
    "until the connection closes": ([UNTIL_CLOSE + STREAM, Close()], None, 3),
    "100 Continue before it": ([b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE], None, 3),
    "without the last chunk's end": ([CHUNKED + chunk(STREAM), Close()], None, 3),
    "closed in the middle": ([CHUNKED + chunk(TEXT * 2), Close()], ErrorClass.TRUNCATED_STREAM, 2),
    "reset in the middle": ([CHUNKED + chunk(TEXT * 2), 0.1, Close(reset=True)], ErrorClass.TRUNCATED_STREAM, 2),
    "ended in the middle": ([CHUNKED + chunk(TEXT * 2) + b"0\r\n\r\n"], ErrorClass.TRUNCATED_STREAM, 2),
    "a head and no more": ([CHUNKED, Close()], ErrorClass.EMPTY_STREAM, 0),
    "an empty body": ([sized(b"")], ErrorClass.EMPTY_STREAM, 0),
    "no answer": ([Close()], ErrorClass.DISCONNECTED, 0),
    "not HTTP": ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], ErrorClass.PARSE, 0),
    "a broken chunk": ([CHUNKED + chunk(TEXT) + b"zz\r\n"], ErrorClass.PARSE, 0),
    "an error event": ([sized(TEXT + b'data: {"error":{"message":"boom"}}\n\n')], ErrorClass.ERROR_IN_STREAM, 1),
    "a plain answer": ([sized(b'{"choices":[{"finish_reason":"stop"}]}')], ErrorClass.PARSE, 0),
    "401": ([sized(b'{"error":{"message":"who?"}}', b"401 Unauthorized")], ErrorClass.STATUS_401, 0),
    "404 without a body": ([sized(b"", b"404 Not Found")], ErrorClass.STATUS_404, 0),
    "500 that closes": ([b"HTTP/1.1 500 Oops\r\n\r\nbad", Close()], ErrorClass.STATUS_5XX, 0),
    "a redirect": ([sized(b"", b"302 Found")], ErrorClass.STATUS_3XX, 0),
}


@pytest.mark.parametrize(("steps", "error", "chunks"), STREAMS.values(), ids=STREAMS.keys())
def test_streams(steps: list[Step], error: ErrorClass | None, chunks: int) -> None:
    """Every way a stream can go has its class, and times in order."""
    (found,), _ = asked(lambda _connection, _request: steps)
    assert (found.error, found.chunks) == (error, chunks)
    assert 0 < found.sent_ns <= found.end_ns
    if not error:
        assert found.sent_ns < found.first_byte_ns <= found.first_token_ns <= found.last_token_ns <= found.end_ns
        assert found.finish_reason == "stop"


PLAIN = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}'


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([sized(PLAIN)], None),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + PLAIN, Close()], None),
        ([sized(PLAIN)[:-5], Close()], ErrorClass.DISCONNECTED),
        ([sized(b'{"error":{"message":"boom"}}')], ErrorClass.ERROR_IN_STREAM),
        ([sized(b"<html>")], ErrorClass.PARSE),
        ([sized(b'{"detail":"slow down"}', b"429 Too Many")], ErrorClass.STATUS_429),
    ],
    ids=["whole", "until close", "cut", "an error in a 200", "HTML", "429"],
)
def test_answers_that_are_not_streamed(steps: list[Step], error: ErrorClass | None) -> None:
    """They have no token times."""
    (found,), _ = asked(lambda _connection, _request: steps, stream=False)
    assert found.error == error
    assert found.first_token_ns == 0


@pytest.mark.parametrize(
    ("steps", "limits", "error"),
    [
        ([Hang()], Limits(read_s=0.5), ErrorClass.HEADER_TIMEOUT),
        ([CHUNKED, Hang()], Limits(read_s=0.5), ErrorClass.FIRST_TOKEN_TIMEOUT),
        ([CHUNKED + chunk(TEXT), Hang()], Limits(read_s=0.5), ErrorClass.IDLE_TIMEOUT),
        ([CHUNKED + chunk(TEXT), Hang()], Limits(total_s=0.5), ErrorClass.TOTAL_TIMEOUT),
    ],
    ids=["header", "first token", "idle", "total"],
)
def test_timeouts(steps: list[Step], limits: Limits, error: ErrorClass) -> None:
    """Each wait has its own class, and ends soon after its limit."""
    (found,), _ = asked(lambda _connection, _request: steps, limits=limits)
    assert found.error == error
    assert 500_000_000 <= found.end_ns - found.sent_ns < 10_000_000_000


def test_keep_alive() -> None:
    """Requests in a row use one connection."""
    found, server = asked(lambda _connection, _request: [WHOLE], requests=5)
    assert [one.error for one in found] == [None] * 5
    assert server.connections == 1


def test_connection_close_is_heeded() -> None:
    """A connection that the server wants closed is not used again."""
    closing = [WHOLE.replace(b"chunked\r\n", b"chunked\r\nConnection: close\r\n", 1)]
    found, server = asked(lambda _connection, _request: list(closing), requests=2)
    assert [one.error for one in found] == [None] * 2
    assert server.connections == 2


def test_a_reused_connection_that_died_is_no_failure() -> None:
    """The keep-alive race: sent once more on a new connection, and on record."""
    found, server = asked(lambda _, request: [WHOLE] if request == 0 else [Close()], requests=2)
    assert [(one.error, one.resent) for one in found] == [(None, False), (None, True)]
    assert (server.connections, len(server.requests)) == (2, 3)


def test_a_fresh_connection_that_dies_is_a_failure() -> None:
    """Sent once more is sent once more, not until it works."""
    found, server = asked(lambda connection, request: [WHOLE] if connection + request == 0 else [Close()], requests=2)
    assert [(one.error, one.resent) for one in found] == [(None, False), (ErrorClass.DISCONNECTED, True)]
    assert len(server.requests) == 3


def test_a_connection_closed_while_idle_is_replaced() -> None:
    """Nothing is sent on it, so nothing is sent twice."""
    found, server = asked(lambda _connection, _request: [WHOLE, Close()], requests=2, pause_s=0.2)
    assert [(one.error, one.resent) for one in found] == [(None, False)] * 2
    assert (server.connections, len(server.requests)) == (2, 2)


def test_bytes_after_the_answer_spoil_the_connection() -> None:
    """What nobody asked for must not be taken for the next answer."""
    found, server = asked(lambda _connection, _request: [WHOLE, 0.01, b"junk"], requests=2, pause_s=0.2)
    assert [one.error for one in found] == [None] * 2
    assert server.connections == 2


def test_done_without_the_end_of_the_message() -> None:
    """[DONE] is the end of a stream, though the server forgets to end the message: no wait for a timeout."""
    (found,), _ = asked(lambda _connection, _request: [CHUNKED + chunk(STREAM), Hang()], limits=Limits(total_s=60.0))
    assert found.error is None
    assert found.end_ns == found.last_token_ns


def test_done_though_the_server_goes_on() -> None:
    """What comes after [DONE] neither prolongs the answer nor spoils it."""
    more = [part for _ in range(400) for part in (chunk(b": bye\n\n" + TEXT), 0.1)]
    (found,), _ = asked(lambda _connection, _request: [CHUNKED + chunk(STREAM), *more], limits=Limits(total_s=30.0))
    assert (found.error, found.chunks) == (None, 3)
    assert found.end_ns == found.last_token_ns


def test_nobody_listens() -> None:
    """A refused connection is a connect error, and names the address."""

    async def work() -> Exchange:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        pool = Pool(Target("127.0.0.1", port, False, "/"), Limits(), ["127.0.0.1"], connected=lambda _: None)
        over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        pool.send(exchange_for(0, port, over.set_result, stream=True))
        found = await over
        await pool.close()
        return found

    found = uvloop.run(work())
    assert found.error is ErrorClass.CONNECT
    assert "127.0.0.1" in found.message


def test_a_name_that_does_not_exist() -> None:
    """To have no address is a DNS error of the requests, not a crash."""

    async def work() -> ErrorClass | None:
        target = target_of("http://no-such-host.invalid:1/v1")
        pool = Pool(target, Limits(), [], connected=lambda _: None)
        over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        pool.send(exchange_for(0, 1, over.set_result, stream=True))
        error = (await over).error
        await pool.close()
        return error

    assert uvloop.run(work()) is ErrorClass.DNS


def test_an_address_that_nobody_answers_on_is_left_out() -> None:
    """localhost has two addresses, and most servers listen on one."""

    async def work() -> list[ErrorClass | None]:
        async with raw_server(lambda _connection, _request: [WHOLE]) as server:
            target = Target("localhost", server.port, False, "/")
            pool = Pool(target, Limits(), ["::1", "127.0.0.1"], connected=lambda _: None)
            errors = []
            for index in range(3):
                over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
                pool.send(exchange_for(index, server.port, over.set_result, stream=True))
                errors.append((await over).error)
            await pool.close()
            return errors

    assert uvloop.run(work()) == [None] * 3


def test_closing_ends_what_is_in_flight() -> None:
    """Requests in flight and connects under way fail as cancelled; nothing is left open."""

    async def work() -> list[ErrorClass | None]:
        async with raw_server(lambda _connection, _request: [Hang()]) as server:
            pool = Pool(Target("127.0.0.1", server.port, False, "/"), Limits(), ["127.0.0.1"], connected=lambda _: None)
            ended: list[Exchange] = []
            await pool.warm(2)
            for index in range(4):  # two on the warm connections, two still connecting
                pool.send(exchange_for(index, server.port, ended.append, stream=True))
            await pool.close()
            return [one.error for one in ended]

    assert uvloop.run(work()) == [ErrorClass.CANCELLED] * 4


def test_head_of_requests() -> None:
    """Host with its port where that is not the standard one; the user's headers win; framing stays ours."""
    target = target_of("http://h:81/v1?a=b")
    head = request_head(target, {"User-Agent": "me", "Content-Length": "7", "X-Y": "z"}).decode()
    assert head.startswith("POST /v1?a=b HTTP/1.1\r\nHost: h:81\r\n")
    assert head.endswith("\r\nUser-Agent: me\r\nX-Y: z\r\nContent-Length: ")
    assert b"Host: [::1]\r\n" in request_head(target_of("https://[::1]/"), {})


def test_large_requests_are_sent_whole() -> None:
    """A body that no socket buffer holds arrives byte for byte."""
    body = b"x" * 8_000_000

    async def work() -> bytes:
        async with raw_server(lambda _connection, _request: [WHOLE]) as server:
            pool = Pool(Target("127.0.0.1", server.port, False, "/"), Limits(), ["127.0.0.1"], connected=lambda _: None)
            over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
            one = exchange_for(0, server.port, over.set_result, stream=True)
            one.payload = b"POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n" + body
            pool.send(one)
            assert (await over).error is None
            await pool.close()
            return server.requests[0]

    assert uvloop.run(work()).endswith(b"\r\n\r\n" + body)
