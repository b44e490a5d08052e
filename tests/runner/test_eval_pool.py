"""The pool: busy, bounded, lazy, and quick to stop."""

import asyncio
from collections.abc import Iterator

import pytest

from evalkube_runner.eval import pool


def test_a_slow_job_holds_up_nobody() -> None:
    """One job of 0.2 s beside forty of 5 ms on two slots takes 0.2 s: the other slot does all the rest."""
    done: list[int] = []

    async def work(job: int) -> None:
        await asyncio.sleep(0.2 if job == 0 else 0.005)
        done.append(job)

    async def timed() -> float:
        begun = asyncio.get_running_loop().time()
        await pool.run(range(36), 2, work)
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(timed()) < 0.3
    assert done.index(0) > 20
    assert sorted(done) == list(range(36))


def test_jobs_are_made_when_a_slot_is_free() -> None:
    """At no time are more jobs taken than were finished, plus the slots."""
    finished = 0

    def jobs() -> Iterator[int]:
        for job in range(50):
            assert job <= finished + 4
            yield job

    async def work(_: int) -> None:
        nonlocal finished
        await asyncio.sleep(0)
        finished += 1

    asyncio.run(pool.run(jobs(), 4, work))
    assert finished == 50


def test_a_failure_stops_the_rest_and_is_raised_as_it_is() -> None:
    """Nothing goes on in the background."""
    ended: list[int] = []

    async def work(job: int) -> None:
        try:
            if job == 1:
                raise LookupError("job 1")
            await asyncio.sleep(30)
        finally:
            ended.append(job)

    with pytest.raises(LookupError, match="job 1"):
        asyncio.run(pool.run(range(100), 4, work))
    assert sorted(ended) == [0, 1, 2, 3]
