"""The server's own record of the times of its answers: the reference for load generators. No I/O here.

Memory is bounded: a ring of fixed arrays keeps the newest `size` requests, 39 bytes each.
"""

import enum
from array import array
from collections import Counter, deque
from typing import Any

__all__ = ["Outcome", "Record", "Stats"]

_MS = 1_000_000


class Outcome(enum.IntEnum):
    """The end of a generation request, as the server saw it."""

    COMPLETE = 0
    REFUSED = 1  # answered with an error status
    ERROR_EVENT = 2
    TRUNCATED = 3
    DISCONNECTED = 4  # the client left before the last token; such a row has status 0


class Record:
    """A ring of finished requests. Times are `time.monotonic_ns`; 0 means never.

    The bodies of the newest requests are kept separately, in the order of arrival, if the mock was asked to keep any.
    """

    def __init__(self, size: int, *, bodies: int = 0) -> None:
        self.size = size
        self.bodies: deque[bytes] = deque(maxlen=bodies)
        self._columns = {
            name: array(code, bytes(array(code).itemsize * size))
            for name, code in (
                ("number", "q"),
                ("received_ns", "q"),
                ("first_token_ns", "q"),
                ("last_token_ns", "q"),
                ("tokens", "i"),
                ("status", "h"),
                ("outcome", "b"),
            )
        }
        self._arrays = tuple(self._columns.values())
        self.count = 0  # since the last clear, including those that the ring has lost

    def add(self, row: tuple[int, int, int, int, int, int, int]) -> None:
        """Keeps (number, received_ns, first_token_ns, last_token_ns, tokens, status, outcome)."""
        at = self.count % self.size
        for column, value in zip(self._arrays, row, strict=True):
            column[at] = value
        self.count += 1

    def clear(self) -> None:
        """Forgets every request."""
        self.count = 0
        self.bodies.clear()

    def document(self) -> dict[str, Any]:
        """The rows as columns, oldest first.

        Besides the stored columns there are `ttft_ms` (from receipt to the first token), `latency_ms` (from receipt to
        the last token) and `itl_ms` (mean gap between tokens of one answer), each null without a value.
        """
        kept = min(self.count, self.size)
        start = self.count % self.size if self.count > self.size else 0
        rows: dict[str, list[int]] = {
            name: [*column[start:kept], *column[:start]] if start else column[:kept].tolist()
            for name, column in self._columns.items()
        }
        times = list(
            zip(rows["received_ns"], rows["first_token_ns"], rows["last_token_ns"], rows["tokens"], strict=True)
        )
        return {
            "count": self.count,
            "kept": kept,
            "ttft_ms": [(first - received) / _MS if first else None for received, first, _, _ in times],
            "latency_ms": [(last - received) / _MS if last else None for received, _, last, _ in times],
            "itl_ms": [
                (last - first) / (n - 1) / _MS if n > 1 and last > first else None for _, first, last, n in times
            ],
            **rows,
            "outcome": [Outcome(code).name.lower() for code in rows["outcome"]],
        }


class Stats:
    """Counters since the start or the last clear: cheap to keep, read at GET /stats."""

    def __init__(self) -> None:
        self.in_flight = 0  # accepted and not yet answered to the end, queued ones too
        self.clear()

    def clear(self) -> None:
        """Starts counting anew; requests in flight stay in flight."""
        self.peak_in_flight = self.in_flight
        self.total = 0
        self.tokens = 0
        self.disconnected = 0
        self.by_status: Counter[int] = Counter()
        self.lag_max_ns = 0
        self.lag_sum_ns = 0
        self.lag_count = 0

    def entered(self) -> None:
        """Counts a request."""
        self.total += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def late(self, lag_ns: int) -> None:
        """Counts a timed write that happened `lag_ns` after its target."""
        self.lag_count += 1
        self.lag_sum_ns += lag_ns
        self.lag_max_ns = max(self.lag_max_ns, lag_ns)

    def document(self, queued: int) -> dict[str, Any]:
        """The counters. `pacing_lag_ms` is how late the mock itself was, the measure of its own health."""
        mean_ns = self.lag_sum_ns / self.lag_count if self.lag_count else 0.0
        return {
            "in_flight": self.in_flight,
            "queued": queued,
            "peak_in_flight": self.peak_in_flight,
            "total": self.total,
            "tokens": self.tokens,
            "disconnected": self.disconnected,
            "by_status": {str(status): n for status, n in sorted(self.by_status.items())},
            "pacing_lag_ms": {"mean": mean_ns / _MS, "max": self.lag_max_ns / _MS, "writes": self.lag_count},
        }
