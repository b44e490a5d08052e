"""The work queue: a key is in it once, one worker has it at a time, and it is tried again later after a failure.

Bookkeeping (a status that nobody waits for) comes after urgent work (making a Job). A worker that has only bookkeeping
left for a key defers it (`must_defer`, `defer`): for a second, as news come in bunches and one write tells them all;
longer while work is urgent (`mark_urgent`), but for ten seconds at most. Then few workers at a time do it. Decision
0004 in docs/decisions says why.

`Schedule` decides and takes the time as an argument; `WorkQueue` is its asyncio shell. Neither knows what a key is.
"""

import asyncio
import heapq
import random
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Schedule", "WorkQueue"]

Key = TypeVar("Key", bound=Hashable)

_BASE_S = 0.05
_CAP_S = 60.0
_DEFER_S = 1.0
"""How long a key is deferred at least: as long as a pod takes to start, so that one write tells of both."""
_URGENT_S = 0.1
"""How long work counts as urgent after it was marked so."""
_LONGEST_DEFER_S = 10.0
_MAX_DEFERRED_WORKERS = 4
"""How many workers do deferred work at a time."""


class Schedule(Generic[Key]):
    """The queue's bookkeeping. All times are seconds of one clock."""

    def __init__(self) -> None:
        self._ready: dict[Key, float] = {}
        self._working: set[Key] = set()
        self._deferred: dict[Key, float] = {}
        self._doing_deferred: set[Key] = set()
        """Those of `_working` that had been deferred."""
        self._urgent_until = float("-inf")
        self._released_at = float("-inf")
        self._dirty: dict[Key, float] = {}
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._ready) + len(self._deferred)

    def add(self, key: Key, now: float) -> None:
        """Queue `key`: now, or as soon as the worker that has it releases it."""
        if key in self._working:
            self._dirty.setdefault(key, now)
        else:
            self._ready.setdefault(key, now)

    def add_at(self, key: Key, due: float) -> None:
        """Queue `key` at `due` at the latest; an earlier time that was asked for stands."""
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._later, (due, self._count, key))

    def take(self, now: float) -> Key | None:
        """The next key, which the caller has until `done`, `defer` or `failed`; None where there is none."""
        self._promote(now)
        key = self._next_deferred(now)
        if key is not None:
            del self._deferred[key]
            self._doing_deferred.add(key)
        else:
            key = next(iter(self._ready), None)
        if key is not None:
            self._ready.pop(key, None)
            self._working.add(key)
        return key

    def _next_deferred(self, now: float) -> Key | None:
        key = self._first_deferred()
        return key if key is not None and now >= self._turn_at(key) else None

    def _first_deferred(self) -> Key | None:
        """The deferred key that waits longest; None where there is none, or where enough workers do deferred work."""
        if len(self._doing_deferred) >= _MAX_DEFERRED_WORKERS:
            return None
        return next((key for key in self._deferred if key not in self._working), None)

    def _turn_at(self, key: Key) -> float:
        since = self._deferred[key]
        return min(max(since + _DEFER_S, self._urgent_until), since + _LONGEST_DEFER_S)

    def mark_urgent(self, now: float) -> None:
        """Note that urgent work is being done: deferred keys wait a little longer."""
        self._urgent_until = now + _URGENT_S

    def is_urgent(self, now: float) -> bool:
        """Whether urgent work is being done, or was a moment ago."""
        return now < self._urgent_until

    def must_defer(self, key: Key) -> bool:
        """Whether the worker that has `key` must defer its bookkeeping: it was not deferred before."""
        return key not in self._doing_deferred

    def defer(self, key: Key, now: float) -> None:
        """Release `key`, for which only bookkeeping is left. Deferring it again does not make it wait longer."""
        self._deferred.setdefault(key, now)
        self._failures.pop(key, None)
        self._release(key, now)

    def _promote(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due:  # not one that an earlier time has replaced
                del self._due[key]
                self.add(key, now)

    def done(self, key: Key, now: float) -> None:
        """Release `key`: its work is done."""
        self._deferred.pop(key, None)
        self._failures.pop(key, None)
        self._release(key, now)

    def failed(self, key: Key, now: float, *, jitter: float = 0.0, at_least_s: float = 0.0) -> float:
        """Release `key`, to be tried again after a pause that doubles; returns the pause, in seconds."""
        count = self._failures.get(key, 0) + 1
        self._failures[key] = count
        pause_s = max(min(_BASE_S * 2.0 ** min(count - 1, 30), _CAP_S) * (1 + jitter), at_least_s)
        self._deferred.pop(key, None)
        self._dirty.pop(key, None)  # what came meanwhile waits too: it would fail the same way
        self._release(key, now)
        self.add_at(key, now + pause_s)
        return pause_s

    def _release(self, key: Key, now: float) -> None:
        self._released_at = now
        self._working.discard(key)
        self._doing_deferred.discard(key)
        if key in self._dirty:
            self._ready.setdefault(key, self._dirty.pop(key))

    def forget(self, key: Key) -> None:
        """Drop all that is known of `key`, which is gone."""
        self._deferred.pop(key, None)
        self._failures.pop(key, None)
        self._due.pop(key, None)

    def next_due(self) -> float | None:
        """The time to take again although nothing is added: a key is due then, or a deferred one."""
        while self._later and self._due.get(self._later[0][2]) != self._later[0][0]:
            heapq.heappop(self._later)
        moments = [self._later[0][0]] if self._later else []
        key = self._first_deferred()
        if key is not None:
            moments.append(self._turn_at(key))
        return min(moments, default=None)

    def oldest_s(self, now: float) -> float:
        """How long the key that waits longest has waited, beyond the time for which it may be deferred."""
        ready = max((now - since for since in self._ready.values()), default=0.0)
        deferred = max((now - since - _LONGEST_DEFER_S for since in self._deferred.values()), default=0.0)
        return max(ready, deferred, 0.0)

    def stuck_s(self, now: float) -> float:
        """How long keys have waited without any being released: a long queue that moves is not stuck."""
        return min(self.oldest_s(now), now - self._released_at)


class WorkQueue(Generic[Key]):
    """The asyncio shell of a `Schedule`: workers wait in it for keys. It belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._schedule: Schedule[Key] = Schedule()
        self._clock = clock
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: Key) -> None:
        """See `Schedule.add`."""
        self._schedule.add(key, self._clock())
        self._wake()

    def add_after(self, key: Key, seconds: float) -> None:
        """Queue `key` in so many seconds at the latest."""
        self._schedule.add_at(key, self._clock() + max(seconds, 0.0))
        self._set_timer()

    async def take(self) -> Key:
        """The next key, as soon as there is one; call `done`, `defer` or `failed` with it afterwards."""
        while (key := self._schedule.take(self._clock())) is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self._set_timer()
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        if len(self._schedule):
            self._wake()
        return key

    def done(self, key: Key) -> None:
        """See `Schedule.done`."""
        self._schedule.done(key, self._clock())
        self._wake()

    def mark_urgent(self) -> None:
        """See `Schedule.mark_urgent`."""
        self._schedule.mark_urgent(self._clock())

    def is_urgent(self) -> bool:
        """See `Schedule.is_urgent`."""
        return self._schedule.is_urgent(self._clock())

    def must_defer(self, key: Key) -> bool:
        """See `Schedule.must_defer`."""
        return self._schedule.must_defer(key)

    def defer(self, key: Key) -> None:
        """See `Schedule.defer`."""
        self._schedule.defer(key, self._clock())
        self._set_timer()
        self._wake()

    def failed(self, key: Key, *, at_least_s: float = 0.0) -> float:
        """See `Schedule.failed`; with up to 20 % of jitter."""
        pause_s = self._schedule.failed(key, self._clock(), jitter=random.random() / 5, at_least_s=at_least_s)
        self._set_timer()
        self._wake()
        return pause_s

    def forget(self, key: Key) -> None:
        """See `Schedule.forget`."""
        self._schedule.forget(key)

    def oldest_s(self) -> float:
        """See `Schedule.oldest_s`."""
        return self._schedule.oldest_s(self._clock())

    def stuck_s(self) -> float:
        """See `Schedule.stuck_s`."""
        return self._schedule.stuck_s(self._clock())

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    def _set_timer(self) -> None:
        due = self._schedule.next_due()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            delay_s = max(due - self._clock(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake()
        if not self._waiters:
            return
        self._set_timer()
