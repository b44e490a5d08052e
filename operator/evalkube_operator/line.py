"""The queue of runs that wait to start, oldest first, for a limited number of runner pods. Pure.

All pods of a run or none, and what has a turn gets its nodes before the next one's begin: of two load tests that each
had half of their pods placed, both would wait for the other. So nobody gets a turn

- while the pods of another run find no room on the nodes, or of one in its namespace none in the quota: more pods would
  make that no better, and might take the place that the other is waiting for;
- with several pods, while another's have no node yet; and nobody at all while that other one has several;
- that does not fit into the limits. What is larger than a limit goes when it is alone.

The oldest run of all goes first and holds up the others; a namespace that is full holds up its own runs alone. Nothing
here is on record anywhere: who holds pods is what the Jobs and pods say, and who waits says so anew after a restart.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

__all__ = ["Crowd", "Holding", "Lack", "Limits", "Line", "Place", "Turn"]

Key = tuple[str, str, str]
"""Kind, namespace and name of a run."""

_STARTING_AT_ONCE: Final = 8
"""Runs of one pod that may wait for a node at one time: as many as Kubernetes makes pods in a moment."""


class Lack(StrEnum):
    """A reason why pods of a run that has its turn have no node."""

    NOTHING = "nothing"
    """As far as is known: they are on their way."""
    ROOM = "room"
    """The nodes are full."""
    QUOTA = "quota"
    """The namespace's quota is used up."""
    HOPE = "hope"
    """Room would not help."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of runner pods at a time, in all and in one namespace; 0: no limit."""

    pods: int = 0
    pods_per_namespace: int = 0

    @property
    def none(self) -> bool:
        """Whether there is no limit: then runs start as they come."""
        return not self.pods and not self.pods_per_namespace


@dataclass(frozen=True, slots=True)
class Holding:
    """The pods of a run that has a Job: how many it has or needs, how many of them have no node, and what they lack."""

    namespace: str
    pods: int
    unplaced: int = 0
    lack: Lack = Lack.NOTHING

    @property
    def starting(self) -> bool:
        """Whether pods of the run may still get a node."""
        return self.unplaced > 0 and self.lack is not Lack.HOPE


@dataclass(frozen=True, slots=True)
class Place:
    """A run in the queue. `since` is its creation."""

    key: Key
    uid: str
    pods: int
    since: datetime

    @property
    def namespace(self) -> str:
        """The namespace of the run."""
        return self.key[1]

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The sort key of places: age, then name."""
        return self.since, self.key[2], self.uid


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of a run that asked for one: `granted`, or still to come."""

    granted: bool


@dataclass(frozen=True, slots=True)
class Crowd:
    """The pods of other runs on nodes: whether there are any, any in the run's own namespace, and when one last gave
    some back.
    """

    anywhere: bool = False
    in_namespace: bool = False
    freed_at: datetime | None = None


@dataclass(slots=True)
class _Counts:
    """The number of pods of all holdings, in all and by namespace."""

    pods: Counter[str] = field(default_factory=Counter)
    placed: Counter[str] = field(default_factory=Counter)
    all_pods: int = 0
    all_placed: int = 0

    def add(self, holding: Holding, sign: int) -> None:
        placed = holding.pods - holding.unplaced
        for counter, count in ((self.pods, holding.pods), (self.placed, placed)):
            counter[holding.namespace] += sign * count
            if not counter[holding.namespace]:
                del counter[holding.namespace]
        self.all_pods += sign * holding.pods
        self.all_placed += sign * placed


