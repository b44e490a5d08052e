"""A kept-alive HTTP/1.1 connection for one request at a time: an asyncio.Protocol over httptools.

What a client library does beside that for each request (its pool, its locks and time limits, cookies, redirects, checks
of what it writes) was two thirds of an evaluation's CPU. Bodies may be compressed (gzip, deflate), though nobody asks
for that. Redirects are not followed, nothing is sent twice, and what follows an answer ends the connection.
"""

import asyncio
import zlib

import httptools

from evalkube_crds.names import ErrorClass
from evalkube_runner.http import framing

__all__ = ["Connection", "HttpFailed", "Response"]

_MAX_BODY_BYTES = 64 * 1024 * 1024


class HttpFailed(Exception):
    """An exchange failed. `status` is that of an answer that broke off."""

    def __init__(self, error: ErrorClass, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.status = status


class Response:
    """One answer: the parser feeds it, and `part` reads its body."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = ""
        self.headers: dict[str, str] = {}
        self.over = self.followed = False
        self._head_read = self._interim = self._keep = False
        self._failure: HttpFailed | None = None
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._unpack: zlib._Decompress | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._news: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Takes what one read brought."""
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            if self.over:
                self.followed = True
            else:
                self.fail(ErrorClass.PARSE, framing.not_http(problem))
        if not self._head_read and self._bytes > framing.MAX_HEAD_BYTES:
            self.fail(ErrorClass.PARSE, framing.HEAD_TOO_LONG)
        if self._bytes > _MAX_BODY_BYTES:
            self.over = False
            self.fail(ErrorClass.TOO_LARGE, f"an answer of more than {_MAX_BODY_BYTES} bytes")
        self._wake()

    def fail(self, error: ErrorClass, message: str) -> None:
        """End the answer as failed. What came before can still be read."""
        if self._failure is None and not self.over:
            self._failure = HttpFailed(error, message, status=self.status if self._head_read else None)
        self._wake()

    def closed(self, problem: Exception | None) -> None:
        """Note that the connection is closed: the end of a body that has no other, else a failure."""
        ends_here = framing.until_close(self.headers.get("content-length"), self.headers.get("transfer-encoding", ""))
        if self._head_read and self._failure is None and ends_here and problem is None:
            self.on_message_complete()
            self._wake()
        what = "before the answer was whole" if self._head_read else "without an answer"
        why = f": {problem}" if problem is not None else ""
        self.fail(ErrorClass.DISCONNECTED, f"the server closed the connection {what}{why}")

    @property
    def kept_alive(self) -> bool:
        """Whether another request may follow on its connection."""
        return self._keep and self.over and not self.followed

    async def head(self) -> None:
        """Returns when its status and headers are there. Raises HttpFailed."""
        while not self._head_read:
            await self._more()

    async def part(self) -> bytes:
        """The next part of the body; b"" at its end. Raises HttpFailed."""
        while True:
            if self._pieces:
                data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces.clear()
                if data := self._unpacked(data):
                    return data
            elif self.over:
                return b""
            else:
                await self._more()

    def _unpacked(self, data: bytes) -> bytes:
        if self._unpack is None:
            return data
        try:
            found = self._unpack.decompress(data, _MAX_BODY_BYTES)
        except zlib.error as problem:
            raise HttpFailed(
                ErrorClass.PARSE, f"the answer cannot be unpacked: {problem}", status=self.status
            ) from None
        if self._unpack.unconsumed_tail:
            message = f"an answer of more than {_MAX_BODY_BYTES} bytes"
            raise HttpFailed(ErrorClass.TOO_LARGE, message, status=self.status)
        return found

    async def _more(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self.over:
            self.followed = True

    def on_status(self, reason: bytes) -> None:
        """Called by the parser."""
        self.reason = reason.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called by the parser. Interim answers (1xx) only announce the answer."""
        if self.over:
            return
        self.status = self._parser.get_status_code()
        self._interim = self.status < 200
        if self._interim:
            self.headers = {}
            return
        self._head_read = True
        coding = self.headers.get("content-encoding", "").strip().lower()
        if coding in ("gzip", "x-gzip", "deflate"):
            self._unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        if not self.over:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._head_read and not self._interim:
            self.over = True
            self._keep = self._parser.should_keep_alive()


class Connection(asyncio.Protocol):
    """One connection: idle, or busy with one answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._response: Response | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream connection has a Transport

    def send(self, payload: bytes) -> Response:
        """Write a request; the answer, of which nothing has come yet."""
        assert self._transport is not None
        self._response = Response()
        self._transport.write(payload)
        return self._response

    @property
    def usable(self) -> bool:
        """Whether another request can be sent: the last one is answered, and nothing more has come."""
        idle = self._response is None or self._response.kept_alive
        return idle and self._transport is not None and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        if self._response is None:  # nobody asked: it could be taken for the answer to the next request
            self.abort()
            return
        over = self._response.over
        self._response.feed(data)
        if over:
            self._response.followed = True

    def connection_lost(self, problem: Exception | None) -> None:
        if self._response is not None:
            self._response.closed(problem)

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()
