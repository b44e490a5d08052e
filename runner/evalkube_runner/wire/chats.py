"""The parts of chats in OpenAI's form, for dialects that have another one: system prompts, pictures, tool calls. What
has no counterpart is refused by its name, never dropped. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalkube_runner.wire.ask import Message
from evalkube_runner.wire.decoding import NotJson, loads

__all__ = [
    "Call",
    "Image",
    "Inexpressible",
    "calls",
    "check",
    "image",
    "is_system",
    "parts",
    "system_texts",
    "texts_in",
]

_KEYS = frozenset({"role", "content", "tool_calls", "tool_call_id", "refusal"})
_TEXTS = ("text", "content", "parts")


class Inexpressible(ValueError):
    """A prompt has a part that the API of the endpoint does not have."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}: the api of the endpoint has nothing of that kind")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool in a history."""

    id: object
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: its base64 with the type, or the address where it is."""

    url: str
    media_type: str = ""
    data: str | None = None


def is_system(message: Message) -> bool:
    """Whether a message is the system's or the developer's."""
    return message.get("role") in ("system", "developer")


def system_texts(message: Message) -> list[str]:
    """The texts of a system message."""
    return list(texts_in(message.get("content")))


def check(message: Message, where: str) -> None:
    """Check a message. Raises Inexpressible for what only OpenAI's messages have."""
    if message.get("role") not in ("user", "assistant", "tool"):
        raise Inexpressible(f"{where}.role", str(message.get("role")))
    for key, value in message.items():
        if value and key not in _KEYS and not (key == "name" and message.get("role") == "tool"):
            raise Inexpressible(f"{where}.{key}", "a message with this field")


def parts(content: object) -> list[Any]:
    """The parts of a content; none of an empty one."""
    if isinstance(content, list):
        return content
    return [] if content is None or content == "" else [content]


def calls(message: Message, where: str) -> list[Call]:
    """The tools that a message calls."""
    found = message.get("tool_calls")
    return [_call(call, where) for call in found] if isinstance(found, list) else []


def _call(call: object, where: str) -> Call:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise Inexpressible(f"{where}.tool_calls", "a call of no function")
    given = function.get("arguments") or "{}"
    try:
        arguments = loads(given.encode()) if isinstance(given, str) else given
    except NotJson:
        arguments = None
    if not isinstance(arguments, dict):
        raise Inexpressible(f"{where}.tool_calls", "arguments that are no JSON object")
    return Call(call.get("id"), str(function.get("name")), arguments)


def image(part: Mapping[str, Any], where: str) -> Image:
    """The picture of a part `image_url`."""
    given = part.get("image_url")
    url = given.get("url") if isinstance(given, Mapping) else given
    if not isinstance(url, str):
        raise Inexpressible(f"{where}.content", "a picture without a url")
    if not url.startswith("data:"):
        return Image(url)
    kind, _, data = url.removeprefix("data:").partition(",")
    if not kind.endswith(";base64"):
        raise Inexpressible(f"{where}.content", "a picture whose data is not base64")
    return Image(url, kind.removesuffix(";base64"), data)


def texts_in(value: object) -> Iterator[str]:
    """The texts in a message, a content, a part, or a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)
    elif isinstance(value, dict):
        for name in _TEXTS:
            yield from texts_in(value.get(name))
