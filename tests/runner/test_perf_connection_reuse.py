"""Connections of a load test that are used again: when they are, and what becomes of those that died."""

import asyncio
import os

import pytest
import uvloop

from evalkube_crds.names import ErrorClass
from evalkube_runner.http.target import Target
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Pool
from fakes.connections import BY_EITHER, LIMITS, PLAIN, WHOLE, asked, exchange_for, sized
from fakes.raw_server import Close, Step


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
