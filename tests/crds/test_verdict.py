"""The verdict on the client's own health."""

from dataclasses import replace
from typing import Any

import pytest

from evalkube_crds import merge, verdict
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Clock, Verdict
from evalkube_crds.perf_point import ClientHealth, PerfPoint
from evalkube_crds.verdict import Delay, Figures

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
    "no room for some": ({"requests": 1000, "no_room": 2}, Verdict.DEGRADED, "2 requests found no free connection"),
    "no room for many": ({"requests": 1000, "no_room": 60}, Verdict.INVALID, "60 requests found no free connection"),
    "few failed": ({"requests": 1000, "failed": 50, "failures": "50 of 1000"}, Verdict.VALID, ""),
    "some failed": ({"requests": 1000, "failed": 51, "failures": "51 of 1000"}, Verdict.DEGRADED, "51 of 1000"),
    "all failed": ({"requests": 10, "failed": 10, "failures": "10 of 10"}, Verdict.DEGRADED, "10 of 10"),
    "a closed loop a bit late": ({"pace_lag_ns": 9.0 * MS, "pace_scale_ns": 200.0 * MS}, Verdict.VALID, ""),
    "a late closed loop": (
        {"pace_lag_ns": 20.0 * MS, "pace_scale_ns": 200.0 * MS},
        Verdict.DEGRADED,
        "the load",
    ),
    "a very late closed loop": (
        {"pace_lag_ns": 50.0 * MS, "pace_scale_ns": 200.0 * MS},
        Verdict.INVALID,
        "the load",
    ),
    "nothing read for long": ({"unread_ns": 1_500.0 * MS}, Verdict.DEGRADED, "read nothing for 1500 ms"),
    "a clock that slews": ({"clock_step_ns": MS // 2}, Verdict.VALID, ""),
    "a clock that was set": ({"clock_step_ns": 20 * MS}, Verdict.DEGRADED, "set by 20.00 ms"),
    "a clock that was set by much": ({"clock_step_ns": 3_600_000 * MS}, Verdict.INVALID, "clock"),
    "no request's good in doubt": ({"requests": 1000, "good": 900}, Verdict.VALID, ""),
    "few requests' good in doubt": ({"requests": 1000, "good": 900, "doubtful": 10}, Verdict.VALID, ""),
    "some requests' good in doubt": (
        {"requests": 1000, "good": 900, "doubtful": 11},
        Verdict.DEGRADED,
        "goodput: stalls of the client may have decided whether 11 of 1000 requests are good",
    ),
    "many requests' good in doubt": (
        {"requests": 1000, "good": 900, "doubtful": 51},
        Verdict.INVALID,
        "goodput: stalls of the client may have decided whether 51 of 1000 requests are good",
    ),
    "a large part of few good ones in doubt": (
        {"requests": 1000, "good": 60, "doubtful": 13},
        Verdict.INVALID,
        "goodput",
    ),
    "one of twenty in doubt": ({"requests": 20, "good": 19, "doubtful": 1}, Verdict.DEGRADED, "goodput"),
    "two of twenty in doubt": ({"requests": 20, "good": 0, "doubtful": 2}, Verdict.INVALID, "goodput"),
    "in doubt, and nobody asked": ({"requests": 20, "good": None, "doubtful": 9}, Verdict.VALID, ""),
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


# name: clocks of 1,000 requests, rate, the verdict, its reason
CLOCKS: dict[str, tuple[dict[Clock, int], float | None, Verdict, str]] = {
    "the program's": ({Clock.PROGRAM: 1000}, None, Verdict.INVALID, "receive lag"),
    "unknown, of an older result": ({}, None, Verdict.INVALID, "receive lag"),
    "the kernel's, in a closed loop": ({Clock.KERNEL: 1000}, None, Verdict.VALID, ""),
    "the kernel's, on a schedule": ({Clock.KERNEL: 1000}, 50.0, Verdict.DEGRADED, "schedule lag"),
    "the kernel's but for one": ({Clock.KERNEL: 999, Clock.PROGRAM: 1}, None, Verdict.VALID, ""),
    "the kernel's for most": ({Clock.KERNEL: 980, Clock.MIXED: 20}, None, Verdict.INVALID, "receive lag"),
}


@pytest.mark.parametrize(("clocks", "rate", "wanted", "reason"), CLOCKS.values(), ids=CLOCKS)
def test_whose_clock(clocks: dict[Clock, int], rate: float | None, wanted: Verdict, reason: str) -> None:
    """Reads that were 90 ms late spoil only the program's times; sends that were 12 ms late only a schedule."""
    reading, sending, ttft, latency = Histogram(), Histogram(), Histogram(), Histogram()
    reading.add(90 * MS, 100)
    sending.add(12 * MS, 100)
    ttft.add(100 * MS)
    latency.add(1_000 * MS)
    health = ClientHealth(loop_lag_ns=reading, schedule_lag_ns=sending)
    histograms = {"ttft_ns": ttft, "latency_ns": latency}
    point = PerfPoint(name="p", number=1000, rate=rate, clocks=clocks, histograms=histograms, health=health)
    found, reasons = verdict.judge_point(point)
    assert found is wanted
    assert reason in "; ".join(reasons)


def test_clocks_of_shards_add_up() -> None:
    """By request; the clock of each shard's machine may have been set."""
    parts = [
        PerfPoint(name="p", number=3, clocks={Clock.KERNEL: 2, Clock.MIXED: 1}, health=ClientHealth(clock_step_ns=1)),
        PerfPoint(name="p", number=3, clocks={Clock.KERNEL: 3}, health=ClientHealth(clock_step_ns=5)),
    ]
    merged = merge.merge_points(parts)
    assert merged.clocks == {Clock.KERNEL: 5, Clock.MIXED: 1}
    assert merged.health.clock_step_ns == 5


def p99(measured_ms: float, least_ms: float, *, sound: bool = True) -> Delay:
    return Delay("TTFT", "p99", measured_ms * MS, least_ms * MS, touched=12, requests=400, sound=sound)


# name: what stalls may have added to, the verdict, some words of it
DELAYS: dict[str, tuple[list[Delay], Verdict, str]] = {
    "a third of it": ([p99(120, 80)], Verdict.INVALID, "TTFT p99: stalls of the client touched 12 of 400 requests"),
    "a tenth of it": ([p99(120, 108)], Verdict.DEGRADED, "up to 12.0 ms to the p99 of 120.0 ms"),
    "a fiftieth of it": ([p99(120, 118)], Verdict.VALID, ""),
    "less than a machine costs": ([p99(3, 2.1)], Verdict.VALID, ""),
    "much of little": ([p99(6, 2)], Verdict.DEGRADED, "p99"),
    "of a percentile of too few": ([p99(120, 20, sound=False)], Verdict.DEGRADED, "p99"),
    "several percentiles are named": (
        [replace(p99(30, 30), statistic="p50"), replace(p99(99, 70), statistic="p95"), p99(120, 80)],
        Verdict.INVALID,
        "TTFT p95, p99:",
    ),
    "each figure has its own reason": (
        [p99(120, 108), replace(p99(500, 300), figure="latency")],
        Verdict.INVALID,
        "latency p99",
    ),
}


@pytest.mark.parametrize(("delays", "wanted", "words"), DELAYS.values(), ids=DELAYS)
def test_stalls_weigh_what_they_may_have_added(delays: list[Delay], wanted: Verdict, words: str) -> None:
    """To each statistic that is reported, by the share of it."""
    found, reasons = verdict.judge(replace(HEALTHY, delays=tuple(delays)))
    assert found is wanted
    assert words in "; ".join(reasons)


def stalled(requests: int, touched: int, *, lag_ms: int = 90) -> PerfPoint:
    """A point of requests of 40 to 60 ms, some of which were left unread for so long."""
    ttft, delayed, undelayed = Histogram(), Histogram(), Histogram()
    for at in range(requests):
        value = (40 + at % 20) * MS
        if at < touched:
            delayed.add(value + lag_ms * MS)
            undelayed.add(value)
        ttft.add(value + (lag_ms * MS if at < touched else 0))
    health = ClientHealth(delayed={"ttft_ns": delayed}, undelayed={"ttft_ns": undelayed})
    return PerfPoint(name="p", number=requests, succeeded=requests, histograms={"ttft_ns": ttft}, health=health)


# name: requests, how many of them a stall touched, the verdict, the statistics that it names
TOUCHED: dict[str, tuple[int, int, Verdict, str]] = {
    "none": (1000, 0, Verdict.VALID, ""),
    "one in a thousand": (1000, 1, Verdict.VALID, ""),
    "two in a hundred": (1000, 20, Verdict.INVALID, "TTFT p99:"),
    "six in a hundred": (1000, 60, Verdict.INVALID, "TTFT mean, p95, p99:"),
    "most": (1000, 600, Verdict.INVALID, "TTFT mean, p50, p90, p95, p99:"),
    "one of thirty": (30, 1, Verdict.DEGRADED, "TTFT mean, p99:"),
}


@pytest.mark.parametrize(("requests", "touched", "wanted", "words"), TOUCHED.values(), ids=TOUCHED)
def test_a_stall_weighs_by_the_requests_it_touched(requests: int, touched: int, wanted: Verdict, words: str) -> None:
    """90 ms, on a TTFT of 50: it is the share of requests that decides which figures are spoilt."""
    found, reasons = verdict.judge_point(stalled(requests, touched))
    assert found is wanted
    assert words in "; ".join(reasons)


def bunched(requests: int, met: int, *, behind_ms: int = 60, alike: bool = False) -> PerfPoint:
    """A point of a rate, of which bursts met some requests. `alike`: those that none met were as slow."""
    latency, touched, least = Histogram(), Histogram(), Histogram()
    for at in range(requests):
        value = (100 + at % 20) * MS
        if at < met:
            value += behind_ms * MS
            touched.add(value)
            least.add(value - behind_ms * MS)
        elif alike:
            value += behind_ms * MS
        latency.add(value)
    health = ClientHealth(bunched={"latency_ns": touched}, unbunched={"latency_ns": least})
    return PerfPoint(
        name="p", number=requests, succeeded=requests, rate=9.0, histograms={"latency_ns": latency}, health=health
    )


# name: the point, the verdict, some words of it
BUNCHED: dict[str, tuple[PerfPoint, Verdict, str]] = {
    "few": (bunched(1000, 5), Verdict.VALID, ""),
    "enough for p99": (bunched(1000, 30), Verdict.INVALID, "latency p99: bursts after stalls of the client met 30 of"),
    "by little": (bunched(1000, 30, behind_ms=2), Verdict.VALID, ""),
    "by some": (bunched(1000, 30, behind_ms=20), Verdict.DEGRADED, "latency p99: bursts"),
    "as slow as the others": (bunched(1000, 30, alike=True), Verdict.VALID, ""),
    "all": (bunched(1000, 1000), Verdict.INVALID, "latency mean, p50, p90, p95, p99: bursts"),
}


@pytest.mark.parametrize(("point", "wanted", "words"), BUNCHED.values(), ids=BUNCHED)
def test_a_burst_weighs_by_what_it_may_have_done_at_the_server(point: PerfPoint, wanted: Verdict, words: str) -> None:
    """No more than the stall, and no more than sets those apart that it met."""
    found, reasons = verdict.judge_point(point)
    assert found is wanted
    assert words in "; ".join(reasons)
    assert verdict.judge_point(merge.merge_points([point, point]))[0] is wanted


@pytest.mark.parametrize(("rate", "said"), [(None, False), (50.0, True)])
def test_what_was_scheduled_is_judged_by_its_schedule(*, rate: float | None, said: bool) -> None:
    """Times since the intended moment are those of a load that has such moments."""
    point = stalled(1000, 20)
    health = ClientHealth(
        delayed={"intended_ttft_ns": point.health.delayed["ttft_ns"]},
        undelayed={"intended_ttft_ns": point.health.undelayed["ttft_ns"]},
    )
    histograms = {"ttft_ns": point.histograms["ttft_ns"], "intended_ttft_ns": point.histograms["ttft_ns"]}
    _, reasons = verdict.judge_point(
        point.model_copy(update={"rate": rate, "health": health, "histograms": histograms})
    )
    assert ("TTFT since the intended time p99" in "; ".join(reasons)) is said


def test_stalls_of_shards_add_up() -> None:
    """The sum of two shards is what one would have been."""
    parts, whole = [stalled(500, 10), stalled(500, 10)], stalled(1000, 20)
    merged = merge.merge_points(parts)
    assert merged.health.delayed["ttft_ns"].count == 20
    assert verdict.judge_point(merged)[0] is verdict.judge_point(whole)[0]
