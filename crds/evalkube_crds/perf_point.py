"""One load of a load test: its measured requests, the health of the client, and the server's own metrics."""

from typing import Literal

from pydantic import Field

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import AnswerNote, Clock, ErrorClass, SteadyAbsence, TokenBasis, Verdict
from evalkube_crds.result_parts import NANO, HistogramField, Report

__all__ = [
    "Begun",
    "ClientHealth",
    "Conversations",
    "PerfPoint",
    "PerfSeries",
    "ServerGauge",
    "ServerHistogram",
    "ServerView",
    "SteadyWindow",
]


class ClientHealth(Report):
    """The health of the load generator: these figures tell its slowness from the server's."""

    processes: int = 0
    cpu_ns: int = Field(default=0, description="CPU time of all worker processes during the point")
    wall_ns: int = Field(default=0, description="Wall time of the point, added over the worker processes")
    schedule_lag_ns: HistogramField = Field(
        default_factory=Histogram,
        description="The client's share of late sends: the actual minus the intended send time. If a request "
        "waited for one of parallel slots, which is the server's share, it counts from the time when a "
        "slot was free",
    )
    loop_lag_ns: HistogramField = Field(
        default_factory=Histogram, description="Delay of a periodic probe, which shows how late a read may be noticed"
    )
    gc_pause_ns: HistogramField = Field(default_factory=Histogram, description="Pauses of the garbage collector")
    delayed: dict[str, HistogramField] = Field(
        default_factory=dict,
        description="By name (ttft_ns, latency_ns, intended_...): measured values of requests that a stall of the "
        "client touched, because they were sent, or their answer was read, after it. The stall may be "
        "part of the values",
    )
    undelayed: dict[str, HistogramField] = Field(
        default_factory=dict, description="The same values without the stall: the lowest that they can have been"
    )
    bunched: dict[str, HistogramField] = Field(
        default_factory=dict,
        description="By name (ttft_ns, latency_ns): measured values of requests that met, at the server, a burst "
        "that a stall of the client caused",
    )
    unbunched: dict[str, HistogramField] = Field(
        default_factory=dict, description="The same values without the stall: the lowest that they can have been"
    )
    doubtful: int = Field(default=0, description="Requests whose goodput a stall of the client alone may have decided")
    offered: int = Field(default=0, description="Requests that the schedule asked for in the time it ran")
    sent: int = Field(default=0, description="Requests sent")
    connections_peak: int = 0
    connections_limit: int = Field(default=0, description="Maximum number of file descriptors of the process")
    clock_step_ns: int = Field(
        default=0, description="Change of the system's clock during the point, if times are taken from it"
    )


class Begun(Report):
    """The start of a point's load: of its first and of its last shard, by the clock of the process that set the start.

    A shard knows that clock only to within one round trip. It counts as early, and as late, as this allows: the starts
    can have been apart by at most the time between the two.
    """

    first_ns: int = Field(description="Unix time, in nanoseconds")
    last_ns: int = Field(description="Unix time, in nanoseconds")

    @property
    def skew_ns(self) -> int:
        """The maximum time from the first start to the last."""
        return self.last_ns - self.first_ns


class Conversations(Report):
    """How the measured conversations of a point ended."""

    completed: int = Field(default=0, description="Conversations whose turns were all answered")
    failed: int = Field(default=0, description="Conversations that ended because a turn failed")
    cut: int = Field(default=0, description="Conversations that were not complete when the load ended")
    unsent_turns: int = Field(default=0, description="Turns that failed or cut conversations did not send")

    @property
    def over(self) -> int:
        """The number of all conversations."""
        return self.completed + self.failed + self.cut


class PerfSeries(Report):
    """Counts per interval since the first measured send, for plots.

    When there are too many intervals, their length is doubled.
    """

    interval_ns: int = NANO
    sent: list[int] = Field(default_factory=list)
    succeeded: list[int] = Field(default_factory=list)
    failed: list[int] = Field(default_factory=list)
    output_tokens: list[int] = Field(default_factory=list)
    latency_ns_sum: list[int] = Field(default_factory=list)
    ttft_ns_sum: list[int] = Field(default_factory=list)


