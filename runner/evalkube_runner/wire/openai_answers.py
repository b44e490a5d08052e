"""What answers in the OpenAI dialect say: an object of JSON in, what it says out. No bytes and no I/O here.

The only place that decides what an event, a choice, a delta or a message says. Reference:
https://platform.openai.com/docs/api-reference/chat/streaming, and what vLLM, SGLang, DeepSeek, Mistral and Azure make
of it: reasoning in `reasoning_content` or `reasoning`, contents in parts, error objects inside a 200.
"""

from collections.abc import Mapping
from typing import Any

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, finish, usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said

__all__ = ["said"]


def said(found: Mapping[str, Any], name: bytes = b"") -> Said:
    """What one event of a stream says, or a whole answer. `name`: the event's type."""
    error = faults.in_object(found)
    if error is None and name == b"error":
        error = faults.words(found)
    if error is not None:
        return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))
    choices = found.get("choices")
    parts = choices if isinstance(choices, list) else ()
    return Said(
        choices=tuple(_choice(part, at) for at, part in enumerate(parts) if isinstance(part, dict)),
        usage=usage.stated(found),
    )


def _choice(choice: Mapping[str, Any], at: int) -> ChoiceSaid:
    part = _part(choice)
    pieces = _pieces(part)
    return ChoiceSaid(
        choice=_index(choice.get("index"), at),
        pieces=pieces,
        blank=not pieces and _is_blank(part),
        opening=bool(part.get("role")),
        finish_reason=finish.reason_of(choice.get("finish_reason")),
        usage=usage.stated(choice) if "usage" in choice or "usage" in part else None,
    )


def _is_blank(part: Mapping[str, Any]) -> bool:
    """Whether an empty text stands where a piece would."""
    return "" in part.values() and any(value == "" and name in _KINDS for name, value in part.items())


def _index(index: object, at: int) -> int:
    """A choice's number; its place where it has none."""
    if isinstance(index, str) and index.isdecimal() and len(index) < 10:
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else at


def _part(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """What holds the text of a choice: a delta, a message, or the choice itself (completions)."""
    for name in ("delta", "message"):
        part = choice.get(name)
        if isinstance(part, dict):
            return part
    return {"content": choice.get("text")}


_KINDS: dict[str, Kind] = {
    "content": "content",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
    "refusal": "refusal",
    "tool_calls": "tool_calls",
}


def _pieces(part: Mapping[str, Any]) -> tuple[tuple[Kind, str], ...]:
    """The pieces of a delta or message by kind. A role alone, an empty string or null is none; some servers send a
    thought under two names, which is one.
    """
    pieces: dict[Kind, str] = {}
    for name, value in part.items():
        kind = _KINDS.get(name) if value else None
        if kind is None or kind in pieces:
            continue
        if kind == "tool_calls":
            pieces[kind] = "".join(map(_call, value)) if isinstance(value, list) else ""
        elif text := value if isinstance(value, str) else _text(value):
            pieces[kind] = text
    return tuple(pieces.items())


def _text(value: object) -> str:
    """A text: a string, or the text parts of a list."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _call(call: object) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    parts = (function.get("name"), function.get("arguments")) if isinstance(function, dict) else ()
    return "".join(part for part in parts if isinstance(part, str))
