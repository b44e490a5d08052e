"""The values that every dialect reads and writes. No bytes of any one dialect, no HTTP and no timing here.

An event is a tuple of byte pieces with a gap between each two. The *stamp* (the response's id and creation time, whose
length is known in advance) goes into the gaps. So an event, or even a whole stream, is rendered once and later
completed by one `stamp.join(pieces)`.
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
    """The value of the header `name` (lower case); None if it is absent."""
    for key, value in headers:
        if len(key) == len(name) and key.lower() == name:
            return value.decode("latin-1").strip()
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """A generating endpoint, with the parts of the request that its path may contain."""

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
    """The input of embeddings and reranking: texts or token ids, and the text that they are compared with."""

    inputs: tuple[str | tuple[int, ...], ...]
    text: str = ""
    dimensions: int | None = None  # of the vectors; None = the server's own


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """A request, independent of the dialect."""

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
    """The model's reply: word pieces, reasoning before content; or a call; or vectors; or scores."""

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
        """The completion tokens of one choice, including reasoning and the arguments of a call."""
        return len(self.reasoning) + len(self.content) + len(self.arguments)


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """The events of a stream, without their stamp. `tokens[k]` has the events of token k and those just before it."""

    opening: tuple[Event, ...]  # before the first token
    tokens: tuple[tuple[Event, ...], ...]
    closing: tuple[Event, ...]  # after the last token
    content_type: bytes = EVENT_STREAM


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A block of a stream, which is announced, has one event per token, and is ended."""

    start: tuple[Event, ...]
    deltas: tuple[Event, ...]
    stop: tuple[Event, ...]


def script_of(opening: tuple[Event, ...], blocks: Sequence[Block], closing: tuple[Event, ...]) -> Script:
    """Joins blocks: the first is announced with the opening, each other one with its first token."""
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
    """A request that gets an error instead of an answer: the status, the reason and the parameter."""

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
    """One dialect. Everything in it is pure."""

    name: str

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        """The generating endpoint at `path`; None if the path is not of this dialect."""

    def claims(self, path: str, headers: Headers) -> bool:
        """Whether a request to no generating endpoint is answered in this dialect."""

    def credential(self, headers: Headers, query: str) -> str | None:
        """The API key of a request."""

    def wrong_key(self, key: str | None) -> RefusedError:
        """The refusal of a request with a wrong key or without one."""

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        """Reads a request. Raises RefusedError."""

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        """Renders the stamp: the part that is special to response `number` (unix time `created`).

        Its length depends only on `ask`, and of the prompt only on the number of digits of its token count.
        """

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        """Renders the stream of a reply. Without `role`, an announcement that the dialect does not need is left out."""

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        """Renders what follows the closing events and depends on the prompt's length: usage, end mark."""

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        """Renders a reply that is not streamed."""

    def error(self, refused: RefusedError, number: int) -> bytes:
        """Renders an error as a document."""

    def refusal(self, refused: RefusedError, number: int, headers: Headers) -> tuple[bytes, bytes]:
        """Renders the answer to a refused request: its content type and its body."""

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        """Renders an error after `sent` tokens of a stream that began with 200, and the rest of the stream."""

    def models(self, path: str, model: str, created: int) -> tuple[str, bytes] | None:
        """The answer to a question for models at `path`: the name that it asks about, and the body.

        The name is empty for the list of all models. None if the path is no such question.
        """
