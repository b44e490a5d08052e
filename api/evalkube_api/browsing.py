"""The answers about single samples and requests of a run, as models; see `responses` for the others."""

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Message",
    "RequestLine",
    "RequestList",
    "SampleDetail",
    "SampleLine",
    "SampleList",
    "Series",
    "SeriesInterval",
    "State",
]

State: TypeAlias = Literal["errored", "no_answer", "wrong", "partial", "right"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleLine(_Model):
    """A sample in a list."""

    dataset: str
    subset: str
    index: int = Field(description="Which question of the subset, from 0")
    repeat: int = Field(description="Which of its answers, from 0, where it was asked several times")
    state: State
    score: float | None
    latency_s: float | None
    href: str = Field(description="Where the sample itself is read")


class SampleList(_Model):
    """A page of the samples of an evaluation."""

    id: str
    samples: list[SampleLine]
    total: int = Field(description="Samples that match, on all pages")
    states: dict[State, int] = Field(description="Samples of the chosen data set and subset, by state")
    next: int | None = Field(description="The `page` after this one; null on the last one")


class Message(_Model):
    """A message of a prompt."""

    role: str
    content: str


class SampleDetail(SampleLine):
    """A sample: what was asked, what was answered, and what became of the answer."""

    prompt: list[Message]
    thoughts: str
    answer: str | None
    extracted: str | None = Field(description="What was read out of the answer; null: nothing was found")
    target: str | None
    scores: dict[str, float]
    explanation: str
    judging: dict[str, Any] | None = Field(description="What judges were asked and said")
    error: str | None
    finish_reason: str | None
    tokens: dict[str, int] | None
    ttft_s: float | None
    attempts: int | None
    previous: str | None = Field(description="The sample before it, in the order of the run")
    next: str | None


class RequestLine(_Model):
    """A request of a load test."""

    index: int
    shard: int
    warmup: bool
    sent_s: float = Field(description="When it was sent, from the start of the point")
    succeeded: bool
    status: int | None = Field(description="The HTTP status; null where there was no answer")
    error: str | None = Field(description="The class of the error")
    latency_s: float | None
    ttft_s: float | None
    tpot_s: float | None
    input_tokens: int | None
    output_tokens: int | None


class RequestList(_Model):
    """A page of the requests of one point of a load test."""

    id: str
    point: str
    points: list[str] = Field(description="The points of the load test that have requests")
    requests: list[RequestLine]
    total: int = Field(description="Requests that match, on all pages")
    errors: dict[str, int] = Field(description="Failed requests of the point by class")
    next: int | None = Field(description="The `page` after this one; null on the last one")


class SeriesInterval(_Model):
    """What happened in one interval; requests count where they ended. Null: nothing to take a percentile of."""

    start_s: float
    sent: int
    succeeded: int
    failed: int
    output_tokens: int
    latency_p50_s: float | None
    latency_p90_s: float | None
    latency_p99_s: float | None
    ttft_p50_s: float | None
    ttft_p90_s: float | None
    ttft_p99_s: float | None


class Series(_Model):
    """One point of a load test over time."""

    id: str
    point: str
    points: list[str]
    interval_s: float
    intervals: list[SeriesInterval]
