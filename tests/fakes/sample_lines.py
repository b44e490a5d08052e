"""Lines of an evaluation's samples, as a runner writes them, and the result that they are of."""

from typing import Any

import orjson

from evalkube_crds.results import DatasetResult, EvalResult, ScoreSum, SubsetResult

__all__ = ["error", "jsonl", "prediction", "result", "review"]


def prediction(index: int, answer: str = "It is 7.", *, latency_s: float = 1.5, **message: str) -> dict[str, Any]:
    """The line of an answer; `message`: further parts of it, such as its reasoning."""
    return {
        "index": index,
        "model_output": {
            "choices": [{"message": {"role": "assistant", "content": answer} | message, "finish_reason": "stop"}],
            "usage": {"input_tokens": 12, "output_tokens": 5, "reasoning_tokens": 2, "cached_tokens": 1},
            "time": latency_s,
            "ttft": 0.25,
            "attempts": 2,
        },
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Question {index}?"}],
    }


def review(index: int, score: float | None = 1.0, extracted: str | None = "7", **more: Any) -> dict[str, Any]:
    """The line of a score; one of None has no value of any metric."""
    said = {
        "value": {} if score is None else {"acc": score},
        "extracted_prediction": extracted,
        "explanation": "as 3 + 4 = 7",
        "judge_summary": more.pop("judging", None),
    }
    return {"index": index, "target": "7", "question": f"{index}?", "sample_score": {"score": said}} | more


def error(index: int, cause: str = "status_5xx", message: str = "503") -> dict[str, Any]:
    """The line of a sample that errored."""
    return {"index": index, "error": cause, "message": message}


def jsonl(*records: object) -> list[bytes]:
    """Lines with their ends."""
    return [orjson.dumps(record) + b"\n" for record in records]


def result(**datasets: list[str]) -> EvalResult:
    """Data sets with those subsets, all scored by accuracy."""
    made = [
        DatasetResult(
            name=name,
            pretty_name=name,
            description="",
            main_metric="mean_acc",
            subsets=[SubsetResult(name=subset, metrics={"mean_acc": ScoreSum()}) for subset in subsets],
        )
        for name, subsets in datasets.items()
    ]
    return EvalResult(run_id="r", model="m", datasets=made)
