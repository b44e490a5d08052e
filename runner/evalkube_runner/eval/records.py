"""The lines of predictions, reviews and errors: EvalScope's field names, and the key that finds a line again. Pure."""

import re
from typing import Any

from evalkube_crds.names import ErrorClass
from evalkube_runner.eval.answer import Answer, Tokens
from evalkube_runner.eval.benchmarks.declaration import Message
from evalkube_runner.eval.sampling import Item
from evalkube_runner.eval.scoring import Scored

__all__ = ["answer_of", "display_name", "error", "path", "prediction", "review", "scored_of"]

_NANO = 1_000_000_000


def display_name(model: str, model_id: str | None) -> str:
    """A model's name in reports and paths: its id, else the last part of its name; safe as one part of a path."""
    name = model_id or model.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.@:+-]+", "_", name).lstrip(".")[:128] or "model"


def path(kind: str, model: str, dataset: str, subset: str) -> str:
    """Where the lines of one subset lie; `kind` is predictions, reviews or errors."""
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
    """The answer in a line; None when it is not such a line (another program's, or damaged)."""
    try:
        output = record["model_output"]
        choice = output["choices"][0]
        usage = output["usage"]
        tokens = None
        if usage is not None:
            tokens = Tokens(
                usage["input_tokens"], usage["output_tokens"], usage["reasoning_tokens"], usage["cached_tokens"]
            )
        return Answer(
            text=str(choice["message"]["content"]),
            reasoning=str(choice["message"].get("reasoning_content", "")),
            finish_reason=choice["finish_reason"],
            tokens=tokens,
            latency_ns=round(output["time"] * _NANO),
            ttft_ns=None if output["ttft"] is None else round(output["ttft"] * _NANO),
            attempts=output["attempts"],
        )
    except (KeyError, IndexError, TypeError, ValueError):
        return None


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
        "target": item.question.target,
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
                "metadata": {},
                "main_score_name": item.plan.metrics[0],
            },
            "sample_id": item.index * item.plan.repeats + repeat,
            "group_id": item.index,
            "generation_index": repeat,
            "sample_metadata": dict(item.question.metadata),
        },
        "key": key,
    }


def scored_of(record: dict[str, Any]) -> Scored | None:
    """The score in a line; None when it is not such a line."""
    try:
        score = record["sample_score"]["score"]
        values = {str(name): float(value) for name, value in score["value"].items()}
        return Scored(values, score["extracted_prediction"], score["explanation"], score["judge_summary"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def error(item: Item, repeat: int, cause: ErrorClass, message: str) -> dict[str, Any]:
    """The line of a sample that could not be answered or scored."""
    return {
        "index": item.index * item.plan.repeats + repeat,
        "group_id": item.index,
        "generation_index": repeat,
        "error": cause,
        "message": message,
    }
