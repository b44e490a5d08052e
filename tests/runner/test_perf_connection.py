"""The connection engine against a server that sends any bytes: what each request is reported as."""

import asyncio
import os
import resource
import socket
from collections.abc import Callable

import pytest
import uvloop

from evalkube_crds.names import ErrorClass
from evalkube_runner.http.target import Target, request_head, target_of
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
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
    kernel_times: bool = True,
) -> tuple[list[Exchange], RawServer]:
    """Send ``requests`` one after the other through one pool."""

    async def work() -> tuple[list[Exchange], RawServer]:
        async with raw_server(script) as server:
            target = Target("127.0.0.1", server.port, False, "/v1")
            pool = Pool(target, limits, ["127.0.0.1"], connected=lambda _: None, kernel_times=kernel_times)
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
    "a broken chunk": ([CHUNKED + chunk(TEXT) + b"zz\r\n"], ErrorClass.PARSE, 1),
    "a broken chunk after [DONE]": ([CHUNKED + chunk(STREAM) + b"zz\r\n"], None, 3),
    "cut in its length, after [DONE]": ([sized(STREAM)[:-1], Close()], None, 3),
    "cut in its length, after the finish reason": ([sized(TEXT * 3 + STOP + DONE)[: -len(DONE)], Close()], None, 3),
    "cut in its length, before the finish reason": (
        [sized(TEXT * 3 + STOP + DONE)[: -len(STOP + DONE)], Close()],
        ErrorClass.TRUNCATED_STREAM,
        3,
    ),
    "no last chunk, after the finish reason": ([CHUNKED + chunk(TEXT * 3 + STOP), Close()], None, 3),
    "reset after the finish reason": ([CHUNKED + chunk(TEXT * 3 + STOP), 0.1, Close(reset=True)], None, 3),
    "until the connection closes, without [DONE]": ([UNTIL_CLOSE + TEXT * 3 + STOP, Close()], None, 3),
    "until the connection is reset": (
        [UNTIL_CLOSE + TEXT * 3, 0.1, Close(reset=True)],
        ErrorClass.TRUNCATED_STREAM,
        3,
    ),
    "103 Early Hints, twice": ([(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") * 2 + WHOLE], None, 3),
    "an interim answer in a read of its own": ([b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, WHOLE], None, 3),
    "an interim answer and no more": ([b"HTTP/1.1 100 Continue\r\n\r\n", Close()], ErrorClass.DISCONNECTED, 0),
    "cut in the status line": ([b"HTTP/1.1 20", Close()], ErrorClass.DISCONNECTED, 0),
    "cut in the head": ([CHUNKED[:40], Close()], ErrorClass.DISCONNECTED, 0),
    "reset in the head": ([CHUNKED[:40], 0.1, Close(reset=True)], ErrorClass.DISCONNECTED, 0),
    "a head without end": ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2_000_000], ErrorClass.PARSE, 0),
    "interim answers without end": ([b"HTTP/1.1 100 Continue\r\n\r\n" * 60_000], ErrorClass.PARSE, 0),
    "an error event": ([sized(TEXT + b'data: {"error":{"message":"boom"}}\n\n')], ErrorClass.ERROR_IN_STREAM, 1),
    "a plain answer": ([sized(b'{"choices":[{"finish_reason":"stop"}]}')], ErrorClass.PARSE, 0),
    "401": ([sized(b'{"error":{"message":"who?"}}', b"401 Unauthorized")], ErrorClass.STATUS_401, 0),
    "404 without a body": ([sized(b"", b"404 Not Found")], ErrorClass.STATUS_404, 0),
    "500 that closes": ([b"HTTP/1.1 500 Oops\r\n\r\nbad", Close()], ErrorClass.STATUS_5XX, 0),
    "a redirect": ([sized(b"", b"302 Found")], ErrorClass.STATUS_3XX, 0),
}


BY_EITHER = pytest.mark.parametrize("kernel_times", [True, False], ids=["kernel's times", "program's times"])
"""Plain TCP is read in two ways, and both read the same."""


@BY_EITHER
@pytest.mark.parametrize(("steps", "error", "chunks"), STREAMS.values(), ids=STREAMS.keys())
def test_streams(steps: list[Step], error: ErrorClass | None, chunks: int, *, kernel_times: bool) -> None:
    """Every way a stream can go has its class, and times in order."""
    (found,), _ = asked(lambda _connection, _request: steps, kernel_times=kernel_times)
    assert (found.error, found.chunks) == (error, chunks)
    assert 0 < found.sent_ns <= found.end_ns
    if not error:
        assert found.sent_ns < found.first_byte_ns <= found.first_token_ns <= found.last_token_ns <= found.end_ns
        assert found.finish_reason == "stop"


COMPRESSED = b"HTTP/1.1 %s\r\nContent-Encoding: %s\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"


