"""Counts of a load per interval over time, for plots, with a bounded length. No I/O."""

from typing import Any

__all__ = ["Series"]

_NANO = 1_000_000_000
_SERIES_LENGTH = 2048


class Series:
    """Counts per interval since the start, bounded: when the end is reached, the interval doubles and neighbours
    merge.
    """

    COLUMNS = ("sent", "succeeded", "failed", "output_tokens", "latency_ns_sum", "ttft_ns_sum")

    def __init__(self, interval_ns: int = _NANO, length: int = _SERIES_LENGTH) -> None:
        self.start_ns = 0
        self._length = length
        self.interval_ns = interval_ns
        self.columns: dict[str, list[int]] = {name: [] for name in self.COLUMNS}

    def add(self, at_ns: int, **amounts: int) -> None:
        """Add `amounts` by column to the interval that holds `at_ns`."""
        at = max(0, at_ns - self.start_ns) // self.interval_ns
        while at >= self._length:
            self._double()
            at //= 2
        for name, amount in amounts.items():
            column = self.columns[name]
            if at >= len(column):
                column.extend([0] * (at + 1 - len(column)))
            column[at] += amount

    def _double(self) -> None:
        self.interval_ns *= 2
        for name, column in self.columns.items():
            self.columns[name] = [sum(column[at : at + 2]) for at in range(0, len(column), 2)]

    def to_doc(self) -> dict[str, Any]:
        """The fields of `perf_point.PerfSeries`: columns of one length."""
        length = max(len(column) for column in self.columns.values())
        return {"interval_ns": self.interval_ns} | {
            name: column + [0] * (length - len(column)) for name, column in self.columns.items()
        }
