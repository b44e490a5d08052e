"""What a judge's words say under a contract: a verdict, or nothing. Pure; only the judge's own reply is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalkube_benchmarks import extract
from evalkube_crds.judge_contract import JudgeContract
from evalkube_runner.eval.judging import labels, marks

__all__ = ["RULES", "Verdict", "read"]

RULES = 1
"""Raised whenever judges are asked otherwise, or their words read otherwise: kept grades are then made anew, of the
words that are kept where the same was asked.
"""

_READ_CHARS = 50_000
"""Of a judge that goes on and on its last words are read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score from 0 to 1; the word that a judge chose, or the marks of a rubric's criteria, as scores."""

    score: float
    label: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


def read(contract: JudgeContract, said: str, *, swapped: bool = False) -> Verdict | None:
    """The verdict in a judge's words; None when there is none, or more than one. `swapped`: the model's answer is B."""
    said = extract.strip_thinking(said)[-_READ_CHARS:]
    if contract.score_type == "numeric":
        mark = marks.mark_in(said, marks.scale_of(contract))
        return None if mark is None else Verdict(mark)
    if contract.score_type == "rubric":
        found = marks.marks_in(said, contract)
        return None if found is None else Verdict(_weighted(contract, found), parts=found)
    if contract.score_type == "pairwise":
        return _compared(labels.better_in(said), swapped)
    label = labels.label_in(said, contract.score_mapping)
    return None if label is None else Verdict(contract.score_mapping[label], label)


def _weighted(contract: JudgeContract, found: Mapping[str, float]) -> float:
    total = sum(one.weight for one in contract.criteria)
    return sum(one.weight * found[one.name] for one in contract.criteria) / total


def _compared(better: str | None, swapped: bool) -> Verdict | None:
    if better is None:
        return None
    if better == labels.TIE:
        return Verdict(0.5, "tie")
    won = (better == labels.A) != swapped
    return Verdict(float(won), "win" if won else "loss")
