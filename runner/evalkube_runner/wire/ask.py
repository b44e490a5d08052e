"""The values of a request, whatever the dialect: load tests and evaluations make them, dialects turn them into HTTP. No
I/O here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

__all__ = [
    "DRAWN",
    "Ask",
    "Chat",
    "Conversation",
    "Drawn",
    "History",
    "Inputs",
    "Message",
    "Operation",
    "Prompt",
    "Query",
    "chat_of",
    "is_messages",
    "merged",
    "overlaid",
]

Message: TypeAlias = dict[str, object]
"""One message of a chat, with its role and its content, as OpenAI writes them."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Texts to embed."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Query:
    """Documents to rank by their relevance to a query."""

    text: str
    documents: Sequence[str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The new messages of each turn: a person's, in the first turn perhaps after a system message.

    A turn's request has all messages of the turns before it, each followed by the answer that the model gave, and then
    its own. `tools`: those that its requests have, where they are its own.
    """

    turns: tuple[tuple[Message, ...], ...]
    tools: tuple[Mapping[str, Any], ...] | None = None

    def __len__(self) -> int:
        return len(self.turns)


@dataclass(frozen=True, slots=True)
class History:
    """The place of a chat's messages in a request's body: the keys that lead to their list. `silence`: an answer
    without a text may be in it; otherwise it is left out.
    """

    path: tuple[str, ...]
    silence: bool = True


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat with what its model may call, and no further keys of a body. `tool_choice`: see `Ask`."""

    messages: list[Message]
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | None


Prompt: TypeAlias = list[Message] | list[int] | str | dict[str, object]
"""Chat messages, token ids, plain text, or a whole request body whose own fields win."""


def is_messages(prompt: object) -> TypeGuard[list[Message]]:
    """Whether a prompt is the messages of a chat."""
    return isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], dict)


def chat_of(prompt: object) -> Chat | None:
    """The chat that a prompt is which has OpenAI's `messages`, `tools` and `tool_choice` and no other keys, so that any
    API can be asked it; None of others, which are bodies of their own API.
    """
    if not isinstance(prompt, dict) or not prompt.keys() <= _CHAT_KEYS:
        return None
    messages, tools, choice = prompt.get("messages"), prompt.get("tools"), prompt.get("tool_choice")
    if isinstance(choice, Mapping):
        function = choice.get("function")
        choice = function.get("name") if isinstance(function, Mapping) else choice
    if not is_messages(messages) or not all("role" in message for message in messages):
        return None
    if not isinstance(tools, list | None) or not isinstance(choice, str | None):
        return None
    return Chat(messages, tools or None, choice)


_CHAT_KEYS: Final = frozenset({"messages", "tools", "tool_choice"})


def merged(made: Mapping[str, Any], extra: Mapping[str, Any], within: Collection[str] = ()) -> dict[str, Any]:
    """A body with the user's further keys, which win; one that is null takes the key away. `within`: objects of the
    body whose keys are joined in the same way, one by one.
    """
    body = overlaid(made, extra, within)
    for key in within:
        if isinstance(inner := extra.get(key), Mapping) and isinstance(body[key], Mapping):
            body[key] = {name: value for name, value in body[key].items() if name not in inner or value is not None}
    return {key: value for key, value in body.items() if key not in extra or value is not None}


def overlaid(made: Mapping[str, Any], over: Mapping[str, Any], within: Collection[str] = ()) -> dict[str, Any]:
    """A body with other keys, which win as they are. `within`: objects of it whose keys are joined one by one."""
    inner = {
        key: {**made[key], **over[key]}
        for key in within
        if isinstance(made.get(key), Mapping) and isinstance(over.get(key), Mapping)
    }
    return {**made, **over, **inner}


class Drawn:
    """A number that is drawn for each request: it stands in a body where the number will (`bodies`)."""


DRAWN: Final = Drawn()


@dataclass(frozen=True, slots=True)
class Operation:
    """The common part of one client's requests, as far as the endpoint of some API depends on it. `messages`: the
    prompts are chats.
    """

    model: str
    stream: bool
    messages: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request of a user. A field that is None is left out of the body; `extra` are further keys of the body, which
    win, and of which one that is None takes the key away.

    `max_completion_tokens` is the limit for endpoints that want it under that name; it goes before `max_tokens`.
    `tools` are in OpenAI's form, or of the API's own kinds; `tool_choice` is auto, none, required, or the name of the
    function that must be called. `url`: where the request goes, for APIs whose bodies depend on it.
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
    tool_choice: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
