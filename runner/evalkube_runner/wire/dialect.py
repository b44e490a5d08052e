"""What a dialect decides, and the table of those we speak. A new one is a module with these functions and a line
here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from evalkube_runner.wire import openai
from evalkube_runner.wire.answer import Answer, Fault, Prompt, Usage

if TYPE_CHECKING:
    from evalkube_crds.perfrun import PerfRunSpec

__all__ = ["DIALECTS", "Dialect", "StreamReader"]


class StreamReader(Protocol):
    """One streamed answer. ``feed`` as bytes arrive, ``end`` once when the body is over, then ask for ``fault``."""

    @property
    def chunks(self) -> int:
        """Events so far that carried some of the answer (text, reasoning, a tool call)."""

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped, as the server says it."""

    @property
    def usage(self) -> Usage | None:
        """The last token counts the server sent."""

    @property
    def done(self) -> bool:
        """Whether the server has said that nothing follows (the connection may still be open)."""

    def feed(self, data: bytes) -> int:
        """Take the next bytes of the body; how many events in them carried some of the answer."""

    def end(self) -> int:
        """The body is over: take what lacked its end mark; how many further events carried some of the answer."""

    def fault(self) -> Fault | None:
        """Why this answer is a failure; None for a whole one. Meaningful after ``end``."""

    def texts(self) -> list[str]:
        """The answer's texts, where the reader was asked to keep them. Meaningful after ``end``."""


class Dialect(Protocol):
    """How one family of APIs is spoken to. All functions are pure."""

    def endpoint(self, url: str, *, plain: bool = False, query: Mapping[str, str] | None = None) -> str:
        """The URL to post to, with the path that `url` may leave out; `plain`: prompts are not messages; `query` joins
        the URL's own.
        """

    def is_chat(self, url: str) -> bool:
        """Whether the endpoint takes messages (else a plain prompt)."""

    def headers(self, api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
        """The headers that carry the key to the endpoint `url`, in the header `name` where one is given; none without
        a key.
        """

    def body(self, spec: "PerfRunSpec", prompt: Prompt) -> dict[str, Any]:
        """The request body for one prompt. A drawn ``max_tokens`` is not in it (``draws_max_tokens``)."""

    def draws_max_tokens(self, spec: "PerfRunSpec", body: dict[str, Any]) -> bytes | None:
        """The JSON key under which a drawn token limit is to be added to ``body``; None when it has its own."""

    def stream_reader(self, choices: int, *, keep_text: bool = False) -> StreamReader:
        """A reader for one streamed answer of ``choices`` parallel completions; ``keep_text``: it can say its text."""

    def answer(self, body: bytes) -> Answer:
        """What an answer that was not streamed says."""

    def answer_texts(self, body: bytes) -> list[str]:
        """The texts of an answer that was not streamed."""

    def prompt_texts(self, body: bytes) -> tuple[list[str], int]:
        """The texts of a request's prompt, and how many token ids it has besides."""

    def error_message(self, body: bytes) -> str:
        """The text for people in the body of an HTTP error."""


DIALECTS: dict[str, Dialect] = {"openai": openai}
