"""The record of a sample's judging: its grade, the judges' replies, and the counts; and its form on disk. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from evalkube_benchmarks.benchmark import Message
from evalkube_runner.eval.answer import Tokens
from evalkube_runner.eval.judging.reading import Verdict

__all__ = ["Attempt", "Counts", "Grade", "JudgeFailed", "Judgement", "attempts_of", "counted", "counts_of", "written"]

_MOST = 1 << 40
_MOST_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply of a judge, with the tokens that its endpoint counted."""

    said: str
    tokens: Tokens | None = None

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        used = self.tokens
        usage = None if used is None else [used.prompt, used.completion, used.reasoning, used.cached]
        return {"said": self.said, "usage": usage}


def attempts_of(record: Mapping[str, Any]) -> tuple[Attempt, ...] | None:
    """The attempts in a kept line; None for any other line."""
    try:
        return tuple(_attempt(one) for one in record["attempts"][:_MOST_ATTEMPTS])
    except (KeyError, TypeError, ValueError):
        return None


def _attempt(document: Mapping[str, Any]) -> Attempt:
    said, usage = document["said"], document["usage"]
    if not isinstance(said, str):
        raise TypeError("no text")
    if usage is None:
        return Attempt(said)
    prompt, completion, reasoning, cached = map(_count, usage)
    return Attempt(said, Tokens(prompt, completion, reasoning, cached))


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("no count")
    return value


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judge's judgement of one prompt, in at most two replies: its `verdict`; or None with the reason why the
    asking failed (`failure`); or neither, where the reply could not be read.
    """

    model: str
    repeat: int
    swapped: bool
    attempts: tuple[Attempt, ...]
    verdict: Verdict | None
    failure: str | None = None

    def document(self) -> dict[str, Any]:
        """As a review shows it."""
        verdict = self.verdict
        read = None if verdict is None else {"score": verdict.score, "label": verdict.label, **dict(verdict.parts)}
        return {
            "judge": self.model,
            "repeat": self.repeat,
            "swapped": self.swapped,
            "attempts": [attempt.document() for attempt in self.attempts],
            "verdict": read,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of judgements. `unreadable` could not be read the second time, `failed` had no answer; these have no
    vote. Counted too are those asked again, those that differed by the order of two answers, and the judges' tokens.
    """

    judgements: int = 0
    unreadable: int = 0
    failed: int = 0
    asked_again: int = 0
    inconsistent: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0

    def document(self) -> dict[str, int]:
        """As JSON has it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


_NOTHING = Counts()


def counts_of(summary: Mapping[str, Any] | None) -> Counts:
    """The counts in a kept summary. Raises ValueError for any other document."""
    if not summary:
        return _NOTHING
    counts = summary.get("counts", {})
    if not isinstance(counts, Mapping):
        raise ValueError("no counts")
    return Counts(**{each.name: _count(counts.get(each.name, 0)) for each in fields(Counts)})


def counted(judgements: Iterable[tuple[Judgement, ...]], inconsistent: int) -> Counts:
    """The counts of a sample's judgements, each of one order or of both: it has a vote where all could be read."""
    total = dict.fromkeys((each.name for each in fields(Counts)), 0)
    for orders in judgements:
        total["judgements"] += 1
        failed = any(one.failure is not None for one in orders)
        total["failed"] += failed
        total["unreadable"] += not failed and any(one.verdict is None for one in orders)
        for one in orders:
            total["asked_again"] += len(one.attempts) > 1
            for used in (attempt.tokens for attempt in one.attempts if attempt.tokens is not None):
                total["answers"] += 1
                total["prompt_tokens"] += used.prompt
                total["completion_tokens"] += used.completion
                total["reasoning_tokens"] += used.reasoning
                total["cached_tokens"] += used.cached
    return Counts(**total | {"inconsistent": inconsistent})


def written(
    prompts: Iterable[Iterable[Message]], judgements: Iterable[Judgement], verdicts: Iterable[Verdict], counts: Counts
) -> dict[str, Any]:
    """The summary of a sample's judging in its review: what was asked (in each order), and what was said."""
    return {
        "verdicts": [verdict.score for verdict in verdicts],
        "prompts": [[{"role": one.role, "content": one.content} for one in prompt] for prompt in prompts],
        "judgements": [judgement.document() for judgement in judgements],
        "counts": counts.document(),
    }


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of one reply: a score from 0 to 1, the most frequent label, the contract's other figures, and all
    prompts and replies (`summary`).
    """

    score: float
    label: str | None
    parts: Mapping[str, float]
    summary: dict[str, Any] = field(default_factory=dict)


class JudgeFailed(Exception):
    """Too few judges gave a verdict; `summary` has what they said."""

    def __init__(self, message: str, summary: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.summary = summary or {}
