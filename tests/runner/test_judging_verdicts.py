"""How several verdicts become one grade."""

import pytest

from evalkube_crds.evalrun import JudgeContract
from evalkube_runner.eval.judging import verdicts
from evalkube_runner.eval.judging.reading import Verdict

SCORES = {"CORRECT": 1.0, "PARTIAL": 0.5, "INCORRECT": 0.0}
PAIR = JudgeContract(score_type="pairwise")
OUTCOMES = {"win": Verdict(1.0, "win"), "tie": Verdict(0.5, "tie"), "loss": Verdict(0.0, "loss")}


@pytest.mark.parametrize(
    ("scores", "how", "score"),
    [
        ([1.0, 0.0, 1.0], "mean", 2 / 3),
        ([1.0, 0.0, 1.0], "median", 1.0),
        ([1.0, 0.0, 0.5, 0.5], "majority_vote", 0.5),
        ([1.0, 0.0], "majority_vote", 0.0),
    ],
)
def test_aggregate(scores: list[float], how: str, score: float) -> None:
    """Mean, median, or the most frequent; among equals the lower."""
    assert verdicts.aggregate(scores, how) == pytest.approx(score)


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (["CORRECT", "PARTIAL", "CORRECT"], "CORRECT"),
        (["CORRECT", "INCORRECT"], "INCORRECT"),
        (["PARTIAL"], "PARTIAL"),
        ([], None),
    ],
)
def test_the_most_frequent_label_is_elected(labels: list[str], label: str | None) -> None:
    """Among equals that of the lower score."""
    assert verdicts.elected(SCORES, labels) == label


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("win", "win", "win"),
        ("loss", "loss", "loss"),
        ("tie", "tie", "tie"),
        ("win", "loss", "tie"),
        ("win", "tie", "tie"),
        ("tie", "loss", "tie"),
    ],
)
def test_orders_that_disagree_are_a_tie(first: str, second: str, outcome: str) -> None:
    """A judge that prefers a place has no preference."""
    assert verdicts.of_both_orders(OUTCOMES[first], OUTCOMES[second]).label == outcome


@pytest.mark.parametrize(
    ("said", "how", "figures"),
    [
        (["win", "win", "loss", "tie"], "mean", (0.625, 0.5, 0.25, 0.25)),
        (["win", "win", "loss", "tie"], "majority_vote", (1.0, 1.0, 0.0, 0.0)),
        (["win", "loss"], "majority_vote", (0.5, 0.0, 1.0, 0.0)),
        (["win", "win", "loss"], "median", (1.0, 1.0, 0.0, 0.0)),
        (["win", "tie"], "median", (0.5, 0.0, 1.0, 0.0)),
        (["loss", "loss", "tie"], "median", (0.0, 0.0, 0.0, 1.0)),
    ],
)
def test_figures_of_a_comparison(said: list[str], how: str, figures: tuple[float, ...]) -> None:
    """The win rate is wins and half the ties, whatever the aggregation."""
    verdict = verdicts.combined(PAIR, [OUTCOMES[label] for label in said], how)
    assert (verdict.score, *(verdict.parts[outcome] for outcome in ("win", "tie", "loss"))) == figures


def test_a_rubric_is_aggregated_by_criterion() -> None:
    """The median of each, and of these the weighted mean."""
    contract = JudgeContract.model_validate(
        {"score_type": "rubric", "criteria": [{"name": "a", "weight": 3.0}, {"name": "b"}]}
    )
    said = [Verdict(0.0, parts={"a": a, "b": b}) for a, b in ((0.0, 1.0), (0.5, 0.0), (1.0, 1.0))]
    verdict = verdicts.combined(contract, said, "median")
    assert (dict(verdict.parts), verdict.score) == ({"a": 0.5, "b": 1.0}, 0.625)
