"""What a run measured, in a form that merges: counts, integer sums and histograms, never averages or percentiles.

Times are integer nanoseconds, scores integer billionths, so that shards add up to exactly what one would have counted.
"""

from typing import Final, Literal, TypeAlias

from pydantic import Field

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import ErrorClass, Reason, SampleState
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.prices import Prices
from evalkube_crds.result_parts import HistogramField, Report
from evalkube_crds.score_sum import ScoreSum
from evalkube_crds.spending import DatasetEstimate, Estimate, Spending, TokenUsage

__all__ = [
    "MOST_LIVE_FIGURES",
    "AtOnce",
    "CollectionResult",
    "DataHub",
    "DatasetEstimate",
    "DatasetResult",
    "Estimate",
    "EvalResult",
    "Judgements",
    "LeftOut",
    "PerfResult",
    "Precision",
    "Progress",
    "PromptData",
    "Receipt",
    "ScoreSum",
    "SlaGroup",
    "SlaProbe",
    "SlaResult",
    "Spending",
    "SubsetResult",
    "TokenUsage",
]

LeftOut: TypeAlias = Literal["empty", "too_short", "too_long"]
"""Why a prompt is not sent."""

DataHub: TypeAlias = Literal["modelscope", "huggingface", "local", "sample"]
"""Where questions come from: a hub, local files, or the few items that ship with evalkube."""


MOST_LIVE_FIGURES: Final = 16


class Progress(Report):
    """How far a run is, and what it sees."""

    done: int = Field(default=0, ge=0, description="Samples or requests finished")
    total: int = Field(default=0, ge=0, description="Samples or requests in all; 0 while unknown")
    eta_seconds: float | None = Field(default=None, description="Estimated time to the end, in seconds")
    stage: str | None = Field(default=None, description="What is being done: a point's name, or what the run waits for")
    failed: int = Field(default=0, ge=0, description="Samples or requests that failed, of those that are done")
    figures: dict[str, float] = Field(
        default_factory=dict,
        max_length=MOST_LIVE_FIGURES,
        description="What is seen now, by name: rps, output_tps, in_flight, ttft_p50_s, ttft_p99_s, latency_p50_s, "
        "latency_p99_s, score, score_low, score_high",
    )


class Judgements(Report):
    """What the judges of a data set's answers did. One that is excluded (`unreadable`, `failed`) has no vote."""

    judgements: int = Field(default=0, description="Judgements that were asked for: samples times judges times repeats")
    unreadable: int = Field(default=0, description="Excluded: could not be read, nor when asked once more")
    failed: int = Field(default=0, description="Excluded: the judge's endpoint gave no answer")
    asked_again: int = Field(default=0, description="Times that a judge was asked once more for a form to be read")
    inconsistent: int = Field(default=0, description="Pairwise judgements that differ by the order of the two answers")
    usage: TokenUsage = Field(
        default_factory=TokenUsage, description="Tokens of these judgements, by whatever attempt they were asked for"
    )

    @property
    def excluded(self) -> int:
        """Judgements without a vote."""
        return self.unreadable + self.failed


class SubsetResult(Report):
    """Scores of one subset. Errored samples are in `errored` alone, never in a score."""

    name: str
    category: list[str] = Field(default_factory=lambda: ["default"])
    metrics: dict[str, ScoreSum] = Field(default_factory=dict)
    requested: int = 0
    scored: int = 0
    errored: dict[ErrorClass, int] = Field(default_factory=dict)
    states: dict[SampleState, int] = Field(
        default_factory=dict,
        description="Scored samples by what became of them, after the main metric: right (1), wrong (0), partial, "
        "no_answer (0, as no answer was found in the reply), errored (no metric could be told). Empty in results of "
        "before",
    )
    truncated: int = Field(default=0, description="Answers cut off by max_tokens (finish_reason length or the like)")
    empty: int = Field(
        default=0, description="Answers without a word: nothing said, held back by a filter, or thoughts alone"
    )
    reused: int = Field(default=0, description="Samples taken from a checkpoint")

    @property
    def by_state(self) -> dict[SampleState, int]:
        """All samples that are done, errored ones too, by state; in the order of the states, without zeros."""
        errored = sum(self.errored.values()) + self.states.get(SampleState.ERRORED, 0)
        counts = {**self.states, SampleState.ERRORED: errored}
        return {state: counts[state] for state in SampleState if counts.get(state)}


class Precision(Report):
    """How exactly a score was to be known, and what that saved: the spec's `precision` on one benchmark.

    The interval is a confidence sequence's for the score of all `of_questions`: it holds whenever one looks.
    """

    wanted: float = Field(description="Half the width of the interval at which no further question is asked")
    reached: bool = Field(description="Whether the interval became that narrow before all answers were there")
    low: float = Field(description="Low end of the interval")
    high: float = Field(description="High end of the interval")
    asked_questions: int = 0
    of_questions: int = 0
    saved_samples: int = Field(default=0, description="Samples (questions, times repeats) that were not asked")
    note: str = Field(default="", description="Why the run cannot end early on this benchmark, where it cannot")


class DatasetResult(Report):
    """One benchmark of an evaluation."""

    name: str
    pretty_name: str
    description: str
    main_metric: str
    subsets: list[SubsetResult] = Field(default_factory=list)
    usage: TokenUsage = Field(default_factory=TokenUsage)
    judging: Judgements | None = Field(default=None, description="Absent where no judge was asked")
    latency_ns: HistogramField = Field(default_factory=Histogram)
    ttft_ns: HistogramField = Field(default_factory=Histogram)
    output_tokens: HistogramField = Field(default_factory=Histogram)
    source: DataHub | None = Field(
        default=None, description="Where the data came from: a hub, local files, or the items that ship with evalkube"
    )
    revision: str | None = Field(default=None, description="Revision of the data on its hub")
    heat_map: tuple[str, str] | None = Field(
        default=None, description="The columns and the rows of a map of its scores: keys of the samples' metadata"
    )
    precision: Precision | None = Field(default=None, description="Of an evaluation that may end early")
    analysis: str | None = None


