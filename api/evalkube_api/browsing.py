"""The response models for single samples and requests of a run. For others see `responses`."""

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from evalkube_api import responses
from evalkube_crds.names import SampleState

__all__ = [
    "EvalComparisons",
    "LoadComparison",
    "Message",
    "RequestLine",
    "RequestList",
    "SampleDetail",
    "SampleLine",
    "SampleList",
    "Series",
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleLine(_Model):
    """A sample in a list."""

    dataset: str
    subset: str
    index: int = Field(description="Its place in the subset: question * repeats + repeat")
    repeat: int = Field(description="Number of the answer to its question, from 0")
    state: SampleState
    score: float | None = Field(description="Of the main metric")
    latency_s: float | None
    error: str | None = Field(description="The class of the error")
    href: str = Field(description="Where the sample itself is")


class SampleList(_Model):
    """A page of the samples of an evaluation."""

    id: str
    samples: list[SampleLine]
    total: int = Field(description="Samples that match, on all pages")
    next: int | None = Field(description="The `page` after this one; null on the last one")


class Message(_Model):
    """A message of a prompt."""

    role: str
    content: str


class SampleDetail(SampleLine):
    """A sample with its prompt, answer, scores and judges. Unknown values are null or empty."""

    prompt: list[Message]
    question: str
    thoughts: str = Field(description="The model's reasoning, if the endpoint returns it")
    answer: str
    extracted: str | None = Field(description="The answer that was found in the reply; null: none")
    target: str
    scores: dict[str, float] | None = Field(description="By metric, from 0 to 1")
    explanation: str
    judges: str | None = Field(description="Questions to judges and their answers")
    error_message: str | None
    finish_reason: str | None
    ttft_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    attempts: int | None = Field(description="How often the model was asked")
    previous: str | None = Field(description="The sample before it among those that match")
    next: str | None
    place: int | None = Field(description="Its place among the samples that match, from 0; null if it does not match")
    total: int = Field(description="Samples that match")


class RequestLine(_Model):
    """A request of a load test."""

    index: int
    shard: int
    run: int = Field(description="Which measurement of the point, where it was measured several times")
    warmup: bool
    sent_s: float | None = Field(description="When it was sent, since the start of the load")
    latency_s: float | None
    ttft_s: float | None
    tpot_s: float | None
    input_tokens: int
    output_tokens: int
    status: int | None = Field(description="The HTTP status; null where there was no answer")
    error: str | None = Field(description="The class of the error; null: it succeeded")


class RequestList(_Model):
    """A page of the requests of one point of a load test."""

    id: str
    point: str
    requests: list[RequestLine]
    total: int = Field(description="Requests that match, on all pages")
    next: int | None = Field(description="The `page` after this one; null on the last one")


Values: TypeAlias = list[float | None]


class Series(_Model):
    """A point of a load test over time: one value for each interval, from the first measured request on.

    `sent` counts requests by the time they were sent. `succeeded`, `failed`, `output_tokens` and `errors` count by the
    time they ended. Percentiles are of the successful requests that were sent in the interval; null if there are none.
    """

    id: str
    point: str
    interval_s: float
    sent: list[int]
    succeeded: list[int]
    failed: list[int]
    output_tokens: list[int]
    latency_p50_s: Values
    latency_p90_s: Values
    latency_p99_s: Values
    ttft_p50_s: Values
    ttft_p90_s: Values
    ttft_p99_s: Values
    errors: dict[str, list[int]] = Field(description="Failed requests by class")


class LoadSide(_Model):
    """A load test in a comparison."""

    run: str
    model: str
    verdict: str


class LoadCandidate(_Model):
    """A load test that is compared with the baseline."""

    candidate: LoadSide
    points: list[dict[str, Any]] = Field(description="The loads that both measured, with every figure of both")
    only_baseline: list[str]
    only_candidate: list[str]
    warnings: list[str]


class LoadComparison(_Model):
    """Load tests compared with a baseline."""

    kind: Literal["perf"] = "perf"
    baseline: LoadSide
    confidence: float
    candidates: list[LoadCandidate]


class EvalComparisons(_Model):
    """Evaluations compared with a baseline."""

    kind: Literal["eval"] = "eval"
    comparisons: list[responses.Comparison] = Field(description="The baseline with each candidate")
