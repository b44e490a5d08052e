"""Combines the verdicts of several judges, their repeats and both orders into the grade of an answer. Pure."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from evalkube_crds.judge_contract import JudgeContract
from evalkube_runner.eval.judging.reading import OUTCOMES, Verdict, of_marks, of_outcome

__all__ = ["aggregate", "combined", "elected", "of_both_orders"]


def of_both_orders(first: Verdict, second: Verdict) -> Verdict:
    """The verdict of a judge that was asked in both orders: theirs, or a tie where they differ."""
    return first if first.label == second.label else of_outcome("tie")


def combined(contract: JudgeContract, verdicts: Sequence[Verdict], how: str) -> Verdict:
    """One verdict from several (at least one). Its parts are figures beside the score."""
    if contract.score_type == "rubric":
        names = [one.name for one in contract.criteria]
        return of_marks(contract, {name: aggregate([one.parts[name] for one in verdicts], how) for name in names})
    if contract.score_type == "pairwise":
        return _outcome([verdict.label or "" for verdict in verdicts], how)
    labels = [verdict.label for verdict in verdicts if verdict.label is not None]
    return Verdict(aggregate([verdict.score for verdict in verdicts], how), elected(contract.score_mapping, labels))


def _outcome(labels: Sequence[str], how: str) -> Verdict:
    """The outcome of several comparisons. The win rate is wins and half the ties: of all verdicts for mean, else of the
    chosen one.
    """
    if how != "mean":
        if how == "median":
            middle = statistics.median(OUTCOMES[label] for label in labels)
            chosen = "win" if middle == 1 else "loss" if middle == 0 else "tie"
        else:
            chosen = _voted(labels)
        labels = [chosen]
    shares = {outcome: labels.count(outcome) / len(labels) for outcome in OUTCOMES}
    return Verdict(sum(OUTCOMES[outcome] * share for outcome, share in shares.items()), _voted(labels), shares)


def _voted(labels: Sequence[str]) -> str:
    """The most frequent outcome; a tie where two are."""
    votes = Counter(labels).most_common(2)
    return "tie" if len(votes) > 1 and votes[0][1] == votes[1][1] else votes[0][0]


def elected(scores: Mapping[str, float], labels: Iterable[str]) -> str | None:
    """The most frequent label; of equally frequent ones that of the lowest score. None without any."""
    votes = Counter(labels)
    return min(votes, key=lambda label: (-votes[label], scores[label]), default=None)


def aggregate(scores: Sequence[float], how: str) -> float:
    """One score from several (at least one). Of scores that are equally frequent the lower one wins."""
    if how == "median":
        return statistics.median(scores)
    if how == "majority_vote":
        votes = Counter(scores)
        return min(votes, key=lambda score: (-votes[score], score))
    return statistics.fmean(scores)
