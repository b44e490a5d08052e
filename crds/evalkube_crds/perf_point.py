"""One load of a load test: what its measured requests came to, how the client fared, and what the server says."""

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
    """A point as its server saw it, from the server's own metrics (`server_metrics`). Times in seconds.

    Where there are values: `gauges` `waiting, running, kv_cache, prefix_cache_hit_rate`; `counters`
    `prompt_tokens, generation_tokens, prefix_cache_queries, prefix_cache_hits, preemptions, requests`;
    `histograms` `ttft, itl, tpot, latency, queue`; of each GPU `utilization, memory_used_bytes, power_w, ...`.
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

    `histograms` has `latency_ns, ttft_ns, tpot_ns` of the successful requests that were sent in it, where there
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
    """One load: the counts and histograms of its measured requests. `histograms` has, where there are values:

    `latency_ns, ttft_ns, tpot_ns, itl_ns, intended_latency_ns, intended_ttft_ns, first_byte_ns, connect_ns,
    input_tokens, output_tokens, output_tps_milli, total_tps_milli, chunks_per_read,
    inputs` (of successful requests only); of conversations `first_turn_ttft_ns, later_turn_ttft_ns, turns`.
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
