"""The metric `acc`: whether an answer is right, for choices, numbers and formulas, and a judge's grade. Pure."""

import re

from evalkube_benchmarks.benchmark import Metric, Question
from evalkube_benchmarks.metrics import algebra, equality, structure

__all__ = ["CHOSEN", "GRADED", "SAME_TEXT", "VALUE"]


_HAS_PARTS = re.compile(r"[,;<>≤≥±∪或和]|\\(?:pm|cup|le|ge|text|lor|vee)|\b(?:or|and)\b")


def _chosen(found: str, question: Question) -> float:
    return float(found in question.targets)


def _same_value(found: str, question: Question) -> float:
    known = {target: equality.same_answer(found, target) for target in question.targets}
    return float(any(known.values()) or any(_by_parts(found, target, same) for target, same in known.items()))


def _by_parts(found: str, target: str, same: bool | None) -> bool:
    """Whether two answers are equal: part by part if both have parts, and by algebra if nothing else can tell."""
    parts = structure.compared(found, target, _same) if _HAS_PARTS.search(target + found) else None
    if parts is not None:
        return parts
    return same is None and algebra.equal(found, target)


def _same(one: str, other: str) -> bool:
    same = equality.same_answer(one, other)
    return algebra.equal(one, other) if same is None else same


def _same_text(found: str, question: Question) -> float:
    return float(any(equality.same_text(found, target) for target in question.targets))


def _graded(_found: str, _question: Question) -> None:
    return None


CHOSEN = Metric(name="acc", score=_chosen)
"""Whether the extracted letters are those of a right answer."""

VALUE = Metric(name="acc", score=_same_value)
"""Whether the extracted value is a right one: as text, as a number, otherwise by algebra."""

SAME_TEXT = Metric(name="acc", score=_same_text)
"""Whether the extracted words are those of a right answer, apart from case, white space and a final full stop."""

GRADED = Metric(name="acc", score=_graded, by_judge=True)
"""A judge's grade, for a benchmark without an `acc` of its own, which no rule can compute."""
