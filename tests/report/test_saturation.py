"""From which load on a server gives no more."""

from typing import Any

import pytest

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import SteadyAbsence, TokenBasis, Verdict
from evalkube_crds.perf_point import PerfPoint, SteadyWindow
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
    assert (found.knee.parallel, None if found.at_highest else found.step.high.parallel) == (knee, beyond)
    assert (found.known, found.reached) == (True, beyond is not None)


def test_gain_and_slowdown_are_of_the_load_beyond() -> None:
    """What more load gives, and what it costs."""
    found = saturation.of([point(16, 1000, 50), point(32, 1002, 350)])
    assert found is not None
    assert [found.step.ratio, found.slowdown] == pytest.approx([1.002, 7.0])
    assert (found.figure.name, found.wait.name) == ("output_tps", "ttft_p50_s")


def test_of_an_unsaturated_sweep_they_are_of_its_last_step() -> None:
    """The highest load by the one below it."""
    found = saturation.of([point(16, 500), point(32, 1000, 60)])
    assert found is not None
    assert [found.step.ratio, found.slowdown] == pytest.approx([2.0, 1.2])


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


def few(load: float, tps: int, requests: int) -> PerfPoint:
    """A load of few requests, whose throughput chance may have changed."""
    return point(load, tps, succeeded=requests, token_basis={TokenBasis.USAGE: requests})


@pytest.mark.parametrize(
    ("points", "known"),
    [
        pytest.param([few(3, 1000, 100), few(4, 1024, 100)], False, id="the load grew by less than chance explains"),
        pytest.param([few(3, 1000, 3000), few(4, 1024, 3000)], True, id="the same, with more requests"),
        pytest.param([few(3, 1000, 100), few(4, 1024, 100), few(9, 1010, 100)], True, id="a much higher load shows it"),
        pytest.param([few(8, 1000, 10), few(16, 1000, 10)], False, id="no interval"),
        pytest.param([few(8, 1000, 50), few(16, 1060, 50)], False, id="growth that chance explains"),
        pytest.param([few(8, 1000, 50), few(16, 2000, 50)], True, id="growth that chance does not explain"),
    ],
)
def test_chance_must_not_explain_what_is_found(points: list[PerfPoint], known: bool) -> None:
    """Neither a gain that is slight, nor one that is growth."""
    found = saturation.of(points)
    assert found is not None
    assert found.known is known
    assert found.reached is (known and not found.at_highest)


def steady(tps: int) -> SteadyWindow:
    return SteadyWindow(windows=1, length_ns=NANO, run_ns=2 * NANO, succeeded=50, rates={"output_tokens": tps * NANO})


SHORT = SteadyWindow(run_ns=NANO, absent={SteadyAbsence.TOO_SHORT: 1})


def test_throughput_is_that_of_the_steady_part() -> None:
    """The begin and the end of a short run would put the saturation point too high."""
    whole = [(4, 500, 505), (8, 900, 1001), (16, 1000, 1000)]
    found = saturation.of(point(load, tps, steady=steady(within)) for load, tps, within in whole)
    assert found is not None
    assert (found.knee.parallel, found.reached, found.short) == (8, True, None)
    assert found.step.ratio == pytest.approx(1000 / 1001)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_load_that_was_too_short_makes_it_unknown(place: int) -> None:
    """Below the saturation point, at it, or above it."""
    points = [point(8, 500), point(16, 1000), point(32, 1002)]
    points[place] = points[place].model_copy(update={"steady": SHORT})
    found = saturation.of(points)
    assert found is not None
    assert found.short is points[place]
    assert not found.known


def test_a_load_by_rate_needs_no_steady_part() -> None:
    """A server that is given too much never has one."""
    fields: dict[str, Any] = {"open_loop": True, "steady": SHORT}
    found = saturation.of(
        point(rate, tps, rate=float(rate), **fields) for rate, tps in ((8, 800), (16, 1000), (32, 990))
    )
    assert found is not None
    assert (found.knee.rate, found.reached) == (16.0, True)
