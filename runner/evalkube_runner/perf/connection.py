"""One connection: HTTP/1.1 over an asyncio.Protocol and httptools. Only this module and ``pool`` touch a socket.

One clock reading per socket read; everything in that read has its time. There are no timers here: the pool sweeps over
all requests in flight. Redirects are not followed and nothing is retried, but for one case: a reused connection that
the server had closed before it could answer, which is the keep-alive race of RFC 9112, 9.3.1 and no failure; that
request is sent once more and counted.
"""

import asyncio
import os
import time
from typing import Protocol

import httptools

from evalkube_crds.names import ErrorClass
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.wire.answer import clip

__all__ = ["Connection", "Owner"]

_clock = time.monotonic_ns


class Owner(Protocol):
    """Whom a connection tells what becomes of it."""

    def released(self, connection: "Connection", *, keep: bool) -> None:
        """It has answered; ``keep``: it may be used again."""

    def lost(self, connection: "Connection") -> None:
        """It is gone."""

    def send_fresh(self, exchange: Exchange) -> None:
        """Send a request again, on a new connection."""


class Connection(asyncio.Protocol):
    """One connection: idle in the pool (``exchange`` is None) or busy with one request."""

    __slots__ = (
        "_complete",
        "_fd",
        "_keep",
        "_owner",
        "_parser",
        "_pieces",
        "exchange",
        "heard_ns",
        "reused",
        "transport",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._pieces: list[bytes] = []
        self._complete = False
        self._keep = True
        self._parser = httptools.HttpResponseParser(_Callbacks(self, self._pieces))
        self.exchange: Exchange | None = None
        self.heard_ns = 0
        self.reused = False
        self.transport: asyncio.Transport | None = None
        self._fd = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream connection has a Transport
        if transport.get_extra_info("sslcontext") is None:
            self._fd = transport.get_extra_info("socket").fileno()

    @property
    def usable(self) -> bool:
        """Whether a request can still be written to it."""
        return self.transport is not None and not self.transport.is_closing()

    def send(self, exchange: Exchange) -> None:
        """Write a request; the clock is read before the write.

        Straight to the kernel where there is no TLS in between: uvloop's ``write`` only queues until the end of the
        loop's turn, and in a turn with hundreds of answers the request would leave milliseconds after its time.
        """
        assert self.transport is not None
        self.exchange = exchange
        payload = exchange.payload
        exchange.sent_ns = self.heard_ns = _clock()
        if self._fd >= 0:
            try:
                written = os.write(self._fd, payload)
            except BlockingIOError:
                written = 0
            except OSError:  # the server has closed it
                self.transport.abort()
                return
            if written == len(payload):
                return
            payload = payload[written:]
        self.transport.write(payload)

    def head_seen(self) -> None:
        status = self._parser.get_status_code()
        if self.exchange is not None and status >= 200:
            self.exchange.status = status

    def message_seen(self) -> None:
        if self._parser.get_status_code() >= 200:  # 1xx only announce the answer
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    def data_received(self, data: bytes) -> None:
        now_ns = _clock()
        exchange = self.exchange
        if exchange is None:  # bytes that nobody asked for: what follows could be taken for the next answer
            self.abort()
            return
        self.heard_ns = now_ns
        if not exchange.first_byte_ns:
            exchange.first_byte_ns = now_ns
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            self._pieces.clear()
            self.give_up(ErrorClass.PARSE, f"the answer is not HTTP/1.1: {problem}")
            return
        pieces = self._pieces
        if pieces:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            exchange.body(body, now_ns)
        if self._complete:
            self._finish(exchange, now_ns)

    def _finish(self, exchange: Exchange, now_ns: int) -> None:
        self._complete = False
        self.exchange = None
        exchange.end_ns = now_ns
        self._owner.released(self, keep=self._keep)
        exchange.conclude(now_ns, whole=True)
        exchange.ended(exchange)

    def eof_received(self) -> bool:
        return False  # the transport closes, connection_lost follows

    def connection_lost(self, problem: Exception | None) -> None:
        exchange, self.exchange = self.exchange, None
        self._owner.lost(self)
        if exchange is None:
            return
        if not exchange.first_byte_ns:
            self._unanswered(exchange, problem)
            return
        exchange.end_ns = _clock()
        exchange.conclude(exchange.end_ns, whole=False)
        exchange.ended(exchange)

    def _unanswered(self, exchange: Exchange, problem: Exception | None) -> None:
        if self.reused and not exchange.resent:
            exchange.resent = True
            self._owner.send_fresh(exchange)
            return
        unsent = self.transport is not None and self.transport.get_write_buffer_size() > 0
        exchange.fail(
            ErrorClass.SEND if unsent else ErrorClass.DISCONNECTED,
            clip(f"the server closed the connection without an answer{_why(problem)}"),
        )
        exchange.end_ns = _clock()
        exchange.ended(exchange)

    def give_up(self, error: ErrorClass, message: str) -> None:
        """End the request in flight as failed, and the connection with it."""
        exchange, self.exchange = self.exchange, None
        self.abort()
        if exchange is not None:
            exchange.fail(error, clip(message))
            exchange.end_ns = _clock()
            exchange.conclude(exchange.end_ns, whole=False)
            exchange.ended(exchange)

    def settle(self) -> None:
        """End a request whose stream said it was done though the connection stays open: it is whole."""
        exchange, self.exchange = self.exchange, None
        self.abort()
        if exchange is not None:
            exchange.end_ns = exchange.done_ns
            exchange.conclude(exchange.end_ns, whole=True)
            exchange.ended(exchange)

    def abort(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()


class _Callbacks:
    """What httptools calls. ``on_body`` is the append of a list: chunks of one read are joined, not handled one by
    one.
    """

    __slots__ = ("on_body", "on_headers_complete", "on_message_complete")

    def __init__(self, connection: Connection, pieces: list[bytes]) -> None:
        self.on_body = pieces.append
        self.on_headers_complete = connection.head_seen
        self.on_message_complete = connection.message_seen


def _why(problem: Exception | None) -> str:
    return f": {problem}" if problem is not None else ""
