"""A point's figures under the names that EvalScope's service gave them (v1.4.0), in seconds. Pure; nothing is
rounded, nothing is NaN.
"""

from typing import Any

from evalkube_crds.histogram import Histogram
from evalkube_crds.results import NANO, PerfPoint
from evalkube_crds.summary import duration_s

__all__ = ["metrics", "percentiles"]

_PERCENTS = (10, 25, 50, 66, 75, 80, 90, 95, 98, 99)
_COLUMNS = (
    ("TTFT (s)", "ttft_ns", NANO),
    ("ITL (s)", "itl_ns", NANO),
    ("TPOT (s)", "tpot_ns", NANO),
    ("Latency (s)", "latency_ns", NANO),
    ("Input tokens", "input_tokens", 1),
    ("Output tokens", "output_tokens", 1),
    ("Output (tok/s)", "output_tps_milli", 1000),
    ("Total (tok/s)", "total_tps_milli", 1000),
)


def metrics(point: PerfPoint) -> dict[str, Any]:
    """The summary of a point: throughput over its duration, means over its successful requests; null where there is
    nothing.
    """
    seconds = duration_s(point)

    def per_second(amount: int) -> float | None:
        return amount / seconds if seconds > 0 else None

    return {
        "Time taken for tests (s)": seconds,
        "Number of concurrency": point.parallel,
        "Request rate (req/s)": point.rate,
        "Total requests": point.succeeded + point.failed,
        "Succeed requests": point.succeeded,
        "Failed requests": point.failed,
        "Output token throughput (tok/s)": per_second(point.output_tokens),
        "Total token throughput (tok/s)": per_second(point.input_tokens + point.output_tokens),
        "Request throughput (req/s)": per_second(point.succeeded),
        "Average latency (s)": _mean(point, "latency_ns", NANO),
        "Average time to first token (s)": _mean(point, "ttft_ns", NANO),
        "Average time per output token (s)": _mean(point, "tpot_ns", NANO),
        "Average inter-token latency (s)": _mean(point, "itl_ns", NANO),
        "Average input tokens per request": _mean(point, "input_tokens", 1),
        "Average output tokens per request": _mean(point, "output_tokens", 1),
        "Warm-up requests": point.warmup,
        "Errors": {str(error): count for error, count in sorted(point.errors.items())},
        "Truncated requests": point.truncated,
        "Answer notes": {str(note): count for note, count in sorted(point.answer_notes.items())},
        "Token basis": {str(basis): count for basis, count in sorted(point.token_basis.items())},
        "Clock": {str(clock): count for clock, count in sorted(point.clocks.items())},
        "Client verdict": str(point.verdict),
        "Client verdict reasons": point.verdict_reasons,
        **({"Proxy": point.proxy} if point.proxy is not None else {}),
    }


def percentiles(point: PerfPoint) -> dict[str, list[Any]]:
    """One column per quantity, one row per percentile (type 7)."""
    table: dict[str, list[Any]] = {"Percentiles": [f"{percent}%" for percent in _PERCENTS]}
    for title, name, unit in _COLUMNS:
        values = point.histograms.get(name, Histogram()).percentiles(_PERCENTS)
        table[title] = [None if value is None else value / unit for value in values]
    return table


def _mean(point: PerfPoint, name: str, unit: int) -> float | None:
    mean = point.histograms.get(name, Histogram()).mean
    return None if mean is None else mean / unit
