"""How the prompts of a load test are cut, prefixed or drawn: a part of its spec."""

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
"""The longest prompt unless a bound is given: EvalScope's."""


def _within_bounds(name: str) -> "Rule[TokenLengths]":
    """A middle of a distribution lies where its bounds let anything be drawn."""

    def holds(lengths: "TokenLengths") -> bool:
        middle = getattr(lengths, name)
        return middle is None or (lengths.min or 1) <= middle <= (lengths.max or LONGEST)

    return Rule(
        f"!has(self.{name}) || ((!has(self.min) || double(self.min) <= self.{name}) && "
        f"self.{name} <= (has(self.max) ? double(self.max) : {float(LONGEST)}))",
        holds,
        f"{name}: must lie between min (1 unless set) and max ({LONGEST} unless set)",
    )


class TokenLengths(Contract):
    """A distribution of lengths, in tokens. Bounds are kept by drawing from the part between them."""

    rules: ClassVar[tuple["Rule[TokenLengths]", ...]] = (
        Rule(
            "self.distribution != 'fixed' || (has(self.value) && !has(self.min) && !has(self.max) && !has(self.mean) "
            "&& !has(self.std) && !has(self.median) && !has(self.sigma))",
            lambda lengths: lengths.distribution != "fixed" or lengths.given == {"value"},
            "distribution: fixed needs value alone",
        ),
        Rule(
            "self.distribution != 'uniform' || (has(self.min) && has(self.max) && !has(self.value) && !has(self.mean) "
            "&& !has(self.std) && !has(self.median) && !has(self.sigma))",
            lambda lengths: lengths.distribution != "uniform" or lengths.given == _BOUNDS,
            "distribution: uniform needs min and max alone",
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
        default=None, description="Mean of the distribution, before bounds cut it"
    )
    std: Annotated[float, Field(gt=0, le=1_048_576)] | None = Field(
        default=None, description="Standard deviation, before bounds cut it"
    )
    median: Annotated[float, Field(ge=1, le=1_048_576)] | None = Field(
        default=None, description="lognormal: its median"
    )
    sigma: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="lognormal: standard deviation of the length's natural logarithm"
    )
    min: Tokens | None = Field(default=None, description="Shortest length; 1 unless set")
    max: Tokens | None = Field(default=None, description=f"Longest length; {LONGEST} unless set")

    @property
    def given(self) -> set[str]:
        """The fields that are set, beside the distribution."""
        return {name for name in self.__class__.model_fields if getattr(self, name) is not None} - {"distribution"}


class PerfDatasetArgs(Contract):
    """How prompts are cut, prefixed or drawn."""

    rules: ClassVar[tuple["Rule[PerfDatasetArgs]", ...]] = (
        Rule(
            "!has(self.prefixShares) || size(self.prefixShares) == self.prefixGroups",
            lambda args: args.prefix_shares is None or len(args.prefix_shares) == args.prefix_groups,
            "prefix_shares: give one for each of prefix_groups",
        ),
    )

    target_input_len: Tokens | None = Field(
        default=None, description="Wanted length of a prompt, in tokens (needs tokenizer_path); not for random"
    )
    input_len_mode: Literal["cap", "drop"] = Field(
        default="cap", description="cap: cut longer prompts; drop: leave out those that are not that long"
    )
    prefix_file: ReadPath | None = Field(default=None, description="File whose text goes before every prompt")
    prefix_role: Literal["system", "user"] = Field(default="system", description="As which role the prefix is sent")
    input_len: TokenLengths | None = Field(
        default=None,
        description="random: how lengths of prompts are distributed, instead of uniformly from min_prompt_length to "
        "max_prompt_length; a prefix comes on top",
    )
    prefix_groups: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1, description="random: how many different prefixes of prefix_length there are; each prompt has one"
    )
    prefix_shares: (
        Annotated[list[Annotated[float, Field(gt=0, le=1_000_000)]], Field(min_length=1, max_length=10_000)] | None
    ) = Field(default=None, description="Weights by which prompts get a prefix, one for each group; even unless set")

    batch_size: Annotated[int, Field(ge=1, le=2048)] | None = Field(
        default=None, description="openai_embedding: texts in a request; 1 unless set"
    )
    documents: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="openai_rerank: texts in a request that are ranked by a further one; 10 unless set"
    )
