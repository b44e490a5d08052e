"""Estimates of a load test, against loads whose course is known."""

import pytest

from evalkube_runner.perf.pace import Load, Pace


def closed(measured: int, slots: int, warmup: int = 0, rate: float | None = None) -> Load:
    return Load(measured, warmup, slots, rate)


def stages(measured: int, warmup: int, mean: float, warmup_s: float) -> Load:
    return Load(measured, warmup, None, mean, warmup_s=warmup_s)


def growing(measured: int, slots: int, ramp_up_s: float) -> Load:
    return Load(measured, 0, slots, None, ramp_up_s=ramp_up_s)


def open_loop(measured: int, rate: float) -> Load:
    return Load(measured, 0, None, rate)


def pace(*loads: Load, pause_s: float = 0.0, duration_s: float | None = None) -> Pace:
    """The first load has begun at 0."""
    made = Pace(loads, pause_s=pause_s, duration_s=duration_s)
    made.begin(loads[0])
    made.start(0.0)
    return made


LEFT = {
    "a closed loop": (pace(closed(100, 5)), 0, 20, 4.0, 16.0),
    "nothing has come yet": (pace(closed(100, 5)), 0, 0, 4.0, None),
    "a closed loop and twice the slots": (pace(closed(100, 5), closed(100, 10)), 0, 20, 4.0, 16.0 + 10.0),
    "pauses": (pace(closed(100, 5), closed(100, 10), pause_s=5.0), 0, 20, 4.0, 16.0 + 5.0 + 10.0),
    "warm-up counts": (pace(closed(100, 5, warmup=20)), 20, 0, 4.0, 20.0),
    "in the warm-up": (pace(closed(100, 5, warmup=20)), 10, 0, 2.0, 22.0),
    "a rate": (pace(open_loop(100, 10.0)), 0, 0, 4.0, 6.0),
    "a rate and then a faster one": (pace(open_loop(100, 10.0), open_loop(100, 20.0)), 0, 39, 4.0, 6.0 + 5.0),
    "a rate whose last answers are late": (pace(open_loop(100, 10.0)), 0, 90, 11.0, 0.0),
    "a rate below what its slots could": (pace(closed(100, 50, rate=10.0)), 0, 40, 4.0, 6.0),
    "a rate beyond what its slots can": (pace(closed(100, 1, rate=100.0)), 0, 4, 4.0, 96.0),
    "a duration": (pace(closed(1000, 5), duration_s=10.0), 0, 20, 4.0, 6.0),
    "a duration that is not needed": (pace(closed(40, 5), duration_s=10.0), 0, 20, 4.0, 4.0),
    "two durations": (pace(closed(1000, 5), closed(1000, 5), pause_s=1.0, duration_s=10.0), 0, 20, 4.0, 17.0),
    "a rate under a duration": (pace(open_loop(1000, 10.0), duration_s=10.0), 0, 30, 4.0, 6.0),
    "stages": (pace(stages(90, 10, 10.0, 4.0)), 10, 0, 4.0, 6.0),
    "stages under a duration": (pace(stages(1000, 0, 10.0, 0.0), duration_s=10.0), 0, 30, 4.0, 6.0),
    "stages to come, under a duration": (
        pace(open_loop(10, 10.0), stages(90, 10, 10.0, 4.0), duration_s=5.0),
        *(0, 10, 1.0, 4.0 + 5.0),
    ),
    # 10 slots of 1 s that begin within 10 s: 5 requests in 1 s of them, then 10 a second
    "slots that still begin": (pace(growing(100, 10, 10.0)), 0, 5, 10**0.5, 15.0 - 10**0.5),
    "slots that have begun": (pace(growing(100, 10, 10.0)), 0, 60, 11.0, 4.0),
    "fewer requests than slots could": (pace(growing(20, 10, 10.0)), 0, 5, 10**0.5, 40**0.5 - 10**0.5),
    "a shard without a part": (pace(Load(0, 0, 0, None), closed(10, 5)), 0, 0, 4.0, None),
}


@pytest.mark.parametrize(("course", "warm", "measured", "now_s", "left_s"), LEFT.values(), ids=LEFT)
def test_what_is_left(course: Pace, warm: int, measured: int, now_s: float, left_s: float | None) -> None:
    """In seconds; None where the time of anything that follows is not known."""
    course.heard(warm, measured, now_s)
    assert course.progress(now_s, "x").eta_seconds == (None if left_s is None else pytest.approx(left_s))


def test_what_a_duration_leaves_unsent_is_not_to_be_done() -> None:
    """At the end all that was sent is all there was."""
    course = pace(closed(1000, 5), closed(1000, 5), duration_s=1.0)
    course.heard(0, 40, 1.0)
    assert (course.progress(1.0, "x").done, course.progress(1.0, "x").total) == (40, 2000)
    course.end(42)
    assert (course.progress(1.1, "x").done, course.progress(1.1, "x").total) == (42, 1042)
    course.begin(closed(1000, 5))
    course.end(38)
    last = course.progress(3.0, "x")
    assert (last.done, last.total, last.eta_seconds) == (80, 80, 0.0)


def test_a_search_knows_neither_total_nor_end() -> None:
    """What it will try is decided by what it finds."""
    course = Pace(None, pause_s=0.0, duration_s=None)
    course.begin(closed(10, 2))
    course.start(0.0)
    course.heard(0, 5, 1.0)
    found = course.progress(1.0, "x")
    assert (found.done, found.total, found.eta_seconds) == (5, 0, None)


def test_a_load_that_is_being_prepared_keeps_the_estimate() -> None:
    """By what was seen of the load before. Nothing of it is warm-up yet."""
    second = closed(90, 10, warmup=10)
    course = pace(closed(100, 5), second)
    course.heard(0, 100, 20.0)
    course.end(100)
    course.begin(second)
    assert course.progress(21.0, "x").eta_seconds == pytest.approx(10.0)
    assert not course.is_warming
    course.start(22.0)
    assert course.progress(23.0, "x").eta_seconds == pytest.approx(9.0)
    assert course.is_warming


def test_warm_up_ends_with_its_last_request() -> None:
    """Or with the first measured one, where the last is slow."""
    course = pace(closed(10, 2, warmup=4))
    assert course.is_warming
    course.heard(3, 0, 1.0)
    assert course.is_warming
    course.heard(3, 1, 1.5)
    assert not course.is_warming
