"""The order in which runs last changed, for any number of event streams. A slow client costs no memory.

Nothing is queued for a client. A client has a position; it is told the runs that changed after it, each once, however
often the run changed. Belongs to one event loop; no I/O.
"""

import asyncio
import contextlib
import heapq
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from operator import itemgetter
from typing import Final, Generic, TypeVar

from evalkube_api.backend import Line, RunEvent

__all__ = ["Feed"]

_Key = TypeVar("_Key")

_QUIET_S: Final = 10.0
_PAUSE_S: Final = 0.25
"""Between two looks of one client at what changed: more changes of a run within this are one."""
_MOST_GONE: Final = 4096
_SNAPSHOT: Final = 500
"""Runs that a client without a position is told of, the newest ones."""
_MOST_DIGITS: Final = 18


class Feed(Generic[_Key]):
    """The changes of a backend's runs, by the backend's own key."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(4)
        self._number = 0
        self._changed: OrderedDict[_Key, int] = OrderedDict()
        self._gone: OrderedDict[_Key, int] = OrderedDict()
        self._forgotten = 0
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    @property
    def position(self) -> str:
        """The current position. A client that continues from it sees all later changes."""
        return self._position(self._number)

    def changed(self, *keys: _Key) -> None:
        """Records a change of these runs."""
        for key in keys:
            self._number += 1
            self._gone.pop(key, None)
            self._changed[key] = self._number
            self._changed.move_to_end(key)
        self._wake()

    def deleted(self, key: _Key) -> None:
        """Records the deletion of a run."""
        self._number += 1
        self._changed.pop(key, None)
        self._gone[key] = self._number
        self._gone.move_to_end(key)
        if len(self._gone) > _MOST_GONE:
            self._forgotten = self._gone.popitem(last=False)[1]
        self._wake()

    def close(self) -> None:
        """Ends every stream."""
        self._closed = True
        self._wake()

    async def events(
        self,
        after: str | None,
        *,
        line: Callable[[_Key], Line | None],
        run_id: Callable[[_Key], str],
        keys: Callable[[], Iterable[_Key]],
    ) -> AsyncIterator[RunEvent | None]:
        """The events of a stream; see backend.Backend. `line`: the current line of a run, None if this client does not
        see it. `keys`: those of all runs, for a snapshot.
        """
        known = self._number_of(after)
        seen = self._number if known is None else known
        if known is None:
            for event in self._snapshot(keys(), line):
                yield event
        told_s = -math.inf
        with self._waiter() as woken:
            while True:
                woken.clear()
                for number, key, gone in self._since(seen):
                    seen, found = number, None if gone else line(key)
                    if gone or found is not None:
                        told_s = time.monotonic()
                        yield _event(self._position(number), run_id(key), found)
                if time.monotonic() - told_s >= _QUIET_S:
                    told_s = time.monotonic()
                    yield None
                if self._closed:
                    return
                await self._next(woken)

    def _snapshot(self, keys: Iterable[_Key], line: Callable[[_Key], Line | None]) -> Iterator[RunEvent]:
        """The events of a snapshot. Only the last one has a position: a client that missed a part needs all of it
        again.
        """
        position = self.position
        shown = ((found.place, key) for key in keys if (found := line(key)) is not None)
        newest = [key for _, key in heapq.nlargest(_SNAPSHOT, shown, key=itemgetter(0))]
        waiting = RunEvent("snapshot", None)
        for key in reversed(newest):
            if (found := line(key)) is not None:
                yield waiting
                waiting = RunEvent("run", None, found.run_id, found)
        yield replace(waiting, position=position)

    def _since(self, number: int) -> list[tuple[int, _Key, bool]]:
        """The changes after a position, in their order."""
        changed = [(at, key, False) for key, at in _after(self._changed, number)]
        gone = [(at, key, True) for key, at in _after(self._gone, number)]
        return sorted(changed + gone, key=lambda change: change[0])

    async def _next(self, woken: asyncio.Event) -> None:
        """Waits for a change, or for the timeout."""
        await asyncio.sleep(_PAUSE_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_S):
                await woken.wait()

    @contextlib.contextmanager
    def _waiter(self) -> Iterator[asyncio.Event]:
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            yield woken
        finally:
            self._waiting.discard(woken)

    def _wake(self) -> None:
        for woken in self._waiting:
            woken.set()

    def _position(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _number_of(self, position: str | None) -> int | None:
        """The number of a position. None if it is not a position of this feed, or if later deletions were forgotten."""
        name, _, text = (position or "").partition("-")
        if name != self._name or not text.isdecimal() or len(text) > _MOST_DIGITS:
            return None
        return int(text) if self._forgotten <= int(text) <= self._number else None


def _event(position: str, run_id: str, line: Line | None) -> RunEvent:
    return RunEvent("deleted" if line is None else "run", position, run_id, line)


def _after(changes: OrderedDict[_Key, int], number: int) -> Iterator[tuple[_Key, int]]:
    return takewhile(lambda change: change[1] > number, reversed(changes.items()))
