"""The pool: busy, bounded, lazy, and quick to stop."""

import asyncio
from collections.abc import Iterator

import pytest

from evalkube_runner.eval import pool


def test_a_slow_job_holds_up_nobody() -> None:
    """One job that takes as long as all others together, on two slots: the other slot does all the rest."""
    done: list[int] = []

    async def both() -> None:
        rest = asyncio.Event()

        async def work(job: int) -> None:
            await (rest.wait() if job == 0 else asyncio.sleep(0))
            done.append(job)
            if len(done) == 35:
                rest.set()

        async with asyncio.timeout(30):
            await pool.run(range(36), 2, work)

    asyncio.run(both())
    assert done == [*range(1, 36), 0]


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
