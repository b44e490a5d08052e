"""The address on which the service listens, its URL, and who can reach it."""

import contextlib
import resource
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from evalkube_api import errors

__all__ = ["exposure", "files_for", "listener", "url_of"]

_PROBE_AFTER_S: Final = 60


@contextlib.contextmanager
def listener(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, closed at the end. Raises errors.ServiceError if it cannot be opened.

    `host`: an address or a name; empty and `0.0.0.0` are every IPv4 address, `::` every address of both families.
    """
    try:
        opened = _opened(host, port)
    except (OSError, OverflowError, UnicodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise errors.ServiceError(f"cannot listen on {host}:{port}: {reason}") from None
    with opened:
        _keep_alive(opened)
        yield opened


def _opened(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)  # a name of both: IPv4, as Flask has it
    address = (address[0], port, *address[2:])  # getaddrinfo takes a port that is none modulo 65536
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, backlog=2048, dualstack_ipv6=both)


def _keep_alive(opened: socket.socket) -> None:
    """Turns on keep-alive probes, so that routers keep idle connections: a request may wait for hours. Accepted sockets
    inherit it.
    """
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # elsewhere the system's own pace has to do
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER_S)


def files_for(wanted: int) -> int:
    """The number of files that this process may have open: `wanted`, or the system's limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS has a limit beside the limit
        return soft
    return most


def url_of(opened: socket.socket) -> str:
    """A URL under which this machine reaches the service: 0.0.0.0 itself is not usable as an address."""
    address = _address(opened)
    if address.is_unspecified:
        address = ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://{_shown(address)}:{opened.getsockname()[1]}"


def exposure(opened: socket.socket) -> str | None:
    """A warning for the log about a service without a token; None if only this machine reaches it."""
    address = _address(opened)
    if address.is_loopback:
        return None
    place = "every address of this machine" if address.is_unspecified else "an address that others can reach"
    return (
        f"listening on {_shown(address)}:{opened.getsockname()[1]}, {place}, without a token: whoever reaches it can"
        " start runs from here, read what they left, and delete them; --token-file FILE lets in only who has the token"
    )


def _address(opened: socket.socket) -> IPv4Address | IPv6Address:
    address = ip_address(opened.getsockname()[0].partition("%")[0])
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _shown(address: IPv4Address | IPv6Address) -> str:
    return str(address) if address.version == 4 else f"[{address}]"
