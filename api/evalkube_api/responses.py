"""The answers of the REST API as models: FastAPI writes, validates and describes them with these.

The result of a run (`result`, `results`) is a plain object here: its keys are EvalScope's, made in `crds.seed`.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from evalkube_crds import results, status
from evalkube_crds.names import Phase, Reason, Verdict

__all__ = [
    "Accepted",
    "ArtifactFile",
    "ArtifactList",
    "Cancelled",
    "Comparison",
    "ComparisonRequest",
    "Deleted",
    "Error",
    "EvalResponse",
    "Failure",
    "Health",
    "PerfResponse",
    "RunDeleted",
    "RunDetail",
    "RunLine",
    "RunList",
    "RunProgress",
    "Snapshot",
]


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


Instant: TypeAlias = Annotated[datetime, PlainSerializer(_written, return_type=str)]
Word: TypeAlias = Literal["eval", "perf"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_SNAKE_CASE = ConfigDict(alias_generator=str)
"""Of a part of a resource: its fields have their own names here, not those of the resource."""


class Health(_Model):
    """Whether the service answers."""

    status: Literal["ok"] = "ok"
    service: Literal["evalkube"] = "evalkube"
    timestamp: str


# ------------------------------------------------------------------------------------------------------------- refusals


class FieldProblem(_Model):
    """What is wrong with one field, header or parameter of a request."""

    field: str
    reason: str


class Error(_Model):
    """A refused or failed request, with the reason."""

    error: str = Field(description="What is wrong and what to do, for people")
    problems: list[FieldProblem] | None = Field(default=None, description="One for each wrong field")
    run: str | None = Field(default=None, description="The run whose state does not allow it")
    available_endpoints: dict[str, str] | None = Field(default=None, description="Set if the path is unknown")


class Failure(_Model):
    """A run that failed or was not accepted."""

    status: Literal["error"] = "error"
    error: str
    reason: Reason | Literal["QueueFull"] | None
    id: str | None = None
    output_dir: str | None = None
    traceback: str | None = Field(default=None, description="In debug mode only")


# ---------------------------------------------------------------------------------------------------------------- runs


class Progress(results.Progress):
    """The progress of a run, with its live figures."""

    model_config = _SNAKE_CASE

    percent: float = Field(description="Of the samples or requests; 0 while the total is not known")


class Queue(_Model):
    """What a waiting run waits for."""

    position: int | None = Field(description="Its place in the queue, from 1; null if it is not known")
    waits_for: str


class RunLine(_Model):
    """A run in a list."""

    id: str
    kind: Word
    phase: Phase
    reason: Reason | None = Field(description="Why the run is as it is")
    message: str
    model: str
    created_at: Instant
    started_at: Instant | None
    completed_at: Instant | None
    output_dir: str | None
    namespace: str | None = Field(description="On a cluster")
    tags: dict[str, str]
    datasets: list[str] = Field(description="The benchmarks of an evaluation; the source of a load test's prompts")
    progress: Progress | None
    verdict: Verdict | None = Field(description="Whether a load test's client kept up, at the worst point")
    failed: int = Field(description="Samples or requests that failed so far")
    headline: dict[str, float] = Field(description="The headline figures of the result")
    summary: dict[str, float] = Field(description="All figures of the result by name")
    queue: Queue | None = Field(description="What the run waits for; null if it does not wait")


class Condition(status.Condition):
    """A step of a run."""

    model_config = _SNAKE_CASE


class Attempt(status.Attempt):
    """One attempt of a run."""

    model_config = _SNAKE_CASE


class ResultReference(status.ResultReference):
    """Where the results are, if they are too large for the document."""

    model_config = _SNAKE_CASE


class RunDetail(RunLine):
    """A run with all details."""

    spec: dict[str, Any] = Field(description="What was asked, with every default")
    conditions: list[Condition]
    attempts: list[Attempt]
    results: dict[str, Any] | None = Field(description="The result, if it is small")
    result_ref: ResultReference | None = Field(description="Where the result is, if it is not small")


class RunList(_Model):
    """A page of runs."""

    runs: list[RunLine]
    total: int = Field(description="Runs that match, on all pages")
    next: str | None = Field(
        description="The `continue` of the next page; null on the last one, and where runs are not sorted by `created`"
    )
    position: str = Field(description="From where `/api/v1/events` tells what changed since (`Last-Event-ID`)")


class RunDeleted(_Model):
    """The data of a `deleted` event."""

    id: str


class Snapshot(_Model):
    """The data of a `snapshot` event: earlier events no longer count, and the newest runs follow."""


class RunProgress(_Model):
    """The progress of a run."""

    id: str
    phase: Phase
    done: int
    total: int = Field(description="0 while it is not known")
    percent: float
    eta_seconds: float | None
    stage: str | None
    failed: int
    figures: dict[str, float] = Field(description="Live figures by name")
    message: str
    updated_at: Instant


class Deleted(_Model):
    """A deleted run."""

    id: str
    status: Literal["deleted"] = "deleted"
    artifacts: Literal["deleted", "kept"]
    message: str


class Cancelled(_Model):
    """A run that was cancelled."""

    id: str
    status: Literal["cancelled", "cancelling"]
    phase: Phase


class ArtifactFile(_Model):
    """A file of a run."""

    path: str
    bytes: int
    modified_at: Instant
    href: str


class ArtifactList(_Model):
    """The files of a run, by path."""

    id: str
    artifacts: list[ArtifactFile]
    complete: bool = Field(description="Whether all files are listed")


# ------------------------------------------------------------------------------------------------------------ outcomes


class ThresholdsOutcome(_Model):
    """Whether a run met its thresholds."""

    met: bool
    message: str


class JudgeCost(_Model):
    """What a judge cost."""

    model: str
    cost: float | None
    usage: dict[str, int]


class Cost(_Model):
    """The cost of an evaluation by the given prices; null if a price is missing."""

    total: float | None
    model: float | None
    datasets: dict[str, float | None]
    judges: list[JudgeCost]
    answers_with_usage: int
    answers_scored: int


class _Expected(_Model):
    calls: int
    prompt_tokens: int
    most_output_tokens: int
    prompt_cost: float | None = None
    most_cost: float | None = None


class ExpectedModel(_Expected):
    """The expected requests to a model."""

    model: str


class ExpectedDataset(_Expected):
    """The expected requests of a data set."""

    samples: int
    kept: int
    judged: int


class Estimate(_Model):
    """The expected requests of a run, from a dry run."""

    counted_by: Literal["tokenizer", "characters"]
    calls: int
    most_cost: float | None
    model: ExpectedModel
    judges: list[ExpectedModel]
    datasets: dict[str, ExpectedDataset]


class CollectionMember(_Model):
    """A benchmark in a collection."""

    weight: float
    score: float | None


class CollectionIndex(_Model):
    """The weighted mean of a collection's scores; null if a member has no score."""

    index: float | None
    members: dict[str, CollectionMember]
    without_score: list[str]