def redirect(status: bytes, location: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (redirect(b"307 Moved", b"https://else.where/v1"), ErrorClass.STATUS_3XX, "to https://else.where/v1; use that"),
        (redirect(b"301 Moved", b"/v2/chat?a=b"), ErrorClass.STATUS_3XX, "/v2/chat?a=b; use that address as url"),
        (redirect(b"302 Found", b"//[oops"), ErrorClass.STATUS_3XX, "redirects to //[oops"),
        (redirect(b"302 Found", "/\u8def".encode()), ErrorClass.STATUS_3XX, "/\u8def; use"),
        (redirect(b"401 Unauthorized", b"/login"), ErrorClass.STATUS_401, ""),
        (COMPRESSED % (b"200 OK", b"gzip"), ErrorClass.PARSE, "compressed (Content-Encoding: gzip)"),
        (COMPRESSED % (b"200 OK", b"identity, BR"), ErrorClass.PARSE, "compressed (Content-Encoding: br)"),
        (COMPRESSED % (b"200 OK", b"zstd"), ErrorClass.PARSE, "compressed (Content-Encoding: zstd)"),
        (COMPRESSED % (b"503 Busy", b"deflate"), ErrorClass.STATUS_5XX, "compressed (Content-Encoding: deflate)"),
    ],
)
def test_what_a_head_says_against_its_answer(answer: bytes, error: ErrorClass, words: str, *, stream: bool) -> None:
    """Where a redirect leads, and that a body is compressed, is told in words; the connection is used again."""
    found, server = asked(lambda _connection, _request: [answer], requests=2, stream=stream)
    assert [one.error for one in found] == [error] * 2
    assert words in found[0].message
    assert server.connections == 1


def test_an_encoding_that_is_none() -> None:
    """`identity` is no compression, and a trailer is no head."""
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: identity\r\n\r\n")
    trailer = b"0\r\nContent-Encoding: gzip\r\n\r\n"
    (found,), _ = asked(lambda _connection, _request: [head + chunk(STREAM) + trailer])
    assert found.error is None


PLAIN = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}'


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([sized(PLAIN)], None),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + PLAIN, Close()], None),
        ([sized(PLAIN)[:-5], Close()], ErrorClass.DISCONNECTED),
        ([sized(PLAIN + b"\n")[:-1], Close()], ErrorClass.DISCONNECTED),
        ([CHUNKED + chunk(PLAIN), Close()], ErrorClass.DISCONNECTED),
        ([CHUNKED + chunk(PLAIN) + b"0\r\n\r\n"], None),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + PLAIN, 0.1, Close(reset=True)], ErrorClass.DISCONNECTED),
        ([sized(b'{"error":{"message":"boom"}}')], ErrorClass.ERROR_IN_STREAM),
        ([sized(b"<html>")], ErrorClass.PARSE),
        ([sized(b'{"detail":"slow down"}', b"429 Too Many")], ErrorClass.STATUS_429),
    ],
    ids=[
        "whole",
        "until close",
        "cut",
        "cut, though the JSON is whole",
        "chunked, without its end",
        "chunked",
        "until reset",
        "an error in a 200",
        "HTML",
        "429",
    ],
)
@BY_EITHER
def test_answers_that_are_not_streamed(steps: list[Step], error: ErrorClass | None, *, kernel_times: bool) -> None:
    """They have no token times."""
    (found,), _ = asked(lambda _connection, _request: steps, stream=False, kernel_times=kernel_times)
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


@BY_EITHER
def test_keep_alive(*, kernel_times: bool) -> None:
    """Requests in a row use one connection."""
    found, server = asked(lambda _connection, _request: [WHOLE], requests=5, kernel_times=kernel_times)
    assert [one.error for one in found] == [None] * 5
    assert server.connections == 1


def test_connection_close_is_heeded() -> None:
    """A connection that the server wants closed is not used again."""
    closing = [WHOLE.replace(b"chunked\r\n", b"chunked\r\nConnection: close\r\n", 1)]
    found, server = asked(lambda _connection, _request: list(closing), requests=2)
    assert [one.error for one in found] == [None] * 2
    assert server.connections == 2


@BY_EITHER
def test_a_reused_connection_that_died_is_no_failure(*, kernel_times: bool) -> None:
    """The keep-alive race: sent once more on a new connection, and on record."""
    script: dict[int, list[Step]] = {0: [WHOLE], 1: [Close()]}
    found, server = asked(lambda _, request: list(script[request]), requests=2, kernel_times=kernel_times)
    assert [(one.error, one.resent) for one in found] == [(None, False), (None, True)]
    assert (server.connections, len(server.requests)) == (2, 3)


def test_a_fresh_connection_that_dies_is_a_failure() -> None:
    """Sent once more is sent once more, not until it works."""
    found, server = asked(lambda connection, request: [WHOLE] if connection + request == 0 else [Close()], requests=2)
    assert [(one.error, one.resent) for one in found] == [(None, False), (ErrorClass.DISCONNECTED, True)]
    assert len(server.requests) == 3


@BY_EITHER
def test_a_connection_closed_while_idle_is_replaced(*, kernel_times: bool) -> None:
    """Nothing is sent on it, so nothing is sent twice."""
    script: list[Step] = [WHOLE, Close()]
    found, server = asked(lambda _connection, _request: script, requests=2, pause_s=0.2, kernel_times=kernel_times)
    assert [(one.error, one.resent) for one in found] == [(None, False)] * 2
    assert (server.connections, len(server.requests)) == (2, 2)


