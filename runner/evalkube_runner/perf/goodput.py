"""Counts good requests: those that succeeded and kept every time that a load test asks for. No clock, no I/O.

Goodput is DistServe's (Zhong et al., "DistServe: Disaggregating Prefill and Decoding for Goodput-optimized Large
Language Model Serving", OSDI 2024); a bound may be reached, and an answer of one token, which has no TPOT, keeps any,
both as in vLLM's `bench serve --goodput`.

A stall of the client makes times look longer, and a TPOT shorter where it was the first token that was read late. Where
this alone decides whether a request is good, it is counted as measured, and as doubtful.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evalkube_runner.perf.timeline import Span

__all__ = ["Counting", "Criteria", "Lags", "Taken"]

Lags: TypeAlias = Sequence[int]
"""How much of a request's times may have been a stall of the client: before it left, before its first token was read,
before its end was.
"""

Tpots: TypeAlias = Callable[[Sequence[Span]], Sequence[int]]
"""The times per token of the choices that have one, from their spans."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """The longest times of a good request; None where there is no such criterion."""

    ttft_ns: int | None = None
    tpot_ns: int | None = None
    latency_ns: int | None = None

    def met(self, ttft_ns: int | None, latency_ns: int, tpots_ns: Sequence[int]) -> bool:
        """Whether a request is good. `ttft_ns` None: no token came. `tpots_ns`: of each choice that has one."""
        if self.latency_ns is not None and latency_ns > self.latency_ns:
            return False
        if self.ttft_ns is not None and (ttft_ns is None or ttft_ns > self.ttft_ns):
            return False
        return self.tpot_ns is None or max(tpots_ns, default=0) <= self.tpot_ns


@dataclass(frozen=True, slots=True)
class Taken:
    """The times of a request, and its `Lags`."""

    ttft_ns: int | None
    latency_ns: int
    sending_lag_ns: int = 0
    first_lag_ns: int = 0
    end_lag_ns: int = 0

    @property
    def touched(self) -> bool:
        """Whether a stall of the client may have lengthened a time."""
        return bool(self.sending_lag_ns or self.first_lag_ns or self.end_lag_ns)


class Counting:
    """The good requests of a load."""

    def __init__(self, criteria: Criteria, *, intended: bool) -> None:
        """`intended`: TTFT and latency are to count from when a request should have left."""
        self._criteria = criteria
        self._intended = intended
        self.good = self.doubtful = 0

    def taken(self, intended_ns: int, sent_ns: int, first_token_ns: int | None, end_ns: int, lags_ns: Lags) -> Taken:
        """The times of a request."""
        start_ns = intended_ns if self._intended else sent_ns
        ttft_ns = None if first_token_ns is None else first_token_ns - start_ns
        sending_ns, first_ns, last_ns = lags_ns
        return Taken(ttft_ns, end_ns - start_ns, sending_ns if self._intended else 0, first_ns, last_ns)

    def add(self, taken: Taken, spans: Sequence[Span], tpots: Tpots) -> None:
        """Count a request that succeeded, with the `spans` of its choices."""
        self.good += self._criteria.met(taken.ttft_ns, taken.latency_ns, tpots(spans))
        if taken.touched:
            self.doubtful += self._met_at_best(taken, spans, tpots) != self._met_at_worst(taken, spans, tpots)

    def _met_at_best(self, taken: Taken, spans: Sequence[Span], tpots: Tpots) -> bool:
        """Whether a request is good if all that the client may have added was added."""
        end_ns, sending_ns = taken.end_lag_ns, taken.sending_lag_ns
        sooner = [span._replace(last_ns=span.last_ns - end_ns, heard_ns=span.heard_ns - end_ns) for span in spans]
        ttft_ns = None if taken.ttft_ns is None else taken.ttft_ns - taken.first_lag_ns - sending_ns
        return self._criteria.met(ttft_ns, taken.latency_ns - end_ns - sending_ns, tpots(sooner))

    def _met_at_worst(self, taken: Taken, spans: Sequence[Span], tpots: Tpots) -> bool:
        """Whether a request is good if nothing was added, and the first token came as much sooner as it may have."""
        longer = [span._replace(first_ns=span.first_ns - taken.first_lag_ns) for span in spans]
        return self._criteria.met(taken.ttft_ns, taken.latency_ns, tpots(longer))
