"""Definitions of the terms in a load test's report, printed under every report."""

from collections.abc import Sequence

from evalkube_crds.figure import CHAT, Figure
from evalkube_crds.figures import (
    COMPLETED,
    FIRST_TURN_TTFT,
    ITL,
    LATENCY,
    LATER_TURN_TTFT,
    SUCCESS_RATE,
    TPOT,
    TTFT,
    applying,
)
from evalkube_crds.intervals import values_needed
from evalkube_crds.perf_point import PerfPoint
from evalkube_report.load_test import tables

__all__ = ["perf_terms"]


def perf_terms(points: Sequence[PerfPoint]) -> list[tuple[str, str]]:
    """The terms in a report about `points`, with their definitions."""
    chat = not points or any(point.kind in CHAT for point in points)
    times = (LATENCY, TTFT, TPOT, ITL) if chat else (LATENCY,)
    conversations = any(point.conversations is not None for point in points)
    return [
        *((time.label, time.meaning) for time in times),
        *(_conversation_terms() if conversations else ()),
        _INTENDED,
        *((figure.title, _meaning(figure, chat=chat)) for figure in applying(tables.THROUGHPUT, points)),
        *_TERMS,
    ]


def _conversation_terms() -> list[tuple[str, str]]:
    """The terms that only reports about conversations use."""
    figures = ((one.label, one.meaning) for one in (FIRST_TURN_TTFT, LATER_TURN_TTFT))
    return [_CONVERSATION, *figures, (COMPLETED.title, COMPLETED.meaning)]


_CONVERSATION = (
    "Conversation",
    (
        "Each turn is a request that has all turns before it, with the answers that the model gave to them. The next "
        "turn leaves when the answer has come and the person has thought. All other figures are of requests."
    ),
)


def _meaning(figure: Figure, *, chat: bool) -> str:
    return figure.meaning if chat or figure is not SUCCESS_RATE else _SUCCESS


_SUCCESS = "A 2xx answer that arrived whole and has a vector for each text, or a relevance for the documents."
_INTENDED = (
    "From the intended send",
    "The same times from when the schedule wanted to send, so that waiting inside the client is not hidden.",
)
_TERMS: tuple[tuple[str, str], ...] = (
    (
        "pN, percentile",
        "The value that N % of the requests stay below: linear interpolation (type 7), after all shards are added up.",
    ),
    (
        "Range of a percentile (95 %)",
        (
            "In 19 of 20 such tests the percentile that endless requests would have lies in it. Its ends are measured "
            f"values (order statistics). p90 needs {values_needed(90)} requests, p99 {values_needed(99)}, p99.9 "
            f"{values_needed(99.9):,}; below that it says "
            '"too few". Requests count as independent; where they wait for each other the truth may be farther off.'
        ),
    ),
    ("In flight, closed loop", "So many requests are open at once; the next is sent when one ends."),
    ("Open loop", "Requests are sent when their schedule says, however many are still open."),
    (
        "Steady part",
        (
            "Where the load was what had been asked for: from when as many requests have ended as are in flight, with "
            "all slots begun and the warm-up over, until no more are yet to be sent than are in flight. Plots over "
            "time have it shaded."
        ),
    ),
    (
        "Verdict",
        "Whether the load generator kept up: valid, degraded (read with care), invalid (it may have measured itself).",
    ),
)