def test_bytes_after_the_answer_spoil_the_connection() -> None:
    """What nobody asked for must not be taken for the next answer."""
    found, server = asked(lambda _connection, _request: [WHOLE, 0.01, b"junk"], requests=2, pause_s=0.2)
    assert [one.error for one in found] == [None] * 2
    assert server.connections == 2


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("after", "connections"),
    [
        (b"junk", 2),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad", 2),
        (b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", 2),
        (WHOLE, 2),
        (sized(b'{"choices":[{"finish_reason":"length"}]}'), 2),
        (b"\r\n", 1),
    ],
    ids=["junk", "an error", "a timeout", "another stream", "another answer", "an empty line"],
)
def test_what_follows_an_answer_is_none_of_it(after: bytes, connections: int, *, stream: bool) -> None:
    """In one read with the answer: that one is whole, and neither it nor the next one gets any of those bytes."""
    whole = WHOLE if stream else sized(PLAIN)
    found, server = asked(lambda _connection, _request: [whole + after], requests=2, stream=stream)
    assert [(one.error, one.status, one.finish_reason) for one in found] == [(None, 200, "stop")] * 2
    assert [one.chunks for one in found] == [3 if stream else 0] * 2
    assert server.connections == connections


def test_a_goodbye_before_bytes_of_its_own() -> None:
    """`Connection: close` and bytes after the answer."""
    closing = WHOLE.replace(b"chunked\r\n", b"chunked\r\nConnection: close\r\n", 1)
    (found,), _ = asked(lambda _connection, _request: [closing + b"junk"])
    assert (found.error, found.chunks) == (None, 3)


def test_what_waits_in_the_kernel_is_not_the_next_answer() -> None:
    """Bytes that came while the client was busy elsewhere: the next request leaves on another connection."""

    async def work() -> tuple[list[ErrorClass | None], int]:
        writers: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            await reader.readuntil(b"{}")
            writer.write(WHOLE)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = Pool(Target("127.0.0.1", port, False, "/"), LIMITS, ["127.0.0.1"], connected=lambda _: None)
        ended: asyncio.Queue[Exchange] = asyncio.Queue()
        pool.send(exchange_for(0, port, ended.put_nowait, stream=True))
        found = [await ended.get()]
        os.write(writers[0].get_extra_info("socket").fileno(), b"junk")
        pool.send(exchange_for(1, port, ended.put_nowait, stream=True))  # before the loop has read that
        found.append(await ended.get())
        await pool.close()
        for writer in writers:
            writer.close()
        server.close()
        return [one.error for one in found], len(writers)

    assert uvloop.run(work()) == ([None, None], 2)


def test_done_and_no_end_of_what_follows() -> None:
    """A server that goes on and on after [DONE]: the answer ended there."""
    steps: list[Step] = [CHUNKED + chunk(STREAM)]
    for _ in range(40):
        steps += [chunk(b": still here\n\n"), 0.1]
    (found,), _ = asked(lambda _connection, _request: steps, limits=Limits(total_s=60.0))
    assert (found.error, found.chunks) == (None, 3)
    assert found.end_ns == found.last_token_ns


def test_the_first_byte_is_not_an_interim_answers() -> None:
    """100 Continue comes at once, the answer 0.2 s later."""
    steps: list[Step] = [b"HTTP/1.1 100 Continue\r\n\r\n", 0.2, WHOLE]
    (found,), _ = asked(lambda _connection, _request: steps)
    assert found.first_byte_ns - found.sent_ns >= 190_000_000


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


def test_no_descriptor_is_left() -> None:
    """It is our own limit that is told, and not that the target is not there."""

    async def work() -> Exchange:
        async with raw_server(lambda _connection, _request: [WHOLE]) as server:
            pool = Pool(Target("127.0.0.1", server.port, False, "/"), LIMITS, ["127.0.0.1"], connected=lambda _: None)
            over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
            next_free = os.dup(0)
            os.close(next_free)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, hard))
            try:
                pool.send(exchange_for(0, server.port, over.set_result, stream=True))
                found = await over
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await pool.close()
            return found

    found = uvloop.run(work())
    assert found.error is ErrorClass.CLIENT_LIMIT
    assert "ulimit -n" in found.message


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


@BY_EITHER
def test_large_requests_are_sent_whole(*, kernel_times: bool) -> None:
    """A body that no socket buffer holds arrives byte for byte."""
    body = b"x" * 8_000_000

    async def work() -> bytes:
        async with raw_server(lambda _connection, _request: [WHOLE]) as server:
            target = Target("127.0.0.1", server.port, False, "/")
            pool = Pool(target, Limits(), ["127.0.0.1"], connected=lambda _: None, kernel_times=kernel_times)
            over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
            one = exchange_for(0, server.port, over.set_result, stream=True)
            one.payload = b"POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n" + body
            pool.send(one)
            assert (await over).error is None
            await pool.close()
            return server.requests[0]

    assert uvloop.run(work()).endswith(b"\r\n\r\n" + body)