class Line:
    """The queue of runs that wait to start. It belongs to one event loop. `called` is called with the key of each
    waiting run whose turn has come.
    """

    def __init__(self, limits: Limits, called: Callable[[Key], None]) -> None:
        self._limits = limits
        self._called = called
        self._waiting: dict[str, Place] = {}
        self._heaps: dict[str, list[tuple[datetime, str, str]]] = {}
        self._granted: dict[str, Holding] = {}
        self._held: dict[str, Holding] = {}
        self._starting: dict[str, Holding] = {}
        self._counts = _Counts()
        self._freed_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def turn(self, uid: str) -> Turn | None:
        """The turn of the run; None where it has not asked."""
        if uid in self._granted:
            return Turn(granted=True)
        return Turn(granted=False) if uid in self._waiting else None

    def crowd(self, uid: str, namespace: str) -> Crowd:
        """The pods of other runs that matter to the run."""
        own = self._held.get(uid)
        placed = own.pods - own.unplaced if own is not None else 0
        return Crowd(self._counts.all_placed > placed, self._counts.placed[namespace] > placed, freed_at=self._freed_at)

    def join(self, place: Place) -> bool:
        """Let the run wait for its turn; whether it did not wait before. Its turn may come at once."""
        if place.uid in self._granted or self._waiting.get(place.uid) == place:
            return False
        self._waiting[place.uid] = place
        heapq.heappush(self._heaps.setdefault(place.namespace, []), place.order)
        self._advance(but=place.uid)
        return True

    def leave(self, uid: str) -> None:
        """Let the run wait no longer, or note that it used its turn: what it holds since then is known."""
        granted = self._granted.pop(uid, None)
        if granted is not None:
            self._counts.add(granted, -1)
        if self._waiting.pop(uid, None) is not None or granted is not None:
            self._advance()

    def hold(self, uid: str, holding: Holding | None, now: datetime) -> None:
        """Note the pods that a run holds now; None: nothing at work."""
        before = self._held.get(uid)
        if before == holding:
            return
        if before is not None:
            del self._held[uid]
            self._starting.pop(uid, None)
            self._counts.add(before, -1)
            if holding is None or holding.pods < before.pods:
                self._freed_at = now
        if holding is not None:
            self._held[uid] = holding
            self._counts.add(holding, 1)
            if holding.starting:
                self._starting[uid] = holding
        self._advance()

    def _advance(self, *, but: str = "") -> None:
        """Grant all turns that have come by now. `but` is the run that learns of its turn by itself."""
        while (place := self._next()) is not None:
            del self._waiting[place.uid]
            granted = Holding(place.namespace, place.pods, place.pods)
            self._granted[place.uid] = granted
            self._counts.add(granted, 1)
            if place.uid != but:
                self._called(place.key)

    def _next(self) -> Place | None:
        if not self._waiting:
            return None
        heads = [head for namespace in list(self._heaps) if (head := self._head(namespace)) is not None]
        if self._limits.none:
            return min(heads, key=lambda head: head.order, default=None)
        starting = [*self._starting.values(), *self._granted.values()]
        short = {each.namespace for each in starting if each.lack is Lack.QUOTA}
        able = [head for head in heads if head.namespace not in short and self._fits_in_namespace(head)]
        first = min(able, key=lambda head: head.order, default=None)
        if first is None or not _fits(first.pods, self._counts.all_pods, self._limits.pods):
            return None
        return first if _open([each for each in starting if each.lack is not Lack.QUOTA], first) else None

    def _head(self, namespace: str) -> Place | None:
        heap = self._heaps[namespace]
        while heap:
            place = self._waiting.get(heap[0][2])
            if place is not None and place.order == heap[0] and place.namespace == namespace:
                return place
            heapq.heappop(heap)
        del self._heaps[namespace]
        return None

    def _fits_in_namespace(self, place: Place) -> bool:
        return _fits(place.pods, self._counts.pods[place.namespace], self._limits.pods_per_namespace)

    def holdings(self) -> Iterator[Holding]:
        """The pods of all runs, with those of granted turns (for the metrics)."""
        yield from self._held.values()
        yield from self._granted.values()


def _fits(pods: int, there: int, limit: int) -> bool:
    return not limit or not there or there + pods <= limit


def _open(starting: list[Holding], place: Place) -> bool:
    """Whether the pods that have no node yet let this run's pods start as well."""
    if any(each.lack is Lack.ROOM or each.pods > 1 for each in starting):
        return False
    return not starting if place.pods > 1 else len(starting) < _STARTING_AT_ONCE
