"""Has an httpx transport reach its host through a SOCKS proxy, with the load generator's own code.

httpx has SOCKS of its own, which leaves connections open that a proxy refuses, and takes each read for a whole answer.
"""

import asyncio
from collections.abc import Iterable

import httpcore
import httpx

from evalkube_crds.proxies import Proxy
from evalkube_runner.wire import tunnel

__all__ = ["through"]

_READ_BYTES = 1024


def through(transport: httpx.AsyncBaseTransport, proxy: Proxy) -> None:
    """Send all connections of `transport` to `proxy` first. Raises AttributeError for an httpx made in another way."""
    pool = transport._pool  # type: ignore[attr-defined]  # an AsyncHTTPTransport has one
    pool._network_backend = _Tunnelled(pool._network_backend, proxy)


class _Tunnelled(httpcore.AsyncNetworkBackend):
    """Connects by `backend` to the proxy, and by the proxy to where it is asked to."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, proxy: Proxy) -> None:
        self._backend = backend
        self._proxy = proxy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection. Raises httpcore.ProxyError, httpcore.ConnectError, httpcore.ConnectTimeout."""
        stream = await self._backend.connect_tcp(
            self._proxy.host,
            self._proxy.port,
            timeout=timeout,
            local_address=local_address,
            socket_options=socket_options,
        )
        try:
            async with asyncio.timeout(timeout):
                await _hold(tunnel.talk(self._proxy, host, port), stream)
        except BaseException as problem:
            await stream.aclose()
            if isinstance(problem, TimeoutError):
                raise httpcore.ConnectTimeout("it answers nothing") from problem
            if isinstance(problem, tunnel.ProxyRefused):
                raise httpcore.ProxyError(str(problem)) from problem
            raise
        return stream


async def _hold(talk: tunnel.Talk, stream: httpcore.AsyncNetworkStream) -> None:
    wanted, heard = next(talk), b""
    while True:
        try:
            if isinstance(wanted, bytes):
                await stream.write(wanted)
                wanted = next(talk)
                continue
            while len(heard) < wanted:
                if not (data := await stream.read(_READ_BYTES)):
                    raise tunnel.ProxyRefused("hung up")
                heard += data
            given, heard = heard[:wanted], heard[wanted:]
            wanted = talk.send(given)
        except StopIteration:
            return
