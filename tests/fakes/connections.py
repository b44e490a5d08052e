"""Requests of a load test over real sockets, one after the other, to a server that sends any bytes."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from evalkube_runner.http.target import Target, request_head
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
from evalkube_runner.wire import openai
from fakes.exchanges import DONE, TEXT
from fakes.raw_server import RawServer, Step, raw_server

__all__ = [
    "BY_EITHER",
    "CHUNKED",
    "DONE",
    "LIMITS",
    "PLAIN",
    "STOP",
    "STREAM",
    "TEXT",
    "UNTIL_CLOSE",
    "WHOLE",
    "asked",
    "chunk",
    "exchange_for",
    "sized",
]

BY_EITHER = pytest.mark.parametrize("kernel_times", [True, False], ids=["kernel's times", "program's times"])
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
LIMITS = Limits(total_s=60.0)
PLAIN = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}'
STREAM = TEXT * 3 + STOP + DONE
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """A chunk of a body (RFC 9112, 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def sized(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer whose head says how long its body is."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


WHOLE = CHUNKED + chunk(STREAM) + b"0\r\n\r\n"


def exchange_for(index: int, port: int, ended: Callable[[Exchange], None], *, stream: bool) -> Exchange:
    """A request with the body `{}`, to that port of this machine."""
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
    """What becomes of `requests`, sent one after the other through one pool, and the server that they met."""

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
