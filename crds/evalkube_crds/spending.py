"""What models were asked, or would be: tokens as their endpoints count them, prices, and a dry run's estimate."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from evalkube_crds.prices import Prices
from evalkube_crds.result_parts import Report

__all__ = ["DatasetEstimate", "Estimate", "Spending", "TokenUsage"]


class TokenUsage(Report):
    """Tokens as the endpoint reported them, over the `samples` whose answers carried a usage."""

    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0

    @classmethod
    def added(cls, usages: Iterable["TokenUsage"]) -> "TokenUsage":
        """The sum of several."""
        usages = list(usages)
        return cls(**{name: sum(getattr(one, name) for one in usages) for name in cls.model_fields})


class Spending(Report):
    """What a model was, or would be, asked: tokens and their prices."""

    model: str
    usage: TokenUsage = Field(default_factory=TokenUsage)
    prices: Prices | None = None


class DatasetEstimate(Report):
    """What a dry run expects of one benchmark. `usage`: of the calls that would be made."""

    name: str
    samples: int = 0
    kept: int = Field(default=0, description="Samples whose answers are there already, and would not be asked for")
    judged: int = Field(default=0, description="Calls of judges, at most")
    usage: TokenUsage = Field(default_factory=TokenUsage)


class Estimate(Report):
    """What a dry run expects: calls, prompt tokens, and output tokens at most (each answer as long as it may be)."""

    counted_by: Literal["tokenizer", "characters"] = Field(
        description="How tokens of prompts were counted: by tokenizer_path, else one for four ASCII characters and one "
        "for each other character"
    )
    model: Spending
    judges: list[Spending] = Field(default_factory=list)
    datasets: list[DatasetEstimate] = Field(default_factory=list)
