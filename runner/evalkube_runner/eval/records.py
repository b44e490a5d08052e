"""The lines of predictions, reviews and errors: EvalScope's field names, and the key that finds a line again. Pure."""

import re
from collections.abc import Iterable
from typing import Any

from evalkube_benchmarks.declaration import Message, Metric
from evalkube_benchmarks.statistics import reviews
from evalkube_crds.names import ErrorClass
from evalkube_runner.eval.answer import Answer, Tokens
from evalkube_runner.eval.judging import summary
from evalkube_runner.eval.sampling import Item
from evalkube_runner.eval.scoring import Scored

__all__ = ["answer_of", "display_name", "error", "path", "prediction", "review", "scored_of"]

_NANO = 1_000_000_000
# What a stored line may say; beyond it the line is damaged.
_MOST_TOKENS = 1 << 32
_MOST_PARTS = 1 << 20
_LONGEST_S = 366 * 86_400
_LONGEST_REASON = 200


def display_name(model: str, model_id: str | None) -> str:
    """A model's name in reports and paths: its id, else the last part of its name; safe as one part of a path."""
    name = model_id or model.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.@:+-]+", "_", name).lstrip(".")[:128] or "model"


def path(kind: str, model: str, dataset: str, subset: str) -> str:
    """Where the lines of one subset lie; `kind` is predictions, reviews, judgements or errors."""
    return f"{kind}/{model}/{dataset}_{subset}.jsonl"


def prediction(
    key: str, item: Item, repeat: int, model: str, messages: tuple[Message, ...], answer: Answer
) -> dict[str, Any]:
    """The line of an answer. Times are in seconds."""
    message = {"role": "assistant", "content": answer.text}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    return {
        "index": item.index * item.plan.repeats + repeat,
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
    """The answer in a line; None when it is not such a line (another program's, or damaged): it is asked for again."""
    try:
        output = record["model_output"]
        choice = output["choices"][0]
        usage, ttft_s, finish_reason = output["usage"], output["ttft"], choice["finish_reason"]
        tokens = None
        if usage is not None:
            counts = [usage[name] for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")]
            tokens = Tokens(*(_whole(count, _MOST_TOKENS) for count in counts))
        return Answer(
            text=_text(choice["message"]["content"]),
            reasoning=_text(choice["message"].get("reasoning_content", "")),
            finish_reason=None if finish_reason is None else _text(finish_reason, _LONGEST_REASON),
            tokens=tokens,
            latency_ns=round(_number(output["time"], _LONGEST_S) * _NANO),
            ttft_ns=None if ttft_s is None else round(_number(ttft_s, _LONGEST_S) * _NANO),
            attempts=_whole(output["attempts"], _MOST_TOKENS),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def _text(value: Any, longest: int | None = None) -> str:
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        raise ValueError("no text, or too long a one")
    return value


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("no count")
    return value


def _number(value: Any, most: float) -> float:
    if type(value) not in (int, float) or not 0 <= value <= most:  # NaN is not either
        raise ValueError("no number, or one beyond its range")
    return float(value)


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
        "index": item.index * item.plan.repeats + repeat,
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
            "sample_id": item.index * item.plan.repeats + repeat,
            "group_id": item.index,
            "generation_index": repeat,
            "sample_metadata": dict(item.question.metadata),
        },
        "key": key,
    }


def scored_of(record: dict[str, Any], metrics: Iterable[Metric] = ()) -> Scored | None:
    """The score in a line; None when it is not such a line, or lacks one of `metrics`: it is made again."""
    try:
        score = record["sample_score"]["score"]
        values = {str(name): _number(value, 1) for name, value in score["value"].items()}
        kept = score.get("metadata")
        parts = {} if kept is None else kept.get("weights", {})
        weights = {str(name): _whole(value, _MOST_PARTS) for name, value in parts.items()}
        extracted, metadata = score["extracted_prediction"], score["judge_summary"]
        if not {metric.name for metric in metrics} <= set(values) or not isinstance(metadata, dict | None):
            return None
        summary.counts_of(metadata)
        explanation = "" if score["explanation"] is None else _text(score["explanation"])
        return Scored(values, None if extracted is None else _text(extracted), weights, explanation, metadata)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def error(
    item: Item, repeat: int, cause: ErrorClass, message: str, judging: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The line of a sample that could not be answered or scored; with what its judges said, where they were asked."""
    line = {
        "index": item.index * item.plan.repeats + repeat,
        "group_id": item.index,
        "generation_index": repeat,
        "error": cause,
        "message": message,
    }
    return line | {"judge_summary": judging} if judging else line
