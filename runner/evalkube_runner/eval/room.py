"""A semaphore whose limit changes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from evalkube_runner.eval.at_once import Limit

__all__ = ["Room"]


class Room:
    """Admits as many at once as the limit says now, in the order in which they come."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the places; waits for it."""
        await self.acquire()
        try:
            yield
        finally:
            self.release()

    async def acquire(self) -> None:
        """Takes one of the places; waits for it."""
        if self._inside >= self._limit.now or self._waiting:
            await self._turn()
        else:
            self._inside += 1

    def release(self) -> None:
        """Give a place back."""
        self._inside -= 1
        self._let_in()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._inside -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        while self._waiting and self._inside < self._limit.now:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
