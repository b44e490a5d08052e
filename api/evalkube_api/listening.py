"""Where the service listens."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

from evalkube_api import errors

__all__ = ["listener"]

_PROBE_AFTER_S: Final = 60


@contextlib.contextmanager
def listener(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there, closed at the end. Raises errors.ServiceError where that cannot be."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as problem:
        raise errors.ServiceError(f"cannot listen on {host}:{port}: {problem.strerror or problem}") from None
    with opened:
        _keep_alive(opened)
        yield opened


def _keep_alive(opened: socket.socket) -> None:
    """A request may wait for hours; probes keep routers from forgetting it. Accepted sockets inherit this."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # elsewhere the system's own pace has to do
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER_S)
