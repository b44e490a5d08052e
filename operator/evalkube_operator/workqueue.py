"""Which keys want attention, and when: each at most once, never by two workers at a time, slower after failures.

A worker may put off what it would do for a key (``makes_way``, ``put_off``): that waits for a moment, because news come
in bunches, and while anybody hurries (``hurry``); but for some seconds at the most. Then it is done, a few at a time.

``Schedule`` decides and takes the time as an argument; ``WorkQueue`` is its asyncio shell. Neither knows what a key is.
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
_MOMENT_S = 1.0
"""Of news of one run: as long as its pod takes to start, so that one write tells of both."""
_HURRY_S = 0.1
"""For so long after somebody hurried, others make way."""
_PATIENCE_S = 10.0
_MODEST = 4
"""Workers that do such work at one time, at the most."""


class Schedule(Generic[Key]):
    """The queue's bookkeeping. All times are seconds of one clock."""

    def __init__(self) -> None:
        self._ready: dict[Key, float] = {}
        self._working: set[Key] = set()
        self._put_off: dict[Key, float] = {}
        self._modest: set[Key] = set()
        """Those of ``_working`` that had been put off."""
        self._hurry_until = float("-inf")
        self._let_go = float("-inf")
        self._dirty: dict[Key, float] = {}
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._ready) + len(self._put_off)

    def add(self, key: Key, now: float) -> None:
        """``key`` wants attention: now, or right after the worker that has it lets go of it."""
        if key in self._working:
            self._dirty.setdefault(key, now)
        else:
            self._ready.setdefault(key, now)

    def add_at(self, key: Key, due: float) -> None:
        """``key`` wants attention at ``due`` at the latest; an earlier appointment stands."""
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._later, (due, self._count, key))

    def take(self, now: float) -> Key | None:
        """The next key, to be worked on until ``done``, ``put_off`` or ``failed``; None where there is none."""
        self._promote(now)
        key = self._next_put_off(now)
        if key is not None:
            del self._put_off[key]
            self._modest.add(key)
        else:
            key = next(iter(self._ready), None)
        if key is not None:
            self._ready.pop(key, None)
            self._working.add(key)
        return key

    def _next_put_off(self, now: float) -> Key | None:
        key = self._first_put_off()
        return key if key is not None and now >= self._turn_at(key) else None

    def _first_put_off(self) -> Key | None:
        """None also where enough workers are at such work."""
        if len(self._modest) >= _MODEST:
            return None
        return next((key for key in self._put_off if key not in self._working), None)

    def _turn_at(self, key: Key) -> float:
        since = self._put_off[key]
        return min(max(since + _MOMENT_S, self._hurry_until), since + _PATIENCE_S)

    def hurry(self, now: float) -> None:
        """Somebody does what people wait for: what was put off makes way for another moment."""
        self._hurry_until = now + _HURRY_S

    def hurried(self, now: float) -> bool:
        """Whether somebody does, or did a moment ago."""
        return now < self._hurry_until

    def makes_way(self, key: Key) -> bool:
        """Whether the worker that has ``key`` has to put off what can wait."""
        return key not in self._modest

    def put_off(self, key: Key, now: float) -> None:
        """The worker lets go of ``key``, and has left only what can wait. Once more does not make it wait anew."""
        self._put_off.setdefault(key, now)
        self._failures.pop(key, None)
        self._release(key, now)

    def _promote(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due:  # not one that an earlier appointment has replaced
                del self._due[key]
                self.add(key, now)

    def done(self, key: Key, now: float) -> None:
        """The worker lets go of ``key``, and is content."""
        self._put_off.pop(key, None)
        self._failures.pop(key, None)
        self._release(key, now)

    def failed(self, key: Key, now: float, *, jitter: float = 0.0, at_least_s: float = 0.0) -> float:
        """The worker lets go of ``key``, to be tried again after a pause that doubles; the pause, in seconds."""
        count = self._failures.get(key, 0) + 1
        self._failures[key] = count
        pause_s = max(min(_BASE_S * 2.0 ** min(count - 1, 30), _CAP_S) * (1 + jitter), at_least_s)
        self._put_off.pop(key, None)
        self._dirty.pop(key, None)  # what came meanwhile waits too: it would fail the same way
        self._release(key, now)
        self.add_at(key, now + pause_s)
        return pause_s

    def _release(self, key: Key, now: float) -> None:
        self._let_go = now
        self._working.discard(key)
        self._modest.discard(key)
        if key in self._dirty:
            self._ready.setdefault(key, self._dirty.pop(key))

    def forget(self, key: Key) -> None:
        """``key`` is gone: no appointments, no failures, nothing put off."""
        self._put_off.pop(key, None)
        self._failures.pop(key, None)
        self._due.pop(key, None)

    def next_due(self) -> float | None:
        """When to look again although nothing is added: the next appointment, or the turn of what was put off."""
        while self._later and self._due.get(self._later[0][2]) != self._later[0][0]:
            heapq.heappop(self._later)
        moments = [self._later[0][0]] if self._later else []
        key = self._first_put_off()
        if key is not None:
            moments.append(self._turn_at(key))
        return min(moments, default=None)

    def oldest_s(self, now: float) -> float:
        """How long the longest waiting key has waited, beyond what it may be put off for."""
        ready = max((now - since for since in self._ready.values()), default=0.0)
        put_off = max((now - since - _PATIENCE_S for since in self._put_off.values()), default=0.0)
        return max(ready, put_off, 0.0)

    def stuck_s(self, now: float) -> float:
        """For how long keys have waited and no worker has let go of any: a long queue that moves is not stuck."""
        return min(self.oldest_s(now), now - self._let_go)


class WorkQueue(Generic[Key]):
    """A ``Schedule`` with workers that wait. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._schedule: Schedule[Key] = Schedule()
        self._clock = clock
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: Key) -> None:
        """See ``Schedule.add``."""
        self._schedule.add(key, self._clock())
        self._wake()

    def add_after(self, key: Key, seconds: float) -> None:
        """``key`` wants attention in so many seconds at the latest."""
        self._schedule.add_at(key, self._clock() + max(seconds, 0.0))
        self._set_timer()

    async def take(self) -> Key:
        """The next key, as soon as there is one; pair it with ``done``, ``put_off`` or ``failed``."""
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
        """See ``Schedule.done``."""
        self._schedule.done(key, self._clock())
        self._wake()

    def hurry(self) -> None:
        """See ``Schedule.hurry``."""
        self._schedule.hurry(self._clock())

    def hurried(self) -> bool:
        """See ``Schedule.hurried``."""
        return self._schedule.hurried(self._clock())

    def makes_way(self, key: Key) -> bool:
        """See ``Schedule.makes_way``."""
        return self._schedule.makes_way(key)

    def put_off(self, key: Key) -> None:
        """See ``Schedule.put_off``."""
        self._schedule.put_off(key, self._clock())
        self._set_timer()
        self._wake()

    def failed(self, key: Key, *, at_least_s: float = 0.0) -> float:
        """See ``Schedule.failed``; with up to 20 % of jitter."""
        pause_s = self._schedule.failed(key, self._clock(), jitter=random.random() / 5, at_least_s=at_least_s)
        self._set_timer()
        self._wake()
        return pause_s

    def forget(self, key: Key) -> None:
        """See ``Schedule.forget``."""
        self._schedule.forget(key)

    def oldest_s(self) -> float:
        """See ``Schedule.oldest_s``."""
        return self._schedule.oldest_s(self._clock())

    def stuck_s(self) -> float:
        """See ``Schedule.stuck_s``."""
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
