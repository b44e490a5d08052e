"""One pool for all of a run's work: a free slot takes the next job, from whatever dataset.

Jobs come from one iterator, each asked for only when a slot is free, so that a million of them cost nothing in advance.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeVar

__all__ = ["run"]

Job = TypeVar("Job")


async def run(
    jobs: Iterable[Job],
    slots: int,
    work: Callable[[Job], Awaitable[None]],
    *,
    place: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> None:
    """Does `work` on every job, `slots` at a time. The first exception stops all the rest and is raised as it is.

    `place` is what a slot waits for before it takes a job, and holds until that is done.
    """
    waiting = iter(jobs)

    async def slot() -> None:
        while True:
            async with place():
                try:
                    job = next(waiting)
                except StopIteration:
                    return
                await work(job)

    tasks = [asyncio.create_task(slot()) for _ in range(slots)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
