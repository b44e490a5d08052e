"""The connections of one worker process to one target: it chooses which is used, opens new ones, and ends what takes
too long.

A pool hands out the connection that was used last (it is the least likely to have been closed). One coarse sweep
looks at all requests in flight, so that no request pays for a timer.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from evalkube_crds.names import ErrorClass
from evalkube_crds.proxies import Proxy
from evalkube_runner.http.connecting import fault_of, opened, way_to
from evalkube_runner.http.target import Target
from evalkube_runner.perf.arrivals import Arrivals
from evalkube_runner.perf.connection import Connection
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.self_watch import Pulse
from evalkube_runner.trust import Trust
from evalkube_runner.wire.answer import clip

__all__ = ["Limits", "Pool"]

_clock = time.monotonic_ns
_NANO = 1_000_000_000
_USUAL = Trust()
_CONNECT_S = 60.0  # where no connect_timeout is given: the kernel alone would try for minutes


@dataclass(frozen=True, slots=True)
class Limits:
    """The time limits, in seconds; None = no limit. `read_s` is the longest silence, `total_s` counts from the send."""

    connect_s: float | None = None
    read_s: float | None = None
    total_s: float = 21_600.0

    @property
    def sweep_s(self) -> float:
        """The pause between two looks at the limits: a tenth of the shortest limit, within bounds that cost nothing and
        still serve tests.
        """
        shortest = min(self.read_s or self.total_s, self.total_s)
        return min(max(shortest / 10, 0.01), 1.0)


class Pool:
    """The connections to one target, and their counts."""

    def __init__(
        self,
        target: Target,
        limits: Limits,
        addresses: list[str],
        *,
        connected: Callable[[int], None],
        pulse: Pulse | None = None,
        trust: Trust = _USUAL,
        proxy: Proxy | None = None,
        kernel_times: bool = True,
    ) -> None:
        """`connected` is told how long each successful connect took, in ns; `pulse` tells how late reads may be.
        The addresses are those of `proxy`, where there is one. `kernel_times`: take the kernel's where it has them,
        which is on Linux, without TLS and without a proxy.
        """
        self._pulse = pulse or Pulse()
        self._way = way_to(target, trust, proxy)
        self._limits = limits
        self._addresses = addresses
        self._turn = 0
        self._connected = connected
        self._loop = asyncio.get_running_loop()
        self._connect_s = limits.connect_s or min(_CONNECT_S, limits.total_s)
        plain = self._way.tls is None and proxy is None
        self._arrivals = Arrivals(self._loop) if kernel_times and plain and Arrivals.known() else None
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self.closed = False
        self._emptied: asyncio.Future[None] | None = None
        self.peak = 0
        self._timer = self._loop.call_later(limits.sweep_s, self._sweep)

    def send(self, exchange: Exchange) -> None:
        """Send on the connection used last, else on a new one. Never calls `exchange.ended` before it returns."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.quiet:
                connection.send(exchange)
                return
            connection.abort()
        self.send_fresh(exchange)

    def send_fresh(self, exchange: Exchange) -> None:
        """Send a request on a new connection."""
        task = self._loop.create_task(self._connect_and_send(exchange))
        self._connecting.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._connecting.discard(task)
            if task.cancelled():  # perhaps before its first step, so not for the task itself to say
                self._unconnected(exchange, ErrorClass.CANCELLED, "the load test was stopped")

        task.add_done_callback(over)

    def go_on(self, connected: Callable[[int], None]) -> None:
        """Begin another load with the connections that are open; what is counted begins anew. Nothing is in flight."""
        self._connected = connected
        self.peak = len(self._open)
        for connection in self._idle:  # the server may have tired of it meanwhile, used or not
            connection.reused = True
        if self._arrivals is not None:
            self._arrivals.look_at_clock()
            self._arrivals.stepped_ns = 0

    @property
    def ready(self) -> int:
        """The number of connections that wait for a request."""
        return len(self._idle)

    async def warm(self, count: int) -> None:
        """Have `count` idle connections ahead; those that fail are left to the requests, which report why."""
        self._keep_idle(count)
        at_once = 128  # a listen queue holds so many (net.core.somaxconn of older kernels)
        for start in range(len(self._idle), count, at_once):
            tasks = [self._connect() for _ in range(start, min(start + at_once, count))]
            found = await asyncio.gather(*tasks, return_exceptions=True)
            self._idle.extend(one for one in found if isinstance(one, Connection))
            if not any(isinstance(one, Connection) for one in found):
                return

    def _keep_idle(self, count: int) -> None:
        """Leave at most so many of the idle connections, the last used ones, and none that the server has left."""
        alive = [connection for connection in self._idle if connection.usable and connection.quiet]
        self._idle, left = alive[max(len(alive) - count, 0) :], set(self._idle)
        left.difference_update(self._idle)
        for connection in left:
            connection.abort()
        self._open -= left  # they hear of their end later, and are no part of the load
        self.peak = len(self._open)

    def released(self, connection: Connection, *, keep: bool) -> None:
        """See `connection.Owner.released`."""
        if keep and connection.usable and not self.closed:
            connection.reused = True
            self._idle.append(connection)
        else:
            connection.abort()

    def lost(self, connection: Connection) -> None:
        """See `connection.Owner.lost`."""
        self._open.discard(connection)
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)
        if connection in self._idle:
            self._idle.remove(connection)

    async def close(self) -> None:
        """End everything; requests in flight fail as cancelled."""
        self.closed = True
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
        if self._arrivals is not None:
            self._arrivals.close()

    @property
    def clock_stepped_ns(self) -> int:
        """The most by which the wall clock was set while the kernel's times were taken from it."""
        if self._arrivals is None:
            return 0
        self._arrivals.look_at_clock()
        return self._arrivals.stepped_ns

    async def _connect_and_send(self, exchange: Exchange) -> None:
        began_ns = _clock()
        try:
            connection = await self._connect()
        except OSError as problem:
            fault = fault_of(problem, self._way, self._connect_s)
            self._unconnected(exchange, fault.error, fault.message)
        else:
            exchange.connect_ns = _clock() - began_ns
            connection.send(exchange)

    def _unconnected(self, exchange: Exchange, error: ErrorClass, message: str) -> None:
        exchange.fail(error, clip(message))
        exchange.end_ns = _clock()
        exchange.ended(exchange)

    async def _connect(self) -> Connection:
        """A new connection; the addresses take turns, and one that fails gives way to the next."""
        began_ns = _clock()
        async with asyncio.timeout(self._connect_s):
            connection = await self._first_that_answers()
        self._connected(_clock() - began_ns)
        self._open.add(connection)
        self.peak = max(self.peak, len(self._open))
        return connection

    async def _first_that_answers(self) -> Connection:
        """Connect to the first address that answers. The others are left out from then on (localhost: ::1 and
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

    async def _connect_to(self, address: str) -> Connection:
        connection = Connection(self, self._way.target.url, self._pulse)
        if self._arrivals is not None:
            await self._arrivals.connect(address, self._way.target.port, connection)
        else:
            await opened(self._way, address, connection)
        return connection

    def _sweep(self) -> None:
        """Look at every request in flight; the limits are kept to within `Limits.sweep_s`."""
        if self._arrivals is not None:
            self._arrivals.look_at_clock()
        now_ns = _clock()
        read_ns = int(self._limits.read_s * _NANO) if self._limits.read_s else 1 << 62
        total_ns = int(self._limits.total_s * _NANO)
        for connection in list(self._open):
            exchange = connection.exchange
            if exchange is None:
                continue
            if connection.done_ns and now_ns - connection.done_ns > _NANO:
                connection.settle()
            elif now_ns - exchange.sent_ns > total_ns:
                connection.give_up(ErrorClass.TOTAL_TIMEOUT, f"not answered within {self._limits.total_s:g} s")
            elif now_ns - connection.heard_ns > read_ns:
                connection.give_up(_silence(exchange), f"nothing received for {self._limits.read_s:g} s")
        self._timer = self._loop.call_later(self._limits.sweep_s, self._sweep)


def _silence(exchange: Exchange) -> ErrorClass:
    """The limit that a silence has passed."""
    if not exchange.first_byte_ns:
        return ErrorClass.HEADER_TIMEOUT
    if exchange.streamed and not exchange.first_token_ns and not exchange.refused:
        return ErrorClass.FIRST_TOKEN_TIMEOUT
    return ErrorClass.IDLE_TIMEOUT
