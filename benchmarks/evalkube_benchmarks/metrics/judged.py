"""The figures of a judge's contract, for any benchmark. Pure; the runner fills them in."""

from evalkube_benchmarks.benchmark import Metric, Question
from evalkube_benchmarks.metrics.accuracy import GRADED
from evalkube_crds.evalrun import JudgeContract

__all__ = ["LOSS", "RUBRIC", "TIE", "WIN", "WIN_RATE", "figures"]


def _told(_found: str, _question: Question) -> None:
    return None


RUBRIC = Metric(name="rubric", score=_told, verdict=False, by_judge=True)
"""The weighted mean of a rubric's criteria."""

WIN_RATE = Metric(name="win_rate", score=_told, verdict=False, by_judge=True)
"""The share of comparisons that the model's answer wins; a tie counts half."""

WIN = Metric(name="win", score=_told, verdict=False, by_judge=True)
TIE = Metric(name="tie", score=_told, verdict=False, by_judge=True)
LOSS = Metric(name="loss", score=_told, verdict=False, better="lower", by_judge=True)


def figures(contract: JudgeContract) -> tuple[Metric, ...]:
    """The figures of a contract, the main one first."""
    if contract.score_type == "pairwise":
        return (WIN_RATE, WIN, TIE, LOSS)
    if contract.score_type == "rubric":
        criteria = (Metric(name=one.name, score=_told, verdict=False, by_judge=True) for one in contract.criteria)
        return (RUBRIC, *criteria)
    return (GRADED,)
