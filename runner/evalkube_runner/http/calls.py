"""The connections of an evaluation to one endpoint: a request takes the free one that was used last.

Each is opened as it is needed, where the gate says, or through the proxy.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from evalkube_crds.proxies import Proxy
from evalkube_runner import gate as gates
from evalkube_runner.gate import Gate
from evalkube_runner.http.connecting import fault_of, opened, way_to
from evalkube_runner.http.exchange import Connection, HttpFailed, Response
from evalkube_runner.http.racing import first
from evalkube_runner.http.target import Target
from evalkube_runner.trust import Trust
from evalkube_runner.wire.tunnel import CREDENTIALS, ProxyRefused

__all__ = ["Call", "Calls"]

_CONNECT_S = 10.0
_IDLE_S = 30.0  # a connection that has been idle for longer may be closed just when it is used again


class Calls:
    """At most `most` connections. Use as an async context manager."""

    def __init__(
        self, most: int, target: Target, gate: Gate, *, timeout_s: float, trust: Trust, proxy: Proxy | None
    ) -> None:
        self._way = way_to(target, trust, proxy)
        self._gate = gate
        self._connect_s = min(_CONNECT_S, timeout_s)
        self._room = asyncio.Semaphore(most)
        self._free: list[tuple[Connection, float]] = []

    async def __aenter__(self) -> "Calls":
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection, _since in self._free:
            connection.abort()
        self._free.clear()

    @asynccontextmanager
    async def call(self) -> "AsyncIterator[Call]":
        """The right to one request; waits until there is a free connection."""
        async with self._room:
            call = Call(self)
            try:
                yield call
            finally:
                if call.connection is not None and call.connection.usable:
                    self._free.append((call.connection, time.monotonic()))
                elif call.connection is not None:
                    call.connection.abort()

    async def connected(self) -> Connection:
        """An open connection, else a new one. Raises HttpFailed, TargetForbidden."""
        while self._free:
            connection, since_s = self._free.pop()
            if connection.usable and time.monotonic() - since_s < _IDLE_S:
                return connection
            connection.abort()
        try:
            return await self._opened()
        except OSError as problem:
            fault = fault_of(problem, self._way, self._connect_s)
            status = 407 if isinstance(problem, ProxyRefused) and str(problem) == CREDENTIALS else None
            raise HttpFailed(fault.error, fault.message, status=status) from problem

    async def _opened(self) -> Connection:
        target, proxy = self._way.target, self._way.proxy
        async with asyncio.timeout(self._connect_s):
            if proxy is None:
                addresses = await self._gate.addresses(target.host, target.port)
            else:
                await self._gate.check_passed_on(target.host, target.port)
                addresses = await gates.resolve(proxy.host, proxy.port)
            return await first(self._connect_to, addresses, Connection.abort)

    async def _connect_to(self, address: str) -> Connection:
        connection = Connection()
        await opened(self._way, address, connection)
        return connection


class Call:
    """One request and its answer."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.connection: Connection | None = None

    async def send(self, payload: bytes) -> Response:
        """The answer, once its head has come. Raises HttpFailed, TargetForbidden."""
        self.connection = await self._calls.connected()
        response = self.connection.send(payload)
        await response.head()
        return response
