"""Opens connections to a target, directly or through its proxy, and says why one cannot be opened.

The same for evaluations and load tests. What is said to a proxy is `wire.tunnel`.
"""

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass

from evalkube_crds.names import ErrorClass
from evalkube_crds.proxies import Proxy
from evalkube_runner import machine
from evalkube_runner import trust as trusting
from evalkube_runner.http.target import Target
from evalkube_runner.trust import Trust
from evalkube_runner.wire import tunnel
from evalkube_runner.wire.answer import Fault
from evalkube_runner.wire.tunnel import ProxyRefused

__all__ = ["Way", "fault_of", "opened", "way_to"]

_MAX_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a target. `tls` is the target's, `proxy_tls` that of an https proxy; None where there is none."""

    target: Target
    proxy: Proxy | None = None
    tls: ssl.SSLContext | None = None
    proxy_tls: ssl.SSLContext | None = None


def way_to(target: Target, trust: Trust, proxy: Proxy | None) -> Way:
    """The way of many connections to a target: its certificates are read here, once."""
    return Way(
        target,
        proxy,
        trust.context() if target.tls else None,
        Trust().context() if proxy is not None and proxy.scheme == "https" else None,
    )


async def opened(way: Way, address: str, protocol: asyncio.Protocol) -> None:
    """Connects `protocol` to the target, by an address of its host or, where there is a proxy, of the proxy's.

    Raises ProxyRefused for what the proxy is to blame for, ssl.SSLError, OSError.
    """
    if way.proxy is not None:
        await _through(way.proxy, way, address, protocol)
        return
    name = way.target.host if way.tls is not None else None
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: protocol, address, way.target.port, ssl=way.tls, server_hostname=name)


def fault_of(problem: OSError, way: Way, within_s: float) -> Fault:
    """The fault of a failed connection, and its message. `problem` is the exception that was raised."""
    error, words = _blamed(problem, way.proxy, within_s)
    blames_way = way.proxy is not None and error in (ErrorClass.PROXY, ErrorClass.CONNECT_TIMEOUT)
    through = f"proxy {way.proxy}: " if blames_way else ""
    return Fault(error, f"{way.target.host}:{way.target.port}: {through}{words}")


def _blamed(problem: OSError, proxy: Proxy | None, within_s: float) -> tuple[ErrorClass, str]:
    if ours := machine.exhausted(problem):
        return ErrorClass.CLIENT_LIMIT, ours
    if isinstance(problem, ssl.SSLError):
        return ErrorClass.TLS, trusting.words(problem)
    if isinstance(problem, TimeoutError):
        return ErrorClass.CONNECT_TIMEOUT, f"no connection within {within_s:g} s"
    if proxy is not None:
        return ErrorClass.PROXY, _words(problem)
    return ErrorClass.DNS if isinstance(problem, socket.gaierror) else ErrorClass.CONNECT, _words(problem)


def _words(problem: OSError) -> str:
    """The system's message for a failure; event loops add words of their own, and failed look-ups have other
    numbers.
    """
    if isinstance(problem, socket.gaierror) or not problem.errno:
        return problem.strerror or str(problem)
    return os.strerror(problem.errno)


async def _through(proxy: Proxy, way: Way, address: str, protocol: asyncio.Protocol) -> None:
    loop, target = asyncio.get_running_loop(), way.target
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
        if machine.exhausted(problem):  # which is not its fault
            raise
        raise ProxyRefused(_words(problem).lower()) from problem
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
    """The exchange with a proxy, before the connection leads to the target."""

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
        """Drive `talk`: send what it yields and give it what it wants to read. Raises ProxyRefused."""
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
        """The end of the wanted bytes; None while they have not come."""
        if count == tunnel.HEAD:
            at = self._heard.find(b"\r\n\r\n")
            return None if at < 0 else at + 4
        return count if len(self._heard) >= count else None