class AtOnce(results.AtOnce):
    """The number of requests at once that a shard found."""

    model_config = _SNAKE_CASE


class EvalResponse(_Model):
    """An evaluation that succeeded."""

    status: Literal["success"] = "success"
    id: str
    message: str
    result: dict[str, dict[str, Any]] = Field(description="A report by data set, with EvalScope's keys")
    output_dir: str | None
    summary: dict[str, float] = Field(default_factory=dict, description="Figures by name: `dataset/metric`")
    thresholds: ThresholdsOutcome | None = None
    cost: Cost | None = None
    collections: dict[str, CollectionIndex] | None = None
    estimate: Estimate | None = None
    at_once: list[AtOnce] | None = None
    sandbox: list[str] | None = None


class PointResponse(_Model):
    """The result of one load of a load test."""

    model_config = ConfigDict(extra="allow")

    metrics: dict[str, Any] = Field(description="Figures with EvalScope's keys")
    percentiles: dict[str, list[Any]]
    server: dict[str, Any] | None = Field(
        default=None, description="The server's own metrics, if the run asked for them"
    )


class PerfResponse(_Model):
    """A load test that succeeded."""

    status: Literal["success"] = "success"
    id: str
    message: str
    output_dir: str | None
    results: dict[str, PointResponse] = Field(description="By point: parallel_P_number_N, or rate_R_number_N")
    summary: dict[str, float] = Field(default_factory=dict, description="Figures by name: `point/figure`")
    data: dict[str, Any] | None = Field(default=None, description="The prompts, if some were left out or cut")
    sla: dict[str, Any] | None = Field(
        default=None, description="The answer of a search for a service level; `answer` is a sentence"
    )
    thresholds: ThresholdsOutcome | None = None


class Accepted(_Model):
    """A run that has not ended yet."""

    status: Literal["accepted"] = "accepted"
    message: str
    id: str
    kind: Word
    phase: Phase
    output_dir: str | None
    links: dict[str, str]


# ---------------------------------------------------------------------------------------------------------- comparisons

RunId: TypeAlias = Annotated[str, Field(min_length=1, max_length=512)]


class ComparisonRequest(BaseModel):
    """The runs to compare."""

    model_config = ConfigDict(extra="forbid", strict=True)

    baseline: RunId = Field(description="Id of a run")
    candidate: RunId = Field(description="Id of the run beside it")
    most_changed: int = Field(
        default=100, ge=0, le=10_000, description="Highest number of changed questions that are listed for a benchmark"
    )


class ComparedRun(_Model):
    """One of the runs of a comparison."""

    run: str
    model: str


class Comparison(_Model):
    """The differences between two runs, with their sizes and p-values."""

    baseline: ComparedRun
    candidate: ComparedRun
    confidence: float
    benchmarks: dict[str, dict[str, Any]]
    only_baseline: list[str]
    only_candidate: list[str]
    differences: list[dict[str, Any]]
    warnings: list[str]
