"""The connections of clients: limits on the size and time of heads and bodies, and on their number.

uvicorn's protocol has none of these limits. An endless head fills the memory; a head or body that never arrives holds
its connection forever. Here each wait has a deadline. If all connections are in use, the one that has waited longest
for a request is closed. A connection whose request is being answered is never closed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from evalkube_api import errors

__all__ = ["Limits", "Room", "protocol_of", "refusal_of"]

_REFUSAL: Final = "evalkube.refusal"
_LINGER_S: Final = 2.0
_LINGER_BYTES: Final = 16 * 1024 * 1024
"""A refused client is read on for a while: what it still sends would otherwise reset the connection, and it would never
read why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one client. `body_s`: for a body that no route reads; routes have their own deadline."""

    connections: int = 4096
    head_bytes: int = 32 * 1024
    headers: int = 256
    head_s: float = 10.0
    body_s: float = 35.0


@dataclass(slots=True)
class Room:
    """The connections of one service. `waiting`: those that wait for a request's head, the longest first."""

    limits: Limits
    waiting: "dict[_Protocol, None]" = field(default_factory=dict)


def protocol_of(room: Room) -> type[asyncio.Protocol]:
    """The protocol class for the connections in `room`, for uvicorn."""

    def made(**options: Any) -> _Protocol:
        return _Protocol(room, **options)

    return cast("type[asyncio.Protocol]", made)  # uvicorn calls it, no more


def refusal_of(scope: Scope) -> errors.ApiError | None:
    """The reason to refuse the request of `scope`, if its head alone gives one."""
    found: errors.ApiError | None = scope.get("extensions", {}).get(_REFUSAL, {}).get("problem")
    return found


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with limits. A request is in its head, in its body, or complete."""

    def __init__(self, room: Room, **options: Any) -> None:
        super().__init__(**options)
        self._room = room
        self._limits = room.limits
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False
        self._reading_head = True
        self._head_bytes = 0
        self._headers_left = self._limits.headers
        self._lingered_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Registers the connection. If there is no place, it closes one that only waits."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            oldest = next(iter(self._room.waiting), None)
            if oldest is None:
                self._refuse(errors.TooBusy("all connections of the service are in use; try again"))
                return
            oldest.transport.close()
            del self._room.waiting[oldest]
        self._room.waiting[self] = None
        self._within(self._limits.head_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees the place of the connection."""
        self._room.waiting.pop(self, None)
        self._cancel_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads data. Data of a refused client is dropped."""
        if self._refused:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > _LINGER_BYTES:
                self.transport.abort()
            return
        if self._reading_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._reading_head and self._head_bytes > self._limits.head_bytes and not self._refused:
            self._refuse(self._too_large())

    def on_message_begin(self) -> None:
        """Handles the first byte of a head."""
        super().on_message_begin()
        self._reading_head = True
        self._headers_left = self._limits.headers
        self._within(self._limits.head_s, self._head_is_late)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Handles one header. A header beyond the limit is not stored."""
        self._headers_left -= 1
        if self._headers_left >= 0:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hands the request on, with a reason if it is to be refused.

        uvicorn forgets the host of a request whose target is a whole URL (RFC 9112, 3.2.2), so it is noted here.
        """
        self._reading_head, self._head_bytes = False, 0
        self._room.waiting.pop(self, None)
        self._within(self._limits.body_s, self._body_is_late)
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes or self._headers_left < 0:
            self._pass_on(self._too_large())
        elif not self.url.startswith(b"/"):
            reason = "must be a path, not a URL: this is no proxy"
            self._pass_on(errors.InvalidRequest.because(reason, "request target"))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Handles the end of the body."""
        self._cancel_deadline()
        self._reading_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        super().on_response_complete()
        if not self._answering() and not self.transport.is_closing():
            self._room.waiting[self] = None

    def send_400_response(self, msg: str) -> None:
        """Answers data that is not HTTP with an error in JSON, as all other errors."""
        self._refuse(errors.InvalidRequest.because("is not HTTP/1.1 as this service reads it", "request"))

    def _pass_on(self, refusal: errors.ApiError) -> None:
        self.scope["extensions"] = {_REFUSAL: {"problem": refusal}}
        self.url = b"/"

    def _too_large(self) -> errors.ApiError:
        most = f"{self._limits.head_bytes} bytes and {self._limits.headers} headers"
        return errors.HeadTooLarge(f"the head of the request is larger than {most}")

    def _answering(self) -> bool:
        cycle: object = self.cycle  # None before the first request, whatever uvicorn's annotation says
        return cycle is not None and not self.cycle.response_complete

    def _within(self, seconds: float, late: Callable[[], None]) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, late)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        if self._answering():  # the head of a next request, which is not read on before the answer to this one
            self._within(self._limits.head_s, self._head_is_late)
        elif self._head_bytes == 0:
            self.transport.close()
        else:
            self._refuse(errors.BodyTooSlow(f"the head of the request did not arrive within {self._limits.head_s:g} s"))

    def _body_is_late(self) -> None:
        if self._answering() and self.flow.read_paused:  # it is ours to read on
            self._within(self._limits.body_s, self._body_is_late)
        else:
            self.transport.close()

    def _refuse(self, problem: errors.ApiError) -> None:
        """Answers in place of the application, and closes the connection."""
        self._refused = True
        self._room.waiting.pop(self, None)
        if self.transport.is_closing():
            return
        if self._answering() and not self._reading_head and not self.pipeline and not self.cycle.response_started:
            self.cycle.disconnected = True  # the request whose body this is about: its route has no more to say
            self.cycle.message_event.set()
        if not self._answering() or self.cycle.disconnected:
            self.transport.write(_answer(problem))
            self.transport.write_eof()
        self._within(_LINGER_S, self.transport.close)


def _answer(problem: errors.ApiError) -> bytes:
    body = orjson.dumps(problem.body())
    headers = {
        **problem.headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
