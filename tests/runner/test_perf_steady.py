"""Which part of a load is steady, and what the load was in it: loads of known times."""

import heapq
import math
import random
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_crds.names import SteadyAbsence
from evalkube_crds.perf_point import SteadyWindow
from evalkube_crds.result_parts import NANO
from evalkube_runner.perf import marks, steady
from evalkube_runner.perf.marks import Outcome
from evalkube_runner.perf.point import Point
from evalkube_runner.perf.rates import Stage, settled_s
from evalkube_runner.perf.schedule import Arrivals

MS = 1_000_000
UNIX_NS = 1_700_000_000 * NANO


class Sent(NamedTuple):
    """A request; times in ms after the start of the point."""

    at: float
    end: float
    outcome: Outcome = Outcome.SUCCEEDED
    warmup: bool = False


def records(requests: Sequence[Sent], tokens: int = 10) -> marks.Batch:
    found = np.zeros(len(requests), marks.DTYPE)
    found["dispatched"] = found["sent"] = [round(one.at * MS) for one in requests]
    found["end"] = [round(one.end * MS) for one in requests]
    found["first_token"] = [round((one.at + one.end) / 2 * MS) for one in requests]
    found["outcome"] = [one.outcome for one in requests]
    found["warmup"] = [one.warmup for one in requests]
    found["completion_tokens"] = tokens
    found["tpot"] = np.where(found["outcome"] == Outcome.SUCCEEDED, 5 * MS, -1)
    return found


def in_batches(every: marks.Batch, size: int) -> list[marks.Batch]:
    return [every[at : at + size] for at in range(0, len(every), size)]


def found_in(*workers: Sequence[Sent], settled_ms: float = 0, size: int = 7) -> SteadyWindow:
    """The steady part; the records come in batches of `size`."""
    given = [partial(in_batches, records(one), size) for one in workers]
    found = steady.window_of(given, settled_ns=round(settled_ms * MS), started_at_ns=UNIX_NS)
    assert found is not None
    return found


def closed(
    number: int, slots: int, latency_ms: Sequence[float], *, step_ms: float = 0.1, warmup: int = 0
) -> list[Sent]:
    """A closed loop whose answers take these times, in turn."""
    free = [(at * step_ms, at) for at in range(slots)]
    sent = []
    for index in range(number):
        at, slot = heapq.heappop(free)
        end = at + latency_ms[index % len(latency_ms)]
        heapq.heappush(free, (end, slot))
        sent.append(Sent(at, end, warmup=index < warmup))
    return sent


def constant(number: int, gap_ms: float, latency_ms: float) -> list[Sent]:
    """An open loop."""
    return [Sent(at * gap_ms, at * gap_ms + latency_ms) for at in range(number)]


LONG = [100.0] * 55 + [5000.0] + [100.0] * 200
WINDOWS: dict[str, tuple[list[list[Sent]], float, tuple[float, float], float, int]] = {
    # workers, settled, (begin, end), requests a second, requests sent in it; all in ms
    "all slots in step: without the first two turns and the last": (
        [closed(100, 10, [100])], 1, (200, 900), 100, 70
    ),
    "the last turn is not full": ([closed(95, 10, [100])], 1, (200, 800.5), 100, 65),
    "one slot": ([closed(50, 1, [20])], 0.1, (40, 980), 50, 47),
    "an answer that outlasts all others": ([closed(100, 10, LONG)], 1, (200, 900.2), 94.4, 70),
    "warm-up turns count as turns": ([closed(120, 10, [100], warmup=20)], 1, (200, 1100), 100, 90),
    "a warm-up of less than a turn": ([closed(100, 10, [100], warmup=5)], 1, (200, 900), 100, 70),
    "ramp-up": ([closed(200, 10, [100], step_ms=50)], 500, (650, 2100), 100, 145),
    "open loop: from when as many have ended as are in flight": ([constant(100, 10, 100)], 0, (200, 900), 100, 70),
    "open loop of little load: without the first and the last": ([constant(50, 100, 20)], 0, (100, 4900), 10, 48),
    "a rate that grows until 2 s": ([constant(400, 10, 100)], 2000, (2110, 3900), 100, 179),
    "two workers: while both are at work": (
        [closed(100, 5, [50]), closed(100, 5, [100])], 0.5, (200, 950), 150, 115
    ),
}  # fmt: skip


