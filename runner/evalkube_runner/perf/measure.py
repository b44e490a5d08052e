"""Sums the requests of one worker: counts, integer sums, histograms, and a series for plots.

Definitions (all times in ns, of requests that succeeded):

- `latency`: end minus send; `ttft`: first token minus send; `first_byte`: first byte minus send. `intended_*`
  count from the time the schedule meant the request to leave, so a client that falls behind cannot hide it
  (coordinated omission).
- `tpot`: (end - first token) / (tokens - 1), of each choice with more than one token. The end is the chunk that ends
  the choice where a usage counts more tokens than chunks came (then the last token has no text), else the last token.
- `itl`: the gap between reads that carried tokens of one choice. k chunks in one read after a gap g count as k gaps
  of g / k, because nobody knows when in between the server made them; `chunks_per_read` tells how often that
  happened.
- An answer that was not streamed has latency and tokens, and no TTFT, TPOT or ITL.
- `inputs` are the texts, or documents, of requests whose answers have no words; those have no output tokens.
- Tokens are the server's `usage` where it sends one, else counted by the tokenizer where one is given (after the
  load: `token_count`), else the counted content chunks; `token_basis` counts which.
- `good` counts those that kept the times of `goodput` (there), from the intended send where requests have one;
  where tokens are counted after the load, only then.
- `late` counts requests that left more than 1 ms after their intended time, for whatever reason; `schedule_lag`
  is the part of it that is the client's own: a wait for one of `parallel` slots is the server's.

Memory does not grow with the number of requests. No I/O here.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import NO_CONNECTION, AnswerNote, Clock, ErrorClass, TokenBasis
from evalkube_crds.sketch import Sketch
from evalkube_runner.perf.answer_tokens import Tokens, hidden_of, tokens_of
from evalkube_runner.perf.bulk_histogram import GATHERED, BulkHistograms
from evalkube_runner.perf.delays import Delays, lags_of
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.goodput import Counting, Taken
from evalkube_runner.perf.series import Series
from evalkube_runner.perf.timeline import Span, gaps_of, share_of, tokens_by_read, tpots_of
from evalkube_runner.wire import finish

__all__ = ["HISTOGRAMS", "Measure"]

HISTOGRAMS = (
    "latency_ns",
    "ttft_ns",
    "tpot_ns",
    "itl_ns",
    "intended_latency_ns",
    "intended_ttft_ns",
    "first_byte_ns",
    "connect_ns",
    "input_tokens",
    "output_tokens",
    "output_tps_milli",
    "total_tps_milli",
    "chunks_per_read",
    "inputs",
)

_LAG = "schedule_lag_ns"
_LATE_NS = 1_000_000
_NANO = 1_000_000_000
_MILLI_NANO = 1000 * _NANO
_FINISH_REASONS = 64  # a server that invents one per answer must not fill the memory


class Measure:
    """Everything one worker reports of one point."""

    def __init__(self, *, warmup: int, goodput: Counting | None = None) -> None:
        """Requests with an index below `warmup` are rows, and counted, but measured in nothing. `goodput` counts
        the good ones, where a test says what they are.
        """
        self.goodput = goodput
        self._warmup_below = warmup
        self._histograms = BulkHistograms((*HISTOGRAMS, _LAG))
        self._note = self._histograms.note
        self._reads: Counter[int] = Counter()  # by the number of chunks in them
        self._gaps_ns: list[int] = []
        self._gap_times: list[int] = []
        self._series = Series()
        self.succeeded = self.failed = self.warmup = self.resent = self.late = self.truncated = 0
        self.inputs = self.input_tokens = self.output_tokens = 0
        self.cancelled = self.unconnected = self.unconnected_since_ns = 0
        self.problem = ""
        self.first_sent_ns = self.last_end_ns = 0
        self._delays = Delays()
        self._errors: Counter[ErrorClass] = Counter()
        self._samples: dict[ErrorClass, str] = {}
        self._basis: Counter[TokenBasis] = Counter()
        self._finish: Counter[str] = Counter()
        self._notes: Counter[AnswerNote] = Counter()
        self._clocks: Counter[Clock] = Counter()

    @property
    def finished(self) -> int:
        """The number of measured requests that are over."""
        return self.succeeded + self.failed

    def begin(self, now_ns: int) -> None:
        """Note that the first measured request leaves: the series and the throughput count from here."""
        self.first_sent_ns = self._series.start_ns = now_ns

    def connected(self, took_ns: int) -> None:
        """Note that a connection was opened."""
        self._note("connect_ns", took_ns)

    def add(self, exchange: Exchange) -> None:
        """Count one request that is over."""
        if exchange.error in NO_CONNECTION:
            self._count_unconnected(exchange)
        else:
            self.unconnected = 0
        if exchange.index < self._warmup_below:
            self.warmup += 1
            return
        self._count_sending(exchange)
        if exchange.error is None:
            self._count_success(exchange)
        elif exchange.error is ErrorClass.CANCELLED:  # the load ended early: nothing is known of it
            self.cancelled += 1
        else:
            self.failed += 1
            self._errors[exchange.error] += 1
            self._samples.setdefault(exchange.error, exchange.message)
            self._series.add(exchange.end_ns, failed=1)
        self.last_end_ns = max(self.last_end_ns, exchange.end_ns)

    def _count_unconnected(self, exchange: Exchange) -> None:
        if not self.unconnected:
            self.unconnected_since_ns, self.problem = exchange.end_ns, f"{exchange.error}: {exchange.message}"
        self.unconnected += 1

    def _count_sending(self, exchange: Exchange) -> None:
        self.late += exchange.dispatched_ns - exchange.intended_ns > _LATE_NS
        self.resent += exchange.resent
        self._note(_LAG, exchange.dispatched_ns - exchange.ready_ns)
        self._series.add(exchange.sent_ns or exchange.dispatched_ns, sent=1)

    def _count_success(self, exchange: Exchange) -> None:
        self.succeeded += 1
        if exchange.clock is not None:
            self._clocks[exchange.clock] += 1
        latency_ns = exchange.end_ns - exchange.sent_ns
        note = self._note
        note("latency_ns", latency_ns)
        note("intended_latency_ns", exchange.end_ns - exchange.intended_ns)
        note("first_byte_ns", exchange.first_byte_ns - exchange.sent_ns)
        ttft_ns = 0
        if exchange.first_token_ns:
            ttft_ns = exchange.first_token_ns - exchange.sent_ns
            note("ttft_ns", ttft_ns)
            note("intended_ttft_ns", exchange.first_token_ns - exchange.intended_ns)
        self._delays.add(exchange)
        self._count_ends(exchange)
        hidden = hidden_of(exchange)
        self._count_gaps_of(exchange, hidden)
        if exchange.inputs:
            self.inputs += exchange.inputs
            note("inputs", exchange.inputs)
        made = None
        if exchange.texts is None:
            tokens = tokens_of(exchange)
            made = tokens[2]
            self._count_tokens(tokens, latency_ns, exchange.spans, exchange.strays, hidden=hidden)
            if self.goodput is not None:
                self._judge(self._taken(exchange), tokens, exchange.spans, exchange.strays, hidden=hidden)
        self._series.add(
            exchange.end_ns, succeeded=1, output_tokens=made or 0, latency_ns_sum=latency_ns, ttft_ns_sum=ttft_ns
        )

    def _count_ends(self, exchange: Exchange) -> None:
        """Count how the choices ended, and note what is odd about the answer."""
        for reason in exchange.finish_reasons:
            name = reason or "none"
            self._finish[name if name in self._finish or len(self._finish) < _FINISH_REASONS else "other"] += 1
        self.truncated += any(map(finish.cut_off, exchange.finish_reasons))
        self._notes.update(exchange.notes)

    def add_tokens(
        self, tokens: Tokens, latency_ns: int, spans: Sequence[Span], end_ns: int, *, strays: int, taken: Taken | None
    ) -> None:
        """Count the tokens of an answer that was added with `texts`, and so without any.

        `spans` of its choices: none for an answer that was not streamed; `strays`: see `tpots_of`. `taken`: for
        `goodput`, where it is counted.
        """
        self._count_tokens(tokens, latency_ns, spans, strays)
        if taken is not None:
            self._judge(taken, tokens, spans, strays)
        self._series.add(end_ns, output_tokens=tokens[2] or 0)

    def _count_tokens(
        self, tokens: Tokens, latency_ns: int, spans: Sequence[Span], strays: int, *, hidden: int = 0
    ) -> None:
        basis, given, made = tokens
        self._basis[basis] += 1
        if given is not None:
            self.input_tokens += given
            self._note("input_tokens", given)
        if made is None:
            return
        self.output_tokens += made
        self._note("output_tokens", made)
        if latency_ns > 0:
            self._note("output_tps_milli", made * _MILLI_NANO // latency_ns)
            self._note("total_tps_milli", (made + (given or 0)) * _MILLI_NANO // latency_ns)
        for tpot_ns in tpots_of(spans, made - hidden, basis, strays=strays):
            self._note("tpot_ns", tpot_ns)

    def _taken(self, exchange: Exchange) -> Taken:
        """The times of a request for `goodput`."""
        assert self.goodput is not None
        first_token_ns = exchange.first_token_ns or None
        return self.goodput.taken(
            exchange.intended_ns, exchange.sent_ns, first_token_ns, exchange.end_ns, lags_of(exchange)
        )

    def _judge(self, taken: Taken, tokens: Tokens, spans: Sequence[Span], strays: int, *, hidden: int = 0) -> None:
        basis, _, made = tokens
        assert self.goodput is not None
        self.goodput.add(taken, spans, partial(tpots_of, made=(made or 0) - hidden, basis=basis, strays=strays))

    def _count_gaps_of(self, exchange: Exchange, hidden: int) -> None:
        """Count the gaps of all choices: between tokens, where the server counts more of them than pieces came. A token
        that ends its choice without a text is counted, and in no gap.
        """
        usage = exchange.usage
        made = usage.completion_tokens if usage is not None else None
        shown = 0 if made is None else made - hidden
        pieces = exchange.chunks + exchange.strays
        for line in exchange.lines:
            if not line.times_ns:
                continue
            tokens: Sequence[int] = line.chunks
            if shown > pieces:
                own = share_of(shown, sum(tokens), pieces)
                tokens = tokens_by_read(tokens, own - line.ends_apart)
            self._count_gaps(line.times_ns, line.chunks, tokens)

    def _count_gaps(self, times_ns: list[int], chunks: list[int], tokens: Sequence[int]) -> None:
        gaps_ns, times = gaps_of(times_ns, tokens)
        self._gaps_ns.extend(gaps_ns)
        self._gap_times.extend(times)
        ones = chunks.count(1)  # nearly all of them, where a server sends token by token
        self._reads[1] += ones
        if ones < len(chunks):
            self._reads.update(new for new in chunks if new != 1)
        if len(self._gap_times) >= GATHERED:
            self._flush_gaps()

    def _flush_gaps(self) -> None:
        self._histograms.add("itl_ns", self._gaps_ns, self._gap_times)
        self._gaps_ns.clear()
        self._gap_times.clear()

    def sketch(self, name: str) -> Sketch:
        """The counts so far of the histogram of that name, for percentiles of a load that goes on."""
        return self._histograms.sketch(name)

    def histograms(self) -> dict[str, Histogram]:
        """Everything that was counted by value, `schedule_lag_ns` too; only what has values."""
        self._flush_gaps()
        found = self._histograms.found()
        reads = found["chunks_per_read"]
        for chunks, count in self._reads.items():
            reads.add(chunks, count)
        return {name: one for name, one in found.items() if one.count}

    def to_doc(self, unix_offset_ns: int) -> dict[str, Any]:
        """The part of `perf_point.PerfPoint` that a worker knows, as plain values. `unix_offset_ns`: Unix minus
        monotonic time.
        """
        histograms = {name: one.to_doc() for name, one in self.histograms().items()}
        lag = histograms.pop(_LAG, Histogram().to_doc())
        return {
            "succeeded": self.succeeded,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "warmup": self.warmup,
            "resent": self.resent,
            "late": self.late,
            "errors": {error.value: count for error, count in self._errors.items()},
            "error_samples": {error.value: text for error, text in self._samples.items()},
            "token_basis": {basis.value: count for basis, count in self._basis.items()},
            "finish_reasons": dict(self._finish),
            "truncated": self.truncated,
            "answer_notes": {note.value: count for note, count in self._notes.items()},
            "good": None if self.goodput is None else self.goodput.good,
            "clocks": {clock.value: count for clock, count in self._clocks.items()},
            "inputs": self.inputs,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "histograms": histograms,
            "started_at_ns": self.first_sent_ns + unix_offset_ns if self.first_sent_ns else 0,
            "ended_at_ns": self.last_end_ns + unix_offset_ns if self.last_end_ns else 0,
            "series": self._series.to_doc(),
            "health": {
                _LAG: lag,
                "doubtful": 0 if self.goodput is None else self.goodput.doubtful,
                **self._delays.to_doc(),
            },
        }
