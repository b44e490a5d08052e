"""The figures of a point under the names of EvalScope's service (v1.4.0), in seconds. Pure.

Nothing is rounded, and nothing is NaN.
"""

from typing import Any

from evalkube_crds import steady
from evalkube_crds.figure import CHAT, MEAN, Figure
from evalkube_crds.figures import (
    DOCUMENTS_PER_SECOND,
    DURATION,
    FIRST_TURN_TTFT,
    GOODPUT,
    GOODPUT_RPS,
    INPUT_TOKENS,
    INPUT_TPS,
    INPUTS,
    INPUTS_PER_SECOND,
    ITL,
    LATENCY,
    LATER_TURN_TTFT,
    OUTPUT_TOKENS,
    OUTPUT_TPS,
    REQUEST_OUTPUT_TPS,
    REQUEST_TOTAL_TPS,
    RPS,
    START_SKEW,
    TOTAL_TPS,
    TPOT,
    TTFT,
    TURNS,
    applying,
)
from evalkube_crds.perf_point import PerfPoint

__all__ = ["metrics", "percentiles"]

_PERCENTS = (10, 25, 50, 66, 75, 80, 90, 95, 98, 99)
_FIGURES = (
    *(OUTPUT_TPS, TOTAL_TPS, RPS),
    *(quantity.figure(MEAN) for quantity in (LATENCY, TTFT, TPOT, ITL, INPUT_TOKENS, OUTPUT_TOKENS)),
)
_WORDLESS = (INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND, INPUT_TPS, INPUTS.figure(MEAN))
"""The figures of models that embed or rank; responses for other models do not have these keys."""
_COLUMNS = (TTFT, ITL, TPOT, LATENCY, INPUT_TOKENS, OUTPUT_TOKENS, REQUEST_OUTPUT_TPS, REQUEST_TOTAL_TPS)
_RANGED = (TTFT, TPOT, LATENCY)
"""The percentiles in a response.

They are not all, so that the response for nine points fits into 32 KiB of a run's status.
"""


def metrics(point: PerfPoint) -> dict[str, Any]:
    """The summary of a point: throughput over its duration, means over its successful requests; null without values."""
    return {
        DURATION.seed_key: DURATION.of(point),
        "Number of concurrency": point.parallel,
        "Request rate (req/s)": point.rate,
        "Total requests": point.succeeded + point.failed,
        "Succeed requests": point.succeeded,
        "Failed requests": point.failed,
        **{figure.seed_key: figure.of(point) for figure in _FIGURES},
        **{figure.seed_key: figure.of(point) for figure in _wordless(point)},
        **_goodput(point),
        **_conversations(point),
        "Warm-up requests": point.warmup,
        "Errors": {str(error): count for error, count in sorted(point.errors.items())},
        "Truncated requests": point.truncated,
        "Answer notes": {str(note): count for note, count in sorted(point.answer_notes.items())},
        "Token basis": {str(basis): count for basis, count in sorted(point.token_basis.items())},
        "Clock": {str(clock): count for clock, count in sorted(point.clocks.items())},
        **({} if (window := steady.document(point)) is None else {"Steady state": window}),
        "Client verdict": str(point.verdict),
        "Client verdict reasons": point.verdict_reasons,
        **({"Arrivals": point.arrivals} if point.arrivals is not None else {}),
        **({START_SKEW.seed_key: skew} if (skew := START_SKEW.of(point)) is not None else {}),
        **({"Proxy": point.proxy} if point.proxy is not None else {}),
    }


def _conversations(point: PerfPoint) -> dict[str, Any]:
    """The counts of conversations; empty if none were sent."""
    if point.conversations is None:
        return {}
    means = (quantity.figure(MEAN) for quantity in (TURNS, FIRST_TURN_TTFT, LATER_TURN_TTFT))
    counts = point.conversations.model_dump(by_alias=False)
    return {"Conversations": counts, **{figure.seed_key: figure.of(point) for figure in means}}


def _wordless(point: PerfPoint) -> list[Figure]:
    return [] if point.kind in CHAT else applying(_WORDLESS, [point])


def _goodput(point: PerfPoint) -> dict[str, float | None]:
    """The goodput. EvalScope has none; the second key is vLLM's."""
    if point.good is None:
        return {}
    return {"Good requests": point.good} | {figure.seed_key: figure.of(point) for figure in (GOODPUT, GOODPUT_RPS)}


def percentiles(point: PerfPoint) -> dict[str, list[Any]]:
    """The percentiles: one column per quantity, one row per percentile (type 7).

    Times of a request also have the ends of their 95 % confidence intervals (`TTFT low (s)`, `TTFT high (s)`); null
    where there are too few values (`intervals.values_needed`).
    """
    table: dict[str, list[Any]] = {"Percentiles": [f"{percent}%" for percent in _PERCENTS]}
    for quantity in _COLUMNS:
        table[quantity.seed_column] = quantity.values(point, _PERCENTS)
        if quantity in _RANGED:
            ends = zip(*(one or (None, None) for one in quantity.intervals(point, _PERCENTS)), strict=True)
            table |= zip(quantity.seed_bounds(), map(list, ends), strict=True)
    return table
