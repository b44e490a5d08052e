"""The talk with a proxy before the connection leads to the target: HTTP CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928,
RFC 1929). No I/O: a talk is a generator that yields bytes to send, or how many it wants to read.
"""

import ipaddress
from collections.abc import Generator
from contextlib import suppress
from typing import Final

from evalkube_crds.proxies import Proxy

__all__ = ["CREDENTIALS", "HEAD", "ProxyRefused", "Talk", "talk"]

CREDENTIALS: Final = "asks for credentials, or for others than it was given (http://user:password@proxy:port)"
HEAD: Final = -1
"""Wants all up to the end of an HTTP head."""

Talk = Generator[bytes | int, bytes, None]


class ProxyRefused(OSError):
    """The proxy refused the connection. The message says why."""


def talk(proxy: Proxy, host: str, port: int) -> Talk:
    """Has the connection to `proxy` lead to `host` and `port`. Raises ProxyRefused into whoever drives it."""
    return _socks(proxy, host, port) if proxy.socks else _connect(proxy, host, port)


def _connect(proxy: Proxy, host: str, port: int) -> Talk:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    key = f"Proxy-Authorization: {proxy.basic}\r\n" if proxy.basic else ""
    yield f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: evalkube\r\n{key}\r\n".encode("latin-1")
    line = (yield HEAD).split(b"\r\n")[0].decode("latin-1")
    version, _, answer = line.partition(" ")
    if not version.startswith("HTTP/"):
        raise ProxyRefused("does not answer in HTTP")
    if answer[:3] == "407":
        raise ProxyRefused(CREDENTIALS)
    if answer[:1] != "2":
        raise ProxyRefused(f"does not connect to {place}: HTTP {answer[:80]}")


_NO_KEY, _PASSWORD = 0, 2
_REPLIES: Final = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}


def _socks(proxy: Proxy, host: str, port: int) -> Talk:
    methods = [_NO_KEY] if proxy.username is None else [_NO_KEY, _PASSWORD]
    yield bytes([5, len(methods), *methods])
    version, method = yield 2
    if version != 5:
        raise ProxyRefused("does not speak SOCKS5")
    if method == _PASSWORD and proxy.username is not None:
        name, password = proxy.username.encode(), (proxy.password or "").encode()
        yield bytes([1, len(name)]) + name + bytes([len(password)]) + password
        if (yield 2)[1]:
            raise ProxyRefused(CREDENTIALS)
    elif method != _NO_KEY:
        raise ProxyRefused(CREDENTIALS)
    yield b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big")
    _, reply, _, kind = yield 4
    if reply:
        raise ProxyRefused(f"does not connect to {host}:{port}: {_REPLIES.get(reply, f'reply {reply}')}")
    lengths = {1: 4, 4: 16}
    yield (lengths[kind] if kind in lengths else (yield 1)[0]) + 2  # where it connects from: nobody's business


def _address(host: str) -> bytes:
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        return (b"\x01" if address.version == 4 else b"\x04") + address.packed
    name = host.encode("idna") if not host.isascii() else host.encode()
    if len(name) > 255:
        raise ProxyRefused("takes names of at most 255 bytes")
    return bytes([3, len(name)]) + name
