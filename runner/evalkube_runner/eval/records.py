"""The lines of predictions, reviews and errors: EvalScope's field names, and the key that finds a line again. Pure."""

import re
from collections.abc import Iterable
from typing import Any

from evalkube_benchmarks.benchmark import Message, Metric
from evalkube_benchmarks.statistics import reviews
from evalkube_crds import sample_lines
from evalkube_crds.names import ErrorClass
from evalkube_runner.eval.answer import Answer, Tokens
from evalkube_runner.eval.judging import summary
from evalkube_runner.eval.sampling import Item
from evalkube_runner.eval.scoring import Scored

__all__ = ["answer_of", "display_name", "error", "index_of", "moved", "prediction", "review", "scored_of"]

_NANO = 1_000_000_000


def display_name(model: str, model_id: str | None) -> str:
    """A model's name in reports and paths: its id, else the last part of its name; safe as one part of a path."""
    name = model_id or model.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.@:+-]+", "_", name).lstrip(".")[:128] or "model"


def index_of(item: Item, repeat: int) -> int:
    """The number of a sample among all of its subset."""
    return item.index * item.plan.repeats + repeat


def moved(record: dict[str, Any], item: Item, repeat: int) -> dict[str, Any]:
    """A line of another run, of an answer or of its score, as one of this run, where the sample may lie elsewhere."""
    index = index_of(item, repeat)
    line = record | {"index": index}
    if isinstance(score := record.get("sample_score"), dict):
        place = {"sample_id": index, "group_id": item.index, "generation_index": repeat}
        line["sample_score"] = score | place
    return line


def prediction(
    key: str, item: Item, repeat: int, model: str, messages: tuple[Message, ...], answer: Answer
) -> dict[str, Any]:
    """The line of an answer. Times are in seconds."""
    message = {"role": "assistant", "content": answer.text}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    return {
        "index": index_of(item, repeat),
        "model": model,
        "model_output": {
            "model": model,
            "choices": [{"message": message, "finish_reason": answer.finish_reason}],
            "usage": _usage(answer.tokens),
            "time": answer.latency_ns / _NANO,
            "ttft": None if answer.ttft_ns is None else answer.ttft_ns / _NANO,
            "attempts": answer.attempts,
        },
        "messages": [{"role": one.role, "content": one.content} for one in messages],
        "agent_trace": None,
        "metadata": dict(item.question.metadata),
        "key": key,
    }


def answer_of(record: dict[str, Any]) -> Answer | None:
    """The answer in a line; None for any other or a damaged line: then it is asked again."""
    found = sample_lines.output_of(record)
    if found is None:
        return None
    used = found.tokens
    return Answer(
        text=found.text,
        reasoning=found.reasoning,
        finish_reason=found.finish_reason,
        tokens=None if used is None else Tokens(used.prompt, used.completion, used.reasoning, used.cached),
        latency_ns=found.latency_ns,
        ttft_ns=found.ttft_ns,
        attempts=found.attempts,
    )


def _usage(tokens: Tokens | None) -> dict[str, int] | None:
    if tokens is None:
        return None
    return {
        "input_tokens": tokens.prompt,
        "output_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "reasoning_tokens": tokens.reasoning,
        "cached_tokens": tokens.cached,
    }


def review(
    key: str, item: Item, repeat: int, messages: tuple[Message, ...], answer: Answer, scored: Scored
) -> dict[str, Any]:
    """The line of a score."""
    return {
        "index": index_of(item, repeat),
        "target": " | ".join(item.question.targets),
        "question": reviews.question_of(item.question),
        "messages": [
            *({"role": one.role, "content": one.content} for one in messages),
            {"role": "assistant", "content": answer.text},
        ],
        "agent_trace": None,
        "sample_score": {
            "score": {
                "value": scored.values,
                "status": "ok",
                "judge_summary": scored.metadata,
                "extracted_prediction": scored.extracted,
                "prediction": answer.text,
                "explanation": scored.explanation,
                "metadata": ({"weights": scored.weights} if scored.weights else {})
                | ({"sandbox": scored.held} if scored.held else {}),
                "main_score_name": item.plan.metrics[0].name,
            },
            "sample_id": index_of(item, repeat),
            "group_id": item.index,
            "generation_index": repeat,
            "sample_metadata": dict(item.question.metadata),
        },
        "key": key,
    }


def scored_of(record: dict[str, Any], metrics: Iterable[Metric] = ()) -> Scored | None:
    """The score in a line; None for any other line, or one that lacks one of `metrics`: then it is scored again."""
    found = sample_lines.score_of(record)
    if found is None or not {metric.name for metric in metrics} <= set(found.values):
        return None
    try:
        summary.counts_of(found.judging)
    except (TypeError, ValueError):
        return None
    return Scored(found.values, found.extracted, found.weights, found.explanation, found.judging)


def error(
    item: Item, repeat: int, cause: ErrorClass, message: str, judging: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The line of a sample that could not be answered or scored; with what its judges said, where they were asked."""
    line = {
        "index": index_of(item, repeat),
        "group_id": item.index,
        "generation_index": repeat,
        "error": cause,
        "message": message,
    }
    return line | {"judge_summary": judging} if judging else line
