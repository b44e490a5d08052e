"""The connections of an evaluation to one endpoint: who asks takes a free one, the one used last first.

Each is opened as it is needed, where the gate says, or through the proxy.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from evalkube_crds.names import ErrorClass
from evalkube_crds.proxies import Proxy
from evalkube_runner import gate as gates
from evalkube_runner import machine
from evalkube_runner import trust as trusting
from evalkube_runner.gate import Gate
from evalkube_runner.http import tunnel
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
        self._target = target
        self._gate = gate
        self._proxy = proxy
        self._connect_s = min(_CONNECT_S, timeout_s)
        self._tls = trust.context() if target.tls else None
        self._proxy_tls = Trust().context() if proxy is not None and proxy.scheme == "https" else None
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
        """The right to one request; waits until there is one."""
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
        """A connection that is there, else a new one. Raises HttpFailed, TargetForbidden."""
        while self._free:
            connection, since_s = self._free.pop()
            if connection.usable and time.monotonic() - since_s < _IDLE_S:
                return connection
            connection.abort()
        try:
            return await self._opened()
        except ProxyRefused as problem:
            status = 407 if str(problem) == CREDENTIALS else None
            raise HttpFailed(ErrorClass.PROXY, f"proxy {self._proxy}: {problem}", status=status) from problem
        except ssl.SSLError as problem:
            raise HttpFailed(ErrorClass.TLS, trusting.words(problem)) from problem
        except TimeoutError as problem:
            through = "" if self._proxy is None else f"proxy {self._proxy}: "
            message = f"{through}no connection within {self._connect_s:g} s"
            raise HttpFailed(ErrorClass.CONNECT_TIMEOUT, message) from problem
        except OSError as problem:
            raise self._unconnected(problem) from problem

    def _unconnected(self, problem: OSError) -> HttpFailed:
        where = f"{self._target.host}:{self._target.port}"
        if ours := machine.exhausted(problem):
            return HttpFailed(ErrorClass.CLIENT_LIMIT, ours)
        if self._proxy is not None:
            return HttpFailed(ErrorClass.PROXY, f"proxy {self._proxy}: {(problem.strerror or str(problem)).lower()}")
        error = ErrorClass.DNS if isinstance(problem, socket.gaierror) else ErrorClass.CONNECT
        return HttpFailed(error, f"{where}: {problem.strerror or problem}")

    async def _opened(self) -> Connection:
        target, proxy = self._target, self._proxy
        async with asyncio.timeout(self._connect_s):
            if proxy is None:
                addresses = await self._gate.addresses(target.host, target.port)
            else:
                await self._gate.check_passed_on(target.host, target.port)
                addresses = await gates.resolve(proxy.host, proxy.port)
            return await first(self._connect_to, addresses, Connection.abort)

    async def _connect_to(self, address: str) -> Connection:
        target, connection = self._target, Connection()
        if self._proxy is not None:
            way = tunnel.Way(target, self._proxy, self._tls, self._proxy_tls)
            await tunnel.opened(way, address, connection)
            return connection
        name = target.host if self._tls is not None else None
        await asyncio.get_running_loop().create_connection(
            lambda: connection, address, target.port, ssl=self._tls, server_hostname=name
        )
        return connection


class Call:
    """One request and its answer."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.connection: Connection | None = None

    async def send(self, payload: bytes) -> Response:
        """The answer, of which the head is there. Raises HttpFailed, TargetForbidden."""
        self.connection = await self._calls.connected()
        response = self.connection.send(payload)
        await response.head()
        return response
