"""Conversations as data sets write them, read into messages. Pure.

ShareGPT's rows on ModelScope are {"conversation": [{"human": .., "assistant": ..}]}, the original's
{"conversations": [{"from": "human", "value": ..}, {"from": "gpt", ..}]}; others have {"messages": [{"role": ..,
"content": ..}]}, or the list of messages alone.
"""

from collections.abc import Iterator
from typing import Any, Final

__all__ = ["Message", "first_question", "messages_of", "tools_of"]

Message = dict[str, object]

_ROLES: Final = {
    "human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "assistant": "assistant",
    "bing": "assistant", "bard": "assistant", "model": "assistant", "system": "system", "tool": "tool",
    "observation": "tool", "function": "tool", "function_call": "assistant", "developer": "developer",
}  # fmt: skip
"""Who speaks, by the names that data sets have."""

_LISTS: Final = ("messages", "conversations", "conversation")


def messages_of(row: Any) -> list[Message]:
    """The messages of a row, in order. Raises ValueError that says what is wrong with it."""
    found = row
    if isinstance(row, dict):
        found = next((row[name] for name in _LISTS if name in row), None)
    if not isinstance(found, list):
        raise ValueError(f"has no list of messages ({', '.join(_LISTS)})")
    messages = [message for entry in found for message in _messages(entry)]
    system = row.get("system") if isinstance(row, dict) else None
    if isinstance(system, str) and system.strip() and not any(message["role"] == "system" for message in messages):
        return [{"role": "system", "content": system}, *messages]
    return messages


def tools_of(row: Any) -> tuple[dict[str, Any], ...] | None:
    """The tools of a row, in OpenAI's form or in the endpoint's; None where it has none. Raises ValueError."""
    found = row.get("tools") if isinstance(row, dict) else None
    if not found:
        return None
    if not isinstance(found, list) or not all(isinstance(tool, dict) for tool in found):
        raise ValueError("tools is a list of objects")
    return tuple(found)


def first_question(row: Any) -> str:
    """The first question of a conversation; empty where nobody asks anything. Raises ValueError."""
    for message in messages_of(row):
        content = message.get("content")
        if message["role"] == "user" and isinstance(content, str):
            return content
    return ""


def _messages(entry: Any) -> Iterator[Message]:
    if not isinstance(entry, dict):
        raise ValueError("a message is an object")
    if "role" in entry:
        yield entry
    elif "from" in entry:
        role = _ROLES.get(str(entry["from"]).lower())
        if role is None:
            raise ValueError(f"nobody knows who {str(entry['from'])!r} is; known are {', '.join(_ROLES)}")
        yield {"role": role, "content": _text(entry.get("value"))}
    elif "human" in entry:
        yield {"role": "user", "content": _text(entry["human"])}
        if entry.get("assistant") is not None:
            yield {"role": "assistant", "content": _text(entry["assistant"])}
    else:
        raise ValueError("a message has a role and content, from and value, or human and assistant")


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise ValueError("what a message says is a text")
    return value or ""
