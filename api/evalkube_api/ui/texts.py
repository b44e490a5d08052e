"""Untrusted text for a page: text of a model, a server or a data set, cut to a size that a page can hold. Pure.

The text contains no markup: templates escape it, and show its line breaks.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["Text", "excerpt", "text"]

_FOLDED_FROM: Final = 3_000
_BEGINNING: Final = 1_200
_LONGEST: Final = 40_000


@dataclass(frozen=True, slots=True)
class Text:
    """A text. A long one has a `beginning` that is shown while it is closed. `left_out`: the number of characters that
    `whole` lacks.
    """

    whole: str
    beginning: str = ""
    length: int = 0
    left_out: int = 0


def text(said: str) -> Text:
    """A text as a page shows it: closed if it is long, and cut if it is very long."""
    if len(said) <= _FOLDED_FROM:
        return Text(said, length=len(said))
    beginning = said[:_BEGINNING].rstrip() + " ..."
    return Text(said[:_LONGEST], beginning, len(said), max(0, len(said) - _LONGEST))


def excerpt(said: str, most: int = 120) -> str:
    """The first words of a text, on one line."""
    line = " ".join(said[: 4 * most].split())
    return line if len(line) <= most and len(said) <= 4 * most else line[:most].rstrip() + " ..."
