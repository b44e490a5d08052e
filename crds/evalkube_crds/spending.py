"""The spending of models, real or estimated: tokens as endpoints count them, prices, and a dry run's estimate."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from evalkube_crds.prices import Prices
from evalkube_crds.result_parts import Report

__all__ = ["DatasetEstimate", "Estimate", "Spending", "TokenUsage"]


class TokenUsage(Report):
    """Tokens as the endpoint reported them, over the `samples` whose answers had a usage."""

    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0

    @classmethod
    def added(cls, usages: Iterable["TokenUsage"]) -> "TokenUsage":
        """The sum of several usages."""
        usages = list(usages)
        return cls(**{name: sum(getattr(one, name) for one in usages) for name in cls.model_fields})


class Spending(Report):
    """The tokens of a model, real or estimated, and their prices."""

    model: str
    usage: TokenUsage = Field(default_factory=TokenUsage)
    prices: Prices | None = None


class DatasetEstimate(Report):
    """A dry run's estimate of one benchmark. `usage` is that of the calls that would be made."""

    name: str
    samples: int = 0
    kept: int = Field(default=0, description="Samples that already have answers, and would not be asked")
    judged: int = Field(default=0, description="Maximum number of calls of judges")
    usage: TokenUsage = Field(default_factory=TokenUsage)


class Estimate(Report):
    """A dry run's estimate: calls, prompt tokens, and output tokens if every answer has its maximum length."""

    counted_by: Literal["tokenizer", "characters"] = Field(
        description="How tokens of prompts were counted: by tokenizer_path, otherwise as one per four ASCII "
        "characters and one per other character"
    )
    model: Spending
    judges: list[Spending] = Field(default_factory=list)
    datasets: list[DatasetEstimate] = Field(default_factory=list)
