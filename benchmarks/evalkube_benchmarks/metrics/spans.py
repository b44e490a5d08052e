"""Exact match and F1 of answers that are spans of text, numbers or dates, as in DROP. Pure.

Dua et al., 2019, arXiv:1903.00161, section 5: case, punctuation, articles and the spelling of numbers do not count.
Several spans are aligned one to one in any order, and words beside a different number do not count.

The right answers are `metadata["golds"]`, each a list of spans; the best one counts. The authors' models gave lists. A
reply is text, and is divided at semicolons, lines or commas only if a right answer has several spans.
"""

import functools
import math
import re
import string
from collections.abc import Iterator, Sequence

from evalkube_benchmarks.benchmark import Metric, Question

__all__ = ["METRICS", "normal"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_DIVIDED = (re.compile(r"[;|\n]"), re.compile(r"[;|\n&]|,(?!\d{3}\b)|\band\b"))
_MOST_SPANS = 30

_Bag = frozenset[str]


def normal(span: str) -> str:
    """A span in the form that is compared: lower case, no punctuation or articles, one spelling of numbers."""
    return " ".join(filter(None, map(_token, re.split(r"[ -]", span))))


def _token(token: str) -> str:
    token = token.lower()
    if not _is_number(token):
        token = "".join(mark for mark in token if mark not in string.punctuation)
    token = str(float(token)) if _is_number(token) else token
    return " ".join(_ARTICLES.sub(" ", token).split())


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=8)
def _figures(found: str, golds: tuple[tuple[str, ...], ...]) -> tuple[float, float]:
    """Exact match and F1, each with the right answer that is best for it."""
    scores = [_compared(spans, gold) for gold in golds for spans in _readings(found, gold)]
    return max(exact for exact, _ in scores), max(f1 for _, f1 in scores)


def _readings(found: str, gold: Sequence[str]) -> Iterator[Sequence[str]]:
    """The spans that a reply may mean: the whole reply and, if several are right, its pieces."""
    yield (found,)
    for mark in _DIVIDED if len(gold) > 1 else ():
        pieces = [piece.strip() for piece in mark.split(found.strip(" .")) if piece.strip()]
        if 1 < len(pieces) <= _MOST_SPANS:
            yield pieces


def _compared(spans: Sequence[str], gold: Sequence[str]) -> tuple[float, float]:
    mine, right = list(map(normal, spans)), list(map(normal, gold))
    exact = float(set(mine) == set(right) and len(mine) == len(right))
    table = [[_f1(frozenset(one.split()), frozenset(other.split())) for one in mine] for other in right]
    return exact, round(_aligned(table) / max(len(mine), len(right)), 2)


def _f1(mine: _Bag, right: _Bag) -> float:
    numbers = frozenset(filter(_is_number, right))
    if numbers and not numbers & mine:
        return 0.0
    shared = len(mine & right)
    precision = shared / len(mine) if mine else 1.0
    recall = shared / len(right) if right else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _aligned(table: list[list[float]]) -> float:
    """The greatest sum of a table's entries, one of each row and column (Kuhn and Munkres, in O(n³))."""
    if len(table) > len(table[0]):
        table = [list(column) for column in zip(*table, strict=True)]
    rows, columns = len(table), len(table[0])
    of_row, of_column = [0.0] * (rows + 1), [0.0] * (columns + 1)
    taken = [0] * (columns + 1)  # the row of each column, from 1; 0: none
    for row in range(1, rows + 1):
        taken[0], at = row, 0
        least, before, seen = [math.inf] * (columns + 1), [0] * (columns + 1), [False] * (columns + 1)
        while taken[at]:
            seen[at] = True
            free = [column for column in range(1, columns + 1) if not seen[column]]
            for column in free:
                cost = -table[taken[at] - 1][column - 1] - of_row[taken[at]] - of_column[column]
                if cost < least[column]:
                    least[column], before[column] = cost, at
            nearest = min(free, key=least.__getitem__)
            step = least[nearest]
            for column in range(columns + 1):
                if seen[column]:
                    of_row[taken[column]] += step
                    of_column[column] -= step
                else:
                    least[column] -= step
            at = nearest
        while at:
            taken[at], at = taken[before[at]], before[at]
    return sum(table[row - 1][column - 1] for column, row in enumerate(taken) if column and row)


def _golds(question: Question) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(gold) for gold in question.metadata["golds"])


def _exact(found: str, question: Question) -> float:
    return _figures(found, _golds(question))[0]


def _overlap(found: str, question: Question) -> float:
    return _figures(found, _golds(question))[1]


METRICS = (
    Metric(name="f1", score=_overlap, verdict=False),
    Metric(name="em", score=_exact),
)
