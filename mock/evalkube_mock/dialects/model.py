"""What every dialect reads and writes, as values. No bytes of any one dialect here, no HTTP and no timing.

An event is a tuple of byte pieces with a gap between each two. The gaps take the *stamp* (the response's id and
creation time, of a length known ahead), so an event and even a whole stream is rendered once and later completed by
one `stamp.join(pieces)`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from evalkube_mock.vectors import Vector

__all__ = [
    "EVENT_STREAM",
    "JSON",
    "Ask",
    "Block",
    "Call",
    "Dialect",
    "Endpoint",
    "Event",
    "Headers",
    "Query",
    "RefusedError",
    "Reply",
    "Script",
    "header",
    "script_of",
]

Event = tuple[bytes, ...]
Headers = Sequence[tuple[bytes, bytes]]  # of a request, as received

EVENT_STREAM = b"text/event-stream; charset=utf-8"
JSON = b"application/json"


def header(headers: Headers, name: bytes) -> str | None:
    """Give the value of the header `name` (lower case), or None."""
    for key, value in headers:
        if len(key) == len(name) and key.lower() == name:
            return value.decode("latin-1").strip()
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """A generating endpoint, and what a path may say of the request."""

    name: str
    model: str = ""
    stream: bool = False
    variant: str = ""  # of the stream's form


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: its name and its arguments as JSON."""

    name: str
    arguments: str


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """What embeddings and reranking work on: texts or token ids, and what these are compared with."""

    inputs: tuple[str | tuple[int, ...], ...]
    text: str = ""
    dimensions: int | None = None  # of the vectors; None = the server's own


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """A request, in no dialect."""

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
    call: Call | None = None  # what a call of the request's first tool looks like
    streams_calls: bool = True  # False: the arguments of a call are one token
    variant: str = ""  # what else of the request decides how its answer is rendered
    query: Query | None = None  # asks for vectors or scores, not for text


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: word pieces, reasoning before content; or a call; or vectors; or scores."""

    reasoning: tuple[str, ...]
    content: tuple[str, ...]
    finish_reason: str  # stop, length or tool_calls
    stop: str | None = None  # the stop text that ended the content
    call: Call | None = None
    arguments: tuple[str, ...] = ()  # of the call, as pieces
    vectors: tuple[Vector, ...] = ()
    scores: tuple[float, ...] = ()

    @property
    def tokens(self) -> int:
        """Completion tokens of one choice, the reasoning and the call's arguments included."""
        return len(self.reasoning) + len(self.content) + len(self.arguments)


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """A stream's events without their stamp. `tokens[k]` are the events of token k, and what comes right before it."""

    opening: tuple[Event, ...]  # before the first token
    tokens: tuple[tuple[Event, ...], ...]
    closing: tuple[Event, ...]  # after the last token
    content_type: bytes = EVENT_STREAM


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A part of a stream that is announced, has one event per token, and is ended."""

    start: tuple[Event, ...]
    deltas: tuple[Event, ...]
    stop: tuple[Event, ...]


def script_of(opening: tuple[Event, ...], blocks: Sequence[Block], closing: tuple[Event, ...]) -> Script:
    """Put blocks into a row: the first is announced with the opening, each other with its first token."""
    tokens: list[tuple[Event, ...]] = []
    before: tuple[Event, ...] = ()
    for number, block in enumerate(blocks):
        if number == 0:
            opening += block.start
        else:
            before += block.start
        for delta in block.deltas:
            tokens.append((*before, delta))
            before = ()
        before += block.stop
    return Script(opening, tuple(tokens), (*before, *closing))


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

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        """Name the generating endpoint at `path`, or None when the path is not of this dialect."""

    def claims(self, path: str, headers: Headers) -> bool:
        """Say whether a request to no generating endpoint is answered in this dialect."""

    def credential(self, headers: Headers, query: str) -> str | None:
        """Give the API key that a request carries."""

    def wrong_key(self, key: str | None) -> RefusedError:
        """Give the refusal of a request with a wrong key or none."""

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        """Understand a request. Errors: RefusedError."""

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        """Render what is particular to response `number` (unix time `created`).

        Its length depends on `ask` only, and of the prompt only on the digits of its number of tokens.
        """

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        """Render the stream of a reply; without `role` an announcement that can be left out is."""

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        """Render what follows the closing events and depends on the prompt's length: usage, end mark."""

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        """Render a reply that is not streamed."""

    def error(self, refused: RefusedError, number: int) -> bytes:
        """Render an error as a document."""

    def refusal(self, refused: RefusedError, number: int, headers: Headers) -> tuple[bytes, bytes]:
        """Render the answer to a refused request: its content type and its body."""

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        """Render an error after `sent` tokens of a stream that began with 200, and what follows it."""

    def models(self, path: str, model: str, created: int) -> tuple[str, bytes] | None:
        """Answer the question at `path` for models: the name of the one that is asked about, and the body.

        The name is empty for the list of all. None where the path is no such question.
        """
