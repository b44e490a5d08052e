"""The connections of one worker process: HTTP/1.1 over an asyncio.Protocol and httptools. Only this module of the
room touches a socket.

One clock reading per socket read; everything in that read has its time. A pool hands out the connection that was used
last (it is the least likely to have been closed). There are no timers per request: one coarse sweep looks at all
requests in flight. Redirects are not followed, nothing is retried, but for one case: a reused connection that the
server had closed before it could answer, which is the keep-alive race of RFC 9112, 9.3.1 and no failure; that request
is sent once more and counted.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools

from evalkube_crds.names import ErrorClass
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.wire.answer import clip

__all__ = ["Limits", "Pool", "Target", "request_head", "resolve", "target_of"]

_clock = time.monotonic_ns
_NANO = 1_000_000_000
_CONNECT_S = 60.0  # where no connect_timeout is given: the kernel alone would try for minutes


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    host: str
    port: int
    tls: bool
    path: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Longest times, in seconds; None = no limit. ``read_s`` is the longest silence, ``total_s`` counts from the
    send.
    """

    connect_s: float | None = None
    read_s: float | None = None
    total_s: float = 21_600.0

    @property
    def sweep_s(self) -> float:
        """How often to look: a tenth of the shortest limit, within bounds that cost nothing and still serve tests."""
        shortest = min(self.read_s or self.total_s, self.total_s)
        return min(max(shortest / 10, 0.01), 1.0)


