"""Kept-alive HTTP connections: a request takes the free one that was used last.

httpx's own pool walks over all its connections for every request, and polls each idle one: at 256 connections that is
more work than the request itself (measured: a third of the client's CPU at 32, and growing with the square).
Here each connection is an httpx client of its own, so that there is nothing to walk over.

Redirects are not followed: the key would go to wherever they point, and past the gate's judgement of the endpoint.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import httpx

from evalkube_crds.proxies import Proxy
from evalkube_runner.gate import Gate
from evalkube_runner.http.guard import guard
from evalkube_runner.http.tunnelled import through
from evalkube_runner.trust import Trust

__all__ = ["Connections"]

_CONNECT_TIMEOUT_S = 10.0
_KEEP_ALIVE_S = 30.0


class Connections:
    """At most `most` connections to the host of `url`, opened as they are needed and `gate` permits. Use as an async
    context manager.
    """

    def __init__(self, most: int, url: str, gate: Gate, *, timeout_s: float, trust: Trust, proxy: Proxy | None) -> None:
        self._url = url
        self._gate = gate
        self._proxy = proxy
        self._forwarder = None if proxy is None or proxy.socks else _for_httpx(proxy)
        self._room = asyncio.Semaphore(most)
        self._free: list[httpx.AsyncClient] = []
        self._all: list[httpx.AsyncClient] = []
        # Whole answers are timed by the caller; a shorter limit between reads would cut off a model that thinks.
        self._timeout = httpx.Timeout(timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s), pool=None)
        self._tls = trust.context()  # reads the certificates: once, not for every connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._all:
            await client.aclose()

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        """A connection for one request at a time; waits until there is one."""
        async with self._room:
            client = self._free.pop() if self._free else self._open()
            try:
                yield client
            finally:
                if _has_leftovers(client):
                    self._all.remove(client)
                    await client.aclose()
                else:
                    self._free.append(client)

    def _open(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(
            http2=False,
            trust_env=False,
            verify=self._tls,
            proxy=self._forwarder,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_ALIVE_S),
        )
        if self._gate.rules is not None:
            guard(transport, self._gate, self._url, proxied=self._proxy is not None)
        if self._proxy is not None and self._proxy.socks:
            through(transport, self._proxy)
        client = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, timeout=self._timeout)
        self._all.append(client)
        return client


def _has_leftovers(client: httpx.AsyncClient) -> bool:
    """Whether bytes came after the last answer. h11 would read them as part of the next one."""
    return any(state.trailing_data[0] for state in _states(client))


def _states(client: httpx.AsyncClient) -> Iterator[Any]:
    """h11's state of the client's connection. No client library reports it, so this reads httpx's and httpcore's own
    objects. A connection that is not as expected has no state.
    """
    pool = getattr(getattr(client, "_transport", None), "_pool", None)
    for connection in getattr(pool, "connections", ()):
        inner = connection
        while inner is not None and not hasattr(inner, "_h11_state"):
            inner = getattr(inner, "_connection", None)
        if inner is not None:
            yield inner._h11_state


def _for_httpx(proxy: Proxy) -> httpx.Proxy:
    auth = None if proxy.username is None else (proxy.username, proxy.password or "")
    return httpx.Proxy(str(proxy), auth=auth, ssl_context=Trust().context() if proxy.scheme == "https" else None)
