"""The figures of questions with several right choices, of which some may be found. Pure.

With c letters that are right and chosen, w that are chosen and not right, and r that are right:
`multi_choice_acc` is c/r when w is 0, else 0: part of the right ones counts, a wrong one spoils all.
`acc` is 1 when the chosen letters are those that are right, no more and no fewer.
`choice_f1` is 2c / (c + w + r), the harmonic mean of precision and recall.
"""

from evalkube_benchmarks.declaration import Metric, Question
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
