"""Reads the verdict in a judge's reply under a contract. Pure; only the judge's own text is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalkube_benchmarks import extract
from evalkube_crds.judge_contract import JudgeContract
from evalkube_runner.eval.judging import labels, marks

__all__ = ["OUTCOMES", "RULES", "Verdict", "of_marks", "of_outcome", "read"]

RULES = 1
"""Raised whenever judges are asked otherwise, or their words read otherwise: kept grades are then made anew, of the
words that are kept where the same was asked.
"""

_READ_CHARS = 50_000
"""Of a judge that goes on and on its last words are read."""

OUTCOMES: Mapping[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}
"""What an answer can come to beside another one, with its score."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict: a score from 0 to 1, the word that a judge chose, and the parts of the score by name (marks of a
    rubric's criteria, or shares of outcomes).
    """

    score: float
    label: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


def read(contract: JudgeContract, said: str, *, swapped: bool = False) -> Verdict | None:
    """The verdict in a judge's reply; None when there is none, or more than one. `swapped`: the model's answer is B."""
    said = extract.strip_thinking(said)[-_READ_CHARS:]
    if contract.score_type == "numeric":
        mark = marks.mark_in(said, marks.scale_of(contract))
        return None if mark is None else Verdict(mark)
    if contract.score_type == "rubric":
        found = marks.marks_in(said, contract)
        return None if found is None else of_marks(contract, found)
    if contract.score_type == "pairwise":
        return _compared(labels.better_in(said), swapped)
    label = labels.label_in(said, contract.score_mapping)
    return None if label is None else Verdict(contract.score_mapping[label], label)


def of_marks(contract: JudgeContract, marks: Mapping[str, float]) -> Verdict:
    """The verdict of the marks of all criteria: their mean by weight."""
    total = sum(one.weight for one in contract.criteria)
    return Verdict(sum(one.weight * marks[one.name] for one in contract.criteria) / total, parts=marks)


def of_outcome(outcome: str) -> Verdict:
    """The verdict of a win, a tie or a loss."""
    return Verdict(OUTCOMES[outcome], outcome)


def _compared(better: str | None, swapped: bool) -> Verdict | None:
    if better is None:
        return None
    if better == labels.TIE:
        return of_outcome("tie")
    return of_outcome("win" if (better == labels.A) != swapped else "loss")
