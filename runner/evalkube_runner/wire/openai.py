"""The OpenAI dialect (chat completions and completions): where to post, and request bodies. What its answers say is
decided in `openai_answers`, and read in `stream`. No I/O.

Reference: https://platform.openai.com/docs/api-reference/chat/create and .../completions/create.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire import ask as asking
from evalkube_runner.wire import faults, stream
from evalkube_runner.wire.ask import Ask, Inputs, Operation, Query, is_messages
from evalkube_runner.wire.decoding import document
from evalkube_runner.wire.openai_answers import GRAMMAR

__all__ = [
    "CHOICES",
    "answer",
    "body",
    "endpoint",
    "error_message",
    "fixed_headers",
    "headers",
    "merged",
    "prompt_texts",
    "reader",
    "response_format",
    "takes_messages",
    "tool_choice",
]


_AZURE = "/openai/deployments/"


def endpoint(given: str, operation: Operation, *, base: bool = False) -> str:
    """The URL to post to.

    A base URL (`base`: as OpenAI's clients are given one) gets the path of chat completions, unless it ends in a path
    of completions already. Any other URL is taken as it stands, unless it is a base to all appearance: it ends in /v1
    (what people paste), or has no path. That gets the path of completions where prompts are not messages.
    """
    parts = urlsplit(given)
    path = parts.path.rstrip("/")
    if base:
        path += "" if path.endswith("/completions") else "/chat/completions"
    elif not path or path.endswith("/v1"):
        path += "/chat/completions" if operation.messages else "/completions"
    elif not path.endswith("/completions"):
        path = parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: all but that of completions."""
    path = urlsplit(url).path.rstrip("/")
    return path.endswith("/chat/completions") or not path.endswith("/completions")


def fixed_headers(*, stream: bool) -> dict[str, str]:
    """The headers beside the key: none, since the body says all."""
    return {}


def headers(api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
    """The key as a bearer token, or as it is in the header `name`. Azure's deployments want `api-key` by themselves."""
    if not api_key:
        return {}
    name = name or ("api-key" if _AZURE in urlsplit(url).path else "Authorization")
    return {name: f"Bearer {api_key}" if name.lower() == "authorization" else api_key}


def merged(made: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A body with the user's further keys (`ask.merged`). Servers take `max_tokens` or `max_completion_tokens`, never
    both: the latter goes before the former.
    """
    body = asking.merged(made, extra)
    if body.get("max_completion_tokens") is not None:
        body.pop("max_tokens", None)
    return body


def body(ask: Ask) -> dict[str, Any]:
    """The request body: the fields that are set, over them those of a prompt that is a body, over all `extra` (see
    `merged`).
    """
    made = {key: value for key, value in _fields(ask).items() if value is not None}
    if ask.stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    prompt = ask.prompt
    assert not isinstance(prompt, Inputs | Query), "an endpoint that generates is given a prompt"
    if isinstance(prompt, dict):
        made |= prompt
    elif is_messages(prompt):
        made["messages"] = prompt
    else:
        made["prompt"] = prompt
    return merged(made, ask.extra)


def _fields(ask: Ask) -> dict[str, Any]:
    return {
        "model": ask.model,
        "max_tokens": ask.max_tokens,
        "max_completion_tokens": ask.max_completion_tokens,
        "min_tokens": ask.min_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "top_k": ask.top_k,
        "n": ask.choices,
        "seed": ask.seed,
        "stop": ask.stop,
        "stop_token_ids": ask.stop_token_ids,
        "frequency_penalty": ask.frequency_penalty,
        "presence_penalty": ask.presence_penalty,
        "repetition_penalty": ask.repetition_penalty,
        "logit_bias": ask.logit_bias,
        "logprobs": ask.logprobs,
        "top_logprobs": ask.top_logprobs,
        "reasoning_effort": ask.reasoning_effort,
        "response_format": None if ask.response_schema is None else response_format(ask.response_schema),
        "tools": ask.tools,
        "tool_choice": tool_choice(ask.tool_choice),
    }


def tool_choice(choice: str | None) -> str | dict[str, Any] | None:
    """The choice of the tool that is to be called."""
    if choice is None or choice in CHOICES:
        return choice
    return {"type": "function", "function": {"name": choice}}


CHOICES = ("auto", "none", "required")
"""What is said of tools without a name of one."""


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The demand that an answer is JSON of a schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


_ANSWERS = stream.Answers(GRAMMAR)
reader, answer = _ANSWERS.reader, _ANSWERS.whole
error_message = faults.in_body


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt, and how many token ids it has besides."""
    found = document(body)
    prompt = found.get("prompt")
    parts = prompt if isinstance(prompt, list) else [prompt]
    ids = sum(len(part) if isinstance(part, list) else 1 for part in parts if isinstance(part, int | list))
    return [*_messages(found), *(part for part in parts if isinstance(part, str))], ids


def _messages(found: Mapping[str, Any]) -> Iterator[str]:
    """The texts of the messages: of each a string, or the text parts of a list."""
    for message in found.get("messages") or []:
        content = message.get("content")
        if isinstance(content, str):
            yield content
            continue
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
