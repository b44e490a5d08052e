"""The figures of questions about facts, as their paper defines them."""

import pytest

from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.metrics import facts
from evalkube_benchmarks.scoring import measured
from evalkube_crds.results import ScoreSum

QUESTION = Question(text="q", targets=("a",))
# labels: correct, incorrect, not attempted, correct given attempted, F1
CASES = {
    "all kinds": (["CORRECT"] * 3 + ["INCORRECT"] * 1 + ["NOT_ATTEMPTED"] * 6, (0.3, 0.1, 0.6, 0.75, 6 / 14)),
    "nothing attempted": (["NOT_ATTEMPTED"] * 2, (0, 0, 1, None, 0)),
    "all right": (["CORRECT"] * 2, (1, 0, 0, 1, 1)),
    "all wrong": (["INCORRECT"], (0, 1, 0, 0, 0)),
}


@pytest.mark.parametrize(("labels", "figures"), CASES.values(), ids=CASES)
def test_figures(labels: list[str], figures: tuple[float | None, ...]) -> None:
    """Shares of all, the share of those attempted, and the harmonic mean of both."""
    sums = {metric.name: ScoreSum() for metric in facts.METRICS}
    for label in labels:
        scores = measured(label, QUESTION, facts.METRICS)
        for name, value in scores.values.items():
            sums[name].add(value, scores.weights.get(name, 1))
    for (name, made), wanted in zip(sums.items(), figures, strict=True):
        assert made.mean == (None if wanted is None else pytest.approx(wanted)), name
