"""What an endpoint is asked, whatever the dialect: the values that load tests and evaluations make, and that dialects
turn into requests. No I/O here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

__all__ = ["DRAWN", "Ask", "Drawn", "Inputs", "Message", "Operation", "Prompt", "Query", "is_messages", "merged"]

Message: TypeAlias = dict[str, object]
"""One message of a chat, with its role and its content, as OpenAI writes them."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Texts to embed."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Query:
    """Documents to rank by what they have to do with a query."""

    text: str
    documents: Sequence[str]


Prompt: TypeAlias = list[Message] | list[int] | str | dict[str, object]
"""Chat messages, token ids, plain text, or a whole request body whose own fields win."""


def is_messages(prompt: object) -> TypeGuard[list[Message]]:
    """Whether a prompt is the messages of a chat."""
    return isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], dict)


def merged(made: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A body with the user's further keys, which win; one that is null takes the key away."""
    return {key: value for key, value in {**made, **extra}.items() if key not in extra or value is not None}


class Drawn:
    """A number that is drawn for each request: it stands in a body where the number will (`bodies`)."""


DRAWN: Final = Drawn()


@dataclass(frozen=True, slots=True)
class Operation:
    """What the requests of one client have in common, as far as the endpoint of some API depends on it. `messages`:
    the prompts are chats.
    """

    model: str
    stream: bool
    messages: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. None is said by leaving a key out; `extra` are further keys of the body, which win, and of which one
    that is None takes the key away.

    `max_completion_tokens` is the limit for endpoints that want it under that name; it goes before `max_tokens`.
    """

    model: str
    prompt: Prompt | Inputs | Query
    stream: bool = False
    choices: int | None = None
    max_tokens: int | Drawn | None = None
    max_completion_tokens: int | None = None
    min_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: Sequence[str] | None = None
    stop_token_ids: Sequence[int] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    response_schema: Mapping[str, Any] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
