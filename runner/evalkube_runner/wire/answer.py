"""What an answer told us, whatever the dialect: the values that grammars produce and the load generator reads. No I/O
here.
"""

from dataclasses import dataclass

from evalkube_crds.names import ErrorClass
from evalkube_crds.wording import clip

__all__ = ["Answer", "Fault", "Prompt", "Usage", "clip"]

Prompt = list[dict[str, object]] | list[int] | str | dict[str, object]
"""Chat messages, token ids, plain text, or a whole request body whose own fields win."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the server states them; None where it does not."""

    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer is a failure, and a short text for people."""

    error: ErrorClass
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that was not streamed."""

    finish_reason: str | None
    usage: Usage | None
    fault: Fault | None