class ServerGauge(Report):
    """A value of the server over the scrapes within a point's measured part."""

    samples: int = 0
    low: float = 0.0
    high: float = 0.0
    total: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean of the samples; None without samples."""
        return self.total / self.samples if self.samples else None


class ServerHistogram(Report):
    """The values that a histogram of the server received between two scrapes, in its own unit (seconds for times)."""

    count: float = 0.0
    total: float = 0.0
    bounds: list[float] = Field(
        default_factory=list, description="Upper ends of the buckets. One more bucket without an end follows"
    )
    counts: list[float] = Field(default_factory=list, description="Values in each bucket. Empty if not known")

    @property
    def mean(self) -> float | None:
        """The exact mean; None without values."""
        return self.total / self.count if self.count > 0 else None


class ServerView(Report):
    """A point as its server saw it, from the server's own metrics (`server_metrics`). Times in seconds.

    Where there are values: `gauges` `waiting, running, kv_cache, prefix_cache_hit_rate`; `counters`
    `prompt_tokens, generation_tokens, prefix_cache_queries, prefix_cache_hits, preemptions, requests`;
    `histograms` `ttft, itl, tpot, latency, queue`; of each GPU `utilization, memory_used_bytes, power_w, ...`.
    """

    servers: list[str] = Field(default_factory=list, description="Server whose metrics were found: vLLM, SGLang, ...")
    gauges: dict[str, ServerGauge] = Field(default_factory=dict)
    counters: dict[str, float] = Field(default_factory=dict, description="Increase of each counter")
    histograms: dict[str, ServerHistogram] = Field(default_factory=dict)
    gpus: dict[str, dict[str, ServerGauge]] = Field(default_factory=dict, description="By GPU, then by figure")
    series: dict[str, list[float | None]] = Field(
        default_factory=dict, description="Values over time since the first measured send, one for each interval"
    )
    interval_ns: int = Field(default=NANO, description="Length of an interval of the series")
    scrapes: int = Field(default=0, description="Successful scrapes of all URLs")
    scrape_ns: int = Field(default=0, description="Time that all scrapes took together")
    span_ns: int = Field(default=0, description="Time from the last scrape before the load to the first after it")
    notes: list[str] = Field(default_factory=list, description="Figures that are missing, and why")


class SteadyWindow(Report):
    """The part of a point in which its load was steady, per shard and added up (docs/measuring.md).

    `histograms` has `latency_ns, ttft_ns, tpot_ns` of the successful requests that were sent in it, where there are
    values.
    """

    windows: int = Field(default=0, description="Shards that have a steady part")
    absent: dict[SteadyAbsence, int] = Field(
        default_factory=dict,
        description="Shards without a steady part, by reason. The rates do not include these shards",
    )
    started_at_ns: int = Field(default=0, description="First begin, in Unix nanoseconds")
    ended_at_ns: int = Field(default=0, description="Last end, in Unix nanoseconds")
    length_ns: int = Field(default=0, description="Lengths of the steady parts, added over the shards")
    run_ns: int = Field(default=0, description="Durations of the whole loads, added over the same shards")
    succeeded: int = Field(default=0, description="Successful requests that were sent in it, whenever they ended")
    failed: int = Field(default=0, description="Failed requests that were sent in it, whenever they ended")
    rates: dict[str, int] = Field(
        default_factory=dict,
        description="Rates of all shards together, in billionths: requests, output_tokens, input_tokens and inputs "
        "of successful requests per second, and the mean number of requests in_flight",
    )
    histograms: dict[str, HistogramField] = Field(default_factory=dict)


class PerfPoint(Report):
    """One load: the counts and histograms of its measured requests. `histograms` has, where there are values:

    `latency_ns, ttft_ns, tpot_ns, itl_ns, intended_latency_ns, intended_ttft_ns, first_byte_ns, connect_ns,
    input_tokens, output_tokens, output_tps_milli, total_tps_milli, chunks_per_read,
    inputs` (of successful requests only); of conversations `first_turn_ttft_ns, later_turn_ttft_ns, turns`.
    """

    name: str
    number: int
    parallel: int | None = None
    rate: float | None = Field(default=None, description="Requests per second asked for. If the rate changes: the mean")
    arrivals: str | None = Field(
        default=None, description="How requests were to arrive, in words. null if only answers decide when"
    )
    open_loop: bool = False
    conversations: Conversations | None = Field(
        default=None,
        description="How many conversations were sent, if any. number, parallel and rate then count conversations; "
        "all other counts are of requests",
    )
    stream: bool = True
    kind: Literal["chat", "embedding", "rerank"] = Field(default="chat", description="Kind of model")
    proxy: str | None = Field(
        default=None, description="Proxy that requests went through, without credentials. All times include its delay"
    )
    succeeded: int = 0
    failed: int = 0
    warmup: int = 0
    resent: int = Field(default=0, description="Requests sent again because the server had closed an idle connection")
    late: int = Field(default=0, description="Requests sent more than 1 ms after the intended time, for any reason")
    stopped: list[str] = Field(
        default_factory=list,
        description="Reasons why the load ended before its last request, one for each shard that did",
    )
    stopped_at_ns: int = Field(
        default=0,
        description="Time of that decision in Unix nanoseconds, of the first shard. 0: the load never began",
    )
    cancelled: int = Field(
        default=0,
        description="Requests in flight at such an end. They count neither as successes nor as failures",
    )
    errors: dict[ErrorClass, int] = Field(default_factory=dict)
    error_samples: dict[ErrorClass, str] = Field(default_factory=dict, description="One message of each error class")
    token_basis: dict[TokenBasis, int] = Field(default_factory=dict)
    finish_reasons: dict[str, int] = Field(
        default_factory=dict, description="Finish reasons of choices, in the server's words"
    )
    truncated: int = Field(default=0, description="Answers that were cut by a token limit of any name")
    answer_notes: dict[AnswerNote, int] = Field(
        default_factory=dict, description="Answers that are odd but count as successes"
    )
    clocks: dict[Clock, int] = Field(
        default_factory=dict, description="Successful requests by the clock of their answers' times"
    )
    good: int | None = Field(
        default=None, description="Requests within all time limits of goodput. Absent if the test has none"
    )
    inputs: int = Field(default=0, description="Texts that were embedded, or documents that were ranked")
    input_tokens: int = 0
    output_tokens: int = 0
    histograms: dict[str, HistogramField] = Field(default_factory=dict)
    begun: Begun | None = Field(
        default=None, description="When the shards began. null for one shard, and if the clock was not known"
    )
    started_at_ns: int = Field(default=0, description="First measured send, in Unix nanoseconds")
    ended_at_ns: int = Field(default=0, description="Last end of a measured request, including failed ones")
    series: PerfSeries = Field(default_factory=PerfSeries)
    health: ClientHealth = Field(default_factory=ClientHealth)
    server: ServerView | None = Field(default=None, description="The server's own metrics, if the test asked for them")
    steady: SteadyWindow | None = Field(
        default=None, description="The same for the steady part. null for a shard that sent nothing"
    )
    verdict: Verdict = Verdict.VALID
    verdict_reasons: list[str] = Field(default_factory=list)
