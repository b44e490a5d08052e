"""A connection of a load test: HTTP/1.1 over an asyncio.Protocol and httptools. Only this module, `arrivals` and `pool`
touch a socket.

Everything in a read has that read's time: the kernel's where it has one (`arrivals`), else that of the one clock
reading per read. There are no timers here: the pool sweeps over all requests in flight. Redirects are not followed and
nothing is retried, but for one case: a reused connection that the server had closed before it could answer, which is
the keep-alive race of RFC 9112, 9.3.1 and no failure; that request is sent once more and counted. Interim answers (1xx)
are passed over.

Whether an answer is whole is said by its HTTP message: its length, its last chunk, or, where it has neither, the end
of the connection. Only what a stream itself says of its end ([DONE], a finish reason of every choice) stands above
that. What follows an answer ends the connection and is no part of any answer.
"""

import asyncio
import os
import select
import time
from typing import Protocol

import httptools

from evalkube_crds.names import Clock, ErrorClass
from evalkube_runner.http import framing
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.head import Head
from evalkube_runner.perf.self_watch import Pulse
from evalkube_runner.wire.answer import clip

__all__ = ["Connection", "Owner"]

_clock = time.monotonic_ns


class Owner(Protocol):
    """Who owns a connection, and is told of its end and of answers."""

    def released(self, connection: "Connection", *, keep: bool) -> None:
        """Take the connection back after its answer. `keep`: it may be used again."""

    def lost(self, connection: "Connection") -> None:
        """Note that the connection is closed."""

    def send_fresh(self, exchange: Exchange) -> None:
        """Send a request again, on a new connection."""


