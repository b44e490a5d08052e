"""Proxies on loopback: HTTP (plain or behind TLS) and SOCKS5, which find every host at 127.0.0.1 and note who asks."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["FakeProxy", "http_proxy", "socks_proxy"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class FakeProxy:
    """A proxy that runs. `asked`: what it was asked for, like "CONNECT model.test:443"; `wants`: user and password;
    `refuses`: it connects to nobody. `crumbs`: it sends its own words byte by byte.
    """

    scheme: str
    wants: tuple[str, str] | None = None
    refuses: bool = False
    crumbs: bool = False
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As an environment has it, with the credentials that it wants."""
        return self.spelt(self.wants)

    def spelt(self, credentials: tuple[str, str] | None) -> str:
        """Its URL, with other credentials or none."""
        place = f"{'localhost' if self.scheme == 'https' else '127.0.0.1'}:{self.port}"
        return f"{self.scheme}://{':'.join(credentials) + '@' if credentials else ''}{place}"

    async def says(self, writer: asyncio.StreamWriter, words: bytes) -> None:
        """Sends words of its own."""
        for at in range(len(words)) if self.crumbs else ():
            writer.write(words[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0.001)
        if not self.crumbs:
            writer.write(words)
        await writer.drain()


@contextlib.asynccontextmanager
async def http_proxy(*, tls: ssl.SSLContext | None = None, **options: object) -> AsyncIterator[FakeProxy]:
    """Forwards requests of plain HTTP, and makes connections for CONNECT."""
    proxy = FakeProxy("https" if tls is not None else "http", **options)  # type: ignore[arg-type]  # its own fields
    async with _serving(proxy, _http, tls):
        yield proxy


@contextlib.asynccontextmanager
async def socks_proxy(**options: object) -> AsyncIterator[FakeProxy]:
    """SOCKS5."""
    proxy = FakeProxy("socks5", **options)  # type: ignore[arg-type]  # its own fields
    async with _serving(proxy, _socks, None):
        yield proxy


@contextlib.asynccontextmanager
async def _serving(
    proxy: FakeProxy, serve: Callable[[FakeProxy, Streams], Awaitable[None]], tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            await serve(proxy, (reader, writer))
        tasks.discard(task)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _http(proxy: FakeProxy, client: Streams) -> None:
    reader, writer = client
    async with contextlib.AsyncExitStack() as stack:
        there: Streams | None = None
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, url, _ = head.split("\r\n")[0].split(" ")
            proxy.asked.append(f"{method} {url}")
            if (refusal := _refusal(proxy, head)) is not None:
                await proxy.says(writer, f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            if method == "CONNECT":
                there = await stack.enter_async_context(_connected(int(url.rpartition(":")[2])))
                await proxy.says(writer, b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _joined(client, there)
                return
            parts = urlsplit(url)
            if there is None:
                there = await stack.enter_async_context(_connected(parts.port or 80))
                back = asyncio.create_task(_pipe(there[0], writer))
                stack.callback(back.cancel)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            lines = [line for line in head.split("\r\n")[1:] if not line.lower().startswith("proxy-")]
            length = sum(int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length"))
            there[1].write("\r\n".join([f"{method} {path} HTTP/1.1", *lines]).encode("latin-1"))
            there[1].write(await reader.readexactly(length))


def _refusal(proxy: FakeProxy, head: str) -> str | None:
    key = base64.b64encode(":".join(proxy.wants or ()).encode()).decode()
    if proxy.wants is not None and f"proxy-authorization: basic {key}".lower() not in head.lower():
        return "407 Proxy Authentication Required"
    return "502 Bad Gateway" if proxy.refuses else None


@contextlib.asynccontextmanager
async def _connected(port: int) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _socks(proxy: FakeProxy, client: Streams) -> None:
    reader, writer = client
    _, count = await reader.readexactly(2)
    method = 0 if proxy.wants is None else 2
    if method not in await reader.readexactly(count):
        await proxy.says(writer, b"\x05\xff")
        return
    await proxy.says(writer, bytes([5, method]))
    if proxy.wants is not None:
        await reader.readexactly(1)
        given = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
        await proxy.says(writer, b"\x01\x00" if tuple(given) == proxy.wants else b"\x01\x01")
        if tuple(given) != proxy.wants:
            return
    _, _, _, kind = await reader.readexactly(4)
    size = (await reader.readexactly(1))[0] if kind == 3 else 4
    host = await reader.readexactly(size)
    port = int.from_bytes(await reader.readexactly(2), "big")
    proxy.asked.append(f"CONNECT {host.decode() if kind == 3 else '.'.join(map(str, host))}:{port}")
    await proxy.says(writer, (b"\x05\x05" if proxy.refuses else b"\x05\x00") + b"\x00\x01" + bytes(6))
    if not proxy.refuses:
        async with _connected(port) as there:
            await _joined(client, there)


async def _joined(client: Streams, there: Streams) -> None:
    both = [asyncio.create_task(_pipe(client[0], there[1])), asyncio.create_task(_pipe(there[0], client[1]))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
