"""What a run measured, in a form that merges: counts, integer sums and histograms, never averages or percentiles.

Times are integer nanoseconds, scores integer billionths, so that shards add up to exactly what one would have counted.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import AnswerNote, Clock, ErrorClass, Reason, SteadyAbsence, TokenBasis, Verdict

__all__ = [
    "Begun",
    "ClientHealth",
    "Conversations",
    "DatasetResult",
    "EvalResult",
    "HistogramField",
    "LeftOut",
    "PerfPoint",
    "PerfResult",
    "PerfSeries",
    "Progress",
    "PromptData",
    "Receipt",
    "Report",
    "ScoreSum",
    "ServerGauge",
    "ServerHistogram",
    "ServerView",
    "SlaGroup",
    "SlaProbe",
    "SlaResult",
    "SteadyWindow",
    "SubsetResult",
    "TokenUsage",
]

NANO = 1_000_000_000

HistogramField = Annotated[
    Histogram,
    BeforeValidator(lambda value: value if isinstance(value, Histogram) else Histogram.from_doc(value)),
    PlainSerializer(Histogram.to_doc, return_type=dict[str, Any]),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""A histogram in a document (``Histogram.to_doc``)."""


LeftOut: TypeAlias = Literal["empty", "too_short", "too_long"]
"""Why a prompt is not sent."""


class Report(BaseModel):
    """A part of a result document: mutable while it is counted, exact about its fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        validate_by_alias=True,
        validate_by_name=True,
        arbitrary_types_allowed=True,
        defer_build=True,
        ser_json_inf_nan="null",
    )


class Progress(Report):
    """How far a run is."""

    done: int = Field(default=0, ge=0, description="Samples or requests finished")
    total: int = Field(default=0, ge=0, description="Samples or requests in all; 0 while unknown")
    eta_seconds: float | None = Field(default=None, description="Estimated time to the end, in seconds")
    stage: str | None = Field(default=None, description="What is being done: a point's name, or what the run waits for")


class ScoreSum(Report):
    """A sum of scores: ``total_nano`` billionths over ``count`` samples (or groups of repeats)."""

    count: int = 0
    total_nano: int = 0

    def add(self, score: float) -> None:
        """Count one score, kept to a billionth."""
        self.count += 1
        self.total_nano += round(score * NANO)

    @property
    def mean(self) -> float | None:
        """The mean score; None when nothing was counted."""
        return self.total_nano / (self.count * NANO) if self.count else None


class TokenUsage(Report):
    """Tokens as the endpoint reported them, over the ``samples`` whose answers carried a usage."""

    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0


class SubsetResult(Report):
    """Scores of one subset. Errored samples are in ``errored`` alone, never in a score."""

    name: str
    category: list[str] = Field(default_factory=lambda: ["default"])
    metrics: dict[str, ScoreSum] = Field(default_factory=dict)
    requested: int = 0
    scored: int = 0
    errored: dict[ErrorClass, int] = Field(default_factory=dict)
    truncated: int = Field(default=0, description="Answers cut off by max_tokens (finish_reason length or the like)")
    empty: int = Field(
        default=0, description="Answers without a word: nothing said, held back by a filter, or thoughts alone"
    )
    reused: int = Field(default=0, description="Samples taken from a checkpoint")


class DatasetResult(Report):
    """One benchmark of an evaluation."""

    name: str
    pretty_name: str
    description: str
    main_metric: str
    subsets: list[SubsetResult] = Field(default_factory=list)
    usage: TokenUsage = Field(default_factory=TokenUsage)
    latency_ns: HistogramField = Field(default_factory=Histogram)
    ttft_ns: HistogramField = Field(default_factory=Histogram)
    output_tokens: HistogramField = Field(default_factory=Histogram)
    revision: str | None = Field(default=None, description="Revision of the data on its hub")
    analysis: str | None = None


class EvalResult(Report):
    """The result document of an evaluation, or of some of its shards."""

    kind: Literal["EvalResult"] = "EvalResult"
    run_id: str
    model: str
    shards: list[int] = Field(default_factory=lambda: [0], description="The shards that are in here")
    of_shards: int = 1
    datasets: list[DatasetResult] = Field(default_factory=list)
    started_at_ns: int = Field(default=0, description="Unix time, in nanoseconds")
    ended_at_ns: int = Field(default=0, description="Unix time, in nanoseconds")


class ClientHealth(Report):
    """How the load generator itself fared: what tells its slowness from the server's."""

    processes: int = 0
    cpu_ns: int = Field(default=0, description="CPU time of all worker processes during the point")
    wall_ns: int = Field(default=0, description="Wall time of the point, summed over the worker processes")
    schedule_lag_ns: HistogramField = Field(
        default_factory=Histogram,
        description="The client's part of sending late: dispatch minus the intended time or, where it had to wait for "
        "one of parallel slots (which is the server's), minus the time a slot was free",
    )
    loop_lag_ns: HistogramField = Field(
        default_factory=Histogram, description="Lateness of a periodic probe: how late a read may be seen"
    )
    gc_pause_ns: HistogramField = Field(default_factory=Histogram, description="Pauses of the garbage collector")
    delayed: dict[str, HistogramField] = Field(
        default_factory=dict,
        description="By name (ttft_ns, latency_ns, intended_...): the measured values of requests that a stall of the "
        "client touched (their answer was read, or they left, after it), and may be in",
    )
    undelayed: dict[str, HistogramField] = Field(
        default_factory=dict, description="The same values without that stall: the least that they can have been"
    )
    bunched: dict[str, HistogramField] = Field(
        default_factory=dict,
        description="By name (ttft_ns, latency_ns): the measured values of requests that a burst after a stall of the "
        "client met at the server, in it or behind it",
    )
    unbunched: dict[str, HistogramField] = Field(
        default_factory=dict, description="The same values without that stall: the least that they can have been"
    )
    doubtful: int = Field(
        default=0, description="Requests that are good, or are not, only because of what a stall of the client did"
    )
    offered: int = Field(default=0, description="Requests the schedule asked for in the time it ran")
    sent: int = Field(default=0, description="Requests that were sent")
    connections_peak: int = 0
    connections_limit: int = Field(default=0, description="File descriptors that the process may hold")
    clock_step_ns: int = Field(
        default=0, description="By how much the system's clock was set during the point, where times are taken from it"
    )


