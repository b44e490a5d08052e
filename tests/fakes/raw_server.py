"""A server that sends exactly the bytes it is told to, whatever HTTP has to say about them."""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

__all__ = ["ANSWER", "Close", "Hang", "RawServer", "Script", "Step", "http_answer", "raw_server"]


@dataclass(frozen=True)
class Hang:
    """Say nothing more; wait for the client to leave."""


@dataclass(frozen=True)
class Close:
    """Close the connection; `reset` without the courtesy."""

    reset: bool = False


Step = bytes | float | Hang | Close
"""Bytes to send, seconds to wait, or an end."""

Script = Callable[[int, int], list[Step]]
"""The steps for (connection, request on it), both counted from 0."""


def http_answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole HTTP/1.1 answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


ANSWER = http_answer(
    b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
"""A stream of one token, of an OpenAI-compatible server."""


@dataclass
class RawServer:
    """Where it listens, and what it was sent."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    close: Callable[[], None] = field(default=lambda: None)
    """Listen no more."""


@contextlib.asynccontextmanager
async def raw_server(script: Script) -> AsyncIterator[RawServer]:
    """Listen on loopback and answer each request by `script`; a connection stays open unless told otherwise."""
    state = RawServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = state.connections
        state.connections += 1
        # Cancelled at the loop's end, too: asyncio of Python 3.12 logs a cancelled handler as an error.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if not await _talk(reader, writer, number, script, state):
                linger = struct.pack("ii", 1, 0)  # on close, for no time: a reset
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.close = server.close
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, script: Script, state: RawServer
) -> bool:
    """Answer until an end; False for a reset."""
    request = 0
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        state.requests.append(head + body)
        state.asked.set()
        for step in script(number, request):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, Hang):
                await reader.read()
                return True
            else:
                return not step.reset
        request += 1
