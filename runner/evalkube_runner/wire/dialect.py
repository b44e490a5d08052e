"""The interface of a dialect, and the table of all dialects. A new one is a module with these functions, a line here
and a row in the contract's table (`evalkube_crds.dialects`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from evalkube_runner.wire import anthropic, dashscope, embedding, gemini, openai, openai_responses, rerank
from evalkube_runner.wire.answer import Answer
from evalkube_runner.wire.ask import Ask, History, Operation

__all__ = ["COUNTS", "DIALECTS", "HISTORIES", "Counters", "Dialect", "StreamReader"]


class Counters(Protocol):
    """The counts of one choice so far, in events."""

    @property
    def chunks(self) -> int:
        """The events that carried some of the answer (text, reasoning, a tool call)."""

    @property
    def asides(self) -> int:
        """The events that carried none of the answer, up to the choice's end."""

    @property
    def blanks(self) -> int:
        """The asides with an empty text in place of a piece: tokens, or keep-alives."""

    @property
    def inside(self) -> bool:
        """Whether a piece after a blank has a character of several bytes, within which the blank may have been."""


class StreamReader(Protocol):
    """The reader of one answer, streamed or not. `feed` as bytes arrive, `end` once when the body is over, then ask for
    `answer`.
    """

    @property
    def tracks(self) -> Sequence[Counters]:
        """The counters of each choice that was asked for."""

    @property
    def done(self) -> bool:
        """Whether the server has said that nothing follows (the connection may still be open)."""

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream; else it is a whole answer."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""

    def end(self) -> None:
        """The body is over: take what lacked its end mark."""

    def answer(self) -> Answer:
        """The answer, with its texts where the reader was asked to keep them. Meaningful after `end`."""


class Dialect(Protocol):
    """The dialect of one family of APIs. All functions are pure."""

    def endpoint(self, given: str, operation: Operation, *, base: bool = False) -> str:
        """The URL to post to, which some APIs make of the model and of whether the answer is streamed. `given` is what
        the user gave: a base URL that gets its path in any case (`base`; evaluations), or a URL that is complete
        unless its end says otherwise (load tests). The URL's own query stays.
        """

    def takes_messages(self, url: str) -> bool:
        """Whether the endpoint takes messages (else a plain prompt)."""

    def headers(self, api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
        """The headers that carry the key to the endpoint `url`, in the header `name` where one is given; none without
        a key.
        """

    def fixed_headers(self, *, stream: bool) -> dict[str, str]:
        """The headers that the API wants beside the key; those that a user gives go before them."""

    def body(self, ask: Ask) -> dict[str, Any]:
        """The request body. A limit of tokens that is drawn stands in it as `DRAWN`, wherever its place is."""

    def reader(self, choices: int = 1, *, keep_text: bool = False) -> StreamReader:
        """A reader for one answer of `choices` parallel completions."""

    def answer(self, body: bytes, choices: int = 1, *, keep_text: bool = False) -> Answer:
        """The answer in a body that was not streamed."""

    def prompt_texts(self, body: bytes) -> tuple[list[str], int]:
        """The texts of a request's prompt, and how many token ids it has besides."""

    def error_message(self, body: bytes) -> str:
        """The text for people in the body of an HTTP error."""


DIALECTS: dict[str, Dialect] = {
    "openai": openai,
    "openai_responses": openai_responses,
    "dashscope": dashscope,
    "anthropic": anthropic,
    "gemini": gemini,
    "openai_embedding": embedding,
    "openai_rerank": rerank,
}

COUNTS: Final[Mapping[str, Callable[[bytes], int]]] = {
    "openai_embedding": embedding.count,
    "openai_rerank": rerank.count,
}
"""How many inputs, or documents, a request body has: of dialects whose answers have as many parts, and no words. A
reader is told that number as its choices."""

HISTORIES: Final[Mapping[str, History]] = {
    "openai": History(("messages",)),
    "openai_responses": History(("input",)),
    "dashscope": History(("input", "messages")),
    "anthropic": History(("messages",), silence=False),
    "gemini": History(("contents",), silence=False),
}
"""Where conversations stand in request bodies: of dialects that can say one."""
