"""Whether an answer is right: the metric `acc` of choices, of numbers and formulas, and of a judge's grade. Pure."""

import re

from evalkube_benchmarks.declaration import Metric, Question
from evalkube_benchmarks.metrics import algebra, equality, structure

__all__ = ["CHOSEN", "GRADED", "SAME_TEXT", "VALUE"]


_HAS_PARTS = re.compile(r"[,;<>≤≥±∪或和]|\\(?:pm|cup|le|ge|text|lor|vee)|\b(?:or|and)\b")


def _chosen(found: str, question: Question) -> float:
    return float(found in question.targets)


def _same_value(found: str, question: Question) -> float:
    known = {target: equality.same_answer(found, target) for target in question.targets}
    return float(any(known.values()) or any(_by_parts(found, target, same) for target, same in known.items()))


def _by_parts(found: str, target: str, same: bool | None) -> bool:
    """Part by part where both have parts; by algebra where nothing else could tell."""
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
"""The letters that were read are those of a right answer."""

VALUE = Metric(name="acc", score=_same_value)
"""The value that was read is a right one: as text, as a number, else by algebra."""

SAME_TEXT = Metric(name="acc", score=_same_text)
"""The words that were read are those of a right answer, but for case, white space and a final full stop."""

GRADED = Metric(name="acc", score=_graded, by_judge=True)
"""A judge's grade, where one is asked about a benchmark that has no `acc` of its own: no rule can tell it."""
