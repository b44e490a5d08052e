"""The verdict on the client's own health."""

from dataclasses import replace
from typing import Any

import pytest

from evalkube_crds import verdict
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Verdict
from evalkube_crds.results import ClientHealth, PerfPoint
from evalkube_crds.verdict import Figures

MS = 1_000_000
HEALTHY = Figures(
    scale_ns=200.0 * MS,
    schedule_lag_p99_ns=0.2 * MS,
    loop_lag_p99_ns=0.3 * MS,
    longest_stall_ns=4.0 * MS,
    longest_gc_ns=1.0 * MS,
    cpu_ns=3_000 * MS,
    wall_ns=10_000 * MS,
    offered=1000,
    sent=1000,
    connections_peak=64,
    connections_limit=20_000,
)

CASES: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "healthy": ({}, Verdict.VALID, ""),
    "nothing measured": ({"scale_ns": None, "schedule_lag_p99_ns": None, "loop_lag_p99_ns": None}, Verdict.VALID, ""),
    "a lag that the scale swallows": ({"schedule_lag_p99_ns": 9.0 * MS}, Verdict.VALID, ""),
    "a lag of a tenth": ({"schedule_lag_p99_ns": 20.0 * MS}, Verdict.DEGRADED, "schedule lag"),
    "a lag of a quarter": ({"schedule_lag_p99_ns": 50.0 * MS}, Verdict.INVALID, "schedule lag"),
    "late reads": ({"loop_lag_p99_ns": 15.0 * MS}, Verdict.DEGRADED, "receive lag"),
    "the same lag beside a fast server": (
        {"scale_ns": 20.0 * MS, "loop_lag_p99_ns": 9.0 * MS},
        Verdict.INVALID,
        "receive lag",
    ),
    "a lag below what a machine costs": ({"scale_ns": 1.0 * MS, "loop_lag_p99_ns": 0.9 * MS}, Verdict.VALID, ""),
    "one stall": ({"longest_stall_ns": 500.0 * MS}, Verdict.DEGRADED, "stall of 500 ms"),
    "one long stall": ({"longest_stall_ns": 2_000.0 * MS}, Verdict.INVALID, "stall"),
    "a long collection": ({"longest_gc_ns": 150.0 * MS}, Verdict.DEGRADED, "garbage"),
    "a busy core": ({"cpu_ns": 8_500 * MS}, Verdict.DEGRADED, "85%"),
    "a full core": ({"cpu_ns": 9_900 * MS}, Verdict.INVALID, "99%"),
    "a full core for a moment": ({"cpu_ns": 99 * MS, "wall_ns": 100 * MS}, Verdict.VALID, ""),
    "requests left out": ({"sent": 980}, Verdict.DEGRADED, "98.0%"),
    "many requests left out": ({"sent": 500}, Verdict.INVALID, "50.0%"),
    "few connections left": ({"connections_peak": 19_000}, Verdict.DEGRADED, "19000"),
}


@pytest.mark.parametrize(("changes", "wanted", "reason"), CASES.values(), ids=CASES.keys())
def test_cases(changes: dict[str, Any], wanted: Verdict, reason: str) -> None:
    """Each figure alone decides, and says why."""
    found, reasons = verdict.judge(replace(HEALTHY, **changes))
    assert found is wanted
    assert reason in "; ".join(reasons)
    assert bool(reasons) is (found is not Verdict.VALID)


def test_the_worst_comes_first() -> None:
    """Several reasons: the verdict is the worst of them."""
    found, reasons = verdict.judge(replace(HEALTHY, longest_gc_ns=150.0 * MS, sent=1))
    assert found is Verdict.INVALID
    assert [reason.split(":")[0] for reason in reasons] == ["invalid", "degraded"]


def test_of_a_point() -> None:
    """A point is measured by its TTFT where it streams, else by its latency."""
    lag, ttft, latency = Histogram(), Histogram(), Histogram()
    lag.add(2 * MS, 100)
    ttft.add(10 * MS)
    latency.add(500 * MS)
    health = ClientHealth(loop_lag_ns=lag)
    histograms = {"ttft_ns": ttft, "latency_ns": latency}
    streamed = PerfPoint(name="p", number=1, histograms=histograms, health=health)
    assert verdict.judge_point(streamed)[0] is Verdict.DEGRADED
    assert verdict.judge_point(streamed.model_copy(update={"stream": False}))[0] is Verdict.VALID
