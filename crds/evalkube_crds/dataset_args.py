"""Changes to a benchmark for one evaluation, and filters of its answers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalkube_crds.fields import Contract, FreeMap, ReadPath
from evalkube_crds.generation import Seconds
from evalkube_crds.rules import Rule

__all__ = ["DatasetArgs", "Filters"]


class Filters(Contract):
    """Filters of an answer, applied in this order before the answer is extracted."""

    rules: ClassVar[tuple["Rule[Filters]", ...]] = (
        Rule(
            "!(has(self.regex) && has(self.extract))",
            lambda filters: filters.regex is None or filters.extract is None,
            "regex: means the same as extract; give only one of them",
        ),
    )

    remove_until: str | None = Field(
        default=None, description="Removes everything up to the last occurrence of this text, and the text itself"
    )
    extract: str | None = Field(
        default=None, description="Keeps the last match of this regular expression, or of its first group if it has one"
    )
    regex: str | None = Field(default=None, description="Same as extract, under EvalScope's other name")
    remove_whitespace: bool = Field(default=False, description="Removes all white space")


class DatasetArgs(Contract):
    """Changes to a benchmark's declaration."""

    dataset_id: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Id of the data set on the hub"
    )
    local_path: ReadPath | None = Field(default=None, description="File or folder to read instead of a hub")
    subset_list: Annotated[list[str], Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Subsets to evaluate. Default: all"
    )
    few_shot_num: Annotated[int, Field(ge=0, le=64)] | None = Field(
        default=None, description="Number of worked examples (few-shot) before each question"
    )
    few_shot_random: bool = Field(
        default=False, description="Draws the examples at random (seeded). If false, the first ones are taken"
    )
    train_split: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Split that the examples are taken from"
    )
    eval_split: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Split to evaluate"
    )
    prompt_template: str | None = Field(
        default=None, description="Prompt template for one question. Its placeholders are those of the benchmark"
    )
    few_shot_prompt_template: str | None = Field(
        default=None, description="Prompt template for one question with worked examples"
    )
    system_prompt: str | None = Field(default=None, description="System message")
    query_template: str | None = Field(
        default=None, description="Template of the question itself, which becomes {question} in the prompt"
    )
    metric_list: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Metrics to report"
    )
    primary_metric: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="Metric to use as the score, with or without the prefix mean_. Default: the first metric",
    )
    aggregation: (
        Literal["mean", "clipped_mean", "mean_and_pass_at_k", "mean_and_pass_hat_k", "mean_and_vote_at_k"] | None
    ) = Field(
        default=None,
        description="How the scores of the repeats of a question are combined. clipped_mean equals mean, because "
        "no score is below 0 or above 1",
    )
    filters: Filters | None = Field(default=None, description="Filters of an answer, applied before extraction")
    shuffle: bool = Field(default=False, description="Shuffles the samples (seeded) before limit is applied")
    shuffle_choices: bool = Field(default=False, description="Shuffle the choices of each question (seeded)")
    force_redownload: bool = Field(default=False, description="Downloads the data again even if it is cached")
    review_timeout: Seconds | None = Field(
        default=None,
        description="Time limit for scoring one answer, in seconds. Default: 10, and 2 more per million characters",
    )
    extra_params: FreeMap = Field(default={}, description="Parameters of this benchmark only")
