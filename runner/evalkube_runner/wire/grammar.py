"""The grammar of a dialect's answers, as one value for readers. No I/O here."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from evalkube_runner.wire.answer import Said

__all__ = ["NAMELESS", "Grammar", "Says", "varying"]

NAMELESS: Final = frozenset({b"", b"message"})
"""The types of events in dialects that do not name them."""


class Says(Protocol):
    """The contents of the events of one answer, one after another."""

    def __call__(self, found: Mapping[str, Any], name: bytes, /) -> Said:
        """The content of an event, or of a whole answer: its JSON object, and the event's type (empty where it has
        none).
        """


@dataclass(frozen=True, slots=True)
class Grammar:
    """The grammar of the answers of a dialect.

    `begin`: gives what reads one answer's events; an object of its own where what they say depends on earlier ones.
    `names`: the dialect's own types of events; others may hold what they like. `keys`: an object with one of these is a
    whole event, though its blank line has not come yet. `ends`: what a stream must end with, in words. `needs`: what a
    whole answer must have, in words. `varies`: see `varying`; None where events of one kind differ in their texts only.
    `streams`: whether its answers come as streams at all. `marks`: what differs between streams and never says
    anything, as a pattern of whole bytes of JSON; only where events say the same whatever came before them.
    """

    begin: Callable[[], Says]
    names: frozenset[bytes]
    keys: tuple[str, ...]
    ends: str
    needs: str = "choices"
    varies: re.Pattern[bytes] | None = None
    streams: bool = True
    marks: re.Pattern[bytes] | None = None


def varying(*, numbers: Sequence[str] = (), words: Sequence[str] = (), lines: Sequence[str] = ()) -> re.Pattern[bytes]:
    """The parts that may differ, beside the text, between two events that each are one more piece of the same kind and
    choice.

    They are given by their names, anywhere in the JSON: `numbers` that count events or tokens (of counts the last
    ones hold), `words` without meaning (padding), and `lines` of the event with numbers (id). Nothing else may, so a
    name belongs here only if no event means something else by it.
    """
    quoted = rb'"(?:%s)"\s*:\s*'
    found = [
        _any_of(quoted, numbers) + rb"([1-9]\d{0,8})(?=[\s,}\]])",
        _any_of(quoted, words) + rb'"([A-Za-z0-9]*)(?=")',
        _any_of(rb"^(?:%s): ?", lines) + rb"([1-9]\d{0,8})$",
    ]
    return re.compile(b"|".join(found), re.MULTILINE)


def _any_of(pattern: bytes, names: Sequence[str]) -> bytes:
    """`pattern` with all names; what matches nothing where there are none."""
    return pattern % b"|".join(re.escape(name.encode()) for name in names) if names else rb"(?!)"