def target_of(url: str) -> Target:
    """The parts of ``url`` (http or https, checked by the contract)."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.hostname or "", parts.port or (443 if tls else 80), tls, path)


def request_head(target: Target, headers: dict[str, str]) -> bytes:
    """The head of every request up to the value of its last header, ``Content-Length: ``."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    standard = target.port == (443 if target.tls else 80)
    made = {
        "Host": host if standard else f"{host}:{target.port}",
        "User-Agent": "evalkube",
        "Accept": "text/event-stream, application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    ours = {name.lower() for name in headers}
    lines = [f"{name}: {value}\r\n" for name, value in made.items() if name.lower() not in ours]
    lines += [
        f"{name}: {value}\r\n"
        for name, value in headers.items()
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    ]
    return f"POST {target.path} HTTP/1.1\r\n{''.join(lines)}Content-Length: ".encode("latin-1")


async def resolve(target: Target) -> list[str]:
    """The addresses of the host, once, so that no request waits for DNS; none when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class _Connection(asyncio.Protocol):
    """One connection: idle in the pool (``exchange`` is None) or busy with one request."""

    __slots__ = (
        "_complete",
        "_fd",
        "_keep",
        "_parser",
        "_pieces",
        "_pool",
        "exchange",
        "heard_ns",
        "reused",
        "transport",
    )

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
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
        self._pool.released(self, keep=self._keep)
        exchange.conclude(now_ns, whole=True)
        exchange.ended(exchange)

    def eof_received(self) -> bool:
        return False  # the transport closes, connection_lost follows

    def connection_lost(self, problem: Exception | None) -> None:
        exchange, self.exchange = self.exchange, None
        self._pool.lost(self)
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
            self._pool.send_fresh(exchange)
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
            exchange.end_ns = self.heard_ns
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

    def __init__(self, connection: _Connection, pieces: list[bytes]) -> None:
        self.on_body = pieces.append
        self.on_headers_complete = connection.head_seen
        self.on_message_complete = connection.message_seen


class Pool:
    """The connections to one target, and what became of them."""

    def __init__(
        self, target: Target, limits: Limits, addresses: list[str], *, connected: Callable[[int], None]
    ) -> None:
        """``connected`` is told how long each successful connect took, in ns."""
        self._target = target
        self._limits = limits
        self._addresses = addresses
        self._turn = 0
        self._connected = connected
        self._loop = asyncio.get_running_loop()
        self._tls = ssl.create_default_context() if target.tls else None
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._closed = False
        self._emptied: asyncio.Future[None] | None = None
        self.opened = 0
        self.peak = 0
        self._timer = self._loop.call_later(limits.sweep_s, self._sweep)

    def send(self, exchange: Exchange) -> None:
        """Send on the connection used last, else on a new one. Never calls ``exchange.ended`` before it returns."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                connection.send(exchange)
                return
        self.send_fresh(exchange)

    def send_fresh(self, exchange: Exchange) -> None:
        """Send on a connection of its own."""
        task = self._loop.create_task(self._connect_and_send(exchange))
        self._connecting.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._connecting.discard(task)
            if task.cancelled():  # perhaps before its first step, so not for the task itself to say
                self._unconnected(exchange, ErrorClass.CANCELLED, "the load test was stopped")

        task.add_done_callback(over)

    async def warm(self, count: int) -> None:
        """Open ``count`` idle connections ahead; those that fail are left to the requests, which report why."""
        for start in range(0, count, 128):  # a listen queue holds so many (net.core.somaxconn of older kernels)
            tasks = [self._connect() for _ in range(start, min(start + 128, count))]
            found = await asyncio.gather(*tasks, return_exceptions=True)
            self._idle.extend(one for one in found if isinstance(one, _Connection))
            if not any(isinstance(one, _Connection) for one in found):
                return

    def released(self, connection: _Connection, *, keep: bool) -> None:
        """A connection has answered."""
        if keep and connection.usable and not self._closed:
            connection.reused = True
            self._idle.append(connection)
        else:
            connection.abort()

    def lost(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)
        if connection in self._idle:
            self._idle.remove(connection)

    async def close(self) -> None:
        """End everything; requests in flight fail as cancelled."""
        self._closed = True
        self._timer.cancel()
        for task in list(self._connecting):
            task.cancel()
        for connection in list(self._open):
            connection.give_up(ErrorClass.CANCELLED, "the load test was stopped")  # closes idle ones too
        if self._connecting:
            await asyncio.wait(set(self._connecting))
        if self._open:
            self._emptied = self._loop.create_future()
            await self._emptied

    async def _connect_and_send(self, exchange: Exchange) -> None:
        began_ns = _clock()
        try:
            connection = await self._connect()
        except socket.gaierror as problem:
            self._unconnected(exchange, ErrorClass.DNS, problem.strerror or str(problem))
        except ssl.SSLError as problem:
            self._unconnected(exchange, ErrorClass.TLS, str(problem))
        except TimeoutError:
            self._unconnected(exchange, ErrorClass.CONNECT_TIMEOUT, "no connection within the connect timeout")
        except OSError as problem:
            self._unconnected(exchange, ErrorClass.CONNECT, str(problem))
        else:
            exchange.connect_ns = _clock() - began_ns
            connection.send(exchange)

    def _unconnected(self, exchange: Exchange, error: ErrorClass, message: str) -> None:
        exchange.fail(error, clip(f"{self._target.host}:{self._target.port}: {message}"))
        exchange.end_ns = _clock()
        exchange.ended(exchange)

    async def _connect(self) -> _Connection:
        """A new connection; the addresses take turns, and one that fails gives way to the next."""
        began_ns = _clock()
        async with asyncio.timeout(self._limits.connect_s or min(_CONNECT_S, self._limits.total_s)):
            connection = await self._first_that_answers()
        self._connected(_clock() - began_ns)
        self.opened += 1
        self._open.add(connection)
        self.peak = max(self.peak, len(self._open))
        return connection

    async def _first_that_answers(self) -> _Connection:
        """Addresses that do not answer where another one does are left out from then on (localhost: ::1 and
        127.0.0.1).
        """
        self._turn += 1
        addresses, failed = self._addresses, []
        problem: OSError = socket.gaierror(socket.EAI_NONAME, "the name of the host cannot be resolved")
        for at in range(len(addresses)):
            address = addresses[(self._turn + at) % len(addresses)]
            try:
                connection = await self._connect_to(address)
            except OSError as refused:
                problem = refused
                failed.append(address)
            else:
                if failed:
                    self._addresses = [other for other in addresses if other not in failed]
                return connection
        raise problem

    async def _connect_to(self, address: str) -> _Connection:
        name = self._target.host if self._tls is not None else None
        _, connection = await self._loop.create_connection(
            lambda: _Connection(self), address, self._target.port, ssl=self._tls, server_hostname=name
        )
        return connection

    def _sweep(self) -> None:
        """Look at every request in flight; the limits are kept to within ``Limits.sweep_s``."""
        now_ns = _clock()
        read_ns = int(self._limits.read_s * _NANO) if self._limits.read_s else 1 << 62
        total_ns = int(self._limits.total_s * _NANO)
        for connection in list(self._open):
            exchange = connection.exchange
            if exchange is None:
                continue
            if exchange.said_done and now_ns - connection.heard_ns > _NANO:
                connection.settle()
            elif now_ns - exchange.sent_ns > total_ns:
                connection.give_up(ErrorClass.TOTAL_TIMEOUT, f"not answered within {self._limits.total_s:g} s")
            elif now_ns - connection.heard_ns > read_ns:
                connection.give_up(_silence(exchange), f"nothing received for {self._limits.read_s:g} s")
        self._timer = self._loop.call_later(self._limits.sweep_s, self._sweep)


def _silence(exchange: Exchange) -> ErrorClass:
    """Which wait was too long."""
    if not exchange.first_byte_ns:
        return ErrorClass.HEADER_TIMEOUT
    if exchange.streamed and not exchange.first_token_ns and not exchange.refused:
        return ErrorClass.FIRST_TOKEN_TIMEOUT
    return ErrorClass.IDLE_TIMEOUT


def _why(problem: Any) -> str:
    return f": {problem}" if problem is not None else ""
