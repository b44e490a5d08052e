"""Rows read back from what an evaluation left on disk."""

import asyncio
import json
from typing import Any

import pytest

from evalkube_crds.names import ErrorClass
from evalkube_crds.results import DatasetResult, EvalResult, SubsetResult
from evalkube_report.evaluation import evidence

_PREFIX = "Solve the problem.\n\nProblem: "


def _prediction(index: int, question: str, answer: str) -> dict[str, Any]:
    return {
        "index": index,
        "model_output": {
            "choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
            "usage": None,
            "time": 1.5,
            "ttft": None,
            "attempts": 1,
        },
        "messages": [{"role": "user", "content": _PREFIX + question}],
    }


def _review(index: int, value: float) -> dict[str, Any]:
    score = {"value": {"acc": value}, "extracted_prediction": "7", "explanation": None, "judge_summary": {}}
    return {"index": index, "target": "7", "sample_score": {"score": score}}


def _jsonl(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_a_scored_sample_has_everything() -> None:
    """Prompt and answer come from the prediction, target and score from the review."""
    predictions = _jsonl(_prediction(0, "3 + 4?", "It is 7."), _prediction(1, "5 + 2?", "8"))
    first, second = evidence.subset_rows(
        "gsm8k", "main", "mean_acc", _jsonl(_review(0, 1.0), _review(1, 0.0)), predictions, b""
    )
    assert (first.prompt, first.answer, first.extracted, first.target) == (_PREFIX + "3 + 4?", "It is 7.", "7", "7")
    assert (first.score, first.finish_reason, first.latency_s, first.error) == (1.0, "stop", 1.5, None)
    assert (first.question, second.question) == ("3 + 4?", "5 + 2?")


def test_a_later_score_makes_up_for_an_error() -> None:
    """A sample that failed and was answered when the run went on is not errored; one that was not, is."""
    errors = _jsonl(*({"index": index, "error": "status_5xx", "message": "503"} for index in (0, 1)))
    found = evidence.subset_rows(
        "gsm8k", "main", "acc", _jsonl(_review(0, 1.0)), _jsonl(_prediction(0, "x", "7")), errors
    )
    assert [(row.index, row.score, row.error) for row in found] == [(0, 1.0, None), (1, None, "status_5xx: 503")]


def test_foreign_and_torn_lines_are_passed_over() -> None:
    """A report does not fail for a line it cannot read."""
    reviews = _jsonl([1], {"index": "x"}, {"index": 3}, _review(4, 0.5)) + b'{"index": 5, "tar'
    found = evidence.subset_rows("gsm8k", "main", "acc", reviews, b"\xff\xfe\n{}", b"null\n")
    assert [(row.index, row.score, row.answer) for row in found] == [(4, 0.5, "")]


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        pytest.param("mean_strict_acc", 0.25, id="the mean of a metric"),
        pytest.param("mean_acc", 1.0, id="the mean of one whose name ends another's"),
        pytest.param("strict_acc", 0.25, id="the metric itself"),
        pytest.param("pass@2", 1.0, id="an aggregate of the first"),
    ],
)
def test_a_sample_has_the_value_of_its_metric(metric: str, score: float) -> None:
    """By its whole name, not by how it ends."""
    review = _review(0, 1.0)
    review["sample_score"]["score"]["value"]["strict_acc"] = 0.25
    (row,) = evidence.subset_rows("gsm8k", "main", metric, _jsonl(review), b"", b"")
    assert row.score == score


def test_rows_are_read_by_their_paths() -> None:
    """Every subset's artifacts are asked for; what is missing is no error."""
    subsets = [SubsetResult(name="main", errored={ErrorClass.PARSE: 1}), SubsetResult(name="other")]
    dataset = DatasetResult(name="gsm8k", pretty_name="GSM8K", description="", main_metric="acc", subsets=subsets)
    kept = {"reviews/m/gsm8k_main.jsonl": _jsonl(_review(0, 0.0)), "errors/m/gsm8k_main.jsonl": _jsonl({"index": 1})}

    async def get(path: str) -> bytes | None:
        return kept.get(path)

    found = asyncio.run(evidence.gathered(EvalResult(run_id="r", model="m", datasets=[dataset]), get))
    assert [(row.index, row.error) for row in found.samples] == [(1, "unknown: "), (0, None)]
    assert found.cells == {}
