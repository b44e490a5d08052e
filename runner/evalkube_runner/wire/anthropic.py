"""Anthropic's messages: where to post, and request bodies. What answers say is decided in `anthropic_answers`. No I/O.

Reference: https://docs.anthropic.com/en/api/messages, .../en/api/versioning, .../en/docs/build-with-claude/effort and
.../structured-outputs. DeepSeek, Moonshot and others serve the same below /anthropic, vLLM at /v1/messages.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire import chats, faults, openai, stream
from evalkube_runner.wire.anthropic_answers import GRAMMAR
from evalkube_runner.wire.ask import Ask, Inputs, Message, Operation, Query, is_messages, merged, overlaid
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.decoding import document

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

_VERSION = "2023-06-01"
_BASES = ("/v1", "/anthropic")
_JOINED = ("output_config",)  # objects of a body to which a user adds keys


def endpoint(given: str, operation: Operation, *, base: bool = False) -> str:
    """The URL to post to.

    A base URL (`base`: as Anthropic's clients are given one) gets the path of messages, unless it ends in it already.
    Any other is taken as it stands, unless it ends in /v1 or /anthropic. One without a path gets /v1/messages.
    """
    parts = urlsplit(given)
    path = parts.path.rstrip("/")
    if path.endswith("/messages") or (path and not base and not path.endswith(_BASES)):
        path = parts.path if not base else path
    else:
        path += "/messages" if path.endswith("/v1") else "/v1/messages"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: always, since a text is one message too."""
    return True


def fixed_headers(*, stream: bool) -> dict[str, str]:
    """The version of the API."""
    return {"anthropic-version": _VERSION}


def headers(api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
    """The key as it is in `x-api-key`, or in the header `name`; a bearer token in that of authorization."""
    return openai.headers(api_key, url, name or "x-api-key")


def body(ask: Ask) -> dict[str, Any]:
    """The request body: the fields that are set, over them those of a prompt that is a body, over all `extra`. Raises
    Inexpressible.
    """
    made = {key: value for key, value in _fields(ask).items() if value is not None}
    if ask.stream:
        made["stream"] = True
    prompt = ask.prompt
    assert not isinstance(prompt, Inputs | Query), "an endpoint that generates is given a prompt"
    if isinstance(prompt, dict):
        made = overlaid(made, prompt, _JOINED)
    elif isinstance(prompt, str):
        made["messages"] = [{"role": "user", "content": prompt}]
    elif is_messages(prompt):
        made |= _conversation(prompt)
    else:
        raise Inexpressible("prompt", "token ids")
    return merged(made, ask.extra, _JOINED)


def _fields(ask: Ask) -> dict[str, Any]:
    thinks = ask.reasoning_effort not in (None, "none")
    wanted = {
        "effort": ask.reasoning_effort if thinks else None,
        "format": None if ask.response_schema is None else {"type": "json_schema", "schema": ask.response_schema},
    }
    config = {key: value for key, value in wanted.items() if value is not None}
    return {
        "model": ask.model,
        "max_tokens": ask.max_tokens if ask.max_completion_tokens is None else ask.max_completion_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "top_k": ask.top_k,
        "stop_sequences": ask.stop,
        "thinking": {"type": "disabled"} if ask.reasoning_effort == "none" else None,
        "output_config": config or None,
        "tools": None if ask.tools is None else [_tool(tool) for tool in ask.tools],
        "tool_choice": None if ask.tool_choice is None else _choice(ask.tool_choice),
    }


def _choice(choice: str) -> dict[str, Any]:
    kinds = {"auto": "auto", "none": "none", "required": "any"}
    return {"type": kinds[choice]} if choice in kinds else {"type": "tool", "name": choice}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function as the API has tools; one of its own kinds goes out as it is."""
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return dict(tool)
    rest = {key: value for key, value in function.items() if key != "parameters"}
    return {**rest, "input_schema": function.get("parameters") or {"type": "object"}}


def _conversation(messages: list[Message]) -> dict[str, Any]:
    """A chat: what the system says apart, and turns, of which those of one role that follow each other are one."""
    system = [text for message in messages if chats.is_system(message) for text in chats.system_texts(message)]
    turns: list[tuple[str, Any]] = []
    for at, message in enumerate(messages):
        if chats.is_system(message):
            continue
        role = "assistant" if message.get("role") == "assistant" else "user"
        content = _content(message, f"messages[{at}]")
        if turns and turns[-1][0] == role:
            turns[-1] = (role, [*_as_blocks(turns[-1][1]), *_as_blocks(content)])
        else:
            turns.append((role, content))
    found: dict[str, Any] = {"messages": [{"role": role, "content": content} for role, content in turns]}
    if system:
        blocks = [{"type": "text", "text": text} for text in system]
        found["system"] = system[0] if len(system) == 1 else blocks
    return found


def _as_blocks(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _content(message: Message, where: str) -> str | list[dict[str, Any]]:
    chats.check(message, where)
    content = message.get("content")
    if message.get("role") == "tool":
        said = content if isinstance(content, str) else [_part(part, where) for part in chats.parts(content)]
        return [{"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": said}]
    calls = chats.calls(message, where)
    if not calls and isinstance(content, str):
        return content
    uses = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in calls]
    return [*(_part(part, where) for part in chats.parts(content)), *uses]


def _part(part: object, where: str) -> dict[str, Any]:
    """A part of a message as a block; the API's own blocks go out as they are."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind in ("input_audio", "video_url", "audio_url", "file"):
        raise Inexpressible(f"{where}.content", str(kind or "a part that is no object"))
    if kind == "refusal":
        return {"type": "text", "text": part.get("refusal")}
    if kind != "image_url":
        return part
    image = chats.image(part, where)
    if image.data is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}


_ANSWERS = stream.Answers(GRAMMAR)
reader, answer = _ANSWERS.reader, _ANSWERS.whole
error_message = faults.in_body


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt; it has no token ids."""
    found = document(body)
    texts = [text for key in ("system", "messages") for text in chats.texts_in(found.get(key))]
    return texts, 0
