"""Reads answers in Anthropic's dialect, from an object of JSON. No bytes and no I/O here.

Reference: https://docs.anthropic.com/en/api/messages-streaming and .../en/api/messages. Servers that speak the same
(vLLM, DeepSeek and others) leave out pings, signatures or the end mark.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, finish, usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said, Usage
from evalkube_runner.wire.grammar import NAMELESS, Grammar

__all__ = ["GRAMMAR"]

_DELTAS: Final[Mapping[object, tuple[str, Kind]]] = {
    "text_delta": ("text", "content"),
    "thinking_delta": ("thinking", "reasoning"),
    "input_json_delta": ("partial_json", "tool_calls"),
}
_BLOCKS: Final[Mapping[object, tuple[str, Kind]]] = {"text": ("text", "content"), "thinking": ("thinking", "reasoning")}
_CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")
_NAMES: Final = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
    *("message_stop", "ping", "error"),
)
_NOTHING: Final = Said()


class _Message:
    """What the events of one message say. Its counts come in several events, each with those that have changed."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, Any] = {}

    def __call__(self, found: Mapping[str, Any], name: bytes = b"") -> Said:
        """The content of one event, or of a whole message."""
        kind = found.get("type") or name.decode("latin-1")
        if kind == "content_block_delta":
            return _delta(found.get("delta"))
        if kind == "error" or found.get("error"):
            return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, faults.in_object(found) or faults.words(found)))
        if kind == "content_block_start":
            return _start(found.get("content_block"))
        if kind == "message_start":
            message = found.get("message")
            used = self._usage(message) if isinstance(message, dict) else None
            return Said((ChoiceSaid(0, opening=True),), used)
        if kind == "message_delta":
            delta = found.get("delta")
            reason = finish.reason_of(delta.get("stop_reason")) if isinstance(delta, dict) else None
            return Said((ChoiceSaid(0, finish_reason=reason),) if reason else (), self._usage(found))
        if kind == "message_stop":
            return Said(over=True)
        return self._whole(found) if isinstance(found.get("content"), list) else _other(found, kind)

    def _whole(self, found: Mapping[str, Any]) -> Said:
        """A whole message; its texts are joined by kind."""
        pieces: dict[Kind, str] = {}
        for block in found["content"]:
            for kind, text in _block(block):
                pieces[kind] = pieces.get(kind, "") + text
        choice = ChoiceSaid(0, tuple(pieces.items()), finish_reason=finish.reason_of(found.get("stop_reason")))
        return Said((choice,), self._usage(found))

    def _usage(self, found: Mapping[str, Any]) -> Usage | None:
        """The counts so far. The API's prompt tokens leave out those that came from a cache, or went into it."""
        stated = found.get("usage")
        if not isinstance(stated, dict):
            return None
        counts = self._counts
        counts.update({name: count for name, count in stated.items() if count or name not in counts})
        cached = counts.get("cache_read_input_tokens")
        details = counts.get("output_tokens_details")
        return usage.summed(
            (counts.get("input_tokens"), cached, counts.get("cache_creation_input_tokens")),
            (counts.get("output_tokens"),),
            cached=cached,
            reasoning=details.get("thinking_tokens") if isinstance(details, dict) else None,
        )


def _delta(delta: object) -> Said:
    """The piece of text in a delta of a block; None for signatures, citations, and the empty beginning of a tool's
    input.
    """
    if not isinstance(delta, dict):
        return Said(fault=Fault(ErrorClass.PARSE, "the server sent a delta that is no object"))
    key, kind = _DELTAS.get(delta.get("type"), ("", "content"))
    text = delta.get(key)
    if isinstance(text, str) and text:
        return Said((ChoiceSaid(0, ((kind, text),)),))
    return Said((ChoiceSaid(0, blank=text == "" and kind != "tool_calls"),))


def _start(block: object) -> Said:
    """The beginning of a block, which is a piece where it has words: a tool's name, or what is hidden."""
    pieces = _block(block)
    if not pieces:
        return _NOTHING
    return Said((ChoiceSaid(0, pieces),), unlike=True)  # what follows is framed otherwise


def _block(block: object) -> tuple[tuple[Kind, str], ...]:
    """The piece in a block of content; none in one that the server made itself (what its tools found)."""
    if not isinstance(block, dict):
        return ()
    kind = block.get("type")
    if kind in _BLOCKS:
        key, of = _BLOCKS[kind]
        text = block.get(key)
        return ((of, text),) if isinstance(text, str) and text else ()
    if kind in _CALLS:
        given = block.get("input")
        return (("tool_calls", f"{block.get('name') or ''}{orjson.dumps(given).decode() if given else ''}"),)
    return (("reasoning", ""),) if kind == "redacted_thinking" else ()


def _other(found: Mapping[str, Any], kind: object) -> Said:
    """Read an event of an unknown type: it says nothing, unless it is an error without a type."""
    error = None if kind else faults.in_object(found)
    return _NOTHING if error is None else Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))


GRAMMAR = Grammar(
    begin=_Message,
    names=NAMELESS | {name.encode() for name in _NAMES},
    keys=("type",),
    ends="message_stop or a stop reason",
    needs="content",
)
