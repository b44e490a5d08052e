"""From which load on a server gives no more."""

from typing import Any

import pytest

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import TokenBasis, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_report.load_test import saturation


def point(load: float, tps: int, wait_ms: int = 50, **more: Any) -> PerfPoint:
    waits = Histogram()
    waits.add(wait_ms * 1_000_000, 100)
    fields = {
        "name": f"load {load:g}",
        "number": 100,
        "parallel": int(load),
        "succeeded": 100,
        "token_basis": {TokenBasis.USAGE: 100},
        "output_tokens": tps * 10,
        "histograms": {"latency_ns": waits, "ttft_ns": waits},
        "started_at_ns": NANO,
        "ended_at_ns": 11 * NANO,
    }
    return PerfPoint.model_validate(fields | more)


@pytest.mark.parametrize(
    ("points", "knee", "beyond"),
    [
        pytest.param([(1, 100), (2, 200), (4, 400)], 4, None, id="still growing"),
        pytest.param([(8, 800), (16, 1000), (32, 1002)], 16, 32, id="saturated"),
        pytest.param([(32, 1002), (8, 800), (16, 1000)], 16, 32, id="in any order"),
        pytest.param([(8, 960), (16, 1000), (32, 990)], 8, 16, id="within one part in twenty of the most"),
        pytest.param([(8, 1000), (16, 700)], 8, 16, id="more load gives less"),
    ],
)
def test_the_knee_is_the_lowest_load_that_gives_as_much(
    points: list[tuple[int, int]], knee: int, beyond: int | None
) -> None:
    """Whatever the order of the points, and whatever is measured above it."""
    found = saturation.of(point(load, tps) for load, tps in points)
    assert found is not None
    assert (found.knee.parallel, found.beyond and found.beyond.parallel) == (knee, beyond)
    assert found.reached is (beyond is not None)


def test_gain_and_slowdown_are_of_the_load_beyond() -> None:
    """What more load gives, and what it costs."""
    found = saturation.of([point(16, 1000, 50), point(32, 1002, 350)])
    assert found is not None
    assert [found.gain, found.slowdown] == pytest.approx([1.002, 7.0])
    assert (found.figure.name, found.wait.name) == ("output_tps", "ttft_p50_s")


def test_of_an_unsaturated_sweep_they_are_of_its_last_step() -> None:
    """The highest load by the one below it."""
    found = saturation.of([point(16, 500), point(32, 1000, 60)])
    assert found is not None
    assert [found.gain, found.slowdown] == pytest.approx([2.0, 1.2])


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([point(1, 100)], id="one load"),
        pytest.param([point(1, 100), point(2, 200, verdict=Verdict.INVALID)], id="one that counts"),
        pytest.param([point(1, 100), point(2, 200, succeeded=10, failed=90)], id="most requests failed"),
        pytest.param([point(1, 100), point(2, 200, open_loop=True, rate=2.0)], id="loads of two kinds"),
        pytest.param([point(1, 0), point(2, 0)], id="nothing given"),
        pytest.param([point(4, 100), point(4, 200)], id="the same load twice"),
    ],
)
def test_without_two_loads_in_an_order_nothing_is_known(points: list[PerfPoint]) -> None:
    """A load that does not count tells nothing of a server."""
    assert saturation.of(points) is None


def test_requests_are_counted_where_tokens_are_not_known() -> None:
    """And latency where no token came by itself."""
    bare: dict[str, Any] = {"token_basis": {TokenBasis.NONE: 100}}
    points = [point(load, 1, **bare) for load in (1, 2)]
    for one in points:
        del one.histograms["ttft_ns"]
    found = saturation.of(points)
    assert found is not None
    assert (found.figure.name, found.wait.name) == ("rps", "latency_p50_s")
