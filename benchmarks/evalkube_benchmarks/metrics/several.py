"""The figures of questions with several right choices, of which some may be found. Pure.

Let c be the chosen letters that are right, w the chosen ones that are wrong, and r the right ones. `multi_choice_acc`
is c/r if w is 0, otherwise 0: a part of the right ones counts, but one wrong letter makes it 0. `acc` is 1 if exactly
the right letters are chosen. `choice_f1` is 2c / (c + w + r), the harmonic mean of precision and recall.
"""

from evalkube_benchmarks.benchmark import Metric, Question
from evalkube_benchmarks.metrics import accuracy

__all__ = ["METRICS"]


def _part(found: str, question: Question) -> float:
    right, chosen = set(question.target), set(found)
    return len(chosen) / len(right) if chosen <= right else 0.0


def _f1(found: str, question: Question) -> float:
    right, chosen = set(question.target), set(found)
    return 2 * len(chosen & right) / (len(chosen) + len(right))


METRICS = (
    Metric(name="multi_choice_acc", score=_part, verdict=False),
    accuracy.CHOSEN,
    Metric(name="choice_f1", score=_f1, verdict=False),
)