class AtOnce(Report):
    """The number of requests in flight that one shard found out with `eval_batch_size: auto`."""

    shard: int = 0
    last: int = Field(description="What it was at the end")
    lowest: int
    highest: int
    refused: int = Field(default=0, description="Times it was cut as the endpoint refused requests (429, 503, 529)")
    slowed: int = Field(default=0, description="Times it was cut as more at once only made answers take longer")

    def __str__(self) -> str:
        """In words."""
        cuts = f"cut {self.refused} times for refusals and {self.slowed} times for latency"
        return f"{self.last} requests at once at the end, {self.lowest} to {self.highest} before; {cuts}"


class CollectionResult(Report):
    """A collection of benchmarks: the weight of each in the index, which is computed from their scores."""

    name: str
    weights: dict[str, float]


class EvalResult(Report):
    """The result document of an evaluation, or of some of its shards."""

    kind: Literal["EvalResult"] = "EvalResult"
    run_id: str
    model: str
    shards: list[int] = Field(default_factory=lambda: [0], description="The shards that are in here")
    of_shards: int = 1
    datasets: list[DatasetResult] = Field(default_factory=list)
    sandbox: list[str] = Field(
        default_factory=list,
        description="What held programs of the model where they were run, as by:what (landlock:files, seccomp:sockets)",
    )
    collections: list[CollectionResult] = Field(default_factory=list)
    prices: Prices | None = Field(default=None, description="Of the model's tokens; what they come to is computed last")
    judges: list[Spending] = Field(
        default_factory=list, description="What the judges were asked by this attempt; kept verdicts are not in it"
    )
    estimate: Estimate | None = Field(default=None, description="Of a dry run, which has nothing else")
    at_once: list[AtOnce] = Field(
        default_factory=list, description="Of each shard, where eval_batch_size was auto: how many requests at once"
    )
    started_at_ns: int = Field(default=0, description="Unix time, in nanoseconds")
    ended_at_ns: int = Field(default=0, description="Unix time, in nanoseconds")


class SlaProbe(Report):
    """One value that a search tried: `point` names what was measured there."""

    value: float
    point: str
    outcome: Literal["met", "missed", "invalid"] = Field(
        description="invalid: the client could not keep up, so it counts neither for nor against the server"
    )
    figures: dict[str, float] = Field(default_factory=dict, description="Those that the criteria speak of")


class SlaGroup(Report):
    """What the search for one group of criteria found."""

    criteria: dict[str, str]
    best: float | None = Field(
        default=None, description="Highest value that meets the criteria; with max or min the one with the best figure"
    )
    point: str | None = Field(default=None, description="The point that was measured at the best value")
    figures: dict[str, float] = Field(default_factory=dict, description="All figures there; times in seconds")
    stopped: str = Field(default="", description="Why the search ended where it did")
    probes: list[SlaProbe] = Field(default_factory=list, description="In the order of their values")


class SlaResult(Report):
    """The answer of a search for a service level."""

    variable: Literal["parallel", "rate"]
    runs: int = Field(default=1, description="Runs of each value, which are added up, never averaged")
    groups: list[SlaGroup] = Field(default_factory=list)


class PromptData(Report):
    """The prompts of a load test: which, from where, and what was left out or cut, by `length_basis`."""

    dataset: str
    source: str = Field(description="Where they came from: a hub with its revision, a path, sample, or made by the run")
    prompts: int | None = Field(
        default=None, description="Different prompts, or conversations; absent where each request has its own"
    )
    left_out: dict[LeftOut, int] = Field(default_factory=dict, description="Prompts of the source that are not sent")
    cut: int = Field(
        default=0, description="Prompts cut to dataset_args.target_input_len, or conversations cut to max_turns"
    )
    reordered: int = Field(
        default=0, description="Requests of a trace that stood behind a later one, and were put in order of their times"
    )
    length_basis: Literal["tokens", "characters", "words"] = Field(
        description="What lengths of prompts are counted in: tokens with tokenizer_path, else characters; words of "
        "random ones and of a trace's lengths, which are not exact in tokens"
    )


class PerfResult(Report):
    """The result document of a load test, or of some of its shards."""

    kind: Literal["PerfResult"] = "PerfResult"
    run_id: str
    model: str
    title: str | None = None
    data: PromptData | None = Field(default=None, description="The prompts that were sent")
    shards: list[int] = Field(default_factory=lambda: [0], description="The shards that are in here")
    of_shards: int = 1
    points: list[PerfPoint] = Field(default_factory=list)
    sla: SlaResult | None = Field(default=None, description="What sla_auto_tune found")
    gone: str = Field(default="", description="Why the target counts as gone, where it does; of all shards alike")
    started_at_ns: int = 0
    ended_at_ns: int = 0


class Receipt(Report):
    """A runner's last word, always written, small enough for a termination message."""

    run_id: str
    shard: int = 0
    reason: Reason
    message: str = ""
    done: int = 0
    total: int = 0
    headline: dict[str, float] = Field(default_factory=dict, description="A few figures of the summary")
    result_sha256: str | None = None
    result_bytes: int = 0
    artifacts: bool = Field(default=True, description="Whether all artifacts were delivered")
