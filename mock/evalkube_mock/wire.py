"""HTTP/1.1 responses as bytes. Pure: no sockets, and no knowledge of any body."""

import http
from collections.abc import Iterable, Sequence

from evalkube_mock.dialects.model import JSON, Event

__all__ = ["CONTINUE", "LAST_CHUNK", "chunk", "flat", "framed", "response", "stream_head"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_SERVER = b"server: evalkube-mock\r\n"


def response(
    status: int,
    body: bytes,
    *,
    content_type: bytes = JSON,
    keep_alive: bool = True,
    headers: Sequence[tuple[str, str]] = (),
    head_only: bool = False,
) -> bytes:
    """Renders a complete response; `head_only` answers HEAD with the length but not the body."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = b"HTTP/1.1 %d %s\r\n%scontent-type: %s\r\ncontent-length: %d\r\n%s%s\r\n" % (
        status,
        _phrase(status),
        _SERVER,
        content_type,
        len(body),
        extra.encode("latin-1"),
        b"" if keep_alive else b"connection: close\r\n",
    )
    return head if head_only else head + body


def stream_head(content_type: bytes, *, chunked: bool, keep_alive: bool) -> bytes:
    """Renders the head of a stream; without chunks (HTTP/1.0) the end of the connection ends it."""
    return b"HTTP/1.1 200 OK\r\n%scontent-type: %s\r\ncache-control: no-cache\r\n%s%s\r\n" % (
        _SERVER,
        content_type,
        b"transfer-encoding: chunked\r\n" if chunked else b"",
        b"" if keep_alive and chunked else b"connection: close\r\n",
    )


def framed(event: Event, stamp_bytes: int) -> Event:
    """Puts one chunk around one event, as real servers send it; the stamp's length counts once per gap."""
    size = sum(map(len, event)) + stamp_bytes * (len(event) - 1)
    first = b"%x\r\n%s" % (size, event[0])
    if len(event) == 1:
        return (first + b"\r\n",)
    return (first, *event[1:-1], event[-1] + b"\r\n")


def flat(events: Iterable[Event]) -> Event:
    """Joins events into one, so that one `stamp.join` renders them all."""
    pieces: list[bytes] = [b""]
    for event in events:
        pieces[-1] += event[0]
        pieces.extend(event[1:])
    return tuple(pieces)


def chunk(data: bytes) -> bytes:
    """Puts a chunk around bytes that are already complete."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _phrase(status: int) -> bytes:
    try:
        return http.HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"  # any status can be asked for with --fail-status
