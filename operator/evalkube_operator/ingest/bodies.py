"""Checks request bodies: a declared length, within bounds, equal to the client's digest. Nothing is stored here."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from evalkube_operator.ingest.refusals import Refusal

__all__ = ["DIGEST_HEADER", "CheckedBody", "drain", "length_of", "read_small"]

DIGEST_HEADER = "Content-Digest"
_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
_DRAIN_BYTES = 16 << 20
_DRAIN_S = 3.0


def length_of(request: Request) -> int:
    """The body's length as declared, in bytes. Raises Refusal (411) where it is not."""
    declared = request.headers.get("content-length", "")
    if not (declared.isascii() and declared.isdecimal()):
        raise Refusal(411, "length_needed", "Content-Length is needed")
    return int(declared)


def _digest_of(request: Request) -> bytes:
    """The sha256 that the client promises (RFC 9530). Raises Refusal (400)."""
    found = _SHA256.search(request.headers.get(DIGEST_HEADER, ""))
    try:
        digest = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise Refusal(400, "digest_needed", f"{DIGEST_HEADER}: sha-256=:BASE64: is needed")
    return digest


class CheckedBody:
    """The body in chunks. It raises Refusal where its digest is wrong, or where `before_end` refuses it.

    A store that was given these chunks then has published nothing.
    """

    def __init__(self, request: Request, *, idle_s: float, before_end: Callable[[], Awaitable[None]]) -> None:
        self._request = request
        self._expected = _digest_of(request)
        self._idle_s = idle_s
        self._before_end = before_end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        async for chunk in _stream(self._request, self._idle_s):
            digest.update(chunk)
            yield chunk
        if digest.digest() != self._expected:
            raise Refusal(400, "digest_mismatch", "the body is not what its digest says; send it again")
        await self._before_end()


async def read_small(
    request: Request, *, most_bytes: int, idle_s: float, before_end: Callable[[], Awaitable[None]] | None = None
) -> bytes:
    """The whole body, checked as `CheckedBody` does where `before_end` is given. Raises Refusal."""
    if length_of(request) > most_bytes:
        raise Refusal(413, "too_large", f"at most {most_bytes} bytes are taken here")
    if before_end is None:
        return b"".join([chunk async for chunk in _stream(request, idle_s)])
    return b"".join([chunk async for chunk in CheckedBody(request, idle_s=idle_s, before_end=before_end)])


async def _stream(request: Request, idle_s: float) -> AsyncIterator[bytes]:
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(idle_s):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        except TimeoutError:
            request.state.body_read = True  # there is nothing to drain
            raise Refusal(408, "body_stalled", f"nothing of the body came for {idle_s:g} s") from None
        except ClientDisconnect:
            request.state.body_read = True
            raise Refusal(400, "body_cut", "the connection was lost within the body") from None
        if chunk:
            yield chunk
    request.state.body_read = True


async def drain(request: Request) -> None:
    """Read the rest of a refused body, so that the client reads the answer and not a reset connection."""
    if getattr(request.state, "body_read", False) or request.headers.get("content-length", "0") == "0":
        return
    left = _DRAIN_BYTES
    try:
        async with asyncio.timeout(_DRAIN_S):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
