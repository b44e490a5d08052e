"""The runs as the watches reported them, the waiters for each run, and the documents of runs that ended just now.

Its input is watch events, lists (which also remove runs that were deleted unseen), and answers to our own calls. Older
data never replaces newer, and a deleted run does not come back. Belongs to one event loop. No I/O.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from evalkube_api.backend import Line
from evalkube_api.errors import RunDeleted
from evalkube_api.feed import Feed
from evalkube_api.kubernetes import documents
from evalkube_api.kubernetes.documents import Raw
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.unread import Unreadable
from evalkube_crds.names import Kind, Phase

__all__ = ["Cache", "Entry", "Waiter"]

_GRAVES: Final = 4096
_RECENT_BYTES: Final = 8 * 1024 * 1024
"""Of documents that ended while someone waited: the results are asked for right after."""

Waiter = asyncio.Future[Raw | None]
"""The document at the run's end, None where the service stops before; raises RunDeleted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The stored data of a run. `data` is its document without results, as JSON."""

    uid: str
    version: int
    line: Line
    changed_at: datetime
    data: bytes

    @property
    def phase(self) -> Phase:
        """The run's phase."""
        return self.line.phase

    def document(self) -> dict[str, Any]:
        """The resource, without its results."""
        found: dict[str, Any] = orjson.loads(self.data)
        return found


class Cache:
    """Runs by key. `now` gives the time of a change; `feed` is told of each change."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.feed: Feed[Key] = Feed()
        self._now = now
        self._entries: dict[Key, Entry] = {}
        self._waiters: dict[str, set[Waiter]] = {}
        self._followers: dict[str, set[asyncio.Event]] = {}
        self._graves: OrderedDict[str, None] = OrderedDict()
        self._listed: dict[tuple[Kind, str | None], int] = {}
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._recent_bytes = 0
        self._closed = False

    # what is asked

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, key: Key) -> Entry | None:
        """The run of that key; None if it is not known."""
        return self._entries.get(key)

    def entries(self) -> Iterable[tuple[Key, Entry]]:
        """All runs."""
        return self._entries.items()

    def keys(self) -> Iterable[Key]:
        """The keys of all runs."""
        return self._entries.keys()

    def ended(self, uid: str) -> dict[str, Any] | None:
        """The whole document of a run that ended a short while ago. Such a document never changes again."""
        data = self._recent.get(uid)
        return None if data is None else orjson.loads(data)

    @property
    def waiting(self) -> int:
        """The number of blocked requests."""
        return sum(map(len, self._waiters.values()))

    # who waits

    @contextlib.contextmanager
    def waiter(self, uid: str) -> Iterator[Waiter]:
        """A future that is resolved at the run's end. Read the run's state after this call: no change is then lost."""
        future: Waiter = asyncio.get_running_loop().create_future()
        if uid in self._graves:
            future.set_exception(_deleted())
        elif self._closed:
            future.set_result(None)
        self._waiters.setdefault(uid, set()).add(future)
        try:
            yield future
        finally:
            self._leave(self._waiters, uid, future)
            if future.done() and not future.cancelled():
                future.exception()  # nobody may be left to look at it

    @contextlib.contextmanager
    def follower(self, uid: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change of the run, and at its deletion."""
        event = asyncio.Event()
        self._followers.setdefault(uid, set()).add(event)
        if self._closed:
            event.set()
        try:
            yield event
        finally:
            self._leave(self._followers, uid, event)

    def _leave(self, places: dict[str, set[Any]], uid: str, mine: object) -> None:
        left = places.get(uid, set())
        left.discard(mine)
        if not left:
            places.pop(uid, None)

    def close(self) -> None:
        """Wakes all waiters, because the service stops."""
        self._closed = True
        self.feed.close()
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        for uid in list(self._followers):
            self._tell(uid)

    @property
    def closed(self) -> bool:
        """Whether the service stops."""
        return self._closed

    # what is told

    def apply(self, raw: Raw) -> None:
        """Stores a version of a run. Raises Unreadable; the stored run is then unchanged."""
        seen = documents.seen(raw)
        known = self._entries.get(seen.key)
        if seen.uid in self._graves or (known is not None and seen.version <= known.version):
            return
        if known is None and seen.version <= self._listed_at(seen.key):
            return  # it came and went while no watch looked: a list that is newer does not have it
        if known is not None and known.uid != seen.uid:
            self._bury(known.uid)
        self._entries[seen.key] = Entry(
            uid=seen.uid,
            version=seen.version,
            line=seen.line,
            changed_at=self._now() if known is not None else seen.changed_at,
            data=seen.data,
        )
        self.feed.changed(seen.key)
        if seen.line.phase.terminal and seen.uid in self._waiters:
            self._end(seen.uid, seen.whole)
        self._tell(seen.uid)

    def remember(self, raw: Raw) -> None:
        """Keeps the whole document of an ended run for a short while. A document that is not kept is read again."""
        try:
            uid, data = documents.identity(raw)[1], documents.packed(raw)
        except Unreadable:
            return
        self._recent_bytes += len(data) - len(self._recent.pop(uid, b""))
        self._recent[uid] = data
        while self._recent_bytes > _RECENT_BYTES:
            self._recent_bytes -= len(self._recent.popitem(last=False)[1])

    def bury(self, key: Key, uid: str) -> None:
        """Removes a deleted run."""
        known = self._entries.get(key)
        if known is not None and known.uid == uid:
            del self._entries[key]
            self.feed.deleted(key)
        self._bury(uid)

    def prune(self, kind: Kind, namespace: str | None, listed: Collection[str], version: int) -> int:
        """Removes runs that a list does not have, and returns their number.

        The list is of all runs of `kind` (in `namespace`) at `version`. A run that is missing from it was deleted
        unseen.
        """
        self._listed[kind, namespace] = version
        ghosts = [
            (key, entry.uid)
            for key, entry in self._entries.items()
            if key.kind is kind
            and namespace in (None, key.namespace)
            and entry.uid not in listed
            and entry.version <= version
        ]
        for key, uid in ghosts:
            self.bury(key, uid)
        return len(ghosts)

    def _listed_at(self, key: Key) -> int:
        return max(self._listed.get((key.kind, place), -1) for place in (None, key.namespace))

    def _end(self, uid: str, raw: Raw) -> None:
        self.remember(raw)
        for waiter in self._waiters.get(uid, ()):
            if not waiter.done():
                waiter.set_result(raw)

    def _bury(self, uid: str) -> None:
        self._graves[uid] = None
        if len(self._graves) > _GRAVES:
            self._graves.popitem(last=False)
        self._recent_bytes -= len(self._recent.pop(uid, b""))
        for waiter in self._waiters.get(uid, ()):
            if not waiter.done():
                waiter.set_exception(_deleted())
        self._tell(uid)

    def _tell(self, uid: str) -> None:
        for event in self._followers.get(uid, ()):
            event.set()


def _deleted() -> RunDeleted:
    return RunDeleted("the run was deleted before its end")
