"""When a load ends early because of its target, and what is said of it."""

import pytest

from evalkube_crds.names import ErrorClass
from evalkube_crds.perf_point import PerfPoint
from evalkube_runner.perf.stopping import Early, Limits, early, least_sent, words
from evalkube_runner.perf.task import Progress

SECOND = 1_000_000_000
NOW = 100 * SECOND


def told(sent: int, failed: int) -> Progress:
    """A worker that has sent, and of whose requests some failed."""
    return Progress(measured=sent, sent=sent, failed=failed)


def lost(tries: int, seconds: float) -> Progress:
    """A worker that has had no connection for so long."""
    return Progress(unconnected=tries, unconnected_since_ns=int(NOW - seconds * SECOND), problem="connect: refused")


@pytest.mark.parametrize(
    ("most", "workers", "ends"),
    [
        pytest.param(None, [told(1000, 1000)], False, id="no rate was given"),
        pytest.param(0.1, [], False, id="nothing told yet"),
        pytest.param(0.1, [told(19, 19)], False, id="too few were sent"),
        pytest.param(0.1, [told(20, 3)], True, id="enough were sent"),
        pytest.param(0.1, [told(20, 2)], False, id="just the rate"),
        pytest.param(0.1, [told(10, 1), told(10, 2)], True, id="all workers together"),
        pytest.param(0.1, [told(100, 0), told(20, 10)], False, id="one worker's failures among all"),
        pytest.param(0.01, [told(99, 1)], False, id="one failure alone is not above a small rate"),
        pytest.param(0.01, [told(150, 2)], True, id="two are"),
        pytest.param(0.0, [told(1, 1)], True, id="none may fail"),
        pytest.param(0.0, [told(500, 0)], False, id="none did"),
        pytest.param(1.0, [told(1000, 1000)], False, id="all may"),
        pytest.param(0.5, [Progress(measured=40, sent=100, failed=40)], False, id="those in flight are no failures"),
        pytest.param(0.001, [told(110, 2)], True, id="certain of all the point's requests before the least number"),
    ],
)
def test_error_rate(most: float | None, workers: list[Progress], ends: bool) -> None:
    """Judged of the requests that were sent, of enough of them."""
    assert (early(Limits(1000, most, 30), workers, NOW) is not None) is ends


@pytest.mark.parametrize(
    ("workers", "ends"),
    [
        pytest.param([lost(50, 31)], True, id="for longer than the grace"),
        pytest.param([lost(50, 29)], False, id="not yet"),
        pytest.param([lost(19, 300)], False, id="too few tries"),
        pytest.param([lost(10, 40), lost(10, 31)], True, id="two workers"),
        pytest.param([lost(50, 40), lost(50, 29)], False, id="one of two had a connection then"),
        pytest.param([lost(50, 40), told(5, 0)], False, id="one of two has a connection"),
        pytest.param([lost(50, 40), Progress()], False, id="one of two has told nothing"),
    ],
)
def test_gone(workers: list[Progress], ends: bool) -> None:
    """Nobody had a connection for as long as the grace; without any error rate."""
    found = early(Limits(1000, None, 30), workers, NOW)
    assert (found is not None and found.gone) is ends


def test_least_sent() -> None:
    """One failure alone is above no rate."""
    assert [least_sent(rate) for rate in (0, 1, 0.1, 0.03, 0.001)] == [20, 20, 20, 34, 1000]


def test_words() -> None:
    """How far it came, what failed, the limit, and what was not waited for."""
    point = PerfPoint(
        name="p",
        number=200,
        succeeded=40,
        failed=17,
        cancelled=3,
        errors={ErrorClass.CONNECT: 2, ErrorClass.STATUS_5XX: 15},
        error_samples={ErrorClass.STATUS_5XX: "overloaded", ErrorClass.CONNECT: "refused"},
    )
    assert words(Early("max_error_rate 10 %", gone=False), point, 200) == (
        "stopped after 57 of 200 requests: 29.8 % failed, max_error_rate 10 %; the first of status_5xx: overloaded; "
        "3 in flight were cancelled"
    )
    assert words(Early("no connection for 30 s", gone=True), PerfPoint(name="p", number=9), 9) == (
        "stopped after 0 of 9 requests: no connection for 30 s"
    )
