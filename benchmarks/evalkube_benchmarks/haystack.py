"""Long texts with hidden sentences: needles in a haystack, over a grid of lengths and depths. Pure."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evalkube_benchmarks.benchmark import Tokenizer

__all__ = ["Cell", "Grid", "cells", "is_chinese", "with_needles"]

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LOOKED_AT = 4_000
# What tokenizers make of running text: some four characters a token in English, one and a half in Chinese.
_CHARACTERS = {False: 4.0, True: 1.5}
_SENTENCE_ENDS = ".!?。！？\n"


@dataclass(frozen=True, slots=True)
class Grid:
    """The lengths (in tokens) and depths (in percent) of a grid.

    There is a number of each, evenly from the least to the greatest.
    """

    length_min: int
    length_max: int
    lengths: int
    depth_min: int
    depth_max: int
    depths: int

    def __post_init__(self) -> None:
        """Refuses a grid that cannot exist. Raises ValueError."""
        if not 1 <= self.length_min <= self.length_max:
            raise ValueError("context_lengths_min must be at least 1, and not greater than context_lengths_max")
        if not 0 <= self.depth_min <= self.depth_max <= 100:
            raise ValueError("document_depth_percent_min and _max must be between 0 and 100, the smaller one first")
        if self.lengths < 1 or self.depths < 1:
            raise ValueError("context_lengths_num_intervals and document_depth_percent_intervals must be at least 1")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the grid."""

    length: int
    depth: int


def cells(grid: Grid) -> list[Cell]:
    """All cells of a grid, lengths first, without cells that round to the same."""
    lengths = _steps(grid.length_min, grid.length_max, grid.lengths)
    return [Cell(*place) for place in itertools.product(lengths, _steps(grid.depth_min, grid.depth_max, grid.depths))]


def _steps(low: int, high: int, count: int) -> list[int]:
    return sorted({round(low + (high - low) * at / max(1, count - 1)) for at in range(count)})


def is_chinese(text: str) -> bool:
    """Whether the begin of a text is mostly Chinese characters."""
    beginning = text[:_LOOKED_AT]
    return len(_CHINESE.findall(beginning)) > len(beginning) / 3


def with_needles(text: str, cell: Cell, needles: Sequence[str], tokenizer: Tokenizer | None) -> str:
    """A text of the cell's length with the needles in it: the first at the cell's depth, the others evenly after it.

    The text is repeated if it is too short. A needle comes after the end of a sentence. Without a tokenizer, lengths
    are estimated from characters.
    """
    hay = _cut(text, max(0, cell.length - sum(_length(needle, text, tokenizer) for needle in needles)), tokenizer)
    places = [cell.depth + (100 - cell.depth) * at / len(needles) for at in range(len(needles))]
    pieces, begin = [], 0
    for end, needle in zip([_sentence_end(hay, depth) for depth in places], needles, strict=True):
        pieces += [hay[begin:end].rstrip(" "), needle.strip()]
        begin = end
    joint = "" if is_chinese(text) else " "
    return joint.join(part for part in [*pieces, hay[begin:].lstrip(" ")] if part)


def _length(needle: str, text: str, tokenizer: Tokenizer | None) -> int:
    return len(tokenizer.encode(needle)) if tokenizer else round(len(needle) / _CHARACTERS[is_chinese(text)])


def _cut(text: str, length: int, tokenizer: Tokenizer | None) -> str:
    """The begin of a text, with that many tokens. The text is repeated if necessary."""
    if tokenizer is None:
        characters = int(length * _CHARACTERS[is_chinese(text)])
        return _repeated(text, characters)[:characters]
    taken = text[: 12 * length + 1]  # no tokenizer's tokens are longer on average: a novel need not be read whole
    ids = tokenizer.encode(taken)
    while len(ids) < length:
        taken = _repeated(text, 2 * len(taken))
        ids = tokenizer.encode(taken)
    return tokenizer.decode(ids[:length]).rstrip("\N{REPLACEMENT CHARACTER}")


def _repeated(text: str, characters: int) -> str:
    return "\n".join(itertools.repeat(text, -(-characters // len(text))))


def _sentence_end(hay: str, depth: float) -> int:
    """The end of the last sentence before a depth; 0 without one."""
    at = round(len(hay) * depth / 100)
    if at >= len(hay):
        return len(hay)
    return max(hay.rfind(mark, 0, at) for mark in _SENTENCE_ENDS) + 1
