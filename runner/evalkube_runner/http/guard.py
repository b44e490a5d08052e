"""Puts the gate before an httpx transport: each connection it opens goes to an address that the gate has handed out.

TLS still verifies the host's name, for httpcore asks for that by itself; only where the socket leads is decided here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

import httpcore
import httpx

from evalkube_runner.gate import Gate

__all__ = ["guard"]

_STAGGER_S = 0.25
"""How long an address may stay silent before the next one is tried beside it (RFC 8305, 5)."""

Where = Callable[[str, int], Awaitable[list[str]]]
"""What to connect to instead of a host and its port: addresses, or a name that has been judged."""


def guard(transport: httpx.AsyncBaseTransport, gate: Gate, url: str, *, proxied: bool) -> None:
    """Has ``gate`` asked before each connection that ``transport`` opens for ``url``, directly or through its proxy.

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
    """Connects by ``backend`` where ``where`` says, which is asked anew each time."""

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
                return await _first(connect, await self._where(host, port))
        except TimeoutError as problem:
            raise httpcore.ConnectTimeout(f"{host}:{port}") from problem
        except OSError as problem:
            raise httpcore.ConnectError(f"{host}:{port}: {problem}") from problem


async def _first(
    connect: Callable[[str], Coroutine[None, None, httpcore.AsyncNetworkStream]], addresses: list[str]
) -> httpcore.AsyncNetworkStream:
    """The first connection that stands, the addresses tried in order. Raises the failure of the last to fail."""
    waiting = list(addresses)
    trying: set[asyncio.Task[httpcore.AsyncNetworkStream]] = set()
    try:
        while True:
            if waiting:
                trying.add(asyncio.create_task(connect(waiting.pop(0))))
            pause_s = _STAGGER_S if waiting else None
            done, _ = await asyncio.wait(trying, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            stands = next((task for task in done if task.exception() is None), None)
            trying -= done if stands is None else {stands}
            if stands is not None:
                return stands.result()
            if not waiting and not trying:
                return done.pop().result()  # raises
    finally:
        await _abandon(trying)


async def _abandon(trying: set[asyncio.Task[httpcore.AsyncNetworkStream]]) -> None:
    for task in trying:
        task.cancel()
    for outcome in await asyncio.gather(*trying, return_exceptions=True):
        if isinstance(outcome, httpcore.AsyncNetworkStream):
            await outcome.aclose()
