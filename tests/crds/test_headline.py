"""The few figures that people look at first."""

import pytest

from evalkube_crds import headline, summary
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import PerfResult

SCORES = {"score": 0.5, "gsm8k/mean_acc": 0.5, "gsm8k/scored": 4.0, "score_low": 0.2, "score_high": 0.8}
POINTS = {"rps": 9.0, "a/rps": 3.0, "a/output_tps": 30.0, "b/rps": 9.0, "b/output_tps": 90.0, "b/steady_rps": 99.0}


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(SCORES, {"score": 0.5, "score_low": 0.2, "score_high": 0.8}, id="an evaluation"),
        pytest.param(POINTS, {"rps": 9.0, "output_tps": 90.0}, id="a load test: its fastest point"),
        pytest.param(
            POINTS | {"best_rps": 3.0, "best_output_tps": 30.0, "best_ttft_p99_s": 0.1, "best_latency_p99_s": 1.0},
            {"rps": 3.0, "output_tps": 30.0, "ttft_p99_s": 0.1, "latency_p99_s": 1.0},
            id="a load test: its fastest valid point",
        ),
        pytest.param(POINTS | {"sla/1/rate": 8.0}, {"rps": 9.0, "output_tps": 90.0, "sla/1/rate": 8.0}, id="a search"),
        pytest.param({"rps": 9.0}, {"rps": 9.0}, id="a run whose results were lost"),
    ],
)
def test_the_figures_of_a_summary(figures: dict[str, float], shown: dict[str, float]) -> None:
    """At most six, under the names that pages use."""
    assert headline.figures_of(figures) == shown


V, D, N = Verdict.VALID, Verdict.DEGRADED, Verdict.INVALID


@pytest.mark.parametrize(
    ("points", "rps"),
    [
        pytest.param([(10, V), (30, V), (20, V)], 30, id="all valid"),
        pytest.param([(10, V), (20, V), (30, N)], 20, id="the fastest is not valid"),
        pytest.param([(10, D), (20, N)], 20, id="none is valid"),
        pytest.param([(30, V), (20, N)], 30, id="a slower one is not valid"),
        pytest.param([(0, V), (20, N)], 20, id="the only valid one has no rate"),
    ],
)
def test_a_load_test_shows_its_fastest_valid_point(points: list[tuple[int, Verdict]], rps: float) -> None:
    """By the summary alone, which is all that a list has."""
    measured = [_point(f"p{place}", succeeded, verdict) for place, (succeeded, verdict) in enumerate(points)]
    figures = summary.summary(PerfResult(run_id="r", model="m", points=measured))
    assert headline.figures_of(figures)["rps"] == rps
    assert figures["rps"] == max(succeeded for succeeded, _ in points)


def _point(name: str, succeeded: int, verdict: Verdict) -> PerfPoint:
    """Of one second."""
    return PerfPoint(name=name, number=succeeded, succeeded=succeeded, verdict=verdict, ended_at_ns=1_000_000_000)