class Begun(Report):
    """When the load of a point began: the first and the last of its shards, by the clock of who named the start.

    Each shard knows that clock but for the way of an answer, and counts as early, and as late, as this leaves open: the
    time between the two is the most that the starts can have been apart.
    """

    first_ns: int = Field(description="Unix time, in nanoseconds")
    last_ns: int = Field(description="Unix time, in nanoseconds")

    @property
    def skew_ns(self) -> int:
        """From the first to the last, at most."""
        return self.last_ns - self.first_ns


class Conversations(Report):
    """How the measured conversations of a point ended."""

    completed: int = Field(default=0, description="All their turns were answered")
    failed: int = Field(default=0, description="A turn failed, which ends a conversation")
    cut: int = Field(default=0, description="They were not over when the load ended")
    unsent_turns: int = Field(default=0, description="Turns that were not sent of those that failed or were cut")

    @property
    def over(self) -> int:
        """All of them."""
        return self.completed + self.failed + self.cut


class PerfSeries(Report):
    """Counts per interval since the first measured send, for plots; bounded in length by doubling the interval."""

    interval_ns: int = NANO
    sent: list[int] = Field(default_factory=list)
    succeeded: list[int] = Field(default_factory=list)
    failed: list[int] = Field(default_factory=list)
    output_tokens: list[int] = Field(default_factory=list)
    latency_ns_sum: list[int] = Field(default_factory=list)
    ttft_ns_sum: list[int] = Field(default_factory=list)