@pytest.mark.parametrize(("workers", "settled", "ends", "rps", "sent"), WINDOWS.values(), ids=WINDOWS.keys())
def test_windows(workers: list[list[Sent]], settled: float, ends: tuple[float, float], rps: float, sent: int) -> None:
    """Begin and end, to a step of the grid; the rate that the load had in it, and the requests whose times it has."""
    found = found_in(*workers, settled_ms=settled)
    assert found.absent == {}
    first = min(one.at for worker in workers for one in worker if not one.warmup)
    begin, end = ((at - UNIX_NS) / MS + first for at in (found.started_at_ns, found.ended_at_ns))
    step = max(one.end for worker in workers for one in worker) / 65_000
    assert [begin, end] == pytest.approx(ends, abs=2 * step)
    assert found.rates["requests"] / NANO == pytest.approx(rps, rel=0.005)
    assert found.rates["output_tokens"] / NANO == pytest.approx(10 * rps, rel=0.005)
    assert found.succeeded == pytest.approx(sent, abs=1)
    assert found.histograms["latency_ns"].count == found.histograms["ttft_ns"].count == found.succeeded


def overload(number: int, gap_ms: float, service_ms: float) -> list[Sent]:
    """An open loop on a server that takes one request at a time, and too long for each."""
    sent, free = [], 0.0
    for at in range(number):
        free = max(free, at * gap_ms) + service_ms
        sent.append(Sent(at * gap_ms, free))
    return sent


ABSENCES: dict[str, tuple[list[Sent], float, SteadyAbsence]] = {
    "one turn": (closed(10, 10, [100]), 0.5, SteadyAbsence.TOO_SHORT),
    "three turns: none is left between the first and the last": (closed(30, 10, [100]), 1, SteadyAbsence.TOO_SHORT),
    "five requests one after the other": (closed(5, 1, [20]), 0.1, SteadyAbsence.TOO_SHORT),
    "fewer requests than slots": (closed(5, 10, [100]), 1, SteadyAbsence.UNSETTLED),
    "slots begin until the end": (closed(30, 10, [100], step_ms=100), 1000, SteadyAbsence.UNSETTLED),
    "a rate that changes until the end": (constant(100, 10, 50), 5000, SteadyAbsence.UNSETTLED),
    "a server that takes half of what comes": (overload(1000, 10, 21), 0, SteadyAbsence.TOO_SHORT),
    "a server that takes four fifths of it": (overload(1000, 10, 12.5), 0, SteadyAbsence.UNBALANCED),
    "a server that takes 97 % of it, for long": (overload(20_000, 10, 10.3), 0, SteadyAbsence.UNBALANCED),
}


@pytest.mark.parametrize(("sent", "settled", "reason"), ABSENCES.values(), ids=ABSENCES.keys())
def test_where_there_is_none(sent: list[Sent], settled: float, reason: SteadyAbsence) -> None:
    """And why."""
    found = found_in(sent, settled_ms=settled, size=1000)
    assert (found.absent, found.windows, found.rates, found.histograms) == ({reason: 1}, 0, {}, {})
    assert found.run_ns > 0


def test_a_load_of_warm_up_alone_has_no_part_at_all() -> None:
    """Nor has one of nothing: nothing was measured."""
    warmup = records(closed(20, 2, [10], warmup=20))
    assert steady.window_of([lambda: [warmup]], settled_ns=0, started_at_ns=0) is None
    assert steady.window_of([list], settled_ns=0, started_at_ns=0) is None


def test_a_worker_without_work_holds_nobody_back() -> None:
    """It has no window that could be missing."""
    assert found_in(closed(100, 10, [100]), [], settled_ms=1).rates["requests"] == pytest.approx(100 * NANO, rel=1e-3)


def test_failures_are_failures_there_too() -> None:
    """They are in the success rate and in flight, and in no throughput and no time."""
    every_fifth = [
        one._replace(outcome=Outcome.FAILED) if at % 5 == 0 else one for at, one in enumerate(closed(200, 10, [100]))
    ]
    found = found_in(every_fifth, settled_ms=1)
    assert found.failed / (found.failed + found.succeeded) == pytest.approx(0.2, abs=0.01)
    assert found.rates["requests"] / NANO == pytest.approx(80, rel=0.01)
    assert found.rates["in_flight"] / NANO == pytest.approx(10, rel=0.001)
    assert found.histograms["tpot_ns"].count == found.succeeded


def test_what_an_early_end_cancelled_is_no_outcome() -> None:
    """It was in flight, and nothing more is known of it."""
    cut = [
        one._replace(end=min(one.end, 950), outcome=Outcome.CANCELLED if one.end > 950 else Outcome.SUCCEEDED)
        for one in closed(400, 10, [100])
        if one.at < 950
    ]
    assert any(one.outcome is Outcome.CANCELLED for one in cut)
    found = found_in(cut, settled_ms=1)
    assert found.failed == 0
    assert found.rates["requests"] / NANO == pytest.approx(100, rel=0.01)