class Connection(asyncio.Protocol):
    """A connection: idle in the pool (`exchange` is None) or busy with one request."""

    __slots__ = (
        "_answer_pieces",
        "_complete",
        "_fd",
        "_feed",
        "_head",
        "_head_bytes",
        "_keep",
        "_owner",
        "_parser",
        "_pieces",
        "_poll",
        "_pulse",
        "_stamped",
        "_url",
        "done_ns",
        "exchange",
        "heard_ns",
        "reused",
        "transport",
    )

    def __init__(self, owner: Owner, url: str, pulse: Pulse) -> None:
        """`url`: what relative redirects refer to. `pulse` tells how late a read may be."""
        self._owner = owner
        self._pulse = pulse
        self._url = url
        self._pieces: list[bytes] = []
        self._answer_pieces: int | None = None  # how many of them are the answer's, where something follows it
        self._complete = False
        self._keep = True
        self._head = Head()
        self._head_bytes = 0
        self._parser = httptools.HttpResponseParser(_Callbacks(self, self._pieces, self._head))
        self._feed = self._parser.feed_data
        self.exchange: Exchange | None = None
        self.heard_ns = 0
        self.done_ns = 0
        self.reused = False
        self.transport: asyncio.Transport | None = None
        self._fd = -1
        self._poll: select.poll | None = None
        self._stamped = False  # whether the last read had the kernel's time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream connection has a Transport
        if transport.get_extra_info("sslcontext") is None:
            self._fd = transport.get_extra_info("socket").fileno()
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLIN)

    @property
    def usable(self) -> bool:
        """Whether a request can still be written to it; not while the last one, answered early, has not left it."""
        transport = self.transport
        return transport is not None and not transport.is_closing() and not transport.get_write_buffer_size()

    @property
    def quiet(self) -> bool:
        """Whether the server has sent nothing since its last answer, and has not closed, as far as the kernel knows.
        What waits there would be taken for the answer to the next request. Not known of TLS, which talks of itself.
        """
        return self._poll is None or not self._poll.poll(0)

    def send(self, exchange: Exchange) -> None:
        """Write a request; the clock is read right before the write. (The kernel's own time of sending would have to be
        fetched from the socket's error queue, a call more for each request, and says the same to some microseconds.)

        Straight to the kernel where there is no TLS in between: uvloop's `write` only queues until the end of the
        loop's turn, and in a turn with hundreds of answers the request would leave milliseconds after its time.
        """
        assert self.transport is not None
        self.exchange = exchange
        payload = exchange.payload
        self._head_bytes = self.done_ns = 0
        exchange.clock = None
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

    def message_begun(self) -> None:
        if not self._complete:
            self._head.begin()
        elif self._answer_pieces is None:
            self._answer_pieces = len(self._pieces)
            self._keep = False

    def head_seen(self) -> None:
        status = self._parser.get_status_code()
        exchange = self.exchange
        if exchange is None or self._complete or status < 200:
            return
        exchange.status = status
        if not exchange.first_byte_ns:  # it came in one read with an interim answer
            exchange.first_byte_ns = self.heard_ns
        objection = self._head.objection(status, self._url)
        if objection is not None:
            exchange.fail(objection.error, objection.message)

    def message_seen(self) -> None:
        if self._complete:
            return
        if self._parser.get_status_code() >= 200:
            self._complete = True
            self._keep = self._parser.should_keep_alive()
        elif self.exchange is not None:  # 1xx only announce the answer
            self.exchange.first_byte_ns = 0

    def data_received(self, data: bytes) -> None:
        self._stamped = False
        if self.exchange is not None:
            self.exchange.timed_by(Clock.PROGRAM)
        self._take(data, _clock())

    def arrived(self, data: bytes, at_ns: int) -> None:
        """Take bytes that arrived at `at_ns`, by the kernel's clock."""
        if not self._stamped:
            self._stamped = True
            if self.exchange is not None:
                self.exchange.timed_by(Clock.KERNEL)
        if at_ns < self.heard_ns:  # only where somebody sets the wall clock
            at_ns = self.heard_ns
        self._take(data, at_ns)

    def _take(self, data: bytes, now_ns: int) -> None:
        exchange = self.exchange
        if exchange is None:  # bytes that nobody asked for: what follows could be taken for the next answer
            self.abort()
            return
        self.heard_ns = now_ns
        if not exchange.first_byte_ns:
            exchange.first_byte_ns = now_ns
            if self._stamped:
                exchange.timed_by(Clock.KERNEL)
        if not exchange.status:
            self._head_bytes += len(data)
        fault, said_done = "", False
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            fault = self._unparsed(problem)
        if self._answer_pieces is not None:
            self._leave_out_rest()
        if not exchange.status and self._head_bytes > framing.MAX_HEAD_BYTES:
            fault = fault or framing.HEAD_TOO_LONG
        pieces = self._pieces
        if pieces:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            said_done = exchange.body(body, now_ns)
        if now_ns > self._pulse.overdue_ns:
            self._late(exchange, now_ns)
        if self._complete:
            self._finish(exchange, now_ns)
        elif said_done and not self.done_ns:
            self.done_ns = now_ns
        if fault and self.exchange is exchange:
            self._broken(fault)

    def _late(self, exchange: Exchange, now_ns: int) -> None:
        """The time for which the bytes of this read may have waited while this process stood still. By the kernel's
        clock that only matters for a first token that others followed.
        """
        lag_ns = self._pulse.lag_ns(now_ns)
        if exchange.first_token_ns == now_ns and not (self._stamped and exchange.one_event and not self._complete):
            exchange.first_token_lag_ns = lag_ns
            exchange.pace_ns = self._pulse.pace_ns
        if self._complete and not self._stamped:
            exchange.end_lag_ns = lag_ns

    def _unparsed(self, problem: Exception) -> str:
        """The fault of bytes that cannot be parsed; none where the answer was complete before."""
        if not self._complete:
            return framing.not_http(problem)
        self._keep = False
        return ""

    def _leave_out_rest(self) -> None:
        """Drop the bytes that follow an answer: they are no part of it."""
        del self._pieces[self._answer_pieces :]
        self._answer_pieces = None

    def _broken(self, fault: str) -> None:
        """End a message that cannot be read any further. A stream that has said its end is still complete."""
        if self.done_ns:
            self.settle()
        else:
            self.give_up(ErrorClass.PARSE, fault)

    def _finish(self, exchange: Exchange, now_ns: int) -> None:
        self._complete = False
        self.exchange = None
        exchange.end_ns = now_ns
        self._owner.released(self, keep=self._keep)
        exchange.conclude(now_ns, whole=True)
        if exchange.spans and not exchange.first_token_lag_ns:
            self._pulse.heard(exchange.spans[0])
        exchange.ended(exchange)

    def eof_received(self) -> bool:
        return False  # the transport closes, connection_lost follows

    def connection_lost(self, problem: Exception | None) -> None:
        exchange, self.exchange = self.exchange, None
        self._owner.lost(self)
        if exchange is None:
            return
        if not self._head_bytes:
            self._unanswered(exchange, problem)
            return
        if not exchange.status:
            exchange.fail(
                ErrorClass.DISCONNECTED, clip(f"the connection was lost in the head of the answer{_why(problem)}")
            )
        exchange.end_ns = _clock()
        exchange.timed_by(Clock.PROGRAM)
        exchange.end_lag_ns = self._pulse.lag_ns(exchange.end_ns)
        exchange.conclude(exchange.end_ns, whole=problem is None and self._head.until_close)
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
        """End a request whose stream said it was done though the message goes on: it is whole, and was then."""
        exchange, self.exchange = self.exchange, None
        self.abort()
        if exchange is not None:
            exchange.end_ns = self.done_ns
            exchange.conclude(exchange.end_ns, whole=True)
            exchange.ended(exchange)

    def abort(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()


class _Callbacks:
    """The callbacks of httptools. `on_body` appends to a list: chunks of one read are joined, not handled one by
    one.
    """

    __slots__ = ("on_body", "on_header", "on_headers_complete", "on_message_begin", "on_message_complete")

    def __init__(self, connection: Connection, pieces: list[bytes], head: Head) -> None:
        self.on_message_begin = connection.message_begun
        self.on_header = head.field
        self.on_headers_complete = connection.head_seen
        self.on_body = pieces.append
        self.on_message_complete = connection.message_seen


def _why(problem: Exception | None) -> str:
    return f": {problem}" if problem is not None else ""
