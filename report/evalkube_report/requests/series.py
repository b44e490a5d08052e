"""A point over time: what was sent and what came of it, by intervals of equal length."""

from dataclasses import dataclass

from evalkube_report.requests.index import Index

__all__ = ["Series", "series"]


@dataclass(frozen=True, slots=True)
class Series:
    """Lists of one value for each interval of `interval_s`, from the first measured send on.

    `sent` counts by when requests were sent, `succeeded`, `failed` and `output_tokens` by when they ended; percentiles
    (seconds) are of the successful requests that were sent in the interval, None where there are none.
    """

    interval_s: float
    sent: tuple[int, ...]
    succeeded: tuple[int, ...]
    failed: tuple[int, ...]
    output_tokens: tuple[int, ...]
    latency_p50_s: tuple[float | None, ...]
    latency_p90_s: tuple[float | None, ...]
    latency_p99_s: tuple[float | None, ...]
    ttft_p50_s: tuple[float | None, ...]
    ttft_p90_s: tuple[float | None, ...]
    ttft_p99_s: tuple[float | None, ...]
    errors: dict[str, tuple[int, ...]]
    """Failed requests by class."""


def series(index: Index, buckets: int = 200) -> Series:
    """The course of a point in at most `buckets` intervals. Its runs, where it has several, follow one another."""
    raise NotImplementedError
