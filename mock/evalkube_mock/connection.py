"""One client connection: reads bytes, passes requests on in order, writes answers. It decides nothing about answers.

Requests that arrive while one is answered (pipelining) wait. If nothing is buffered, writes go straight to the socket,
because uvloop's own write waits for the end of the loop's turn. When many tokens are due at once, that would delay the
first by the rendering of all others.
"""

import asyncio
import os
import time
from collections import deque
from typing import cast

import httptools

from evalkube_mock import wire
from evalkube_mock.dialects import table
from evalkube_mock.dialects.model import RefusedError
from evalkube_mock.engine import Engine, Request
from evalkube_mock.generation import Generation

__all__ = ["Connection"]

_MAX_REQUEST_BYTES = 64 << 20
_MAX_WAITING = 32  # pipelined requests, above which the socket is not read


class Connection(asyncio.Protocol):
    """A speaker of HTTP/1.1 for an engine; also the `Channel` of the engine and of a generation."""

    def __init__(self, engine: Engine, connections: set["Connection"]) -> None:
        self._engine = engine
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._generation: Generation | None = None
        self._busy = False  # a request is being answered
        self._turning = False
        self._full = False
        self._spilled = False  # something is or was left to the transport's buffer
        self._unfinished_bytes = 0  # of the request that is being read
        self._closing = False
        self._fd = -1

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._fd = transport.get_extra_info("socket").fileno()
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fd = -1
        self._closing = True
        self._connections.discard(self)
        self._waiting.clear()
        if self._generation is not None:
            generation, self._generation = self._generation, None
            self._engine.abandon(generation)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._unfinished_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An offer that is declined by answering plainly. What follows was not parsed as HTTP, so close after it.
            if self._waiting:
                self._waiting[-1].keep_alive = False
        except httptools.HttpParserError as error:
            self._give_up(400, f"Not HTTP/1.1: {error}")
        if self._unfinished_bytes > _MAX_REQUEST_BYTES:
            self._give_up(413, f"The request is larger than {_MAX_REQUEST_BYTES} bytes.")
        self._turn()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._generation is not None:
            self._generation.resume()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        # Only where no answer is under way could the interim answer be told from it.
        if not self._busy and not self._waiting:
            for name, value in self._headers:
                if len(name) == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
                    self.send(wire.CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        received_ns = time.monotonic_ns()
        self._unfinished_bytes = 0
        if self._closing:
            return
        path, _, query = self._url.partition(b"?")
        modern = self._parser.get_http_version() == "1.1"
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=path.decode("latin-1"),
            query=query.decode("latin-1"),
            headers=self._headers,
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            chunked=modern,
            keep_alive=modern and self._parser.should_keep_alive(),
            received_ns=received_ns,
            waited=self._busy or bool(self._waiting),
        )
        self._waiting.append(request)
        if len(self._waiting) == _MAX_WAITING:
            self._transport.pause_reading()

    # Channel

    def send(self, data: bytes) -> None:
        """Writes, in order."""
        if self._fd < 0 or not data:
            return
        sent = 0
        if not self._spilled or not self._transport.get_write_buffer_size():
            self._spilled = False
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                pass
            except OSError:
                # The client is gone. connection_lost comes in the loop's next turn and abandons what is under way.
                self._fd = -1
                self._transport.abort()
                return
        if sent < len(data):
            self._spilled = True
            self._transport.write(memoryview(data)[sent:])

    def is_full(self) -> bool:
        """Whether the client reads too slowly."""
        return self._full

    def done(self, *, keep_alive: bool) -> None:
        """Completes the answer to the current request; closes the connection unless `keep_alive`."""
        self._busy = False
        self._generation = None
        if not keep_alive:
            self._close()
        self._turn()

    def abort(self) -> None:
        """Drops the connection, because the server stops."""
        self._transport.abort()

    def _turn(self) -> None:
        """Takes the next request if none is being answered. It is a loop, not a recursion through `done`."""
        if self._turning:
            return
        self._turning = True
        try:
            while self._waiting and not self._busy and not self._closing:
                request = self._waiting.popleft()
                if len(self._waiting) == _MAX_WAITING - 1:
                    self._transport.resume_reading()
                self._busy = True
                self._generation = self._engine.accept(self, request)
        finally:
            self._turning = False

    def _give_up(self, status: int, message: str) -> None:
        """Answers an unreadable request, once, unless this would damage another answer."""
        if self._closing:
            return
        if not self._busy and not self._waiting:
            body = table.FALLBACK.error(
                RefusedError(status, message), 0
            )  # no dialect is known where the request is not
            self.send(wire.response(status, body, keep_alive=False))
        self._close()

    def _close(self) -> None:
        self._closing = True
        self._waiting.clear()
        self._fd = -1
        self._transport.close()