def test_short_answers_are_not_preferred() -> None:
    """One answer in two takes ten times as long: of the requests that began and ended in the window fewer would be."""
    chance = random.Random(1)
    sent = closed(400, 20, [chance.choice((50, 500)) for _ in range(400)])
    found = found_in(sent, settled_ms=2)
    mean_ms = (found.histograms["latency_ns"].mean or 0) / MS
    cohort = [one for one in sent if found.started_at_ns <= UNIX_NS + one.at * MS < found.ended_at_ns]
    assert mean_ms == pytest.approx(sum(one.end - one.at for one in cohort) / len(cohort), rel=1e-6)
    inside = [one.end - one.at for one in cohort if UNIX_NS + one.end * MS < found.ended_at_ns]
    assert mean_ms > sum(inside) / len(inside)


def test_an_answer_dated_before_its_request_is_no_trouble() -> None:
    """The kernel's clock and ours differ by a tick; all of the point may take no time at all."""
    odd = [Sent(at * 10, at * 10 - 0.001) for at in range(1, 60)]
    assert found_in(odd).windows == 1
    assert found_in([Sent(0.0001, 0)] * 50).absent == {SteadyAbsence.TOO_SHORT: 1}


def test_choices_have_a_time_per_token_each_and_are_one_request() -> None:
    """A further record of a choice is no further request."""
    one = records(closed(100, 10, [100]))
    more = one.copy()
    more["outcome"], more["tpot"] = Outcome.CHOICE, 9 * MS
    found = steady.window_of([lambda: [one, more]], settled_ns=MS, started_at_ns=0)
    assert found is not None
    assert (found.histograms["tpot_ns"].count, found.histograms["tpot_ns"].mean) == (2 * found.succeeded, 7 * MS)
    assert found.rates["requests"] == pytest.approx(100 * NANO, rel=1e-3)


@settings(max_examples=30)
@given(
    st.integers(1, 12),
    st.lists(st.floats(1, 300), min_size=1, max_size=40),
    st.integers(1, 300),
    st.integers(1, 4),
)
def test_what_always_holds(slots: int, latencies: list[float], number: int, workers: int) -> None:
    """The window lies in the run, all slots are busy in it, and how records are batched makes no difference."""
    loads = [closed(number, slots, latencies[at:] + latencies[:at], step_ms=0) for at in range(workers)]
    found = found_in(*loads)
    again = found_in(*loads, size=1000)
    assert again.histograms == found.histograms
    assert (again.length_ns, again.succeeded, again.absent) == (found.length_ns, found.succeeded, found.absent)
    if found.windows:
        assert 0 < found.length_ns <= found.run_ns
        assert found.rates["in_flight"] / NANO == pytest.approx(slots * workers, rel=1e-6)
        assert found.succeeded >= max(10, slots * workers)
        assert found.histograms["latency_ns"].high <= math.ceil(max(latencies) * MS)


SETTLED: dict[str, tuple[dict[str, Any], float]] = {
    "closed loop": ({"parallel": 10}, 0.001),
    "ramp-up": ({"parallel": 10, "ramp_up_s": 5.0}, 5.0),
    "open loop": ({"parallel": None, "rate": 5.0}, 0),
    "stages": ({"parallel": None, "arrivals": Arrivals(stages=(Stage(1, 9, 30),))}, 30),
    "stages in closed loop": ({"parallel": 10, "ramp_up_s": 50.0, "arrivals": Arrivals(stages=(Stage(1, 9, 30),))}, 50),
}


@pytest.mark.parametrize(("fields", "seconds"), SETTLED.values(), ids=SETTLED.keys())
def test_when_a_load_is_whole(fields: dict[str, Any], seconds: float) -> None:
    """All its slots have begun, and its rate changes no more."""
    given = {"rate": None} | fields
    assert Point("p", 100, warmup=0, first=0, **given).settled_ns == round(seconds * NANO)


STAGES: dict[str, tuple[list[Stage], float]] = {
    "no stages": ([], 0),
    "one rate": ([Stage(5, 5, 60)], 0),
    "a ramp": ([Stage(5, 50, 60)], 60),
    "a ramp, then its end held": ([Stage(5, 50, 60), Stage(50, 50, 600)], 60),
    "steps": ([Stage(5, 5, 10), Stage(9, 9, 20), Stage(7, 7, 30)], 30),
    "the same rate twice": ([Stage(5, 5, 10), Stage(5, 5, 20)], 0),
    "down to a ramp at the end": ([Stage(9, 9, 10), Stage(9, 3, 20)], 30),
}


@pytest.mark.parametrize(("stages", "seconds"), STAGES.values(), ids=STAGES.keys())
def test_when_a_rate_changes_no_more(stages: list[Stage], seconds: float) -> None:
    """The rate that goes on after the last stage counts from where it began."""
    assert settled_s(stages) == pytest.approx(seconds)
