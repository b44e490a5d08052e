"""What an evaluation changes of a benchmark, and what it does to answers before they are read."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalkube_crds.fields import Contract, FreeMap, ReadPath
from evalkube_crds.generation import Seconds
from evalkube_crds.rules import Rule

__all__ = ["DatasetArgs", "Filters"]


class Filters(Contract):
    """What is done to an answer before it is read, in this order."""

    rules: ClassVar[tuple["Rule[Filters]", ...]] = (
        Rule(
            "!(has(self.regex) && has(self.extract))",
            lambda filters: filters.regex is None or filters.extract is None,
            "regex: is the same as extract; give one of them",
        ),
    )

    remove_until: str | None = Field(
        default=None, description="Drop everything up to and with the last occurrence of this"
    )
    extract: str | None = Field(
        default=None, description="Keep the last match of this regular expression (its first group, where it has one)"
    )
    regex: str | None = Field(default=None, description="The same under EvalScope's other name for it")
    remove_whitespace: bool = Field(default=False, description="Drop all white space")


class DatasetArgs(Contract):
    """What differs from a benchmark's own declaration."""

    dataset_id: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Id on the hub"
    )
    local_path: ReadPath | None = Field(default=None, description="File or folder to read instead of a hub")
    subset_list: Annotated[list[str], Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Subsets to evaluate; all unless set"
    )
    few_shot_num: Annotated[int, Field(ge=0, le=64)] | None = Field(
        default=None, description="Worked examples before each question"
    )
    few_shot_random: bool = Field(
        default=False, description="Draw the examples at random (seeded) instead of the first ones"
    )
    train_split: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Split the examples come from"
    )
    eval_split: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Split that is evaluated"
    )
    prompt_template: str | None = Field(
        default=None, description="Prompt of one question; its placeholders are the benchmark's"
    )
    few_shot_prompt_template: str | None = Field(
        default=None, description="Prompt of one question where there are worked examples"
    )
    system_prompt: str | None = Field(default=None, description="System message")
    query_template: str | None = Field(default=None, description="How the question itself is written into {question}")
    metric_list: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Metrics to report"
    )
    primary_metric: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="The metric that is the score, mean_ before it or not; the first one unless set"
    )
    aggregation: (
        Literal["mean", "clipped_mean", "mean_and_pass_at_k", "mean_and_pass_hat_k", "mean_and_vote_at_k"] | None
    ) = Field(
        default=None,
        description="How the repeats of a question add up; clipped_mean is the mean, as no score is below 0 or above 1",
    )
    filters: Filters | None = Field(default=None, description="What is done to an answer before it is read")
    shuffle: bool = Field(default=False, description="Shuffle the samples (seeded) before the limit is taken")
    shuffle_choices: bool = Field(default=False, description="Shuffle the choices of each question (seeded)")
    force_redownload: bool = Field(default=False, description="Download again what is cached")
    review_timeout: Seconds | None = Field(
        default=None,
        description="Longest time to score one answer, in seconds; 10 and 2 for each million characters unless set",
    )
    extra_params: FreeMap = Field(default={}, description="Parameters of this benchmark alone")
