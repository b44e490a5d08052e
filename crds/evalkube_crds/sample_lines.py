"""The lines that an evaluation writes for its samples (predictions, reviews, errors), read back. Pure.

The field names are EvalScope's. A line may be from another program, or incomplete: then the result is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evalkube_crds.names import SampleState

__all__ = [
    "Output",
    "OutputTokens",
    "Score",
    "main_score",
    "output_of",
    "path",
    "score_of",
    "state_of",
    "whole_number",
]

_NANO: Final = 1_000_000_000
# What a line may say; beyond it the line is damaged.
_MOST_TOKENS: Final = 1 << 32
_MOST_PARTS: Final = 1 << 20
_LONGEST_S: Final = 366 * 86_400
_LONGEST_REASON: Final = 200


def path(kind: str, model: str, dataset: str, subset: str) -> str:
    """The artifact with the lines of one subset. `kind` is predictions, reviews, judgements or errors."""
    return f"{kind}/{model}/{dataset}_{subset}.jsonl"


@dataclass(frozen=True, slots=True)
class OutputTokens:
    """The tokens of an answer as the endpoint counted them. The last two are parts of the first two."""

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """An answer of the model. `ttft_ns` is None unless it was streamed; `attempts` is the number of requests for it."""

    text: str
    reasoning: str
    finish_reason: str | None
    tokens: OutputTokens | None
    latency_ns: int
    ttft_ns: int | None
    attempts: int


def output_of(prediction: Mapping[str, Any]) -> Output | None:
    """The answer in a line of the predictions."""
    try:
        output = prediction["model_output"]
        choice = output["choices"][0]
        usage, ttft_s, finish_reason = output["usage"], output["ttft"], choice["finish_reason"]
        tokens = None
        if usage is not None:
            counts = [usage[name] for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")]
            tokens = OutputTokens(*(whole_number(count, _MOST_TOKENS) for count in counts))
        return Output(
            text=_text(choice["message"]["content"]),
            reasoning=_text(choice["message"].get("reasoning_content", "")),
            finish_reason=None if finish_reason is None else _text(finish_reason, _LONGEST_REASON),
            tokens=tokens,
            latency_ns=round(_number(output["time"], _LONGEST_S) * _NANO),
            ttft_ns=None if ttft_s is None else round(_number(ttft_s, _LONGEST_S) * _NANO),
            attempts=whole_number(output["attempts"], _MOST_TOKENS),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class Score:
    """The score of an answer: the value of each metric (0 to 1), and what was extracted (None: nothing).

    `weights` say how much the answer counts in a pooled figure, if not 1. `judging` has the questions to the judges and
    their answers, if any.
    """

    values: dict[str, float]
    extracted: str | None
    weights: dict[str, int] = field(default_factory=dict)
    explanation: str = ""
    judging: dict[str, Any] | None = None


def score_of(review: Mapping[str, Any]) -> Score | None:
    """The score in a line of the reviews."""
    try:
        score = review["sample_score"]["score"]
        values = {str(name): _number(value, 1) for name, value in score["value"].items()}
        kept = score.get("metadata")
        parts = {} if kept is None else kept.get("weights", {})
        weights = {str(name): whole_number(value, _MOST_PARTS) for name, value in parts.items()}
        extracted, judging = score["extracted_prediction"], score["judge_summary"]
        if not isinstance(judging, dict | None):
            return None
        explanation = "" if score["explanation"] is None else _text(score["explanation"])
        return Score(values, None if extracted is None else _text(extracted), weights, explanation, judging)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def main_score(metric: str, values: Mapping[str, float]) -> float | None:
    """A sample's own value of an aggregated metric: `mean_acc` is made of `acc`.

    If no value has that name, it is the first one.
    """
    own = (values[name] for name in (metric, metric.removeprefix("mean_")) if name in values)
    return next(own, next(iter(values.values()), None))


def state_of(score: float | None, extracted: str | None, *, judged: bool) -> SampleState:
    """The state of a sample with a line in the reviews. `score` is that of its main metric, 0 to 1.

    The state is "no answer found" if the score is 0 and nothing was extracted from the reply. Judges read the whole
    reply (`judged`).
    """
    if score is None:
        return SampleState.ERRORED
    if score >= 1:
        return SampleState.RIGHT
    if score > 0:
        return SampleState.PARTIAL
    found = extracted is not None and extracted.strip() != ""
    return SampleState.WRONG if found or judged else SampleState.NO_ANSWER


def _text(value: Any, longest: int | None = None) -> str:
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        raise ValueError("is no text, or too long")
    return value


def whole_number(value: Any, most: int) -> int:
    """A count from 0 to `most`. Raises ValueError for anything else."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("no count")
    return value


def _number(value: Any, most: float) -> float:
    if type(value) not in (int, float) or not 0 <= value <= most:  # NaN is not either
        raise ValueError("is no number, or out of range")
    return float(value)
