"""The rules of prompts in a load test: how they are cut, prefixed or drawn. A part of its spec."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from evalkube_crds.fields import Contract, ReadPath
from evalkube_crds.rules import Rule

__all__ = ["LONGEST", "Dataset", "PerfDatasetArgs", "TokenLengths", "Tokens"]

Dataset: TypeAlias = Literal[
    "openqa",
    "longalpaca",
    "share_gpt_en",
    "share_gpt_zh",
    "line_by_line",
    "random",
    "custom",
    "workload_trace",
    "share_gpt_en_multi_turn",
    "share_gpt_zh_multi_turn",
    "random_multi_turn",
    "custom_multi_turn",
]
"""The names of `names.PERF_DATASETS`."""

Tokens = Annotated[int, Field(ge=1, le=1_048_576)]

_BOUNDS = {"min", "max"}
LONGEST = 131_072
"""The maximum length of a prompt unless a bound is given; it is EvalScope's."""


def _within_bounds(name: str) -> "Rule[TokenLengths]":
    """The rule that a distribution's middle is between its bounds, so that there is something to draw."""

    def holds(lengths: "TokenLengths") -> bool:
        middle = getattr(lengths, name)
        return middle is None or (lengths.min or 1) <= middle <= (lengths.max or LONGEST)

    return Rule(
        f"!has(self.{name}) || ((!has(self.min) || double(self.min) <= self.{name}) && "
        f"self.{name} <= (has(self.max) ? double(self.max) : {float(LONGEST)}))",
        holds,
        f"{name}: must be between min (default 1) and max (default {LONGEST})",
    )


class TokenLengths(Contract):
    """A distribution of lengths in tokens. Bounds cut it: values are drawn from the part between them."""

    rules: ClassVar[tuple["Rule[TokenLengths]", ...]] = (
        Rule(
            "self.distribution != 'fixed' || (has(self.value) && !has(self.min) && !has(self.max) && !has(self.mean) "
            "&& !has(self.std) && !has(self.median) && !has(self.sigma))",
            lambda lengths: lengths.distribution != "fixed" or lengths.given == {"value"},
            "distribution: fixed needs value, and nothing else",
        ),
        Rule(
            "self.distribution != 'uniform' || (has(self.min) && has(self.max) && !has(self.value) && !has(self.mean) "
            "&& !has(self.std) && !has(self.median) && !has(self.sigma))",
            lambda lengths: lengths.distribution != "uniform" or lengths.given == _BOUNDS,
            "distribution: uniform needs min and max, and nothing else",
        ),
        Rule(
            "self.distribution != 'normal' || (has(self.mean) && has(self.std) && !has(self.value) "
            "&& !has(self.median) && !has(self.sigma))",
            lambda lengths: lengths.distribution != "normal" or lengths.given - _BOUNDS == {"mean", "std"},
            "distribution: normal needs mean and std, and may have min and max",
        ),
        Rule(
            "self.distribution != 'lognormal' || (!has(self.value) && has(self.mean) == has(self.std) "
            "&& has(self.median) == has(self.sigma) && has(self.mean) != has(self.median))",
            lambda lengths: (
                lengths.distribution != "lognormal" or lengths.given - _BOUNDS in ({"mean", "std"}, {"median", "sigma"})
            ),
            "distribution: lognormal needs mean and std, or median and sigma, and may have min and max",
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            lambda lengths: lengths.min is None or lengths.max is None or lengths.min <= lengths.max,
            "min: must not be larger than max",
        ),
        *(_within_bounds(name) for name in ("mean", "median")),
    )

    distribution: Literal["fixed", "uniform", "normal", "lognormal"] = Field(
        description="fixed (value), uniform (min, max), normal (mean, std), lognormal (mean, std; or median, sigma)"
    )
    value: Tokens | None = Field(default=None, description="fixed: the length")
    mean: Annotated[float, Field(ge=1, le=1_048_576)] | None = Field(
        default=None, description="Mean of the distribution before the bounds cut it"
    )
    std: Annotated[float, Field(gt=0, le=1_048_576)] | None = Field(
        default=None, description="Standard deviation before the bounds cut it"
    )
    median: Annotated[float, Field(ge=1, le=1_048_576)] | None = Field(
        default=None, description="lognormal: its median"
    )
    sigma: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="For lognormal: standard deviation of the length's natural logarithm"
    )
    min: Tokens | None = Field(default=None, description="Shortest length. Default: 1")
    max: Tokens | None = Field(default=None, description=f"Longest length. Default: {LONGEST}")

    @property
    def given(self) -> set[str]:
        """The fields that are set, without the distribution's name."""
        return {name for name in self.__class__.model_fields if getattr(self, name) is not None} - {"distribution"}


class PerfDatasetArgs(Contract):
    """Settings of prompts: how they are cut, prefixed or drawn."""

    rules: ClassVar[tuple["Rule[PerfDatasetArgs]", ...]] = (
        Rule(
            "!has(self.prefixShares) || size(self.prefixShares) == self.prefixGroups",
            lambda args: args.prefix_shares is None or len(args.prefix_shares) == args.prefix_groups,
            "prefix_shares: give one value for each of prefix_groups",
        ),
    )

    target_input_len: Tokens | None = Field(
        default=None, description="Target length of a prompt, in tokens (needs tokenizer_path). Not for random"
    )
    input_len_mode: Literal["cap", "drop"] = Field(
        default="cap", description="cap: cuts longer prompts. drop: leaves out prompts of another length"
    )
    prefix_file: ReadPath | None = Field(default=None, description="File with a text to put before every prompt")
    prefix_role: Literal["system", "user"] = Field(
        default="system", description="Role of the message that holds the prefix"
    )
    input_len: TokenLengths | None = Field(
        default=None,
        description="For random: distribution of the lengths of prompts. Default: uniform from min_prompt_length "
        "to max_prompt_length. A prefix is added to the length",
    )
    prefix_groups: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1, description="For random: number of different prefixes of prefix_length. Each prompt has one"
    )
    prefix_shares: (
        Annotated[list[Annotated[float, Field(gt=0, le=1_000_000)]], Field(min_length=1, max_length=10_000)] | None
    ) = Field(default=None, description="Weights with which prompts get a prefix, one for each group. Default: equal")

    batch_size: Annotated[int, Field(ge=1, le=2048)] | None = Field(
        default=None, description="For openai_embedding: texts per request. Default: 1"
    )
    documents: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="For openai_rerank: documents per request, which are ranked by a query. Default: 10"
    )
