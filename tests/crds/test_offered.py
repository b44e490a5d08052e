"""Offered against achieved load."""

import pytest

from evalkube_crds import offered
from evalkube_crds.names import SteadyAbsence
from evalkube_crds.perf_point import Conversations, PerfPoint, PerfSeries, SteadyWindow
from evalkube_crds.result_parts import NANO


def point(sent: list[int], ended: list[int], rate: float | None, **more: object) -> PerfPoint:
    fields = {
        "name": "p",
        "number": sum(sent),
        "rate": rate,
        "open_loop": True,
        "succeeded": sum(ended),
        "series": PerfSeries(sent=sent, succeeded=ended),
        "started_at_ns": NANO,
        "ended_at_ns": NANO + len(ended) * NANO,
    }
    return PerfPoint.model_validate(fields | more)


def window(rate: float, requests: int) -> SteadyWindow:
    rates = {"requests": round(rate * NANO)}
    return SteadyWindow(windows=1, length_ns=8 * NANO, run_ns=10 * NANO, succeeded=requests, rates=rates)


UNBALANCED = SteadyWindow(absent={SteadyAbsence.UNBALANCED: 1}, run_ns=10 * NANO)


@pytest.mark.parametrize(
    ("measured", "achieved", "kept_up", "grew"),
    [
        pytest.param(point([20] * 10, [20] * 10, 20.0, steady=window(19.9, 160)), 19.9, True, False, id="kept up"),
        pytest.param(point([20] * 10, [20] * 10, 20.0, steady=window(17.5, 160)), 17.5, True, False, id="by chance"),
        pytest.param(point([40] * 10, [20] * 20, 40.0, steady=UNBALANCED), 20.0, False, True, id="the backlog grew"),
        pytest.param(point([450] * 10, [450] * 10, 500.0, steady=window(450, 4000)), 450, False, False, id="behind"),
        pytest.param(point([10] * 10, [7] * 14, 10.0), 7.0, False, True, id="a backlog without a word of the runner"),
        pytest.param(point([100, 100], [0, 0, 0, 200], 100.0), 50.0, None, False, id="too short to tell"),
    ],
)
def test_what_was_achieved_of_what_was_offered(
    measured: PerfPoint, achieved: float, kept_up: bool | None, grew: bool
) -> None:
    """In the steady part where there is one; a server keeps up unless more is missing than chance explains."""
    found = offered.of(measured)
    assert found is not None
    assert found.achieved_rps == pytest.approx(achieved)
    assert (found.kept_up, found.grew) == (kept_up, grew)


def test_in_flight_is_what_was_sent_and_has_not_ended() -> None:
    """At the end of each interval; failed requests have ended too."""
    measured = point([5, 5, 0], [1, 2, 6], 5.0)
    measured.series.failed = [0, 1, 0]
    assert offered.in_flight(measured) == [4, 6, 0]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(point([1], [1], 1.0, open_loop=False, parallel=4), id="closed loop"),
        pytest.param(point([1], [1], None), id="no rate"),
        pytest.param(point([1], [1], 1.0, conversations=Conversations()), id="conversations, whose turns have no rate"),
    ],
)
def test_of_other_loads_nothing_is_offered(other: PerfPoint) -> None:
    """Only a schedule of requests offers a load."""
    assert offered.of(other) is None
