"""Puts the gate before an httpx transport: each connection goes to an address that the gate permits.

TLS still verifies the host's name, for httpcore asks for that by itself; only where the socket leads is decided here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import httpcore
import httpx

from evalkube_runner.gate import Gate
from evalkube_runner.http.racing import first

__all__ = ["guard"]

Where = Callable[[str, int], Awaitable[list[str]]]
"""What to connect to instead of a host and its port: addresses, or a name that has been judged."""


def guard(transport: httpx.AsyncBaseTransport, gate: Gate, url: str, *, proxied: bool) -> None:
    """Has `gate` asked before each connection that `transport` opens for `url`, directly or through its proxy.

    httpx takes no network backend from outside, so what it has made is changed. Where an httpx of the future has made
    something else this raises: never an open door.
    """
    wanted = httpx.URL(url)
    target = wanted.raw_host.decode("ascii"), wanted.port or (443 if wanted.scheme == "https" else 80)

    async def proxy(host: str, _port: int) -> list[str]:
        await gate.check_passed_on(*target)
        return [host]

    _place(transport, proxy if proxied else gate.addresses)


def _place(transport: httpx.AsyncBaseTransport, where: Where) -> None:
    pool = transport._pool  # type: ignore[attr-defined]  # an AsyncHTTPTransport has one
    if not isinstance(pool._network_backend, httpcore.AsyncNetworkBackend):
        raise TypeError("this httpx opens its connections in another way")
    pool._network_backend = _Guarded(pool._network_backend, where)


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects through `backend` to the address of `where`, which is asked anew each time."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, where: Where) -> None:
        self._backend = backend
        self._where = where

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection. Raises TargetForbidden, httpcore.ConnectError, httpcore.ConnectTimeout."""

        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            return await self._backend.connect_tcp(
                address, port, local_address=local_address, socket_options=socket_options
            )

        try:
            async with asyncio.timeout(timeout):
                return await first(connect, await self._where(host, port), httpcore.AsyncNetworkStream.aclose)
        except TimeoutError as problem:
            raise httpcore.ConnectTimeout(f"{host}:{port}") from problem
        except OSError as problem:
            raise httpcore.ConnectError(f"{host}:{port}: {problem}") from problem
