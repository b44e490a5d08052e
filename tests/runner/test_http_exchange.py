"""Answers of an evaluation's connection as their bytes come: whole, byte by byte, compressed, interim, followed."""

import asyncio
import gzip
import zlib

import pytest

from evalkube_crds.names import ErrorClass
from evalkube_runner.http.exchange import HttpFailed, Response

TEXT = b'{"choices": []}'
_GZIP = gzip.compress(TEXT)
_DEFLATE = zlib.compress(TEXT)
_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + TEXT


def _sized(coding: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (coding, len(body), body)


async def _read(response: Response) -> bytes:
    await response.head()
    found = b""
    while part := await response.part():
        found += part
    return found


# name: what the server sends, whether it closes then, whether the connection can be used again
ANSWERS: dict[str, tuple[bytes, bool, bool]] = {
    "with a length": (_PLAIN, False, True),
    "in chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n%s\r\n0\r\n\r\n" % TEXT, False, True),
    "until the connection ends": (b"HTTP/1.1 200 OK\r\n\r\n" + TEXT, True, False),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 15\r\n\r\n" + TEXT, False, False),
    "that closes": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 15\r\n\r\n" + TEXT, False, False),
    "after interim ones": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n" + _PLAIN, False, True),
    "gzip": (_sized(b"gzip", _GZIP), False, True),
    "deflate": (_sized(b"Deflate", _DEFLATE), False, True),
    "followed by something": (_PLAIN + b"HTTP/1.1 200 OK\r\n", False, False),
    "followed by no HTTP": (_PLAIN + b"\0\0\0", False, False),
}


@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(("sent", "closes", "again"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_read(sent: bytes, closes: bool, again: bool, bytewise: bool) -> None:
    """Its text, whatever its form; what follows is no part of it, and ends the connection."""

    async def run() -> tuple[bytes, int, bool]:
        response = Response()
        for data in [sent[at : at + 1] for at in range(len(sent))] if bytewise else [sent]:
            response.feed(data)
        if closes:
            response.closed(None)
        return await _read(response), response.status, response.kept_alive

    assert asyncio.run(run()) == (TEXT, 200, again)


# name: what the server sends before it closes; the class, and a word of the message
BROKEN: dict[str, tuple[bytes, ErrorClass, str]] = {
    "nothing": (b"", ErrorClass.DISCONNECTED, "without an answer"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", ErrorClass.DISCONNECTED, "without an answer"),
    "half a body": (_PLAIN[:-1], ErrorClass.DISCONNECTED, "before the answer was whole"),
    "half of a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{",
        ErrorClass.DISCONNECTED,
        "before the answer was whole",
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", ErrorClass.PARSE, "not HTTP/1.1"),
    "no gzip": (_sized(b"gzip", b"not packed"), ErrorClass.PARSE, "cannot be unpacked"),
    "a head without end": (b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 20), ErrorClass.PARSE, "the head of the answer"),
    "a body without end": (
        b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * (65 << 20),
        ErrorClass.TOO_LARGE,
        "an answer of more than",
    ),
    "a bomb": (_sized(b"gzip", gzip.compress(b"y" * (65 << 20))), ErrorClass.TOO_LARGE, "an answer of more than"),
}


@pytest.mark.parametrize(("sent", "error", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_answer_is_told(sent: bytes, error: ErrorClass, said: str) -> None:
    """By its class, in words."""

    async def run() -> bytes:
        response = Response()
        response.feed(sent)
        response.closed(None)
        return await _read(response)

    with pytest.raises(HttpFailed, match=said) as failed:
        asyncio.run(run())
    assert failed.value.error is error
