"""The figures of a point over time, in intervals of equal length."""

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from evalkube_report.requests.index import Index, Rows

__all__ = ["MOST", "Series", "series"]

MOST: Final = 2000
"""Intervals of a series."""

_LEAST_S: Final = 0.1
_ROUND: Final = (1.0, 2.0, 5.0, 10.0)
_PERCENTS: Final = (50, 90, 99)

_Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
_Places: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Series:
    """Lists with one value for each interval of `interval_s`, from the first measured request on.

    `sent` counts requests by the time they were sent; `succeeded`, `failed`, `errors` and `output_tokens` count by the
    time they ended. Percentiles (seconds) are of the successful requests that were sent in the interval; None if there
    are none. `errors`: failed requests by class.
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


def series(index: Index, buckets: int = 200) -> Series:
    """The measured requests of a point over time, in at most `buckets` intervals of a round length.

    The runs of a point that was measured several times follow one another. Raises ValueError for `buckets` that are not
    1 to MOST.
    """
    if not 1 <= buckets <= MOST:
        raise ValueError(f"a series has 1 to {MOST} intervals, not {buckets}")
    rows = index.rows[~index.rows["warmup"] & np.isfinite(index.rows["sent_s"])]
    sent_s, end_s = _times(rows)
    interval_s = _interval_s(float(end_s.max()) if len(rows) else 0.0, buckets)
    sent, end = (np.floor(times / interval_s).astype(np.intp) for times in (sent_s, end_s))
    size = int(max(sent.max(), end.max())) + 1 if len(rows) else 0
    is_failed = rows["error"] != 0

    def counted(places: _Places, weights: "np.ndarray[Any, Any] | None" = None) -> tuple[int, ...]:
        return tuple(np.bincount(places, weights, size).astype(int).tolist()) if size else ()

    good, good_sent = rows[~is_failed], sent[~is_failed]
    latency, ttft = (_percentiles(good[name], good_sent, size) for name in ("latency_s", "ttft_s"))
    return Series(
        interval_s=interval_s,
        sent=counted(sent),
        succeeded=counted(end[~is_failed]),
        failed=counted(end[is_failed]),
        output_tokens=counted(end[~is_failed], good["output_tokens"]),
        latency_p50_s=latency[50],
        latency_p90_s=latency[90],
        latency_p99_s=latency[99],
        ttft_p50_s=ttft[50],
        ttft_p90_s=ttft[90],
        ttft_p99_s=ttft[99],
        errors={
            index.errors[error - 1]: counted(end[rows["error"] == error])
            for error in np.unique(rows["error"]).tolist()
            if error
        },
    )


def _times(rows: Rows) -> tuple[_Floats, _Floats]:
    """When requests were sent and ended, in seconds after the first one was sent.

    Later runs count from the end of the run before. A request without an end ends when it is sent.
    """
    sent_s = rows["sent_s"].astype(np.float64)
    end_s = sent_s + np.nan_to_num(rows["latency_s"].astype(np.float64))
    before_s = 0.0
    for run in np.unique(rows["run"]):
        of_run = rows["run"] == run
        shift_s = before_s - sent_s[of_run].min()
        sent_s[of_run] += shift_s
        end_s[of_run] += shift_s
        before_s = float(end_s[of_run].max())
    return sent_s, end_s


def _interval_s(length_s: float, buckets: int) -> float:
    """The shortest round length with which `buckets` intervals cover more than `length_s`."""
    least_s = max(length_s * (1 + 1e-9) / buckets, _LEAST_S)
    power = 10.0 ** math.floor(math.log10(least_s))
    interval_s = next((power * part for part in _ROUND if power * part >= least_s), power * _ROUND[-1])
    return round(interval_s, 6)


def _percentiles(values: _Floats, places: _Places, size: int) -> dict[int, tuple[float | None, ...]]:
    """Percentiles by nearest rank, of the known values in each interval."""
    known = np.isfinite(values)
    values, places = values[known], places[known]
    rising = np.argsort(values)
    by_place = np.argsort(places[rising].astype(np.uint16), kind="stable")  # of 16 bits: without comparing
    ordered = values[rising][by_place]
    counts = np.bincount(places, minlength=size)
    first = np.cumsum(counts) - counts
    found: dict[int, tuple[float | None, ...]] = {}
    for percent in _PERCENTS:
        rank = first + np.maximum(np.ceil(counts * percent / 100).astype(np.intp), 1) - 1
        found[percent] = tuple(
            float(str(ordered[at])) if count else None for at, count in zip(rank, counts, strict=True)
        )
    return found
