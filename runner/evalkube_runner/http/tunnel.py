"""A connection through a proxy: opened, talked to (`wire.tunnel`), and handed on as if it were the target's own."""

import asyncio
import ssl
from dataclasses import dataclass

from evalkube_crds.proxies import Proxy
from evalkube_runner.http.target import Target
from evalkube_runner.wire import tunnel
from evalkube_runner.wire.tunnel import ProxyRefused

__all__ = ["Way", "opened"]

_MAX_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """How a target is reached. `tls` is the target's, `proxy_tls` that of an https proxy; None where there is none."""

    target: Target
    proxy: Proxy
    tls: ssl.SSLContext | None
    proxy_tls: ssl.SSLContext | None = None


async def opened(way: Way, address: str, protocol: asyncio.Protocol) -> None:
    """Connects `protocol` to the target, by the proxy's `address`.

    Raises ProxyRefused for what the proxy is to blame for, ssl.SSLError, OSError.
    """
    loop, proxy, target = asyncio.get_running_loop(), way.proxy, way.target
    try:
        transport, conversation = await loop.create_connection(
            _Conversation,
            address,
            proxy.port,
            ssl=way.proxy_tls,
            server_hostname=proxy.host if way.proxy_tls is not None else None,
        )
    except ssl.SSLError as problem:
        raise ProxyRefused(f"no TLS with it: {problem.reason or problem}") from problem
    except OSError as problem:
        raise ProxyRefused((problem.strerror or str(problem)).lower()) from problem
    try:
        if not proxy.forwards(tls=way.tls is not None):
            await conversation.hold(tunnel.talk(proxy, target.host, target.port))
        through: asyncio.BaseTransport | None = transport
        if way.tls is not None:
            through = await loop.start_tls(transport, protocol, way.tls, server_hostname=target.host)
        else:
            transport.set_protocol(protocol)
    except BaseException:
        transport.abort()
        raise
    assert through is not None
    protocol.connection_made(through)


class _Conversation(asyncio.Protocol):
    """What is said before."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._news: asyncio.Future[None] | None = None
        self._gone = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream connection has a Transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        self._tell()

    def connection_lost(self, problem: Exception | None) -> None:
        self._gone = True
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def hold(self, talk: tunnel.Talk) -> None:
        """Says what `talk` says and gives it what it wants to read. Raises ProxyRefused."""
        assert self._transport is not None
        wanted = next(talk)
        while True:
            try:
                if isinstance(wanted, bytes):
                    self._transport.write(wanted)
                    wanted = next(talk)
                else:
                    wanted = talk.send(await self._read(wanted))
            except StopIteration:
                return

    async def _read(self, count: int) -> bytes:
        while (end := self._end(count)) is None:
            if self._gone or len(self._heard) > _MAX_HEAD_BYTES:
                raise ProxyRefused("hung up" if self._gone else "answers without end")
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        data = bytes(self._heard[:end])
        del self._heard[:end]
        return data

    def _end(self, count: int) -> int | None:
        """Where what is wanted ends; None while it has not come."""
        if count == tunnel.HEAD:
            at = self._heard.find(b"\r\n\r\n")
            return None if at < 0 else at + 4
        return count if len(self._heard) >= count else None
