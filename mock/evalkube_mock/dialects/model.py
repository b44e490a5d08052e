"""What every dialect reads and writes, as values. No bytes of any one dialect here, no HTTP and no timing.

An event is a tuple of byte pieces with a gap between each two. The gaps take the *stamp* (the response's id and
creation time, of a length known ahead), so an event and even a whole stream is rendered once and later completed by
one `stamp.join(pieces)`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Ask", "Dialect", "Event", "RefusedError", "Reply", "Script"]

Event = tuple[bytes, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """A request for generated text, in no dialect."""

    endpoint: str
    model: str
    prompt: str  # the last user message, which the answer is looked up by
    prompt_tokens: int  # of all messages
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    min_tokens: int = 0
    ignore_eos: bool = False  # generate to max_tokens, whatever the answer
    choices: int = 1
    stop: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: word pieces, reasoning before content."""

    reasoning: tuple[str, ...]
    content: tuple[str, ...]
    finish_reason: str  # stop or length

    @property
    def tokens(self) -> int:
        """Completion tokens of one choice, the reasoning included."""
        return len(self.reasoning) + len(self.content)


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """A stream's events without their stamp. `tokens[k]` are the events of token k, one per choice."""

    opening: tuple[Event, ...]  # before the first token: the role-only delta
    tokens: tuple[tuple[Event, ...], ...]
    closing: tuple[Event, ...]  # the finish reason


class RefusedError(Exception):
    """The request gets an error answer instead of text: its status, what is wrong and with which parameter."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.headers = headers
        self.status = status
        self.message = message
        self.param = param
        self.code = code


class Dialect(Protocol):
    """One language. Everything here is pure."""

    name: str

    def endpoint(self, path: str) -> str | None:
        """Name the generating endpoint at `path` (no query), or None when the path is not of this dialect."""

    def credential(self, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        """Give the API key that a request carries."""

    def read(self, endpoint: str, body: bytes) -> Ask:
        """Understand a request body. Errors: RefusedError."""

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        """Render what is particular to response `number` (unix time `created`); its length depends on `ask` only."""

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        """Render the stream of a reply."""

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        """Render what follows the closing events and depends on the prompt's length: usage, end mark."""

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        """Render a reply that is not streamed."""

    def error(self, refused: RefusedError) -> bytes:
        """Render an error body."""

    def error_events(self, refused: RefusedError) -> tuple[Event, ...]:
        """Render an error inside a stream that has already begun with 200, and what follows it."""
