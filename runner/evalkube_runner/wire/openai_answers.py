"""Reads answers in the OpenAI dialect, from an object of JSON. No bytes and no I/O here.

The only place that decides what an event, a choice, a delta or a message says. Reference:
https://platform.openai.com/docs/api-reference/chat/streaming, and what vLLM, SGLang, DeepSeek, Mistral and Azure make
of it: reasoning in `reasoning_content` or `reasoning`, contents in parts, error objects inside a 200.
"""

import re
from collections.abc import Mapping
from typing import Any

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, finish, usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said
from evalkube_runner.wire.grammar import NAMELESS, Grammar

__all__ = ["GRAMMAR", "broken", "choice_said", "said"]


def said(found: Mapping[str, Any], name: bytes = b"") -> Said:
    """The content of one event of a stream, or of a whole answer. `name`: the event's type; of types that are not this
    dialect's (a ping), only choices and explicit errors count.
    """
    choices = found.get("choices")
    answers = bool(choices or found.get("usage"))
    if not answers or name or "error" in found:
        error = _error(found, name, answers=answers)
        if error is not None:
            return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))
    if not isinstance(choices, list):
        return Said(usage=usage.stated(found)) if choices is None else broken("choices that are no list")
    for choice in choices:
        delta = choice.get("delta") if isinstance(choice, dict) else choice
        if delta is not None and not isinstance(delta, dict):
            return broken("a choice that is no object")
    return Said(tuple([choice_said(choice, at) for at, choice in enumerate(choices)]), usage.stated(found))


def _error(found: Mapping[str, Any], name: bytes, *, answers: bool) -> str | None:
    erring = b"error" in name.lower()
    error = faults.in_object(found, answers=answers or not (erring or name in NAMELESS))
    return faults.words(found) if error is None and erring else error


def broken(what: str) -> Said:
    """The fault of an event that is not as the API defines it."""
    return Said(fault=Fault(ErrorClass.PARSE, f"the server sent {what}"))


def choice_said(choice: Mapping[str, Any], at: int) -> ChoiceSaid:
    """The content of a choice, which is at place `at` of its event."""
    part = _part(choice)
    pieces = _pieces(part)
    return ChoiceSaid(
        choice=_index(choice.get("index"), at),
        pieces=pieces,
        blank=not pieces and _is_blank(part),
        opening=bool(part.get("role")),
        finish_reason=finish.reason_of(choice.get("finish_reason")),
        usage=usage.stated(choice) if "usage" in choice or "usage" in part else None,
        bare=part is _BARE,
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
    """The object with the text of a choice: a delta, a message, or the choice itself (completions)."""
    for name in ("delta", "message"):
        part = choice.get(name)
        if isinstance(part, dict):
            return part
    text = choice.get("text")
    return _BARE if text is None else {"content": text}


_BARE: Mapping[str, Any] = {}

_KINDS: dict[str, Kind] = {
    "content": "content",
    "reasoning_content": "reasoning",  # DeepSeek, vLLM, SGLang
    "reasoning": "reasoning",  # OpenRouter, newer vLLM, Groq
    "reasoning_text": "reasoning",
    "reasoning_details": "reasoning",  # MiniMax, OpenRouter
    "thinking": "reasoning",
    "thinking_content": "reasoning",
    "thinking_blocks": "reasoning",  # litellm
    "thought": "reasoning",
    "thoughts": "reasoning",
    "refusal": "refusal",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
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
            pieces[kind] = "".join(map(_call, value)) if isinstance(value, list) else _call({"function": value})
        elif isinstance(value, str):
            pieces[kind] = value
        elif kind == "content" and isinstance(value, list):
            pieces |= {of: text for of in _OF_PARTS if (text := "".join(_texts(value, of)))}
        elif text := _text(value):
            pieces[kind] = text
    return tuple(pieces.items())


_OF_PARTS: tuple[Kind, ...] = ("content", "reasoning", "refusal")


def _texts(parts: list[object], wanted: Kind) -> list[str]:
    """The texts of one kind in a content that comes in parts (Mistral: thoughts are parts too)."""
    return [_text(part) for part in parts if _kind_of(part) == wanted]


def _kind_of(part: object) -> Kind | None:
    """The kind of a part; None for pictures and the like."""
    if not isinstance(part, dict):
        return "content" if isinstance(part, str) else None
    name = str(part.get("type"))
    if name.startswith(("thinking", "reasoning")):
        return "reasoning"
    return "refusal" if name == "refusal" else "content" if isinstance(part.get("text"), str) else None


def _text(value: object, depth: int = 4) -> str:
    """A text: a string, a number, or what is text in an object or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth:
        return "".join([_text(one, depth - 1) for one in value])
    if isinstance(value, dict) and depth:
        return next((text for name in _TEXTS if (text := _text(value.get(name), depth - 1))), "")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


_TEXTS = ("text", "content", "thinking", "summary", "reasoning", "refusal")


def _call(call: object) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    parts = (function.get("name"), function.get("arguments")) if isinstance(function, dict) else ()
    return "".join(part for part in parts if isinstance(part, str))


GRAMMAR = Grammar(
    begin=lambda: said,
    names=NAMELESS,
    keys=("choices",),
    ends="[DONE] or a finish reason",
    marks=re.compile(rb'"id"\s*:\s*"[^"\\]*"|"created"\s*:\s*\d+'),
)
