"""Runs of one load, added up."""

import pytest

from evalkube_crds.figures import (
    DURATION,
    RPS,
)
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import ClientHealth, PerfPoint
from evalkube_runner.perf import tune

S = 1_000_000_000
HEALTHY = ClientHealth(
    processes=2, cpu_ns=S, wall_ns=4 * S, offered=10, sent=10, connections_peak=4, connections_limit=99
)


def run(at_s: int, latencies_s: list[int], health: ClientHealth = HEALTHY, **more: object) -> PerfPoint:
    """A run of two seconds."""
    latency = Histogram()
    latency.extend(value * S for value in latencies_s)
    point = PerfPoint(name="p", number=len(latencies_s), parallel=4, stream=False, succeeded=len(latencies_s))
    return point.model_copy(
        update={
            "histograms": {"latency_ns": latency},
            "health": health,
            "started_at_ns": at_s * S,
            "ended_at_ns": (at_s + 2) * S,
            **more,
        }
    )


def test_the_percentile_is_of_all_requests() -> None:
    """Not a mean of percentiles, which here would be 5."""
    whole = tune.merge_runs([run(1, [1] * 99), run(10, [9])])
    assert whole.histograms["latency_ns"].percentile(50) == S
    assert (whole.succeeded, whole.number) == (100, 100)


def test_pauses_between_runs_are_no_time_of_the_load() -> None:
    """Three runs of two seconds with long pauses: ten requests in each give five a second."""
    whole = tune.merge_runs([run(at_s, [1] * 10) for at_s in (1, 100, 500)])
    assert DURATION.of(whole) == 6
    assert RPS.of(whole) == 5


def test_processes_and_connections_are_those_of_one_run() -> None:
    """They follow each other; CPU and wall time add up."""
    health = tune.merge_runs([run(1, [1]), run(9, [1])]).health
    assert (health.processes, health.connections_peak, health.connections_limit) == (2, 4, 99)
    assert (health.cpu_ns, health.wall_ns, health.sent) == (2 * S, 8 * S, 20)


@pytest.mark.parametrize("verdict", [Verdict.VALID, Verdict.INVALID])
def test_one_invalid_run_makes_it_all_invalid(verdict: Verdict) -> None:
    """Whatever the others say; the reasons stay."""
    bad = run(9, [1], verdict=verdict, verdict_reasons=["invalid: it stood still"])
    whole = tune.merge_runs([run(1, [1]), bad, run(20, [1])])
    assert whole.verdict is verdict
    assert (whole.verdict_reasons == ["invalid: it stood still"]) == (verdict is Verdict.INVALID)
