"""Connections of a load test from their opening to their end, and what is sent on them."""

import asyncio
import os
import resource
import socket

import uvloop

from evalkube_crds.names import ErrorClass
from evalkube_runner.http.target import Target, request_head, target_of
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
from fakes.connections import BY_EITHER, LIMITS, WHOLE, exchange_for
from fakes.raw_server import Hang, raw_server


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
