"""Bounds what stalls of the client may have added to times: each affected value as measured, and its least. Pure.

The verdict compares the two. A value is touched where its answer was read late, its request left late, or a burst after
a stall (`bunching`) was before it at the server.
"""

from typing import Any

from evalkube_crds.histogram import Histogram
from evalkube_runner.perf.exchange import Exchange

__all__ = ["Delays", "lags_of"]

_LATE_NS = 1_000_000


class Delays:
    """The delays of one worker and one point, by the name of the value."""

    def __init__(self) -> None:
        self._delayed: dict[str, Histogram] = {}
        self._undelayed: dict[str, Histogram] = {}
        self._bunched: dict[str, Histogram] = {}
        self._unbunched: dict[str, Histogram] = {}

    def add(self, exchange: Exchange) -> None:
        """Note values that a stall of the client may have lengthened: late reads, late sends, and delays by a burst at
        the server.
        """
        if exchange.behind_ns:
            self._count_bunched(exchange)
        sending_ns, first_token_lag_ns, end_lag_ns = lags_of(exchange)
        if not (sending_ns or end_lag_ns or first_token_lag_ns):
            return
        ends = [("latency_ns", "intended_latency_ns", exchange.end_ns, end_lag_ns)]
        if exchange.first_token_ns:
            ends.append(("ttft_ns", "intended_ttft_ns", exchange.first_token_ns, first_token_lag_ns))
        for name, intended, at_ns, lag_ns in ends:
            self._count_delay(name, at_ns - exchange.sent_ns, lag_ns)
            self._count_delay(intended, at_ns - exchange.intended_ns, lag_ns + sending_ns)

    def _count_delay(self, name: str, measured_ns: int, lag_ns: int) -> None:
        if not lag_ns:
            return
        self._delayed.setdefault(name, Histogram()).add(measured_ns)
        self._undelayed.setdefault(name, Histogram()).add(measured_ns - lag_ns)

    def _count_bunched(self, exchange: Exchange) -> None:
        for name, at_ns in (("latency_ns", exchange.end_ns), ("ttft_ns", exchange.first_token_ns)):
            if at_ns:
                value_ns = at_ns - exchange.sent_ns
                self._bunched.setdefault(name, Histogram()).add(value_ns)
                self._unbunched.setdefault(name, Histogram()).add(max(value_ns - exchange.behind_ns, 0))

    def to_doc(self) -> dict[str, Any]:
        """The fields of `perf_point.ClientHealth`, as plain values."""
        parts = {
            "delayed": self._delayed,
            "undelayed": self._undelayed,
            "bunched": self._bunched,
            "unbunched": self._unbunched,
        }
        return {part: {name: one.to_doc() for name, one in found.items()} for part, found in parts.items()}


def lags_of(exchange: Exchange) -> tuple[int, int, int]:
    """The parts of a request's times that may be stalls of the client: in its sending (lateness that any machine has is
    none), its first token and its end.
    """
    sending_ns = exchange.dispatched_ns - max(exchange.ready_ns, exchange.intended_ns)
    return sending_ns if sending_ns >= _LATE_NS else 0, exchange.first_token_lag_ns, exchange.end_lag_ns
