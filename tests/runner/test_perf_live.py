"""What is seen of a point while it is measured, by what its workers told."""

import pytest

from evalkube_crds.live import figures
from evalkube_crds.sketch import Sketch
from evalkube_runner.perf import stages
from evalkube_runner.perf.live import PointLive
from evalkube_runner.perf.point import Point
from evalkube_runner.perf.task import Progress

S = 1_000_000_000


def told(at_s: float, succeeded: int = 0, tokens: int = 0, *, since_s: float = 0.001, in_flight: int = 0) -> Progress:
    return Progress(
        at_ns=int(at_s * S), since_ns=int(since_s * S), succeeded=succeeded, output_tokens=tokens, in_flight=in_flight
    )


# name: the news of each worker, one after the other; the time; the rates then
RATES = {
    "nothing is told yet": ([[Progress()]], 3.0, {}),
    "in the warm-up": ([[told(1, since_s=0), told(2, since_s=0, in_flight=4)]], 2.1, {"in_flight": 4}),
    "a steady load": ([[told(1, 10, 100), told(2, 20, 200), told(3, 30, 300)]], 3.1, {"rps": 10, "output_tps": 100}),
    "of the last five seconds alone": ([[told(1, 0), told(7, 1000), told(12, 1050)]], 12.1, {"rps": 10}),
    "not of the time before the first request": ([[told(1, since_s=0), told(9, 20, since_s=5)]], 9.1, {"rps": 5}),
    "too short a time": ([[told(1, since_s=0), told(1.6, 5, since_s=1.5)]], 1.7, {}),
    "workers add up, whenever their news came": (
        [[told(1, 10), told(3, 30)], [told(1.4, 5), told(3.4, 15)]],
        *(3.5, {"rps": 15}),
    ),
    "tokens that nobody counts": ([[told(1, 10), told(2, 20)]], 2.1, {"rps": 10}),
    "nothing comes any more": ([[told(1, 10, 50), told(2, 20, 90), told(9, 20, 90)]], 9.1, {"rps": 0, "output_tps": 0}),
    "one worker has ended": ([[told(1, 0), told(2, 50)], [told(1, 0), told(6, 50)]], 6.1, {"rps": 50 / 5.1 + 10}),
    "one has ended long ago": ([[told(1, 0), told(2, 50)], [told(6, 0), told(10, 40)]], 10.1, {"rps": 10}),
    "in flight": (
        [[told(1, in_flight=9), told(2, in_flight=3)], [told(2, in_flight=1)]],
        2.1,
        {"rps": 0, "in_flight": 4},
    ),
}


@pytest.mark.parametrize(("workers", "now_s", "expected"), RATES.values(), ids=RATES)
def test_rates(workers: list[list[Progress]], now_s: float, expected: dict[str, float]) -> None:
    """Requests and tokens per second, and requests in flight."""
    course = PointLive()
    for at in range(max(map(len, workers))):
        course.heard([news[min(at, len(news) - 1)] for news in workers])
    rates = course.now(int(now_s * S)).rates
    assert rates == pytest.approx({"in_flight": 0.0} | expected, abs=0.01)


def test_percentiles_are_of_the_point_so_far() -> None:
    """Of the requests of all its workers; they stand when its load is over."""
    course = PointLive()
    fast, slow = (Sketch.of([ms * 1_000_000] * 10) for ms in (20, 200))
    course.heard([Progress(at_ns=S, ttft=fast, latency=fast), Progress(at_ns=S, latency=slow)])
    for seen in (course.now(S), course.after()):
        found = figures(seen)
        assert found["ttft_p99_s"] == pytest.approx(0.02, rel=0.02)
        assert found["latency_p99_s"] == pytest.approx(0.2, rel=0.02)
    assert course.after().rates == {"in_flight": 0.0}


def test_a_long_load_is_seen_by_its_last_seconds() -> None:
    """It was ten times as fast before."""
    course = PointLive()
    for at in range(1, 5000):
        course.heard([told(at / 10, 10 * at if at < 4000 else 36_000 + at)])
    assert course.now(500 * S).rates["rps"] == pytest.approx(10)


SWEEP = Point("parallel_10_number_100", 100, 10, None, 5, 0)
SEARCHED = Point("rate_20_number_1200", 600, None, 20.0, 0, 0, run=1)
STAGES = {
    "measured": (SWEEP, "", None, "parallel_10_number_100"),
    "warm-up": (SWEEP, "warming up", None, "warming up parallel_10_number_100"),
    "a pause": (SWEEP, "pause before", None, "pause before parallel_10_number_100"),
    "a search": (SWEEP, "", 1, "searching: 10 in flight"),
    "a search that prepares": (SWEEP, "preparing", 1, "searching: preparing 10 in flight"),
    "a search with several runs": (SEARCHED, "", 3, "searching: 20 requests/s, run 2 of 3"),
    "a search of slots with a rate": (Point("p", 5, 4, 2.5, 0, 0), "", 1, "searching: 4 in flight, 2.5 requests/s"),
}


@pytest.mark.parametrize(("point", "doing", "runs", "words"), STAGES.values(), ids=STAGES)
def test_stages(point: Point, doing: str, runs: int | None, words: str) -> None:
    """What people read of it."""
    assert stages.stage_of(point, doing, runs=runs) == words
