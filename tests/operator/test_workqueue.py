"""Which key is next, and when."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.workqueue import Schedule, WorkQueue


def test_a_key_is_there_once() -> None:
    """However often it was added."""
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 0)
    schedule.add("a", 1)
    assert schedule.take(1) == "a"
    assert schedule.take(1) is None


def test_no_two_workers_have_one_key() -> None:
    """What comes meanwhile waits until it is let go."""
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.add("a", 1)
    assert schedule.take(1) is None
    schedule.done("a", 2)
    assert schedule.take(2) == "a"


def test_failures_wait_longer_each_time() -> None:
    """50 ms, then double, up to a minute; success forgets."""
    schedule: Schedule[str] = Schedule()
    pauses = []
    now = 0.0
    for _ in range(14):
        schedule.add("a", now)
        schedule.take(now)
        pauses.append(schedule.failed("a", now))
        assert schedule.take(now + pauses[-1] - 0.001) is None
        now += pauses[-1]
        assert schedule.take(now) == "a"
        schedule.done("a", now) if len(pauses) == 13 else schedule._release("a", now)
    assert pauses[:3] == [0.05, 0.1, 0.2]
    assert max(pauses) == 60.0
    assert pauses[-1] == 0.05


def test_the_earlier_appointment_stands() -> None:
    """A later one does not push it back."""
    schedule: Schedule[str] = Schedule()
    schedule.add_at("a", 5.0)
    schedule.add_at("a", 9.0)
    schedule.add_at("a", 3.0)
    assert schedule.next_due() == 3.0
    assert schedule.take(2.9) is None
    assert schedule.take(3.0) == "a"
    schedule.done("a", 3.0)
    assert schedule.take(100.0) is None


def test_what_is_forgotten_does_not_come_back() -> None:
    """Its appointments go with it."""
    schedule: Schedule[str] = Schedule()
    schedule.add_at("a", 1.0)
    schedule.forget("a")
    assert schedule.next_due() is None
    assert schedule.take(2.0) is None


def test_a_deferred_key_waits_for_more_news() -> None:
    """A second, also where there is nothing else to do; then it must not be deferred again."""
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 0)
    schedule.take(0)
    assert schedule.must_defer("a")
    schedule.defer("a", 0)
    assert schedule.next_due() == 1
    assert schedule.take(0.99) is None
    assert schedule.take(1) == "a"
    assert not schedule.must_defer("a")


def test_a_deferred_key_comes_after_urgent_work() -> None:
    """It waits as long as urgent work is marked; keys that were not deferred go on."""
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 0)
    schedule.add("b", 0)
    assert [schedule.take(0), schedule.take(0)] == ["a", "b"]
    schedule.defer("a", 0)
    schedule.mark_urgent(1.25)
    schedule.mark_urgent(1.5)
    schedule.add("c", 1.55)
    assert [schedule.take(1.55), schedule.take(1.55)] == ["c", None]
    assert [schedule.is_urgent(1.59), schedule.is_urgent(1.61)] == [True, False]
    assert schedule.next_due() == 1.5 + 0.1
    assert schedule.take(1.61) == "a"


def test_a_key_is_deferred_for_ten_seconds_at_most() -> None:
    """However urgent other work is, and however often it was deferred."""
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 0)
    schedule.take(0)
    schedule.defer("a", 0)
    schedule.mark_urgent(2.95)
    schedule.add("a", 3)
    assert schedule.take(3) == "a"
    assert schedule.must_defer("a")
    schedule.defer("a", 3)
    schedule.mark_urgent(9.99)
    assert schedule.next_due() == 10
    assert schedule.take(9.99) is None
    assert schedule.take(10) == "a"


def test_few_workers_at_a_time_do_deferred_work() -> None:
    """What comes meanwhile finds the API server nearly idle."""
    schedule: Schedule[int] = Schedule()
    for key in range(10):
        schedule.add(key, 0)
        schedule.take(0)
    for key in range(10):
        schedule.defer(key, 0)
    assert [schedule.take(1) for _ in range(6)] == [0, 1, 2, 3, None, None]
    assert schedule.next_due() is None
    schedule.add(11, 1)
    assert schedule.take(1) == 11
    schedule.done(11, 1)
    schedule.done(0, 1)
    assert schedule.take(1) == 4


def test_a_queue_is_stuck_where_nobody_lets_go() -> None:
    """However long it is, it is not stuck as long as it moves."""
    schedule: Schedule[str] = Schedule()
    for key in "abc":
        schedule.add(key, 0)
    schedule.take(0)
    schedule.take(0)
    assert schedule.stuck_s(100) == 100
    schedule.done("a", 100)
    assert schedule.oldest_s(130) == 130
    assert schedule.stuck_s(130) == 30
    schedule.take(130)
    assert schedule.stuck_s(1000) == 0


_STEPS = ["add", "later", "take", "done", "put off", "fail"]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(_STEPS))))
def test_nothing_added_is_lost(steps: list[tuple[str, str]]) -> None:
    """After any history, everything that was added since its last look comes out in the end."""
    schedule: Schedule[str] = Schedule()
    wanted: set[str] = set()
    held: set[str] = set()
    for now, (key, step) in enumerate(steps):
        if step in ("add", "later"):
            schedule.add(key, now) if step == "add" else schedule.add_at(key, now + 2)
            wanted.add(key)
        elif step == "take" and (taken := schedule.take(now)) is not None:
            assert taken not in held
            held.add(taken)
            wanted.discard(taken)
        elif step in ("done", "put off", "fail") and key in held:
            if step == "fail":
                schedule.failed(key, now)
            else:
                schedule.done(key, now) if step == "done" else schedule.defer(key, now)
            wanted |= set() if step == "done" else {key}
            held.discard(key)
    for key in held:
        schedule.done(key, 1e6)
    left = set()
    while (taken := schedule.take(1e6)) is not None:
        left.add(taken)
        schedule.done(taken, 1e6)
    assert wanted <= left


def test_workers_are_woken() -> None:
    """By an addition at once, by an appointment in its time, each key by one of them."""

    async def story() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[str] = []

        async def worker() -> None:
            while True:
                key = await queue.take()
                seen.append(key)
                await asyncio.sleep(0)
                queue.done(key)

        workers = [asyncio.create_task(worker()) for _ in range(3)]
        await asyncio.sleep(0)
        queue.add_after("late", 0.05)
        for key in "abc":
            queue.add(key)
        async with asyncio.timeout(30):
            while len(seen) < 4:
                await asyncio.sleep(0.001)
        for task in workers:
            task.cancel()
        return seen

    *first, last = asyncio.run(story())
    assert (sorted(first), last) == (["a", "b", "c"], "late")
