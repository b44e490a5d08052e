"""What the words of a load-test report mean: definitions printed under every report."""

from evalkube_crds.figures import DURATION, ITL, LATENCY, OUTPUT_TPS, RPS, SUCCESS_RATE, TOTAL_TPS, TPOT, TTFT
from evalkube_crds.intervals import values_needed

__all__ = ["PERF_TERMS"]

PERF_TERMS: tuple[tuple[str, str], ...] = (
    *((time.label, time.meaning) for time in (LATENCY, TTFT, TPOT, ITL)),
    (
        "From the intended send",
        "The same times from when the schedule wanted to send, so that waiting inside the client is not hidden.",
    ),
    *((figure.title, figure.meaning) for figure in (OUTPUT_TPS, TOTAL_TPS, RPS, DURATION, SUCCESS_RATE)),
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
    ("Open loop", "Requests are sent at random times (Poisson) at a fixed mean rate, however many are still open."),
    (
        "Verdict",
        "Whether the load generator kept up: valid, degraded (read with care), invalid (it may have measured itself).",
    ),
)
