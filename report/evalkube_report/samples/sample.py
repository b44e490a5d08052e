"""One sample, read from its lines: prompt, thoughts, answer, extracted answer, and scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evalkube_crds import sample_lines
from evalkube_crds.result_parts import NANO
from evalkube_crds.sample_lines import Output, Score
from evalkube_report.evaluation import judge_words
from evalkube_report.samples.page import Entry

__all__ = ["LinesUnreadable", "Message", "Sample", "read"]


class LinesUnreadable(ValueError):
    """The bytes are not the line of this sample. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the prompt. All text of a sample is untrusted."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample. An unknown value is None or empty: the model did not answer, or no such line was kept.

    `question`: the prompt without the part that all prompts share. `thoughts`: the model's reasoning, if the endpoint
    returns it. `extracted`: the answer that was found in the reply (None: none). `scores`: by metric, 0 to 1. `judges`:
    the judges' questions and answers. `error_message`: details of the error. `attempts`: how often it was asked.
    """

    entry: Entry
    prompt: tuple[Message, ...] = ()
    question: str = ""
    thoughts: str = ""
    answer: str = ""
    extracted: str | None = None
    target: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    explanation: str = ""
    judges: str | None = None
    error_message: str | None = None
    finish_reason: str | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    attempts: int | None = None


def read(entry: Entry, lines: Mapping[str, bytes]) -> Sample:
    """Reads the sample of an entry. `lines`: the bytes of `Index.slices`, by kind. Raises LinesUnreadable."""
    found = {kind: _line(entry, kind, data) for kind, data in lines.items()}
    review, prediction, error = (found.get(kind, {}) for kind in ("reviews", "predictions", "errors"))
    output, score = sample_lines.output_of(prediction), sample_lines.score_of(review)
    judging = score.judging if score is not None else error.get("judge_summary")
    return Sample(
        entry=entry,
        prompt=_messages(prediction, review),
        question=_question(review.get("question")),
        target=_text(review.get("target")),
        judges=judge_words.words_of(judging),
        error_message=_text(error.get("message")) if entry.error is not None else None,
        **_of_output(output),
        **_of_score(score),
    )


def _line(entry: Entry, kind: str, data: bytes) -> dict[str, Any]:
    try:
        line = orjson.loads(data)
    except orjson.JSONDecodeError:
        line = None
    if not isinstance(line, dict) or line.get("index") != entry.index:
        raise LinesUnreadable(
            f"the {kind} of {entry.dataset} / {entry.subset} have no line of sample {entry.index} where it was at the "
            "run's end: they were changed since; read the whole file"
        )
    return line


def _of_output(output: Output | None) -> dict[str, Any]:
    if output is None:
        return {}
    tokens = output.tokens
    counts = {} if tokens is None else {"input_tokens": tokens.prompt, "output_tokens": tokens.completion}
    parts = {} if tokens is None else {"reasoning_tokens": tokens.reasoning, "cached_tokens": tokens.cached}
    return (
        counts
        | parts
        | {
            "answer": output.text,
            "thoughts": output.reasoning,
            "finish_reason": output.finish_reason,
            "latency_s": output.latency_ns / NANO,
            "ttft_s": None if output.ttft_ns is None else output.ttft_ns / NANO,
            "attempts": output.attempts,
        }
    )


def _of_score(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {}
    return {"extracted": score.extracted, "scores": score.values, "explanation": score.explanation}


def _messages(prediction: Mapping[str, Any], review: Mapping[str, Any]) -> tuple[Message, ...]:
    """The prompt, from the prediction. Without a prediction it comes from the review, which has the answer after it."""
    found = prediction.get("messages")
    if not isinstance(found, list):
        found = review.get("messages")
        found = found[:-1] if isinstance(found, list) else []
    return tuple(Message(_text(one.get("role")), _text(one.get("content"))) for one in found if isinstance(one, dict))


def _question(kept: Any) -> str:
    """The beginning of the question, from the identity that a line keeps."""
    return _text(kept.get("text")) if isinstance(kept, dict) else _text(kept)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
