"""Makes scripts of conversations: what stands in the requests of their turns, in any dialect that can say a chat. Pure.

A dialect is asked for whole bodies alone, and where in them the history stands is its row in `dialect.HISTORIES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from evalkube_runner.perf.script import Answered, Script
from evalkube_runner.wire.ask import Ask, Conversation, Drawn, History, Message
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.dialect import Dialect

__all__ = ["NoHistory", "answered", "script_of"]

_LIMIT, _END = b"\0", b",\1"  # what no JSON has in it
_TEXT = "\2"


class NoHistory(ValueError):
    """A request body has no list of messages, because further keys of the user's took its place."""


class _End:
    """The end of the history."""


def answered(dialect: Dialect, history: History, url: str) -> Answered:
    """The form of the model's answers in the history."""
    (element,) = _elements(dialect, history, url, [{"role": "assistant", "content": _TEXT}])
    before, after = orjson.dumps(element).decode().split(orjson.dumps(_TEXT).decode())
    return Answered(before, after, history.silence)


def script_of(
    dialect: Dialect,
    history: History,
    ask: Ask,
    conversation: Conversation,
    *,
    joined: Callable[[dict[str, Any]], Mapping[str, Any]] = lambda body: body,
) -> Script:
    """The script of a conversation, whose requests are otherwise as `ask` says. `joined` adds to a body what is in no
    spec. Raises Inexpressible for what the API cannot say, and NoHistory.
    """
    first, *later = conversation.turns
    body = joined(dialect.body(replace(ask, prompt=list(first))))
    rendered = orjson.dumps(_marked(body, history.path), default=_mark)
    before, _, after = rendered.partition(_END)
    limit = (before + after).find(_LIMIT)
    cut = (before.replace(_LIMIT, b""), after.replace(_LIMIT, b""))
    pieces = [_piece(dialect, history, ask.url, messages, at) for at, messages in enumerate(later, start=1)]
    return Script(b"".join(cut), len(cut[0]), None if limit < 0 else limit, tuple(pieces))


def _piece(dialect: Dialect, history: History, url: str, messages: tuple[Message, ...], turn: int) -> bytes:
    """The part that a later turn adds to the history."""
    if not history.silence and any(message.get("role") in ("system", "developer") for message in messages):
        raise Inexpressible(f"turn {turn}", "a system message after the first turn")
    found = _elements(dialect, history, url, list(messages))
    return b"".join(b"," + orjson.dumps(element) for element in found)


def _elements(dialect: Dialect, history: History, url: str, messages: list[Message]) -> list[Any]:
    """Messages as elements of the history."""
    return _list_at(dialect.body(Ask(model="", prompt=messages, url=url)), history.path)


def _list_at(body: Mapping[str, Any], path: tuple[str, ...]) -> list[Any]:
    found: Any = body
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, list) or not found:
        raise NoHistory(f"the body has no list of messages at {'.'.join(path)}")
    return found


def _marked(body: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A body with a mark at the end of its history."""
    name, *rest = path
    if rest:
        inner = body.get(name)
        _list_at(body, path)
        return {**body, name: _marked(inner if isinstance(inner, Mapping) else {}, tuple(rest))}
    return {**body, name: [*_list_at(body, path), _End()]}


def _mark(value: object) -> orjson.Fragment:
    if isinstance(value, Drawn):
        return orjson.Fragment(_LIMIT)
    if isinstance(value, _End):
        return orjson.Fragment(_END[1:])
    raise TypeError(f"no JSON: {type(value).__name__}")
