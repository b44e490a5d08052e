"""OpenAI's responses: where to post, and request bodies. What answers say is decided in `openai_responses_answers`. No
I/O.

Reference: https://platform.openai.com/docs/api-reference/responses/create; Azure's form of it:
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses. vLLM, SGLang and others serve the same, and take
parameters that OpenAI does not have (`stop`, `seed`, `top_k`): those are a user's further keys.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire import faults, openai, stream
from evalkube_runner.wire.ask import Ask, Inputs, Message, Operation, Query, is_messages, merged, overlaid
from evalkube_runner.wire.decoding import document
from evalkube_runner.wire.openai_responses_answers import GRAMMAR

__all__ = [
    "answer",
    "body",
    "endpoint",
    "error_message",
    "fixed_headers",
    "headers",
    "prompt_texts",
    "reader",
    "takes_messages",
]

_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_AZURE_PATHS = ("/openai/responses", "/openai/deployments/")
_JOINED = ("text", "reasoning")  # objects of a body to which a user adds keys


def endpoint(given: str, operation: Operation, *, base: bool = False) -> str:
    """The URL to post to.

    A base URL (`base`) gets the path of responses, unless it ends in it already. Any other URL is taken as it stands,
    unless it ends in /v1. A URL without a path gets /v1/responses in any case: nobody serves it elsewhere.
    """
    parts = urlsplit(given)
    path = parts.path.rstrip("/")
    if not path:
        path = "/v1/responses"
    elif not path.endswith("/responses"):
        path = f"{path}/responses" if base or path.endswith("/v1") else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: always, since a text is one message too."""
    return True


def fixed_headers(*, stream: bool) -> dict[str, str]:
    """The headers beside the key: none, since the body says all."""
    return {}


def headers(api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
    """The key as a bearer token, or as it is in the header `name`. Azure wants `api-key` by itself."""
    parts = urlsplit(url)
    azure = (parts.hostname or "").endswith(_AZURE_HOSTS) or parts.path.startswith(_AZURE_PATHS)
    return openai.headers(api_key, url, name or ("api-key" if azure else None))


def body(ask: Ask) -> dict[str, Any]:
    """The request body: the fields that are set, over them those of a prompt that is a body, over all `extra`.

    A server is asked not to store the answer, which is what it does unless told: a load is nothing to be kept.
    """
    made: dict[str, Any] = {key: value for key, value in _fields(ask).items() if value is not None}
    made["store"] = False
    if ask.stream:
        made["stream"] = True
    prompt = ask.prompt
    assert not isinstance(prompt, Inputs | Query), "an endpoint that generates is given a prompt"
    if isinstance(prompt, dict):
        made = overlaid(made, prompt, _JOINED)
    elif isinstance(prompt, str):
        made["input"] = prompt
    else:
        messages = prompt if is_messages(prompt) else []
        assert messages or not prompt, "token ids are refused with the spec"
        made["input"] = [item for message in messages for item in _items(message)]
    return merged(made, ask.extra, _JOINED)


def _fields(ask: Ask) -> dict[str, Any]:
    limit = ask.max_tokens if ask.max_completion_tokens is None else ask.max_completion_tokens
    return {
        "model": ask.model,
        "max_output_tokens": limit,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "top_logprobs": ask.top_logprobs,
        "include": ["message.output_text.logprobs"] if ask.logprobs else None,
        "reasoning": None if ask.reasoning_effort is None else {"effort": ask.reasoning_effort},
        "text": None if ask.response_schema is None else {"format": _format(ask.response_schema)},
        "tools": None if ask.tools is None else [_tool(tool) for tool in ask.tools],
        "tool_choice": _choice(ask.tool_choice),
    }


def _choice(choice: str | None) -> str | dict[str, Any] | None:
    return choice if choice is None or choice in openai.CHOICES else {"type": "function", "name": choice}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The response format, like that of chat completions, whose parts are one level deeper."""
    wanted = openai.response_format(schema)
    return {"type": wanted["type"], **wanted["json_schema"]}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool of a chat in the flat form. Unless it says so a schema is not strict there, and strict here."""
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return dict(tool)
    return {"type": "function", "strict": False, **function}


def _items(message: Message) -> Iterator[dict[str, Any]]:
    """A message of a chat as items of the input: what tools gave, or what is said and the tools that are called."""
    if message.get("role") == "tool":
        yield {
            "type": "function_call_output",
            "call_id": message.get("tool_call_id"),
            "output": _content(message.get("content"), "input_text"),
        }
        return
    calls = message.get("tool_calls")
    rest = {name: value for name, value in message.items() if name != "tool_calls"}
    if rest.get("content") or not calls:
        kind = "output_text" if rest.get("role") == "assistant" else "input_text"
        yield {**rest, "content": _content(rest.get("content"), kind)}
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") or {}
        named = {"name": function.get("name"), "arguments": function.get("arguments")}
        yield {"type": "function_call", "call_id": call.get("id"), **named}


def _content(content: object, kind: str) -> object:
    if not isinstance(content, list):
        return "" if content is None else content
    return [_part(part, kind) for part in content]


def _part(part: object, kind: str) -> object:
    """A part of a chat's message as one of an input item; others go out as they are."""
    if not isinstance(part, dict):
        return part
    match part.get("type"):
        case "text":
            return {**part, "type": kind}
        case "image_url":
            image = part.get("image_url")
            inner = {"image_url": image} if isinstance(image, str) else dict(image or {})
            url = inner.pop("url", inner.pop("image_url", None))
            return {"type": "input_image", "image_url": url, "detail": "auto", **inner}
        case "file":
            return {"type": "input_file", **(part.get("file") or {})}
    return part


_ANSWERS = stream.Answers(GRAMMAR)
reader, answer = _ANSWERS.reader, _ANSWERS.whole
error_message = faults.in_body


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt; it has no token ids."""
    found = document(body)
    given = found.get("input")
    items = given if isinstance(given, list) else [given]
    return [text for item in (found.get("instructions"), *items) for text in _texts(item)], 0


def _texts(item: object) -> Iterator[str]:
    """The texts of an input item, of a part of it, or of a list of parts."""
    if isinstance(item, str):
        yield item
    elif isinstance(item, list):
        for part in item:
            yield from _texts(part)
    elif isinstance(item, dict):
        for name in ("content", "output", "text", "arguments"):
            yield from _texts(item.get(name))
