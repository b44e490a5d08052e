"""Whether an answer is right: the metric `acc` of choices, of numbers and formulas, and of a judge's grade. Pure."""

from evalkube_benchmarks.declaration import Metric, Question
from evalkube_benchmarks.metrics import algebra, equality

__all__ = ["CHOSEN", "GRADED", "VALUE"]


def _chosen(found: str, question: Question) -> float:
    return float(found in question.targets)


def _same_value(found: str, question: Question) -> float:
    verdicts = {target: equality.same_answer(found, target) for target in question.targets}
    unknown = (target for target, same in verdicts.items() if same is None)
    return float(any(verdicts.values()) or any(algebra.equal(found, target) for target in unknown))


def _graded(_found: str, _question: Question) -> None:
    return None


CHOSEN = Metric(name="acc", score=_chosen)
"""The letters that were read are those of a right answer."""

VALUE = Metric(name="acc", score=_same_value)
"""The value that was read is a right one: as text, as a number, else by algebra."""

GRADED = Metric(name="acc", score=_graded, by_judge=True)
"""A judge's grade, where one is asked about a benchmark that has no `acc` of its own: no rule can tell it."""