class ServerGauge(Report):
    """What a value of the server was, over the scrapes within a point's measured part."""

    samples: int = 0
    low: float = 0.0
    high: float = 0.0
    total: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean of the samples; None without one."""
        return self.total / self.samples if self.samples else None


class ServerHistogram(Report):
    """What came into a histogram of the server between two scrapes, in its own unit (seconds for times)."""

    count: float = 0.0
    total: float = 0.0
    bounds: list[float] = Field(
        default_factory=list, description="Upper ends of the buckets; a last one without end follows"
    )
    counts: list[float] = Field(default_factory=list, description="Values of each bucket; empty where not known")

    @property
    def mean(self) -> float | None:
        """The exact mean; None when nothing came."""
        return self.total / self.count if self.count > 0 else None


class ServerView(Report):
    """A point as its server saw it, from the server's own metrics (``server_metrics``). Times in seconds.

    Where there are values: ``gauges`` ``waiting, running, kv_cache, prefix_cache_hit_rate``; ``counters``
    ``prompt_tokens, generation_tokens, prefix_cache_queries, prefix_cache_hits, preemptions, requests``;
    ``histograms`` ``ttft, itl, tpot, latency, queue``; of each GPU ``utilization, memory_used_bytes, power_w, ...``.
    """

    servers: list[str] = Field(default_factory=list, description="Whose metrics were found: vLLM, SGLang, ...")
    gauges: dict[str, ServerGauge] = Field(default_factory=dict)
    counters: dict[str, float] = Field(default_factory=dict, description="By how much each grew")
    histograms: dict[str, ServerHistogram] = Field(default_factory=dict)
    gpus: dict[str, dict[str, ServerGauge]] = Field(default_factory=dict, description="By GPU, then by figure")
    series: dict[str, list[float | None]] = Field(
        default_factory=dict, description="Course over time from the first measured send on, one value for an interval"
    )
    interval_ns: int = Field(default=NANO, description="The length of an interval of the series")
    scrapes: int = Field(default=0, description="Scrapes that succeeded, of all URLs")
    scrape_ns: int = Field(default=0, description="How long they took, all together")
    span_ns: int = Field(default=0, description="From the scrape before the load to the one after it")
    notes: list[str] = Field(default_factory=list, description="What is missing, and why")


class SteadyWindow(Report):
    """The part of a point in which its load was steady, of each shard by itself, and added up (docs/measuring.md).

    ``histograms`` has ``latency_ns, ttft_ns, tpot_ns`` of the successful requests that were sent in it, where there
    are values.
    """

    windows: int = Field(default=0, description="Shards that have such a part")
    absent: dict[SteadyAbsence, int] = Field(
        default_factory=dict, description="Shards that have none, by the reason: the rates lack theirs"
    )
    started_at_ns: int = Field(default=0, description="The first begin, Unix time in nanoseconds")
    ended_at_ns: int = Field(default=0, description="The last end, Unix time in nanoseconds")
    length_ns: int = Field(default=0, description="The lengths of the parts, summed over the shards")
    run_ns: int = Field(default=0, description="The durations of what they are parts of, summed alike")
    succeeded: int = Field(default=0, description="Requests sent in it that succeeded, whenever they ended")
    failed: int = Field(default=0, description="Requests sent in it that failed, whenever they ended")
    rates: dict[str, int] = Field(
        default_factory=dict,
        description="Billionths, of all shards together: requests, output_tokens, input_tokens and inputs a second of "
        "successful requests, and the mean number of requests in_flight",
    )
    histograms: dict[str, HistogramField] = Field(default_factory=dict)


class PerfPoint(Report):
    """One load: the counts and histograms of its measured requests. ``histograms`` has, where there are values:

    ``latency_ns, ttft_ns, tpot_ns, itl_ns, intended_latency_ns, intended_ttft_ns, first_byte_ns, connect_ns,
    input_tokens, output_tokens, output_tps_milli, total_tps_milli, chunks_per_read,
    inputs`` (of successful requests only); of conversations ``first_turn_ttft_ns, later_turn_ttft_ns, turns``.
    """

    name: str
    number: int
    parallel: int | None = None
    rate: float | None = Field(
        default=None, description="Requests a second that were asked for; the mean of them where the rate changes"
    )
    arrivals: str | None = Field(
        default=None, description="How requests were to arrive, in words; null where answers alone say when"
    )
    open_loop: bool = False
    conversations: Conversations | None = Field(
        default=None,
        description="Where those were sent: number, parallel and rate are of them, all other counts of requests",
    )
    stream: bool = True
    kind: Literal["chat", "embedding", "rerank"] = Field(default="chat", description="What the model does")
    proxy: str | None = Field(
        default=None, description="The proxy that requests went through, without credentials: its delay is in all times"
    )
    succeeded: int = 0
    failed: int = 0
    warmup: int = 0
    resent: int = Field(default=0, description="Requests sent again because the server had closed an idle connection")
    late: int = Field(
        default=0, description="Requests that left more than 1 ms after their intended time, for whatever reason"
    )
    stopped: list[str] = Field(
        default_factory=list, description="Why the load ended before its last request, where it did; one of each shard"
    )
    stopped_at_ns: int = Field(
        default=0,
        description="When that was decided, Unix time in nanoseconds, of the first shard; 0 of a load never begun",
    )
    cancelled: int = Field(
        default=0,
        description="Requests in flight at such an end that were not waited for: neither successes nor failures",
    )
    errors: dict[ErrorClass, int] = Field(default_factory=dict)
    error_samples: dict[ErrorClass, str] = Field(default_factory=dict, description="One message of each class")
    token_basis: dict[TokenBasis, int] = Field(default_factory=dict)
    finish_reasons: dict[str, int] = Field(default_factory=dict, description="In the server's words, by choice")
    truncated: int = Field(default=0, description="Answers that a limit of tokens cut off, by any name")
    answer_notes: dict[AnswerNote, int] = Field(
        default_factory=dict, description="Answers that are odd, and count as successes nevertheless"
    )
    clocks: dict[Clock, int] = Field(
        default_factory=dict, description="Successful requests by the clock that the times of their answers are by"
    )
    good: int | None = Field(
        default=None, description="Requests that kept all times of goodput; absent where none were asked for"
    )
    inputs: int = Field(default=0, description="Texts that were embedded, or documents that were ranked")
    input_tokens: int = 0
    output_tokens: int = 0
    histograms: dict[str, HistogramField] = Field(default_factory=dict)
    begun: Begun | None = Field(
        default=None, description="When the shards began; null of a single one, and where the clock was not told"
    )
    started_at_ns: int = Field(default=0, description="First measured send, Unix time in nanoseconds")
    ended_at_ns: int = Field(default=0, description="Last end of a measured request, failed ones too")
    series: PerfSeries = Field(default_factory=PerfSeries)
    health: ClientHealth = Field(default_factory=ClientHealth)
    server: ServerView | None = Field(default=None, description="The server's own view, where it was asked for")
    steady: SteadyWindow | None = Field(
        default=None, description="The same while the load was steady; null of a shard that sent nothing"
    )
    verdict: Verdict = Verdict.VALID
    verdict_reasons: list[str] = Field(default_factory=list)


class SlaProbe(Report):
    """One value that a search tried: ``point`` names what was measured there."""

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
    """The prompts of a load test: which, from where, and what was left out or cut, by ``length_basis``."""

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
