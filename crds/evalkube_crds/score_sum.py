"""A sum of scores that adds up exactly, and the counts that intervals are made of. Scores are integer billionths."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from evalkube_crds.result_parts import NANO, Report

__all__ = ["THOUSAND", "ScoreSum"]

THOUSAND: Final = 1000


def _cells(given: Any) -> Any:
    return given if isinstance(given, dict) else {(size, total): count for size, total, count in given}


def _listed(cells: dict[tuple[int, int], int]) -> list[tuple[int, int, int]]:
    return [(*cell, count) for cell, count in sorted(cells.items())]


Questions = Annotated[
    dict[tuple[int, int], int],
    BeforeValidator(_cells),
    PlainSerializer(_listed, return_type=list[tuple[int, int, int]]),
    WithJsonSchema({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
]
"""The number of questions with that many scored answers and that total, in thousandths; a sorted list in a document."""


class ScoreSum(Report):
    """A sum of scores: `total_nano` billionths over `count` samples (groups of repeats, parts of answers).

    Intervals are made of `questions`, which adds up exactly as well.
    """

    count: int = 0
    total_nano: int = 0
    questions: Questions = Field(
        default_factory=dict,
        description="[answers, total in thousandths, questions]: the number of questions that have that many "
        "scored answers (or parts of answers) and that total",
    )

    def add(self, score: float, weight: int = 1) -> None:
        """Counts one score, to a billionth. An answer of `weight` parts counts as that many."""
        self.count += weight
        self.total_nano += round(score * weight * NANO)

    def add_question(self, scores: Iterable[tuple[float, int]]) -> None:
        """Counts a question by the scores and weights of its answers, which are already in the sum."""
        scores = list(scores)
        size = sum(weight for _, weight in scores)
        if size:
            cell = size, round(math.fsum(score * weight for score, weight in scores) * THOUSAND)
            self.questions[cell] = self.questions.get(cell, 0) + 1

    def join(self, other: "ScoreSum") -> None:
        """Adds another's counts."""
        self.count += other.count
        self.total_nano += other.total_nano
        for cell, count in other.questions.items():
            self.questions[cell] = self.questions.get(cell, 0) + count

    @classmethod
    def joined(cls, parts: Iterable["ScoreSum"]) -> "ScoreSum":
        """The sum of several sums."""
        whole = cls()
        for part in parts:
            whole.join(part)
        return whole

    @property
    def mean(self) -> float | None:
        """The mean score; None if nothing was counted."""
        return self.total_nano / (self.count * NANO) if self.count else None
