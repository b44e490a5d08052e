"""Opens connections to the addresses of one host, and keeps the first that succeeds (RFC 8305)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TypeVar

__all__ = ["first"]

_STAGGER_S = 0.25
"""How long an address may stay silent before the next one is tried beside it (RFC 8305, 5)."""

Opened = TypeVar("Opened")


async def first(
    connect: Callable[[str], Coroutine[None, None, Opened]],
    addresses: Iterable[str],
    close: Callable[[Opened], Awaitable[None] | None],
) -> Opened:
    """The first connection that succeeds; the addresses are tried in order, and other connections are closed. Raises
    the last failure.
    """
    waiting = list(addresses)
    if len(waiting) == 1:
        return await connect(waiting[0])
    trying: set[asyncio.Task[Opened]] = set()
    try:
        while True:
            if waiting:
                trying.add(asyncio.create_task(connect(waiting.pop(0))))
            pause_s = _STAGGER_S if waiting else None
            done, _ = await asyncio.wait(trying, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            stands = next((task for task in done if task.exception() is None), None)
            trying -= done if stands is None else {stands}
            if stands is not None:
                return stands.result()
            if not waiting and not trying:
                return done.pop().result()  # raises
    finally:
        await _abandon(trying, close)


async def _abandon(trying: set[asyncio.Task[Opened]], close: Callable[[Opened], Awaitable[None] | None]) -> None:
    for task in trying:
        task.cancel()
    for outcome in await asyncio.gather(*trying, return_exceptions=True):
        if not isinstance(outcome, BaseException) and (closing := close(outcome)) is not None:
            await closing
