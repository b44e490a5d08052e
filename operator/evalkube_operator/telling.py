"""Reads objects from watches and lists of the API server, and tells the cache.

What cannot be read is noted and skipped. The last fact of it stays while the object is there, and goes with it; a
list takes over all others. No I/O.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from evalkube_crds.names import Kind
from evalkube_operator import reading
from evalkube_operator.cache import Cache, Covers
from evalkube_operator.errors import Unreadable
from evalkube_operator.facts import EventFact, Identity, JobFact, KeptRun, PodFact
from evalkube_operator.fields import Raw
from evalkube_operator.unread import Unread

__all__ = ["Telling"]

_Fact = TypeVar("_Fact")
_Prune = Callable[[set[str], int, Covers], int]


@dataclass(frozen=True, slots=True)
class _Kind(Generic[_Fact]):
    """A kind of objects: how they are read, and what the cache is told of one."""

    name: str
    read: Callable[[Raw], _Fact]
    apply: Callable[[_Fact], None]
    remove: Callable[[Identity, _Fact | None], None]
    prune: _Prune


class Telling:
    """Tells the cache of objects. It belongs to one event loop. Kinds go by the plural names of their resources."""

    def __init__(self, cache: Cache, unread: Unread) -> None:
        self._unread = unread
        self._kinds: Mapping[str, _Kind[Any]] = {
            **{f"{str(kind).lower()}s": _runs(cache, kind) for kind in Kind},
            "jobs": _jobs(cache),
            "pods": _pods(cache),
            "events": _events(cache),
        }

    def told(self, plural: str, raw: Raw, *, deleted: bool = False) -> None:
        """Tell the cache of an object that was added, changed or deleted."""
        kind = self._kinds[plural]
        try:
            if deleted:
                kind.remove(reading.identity(kind.name, raw), self._read(kind, raw))
            elif (fact := self._read(kind, raw)) is not None:
                kind.apply(fact)
        except Unreadable as problem:
            self._unread.note(problem)

    def listed(self, plural: str, items: Iterable[Raw], version: int, covers: Covers) -> int:
        """Tell the cache of all objects in the namespaces that `covers` says, at `version`; how many known ones were
        deleted without a watch event. An object that cannot be read still exists.
        """
        kind, there = self._kinds[plural], set()
        for raw in items:
            try:
                there.add(reading.identity(kind.name, raw).uid)
            except Unreadable as problem:
                self._unread.note(problem)
            else:
                self.told(plural, raw)
        return kind.prune(there, version, covers)

    def _read(self, kind: _Kind[_Fact], raw: Raw) -> _Fact | None:
        try:
            return kind.read(raw)
        except Unreadable as problem:
            self._unread.note(problem)
            return None


def _runs(cache: Cache, kind: Kind) -> _Kind[KeptRun]:
    def read(raw: Raw) -> KeptRun:
        return reading.kept(raw, kind)

    def remove(gone: Identity, _: KeptRun | None) -> None:
        cache.remove_run((str(kind), gone.namespace, gone.name), gone.uid, gone.version)

    return _Kind(str(kind), read, cache.apply_run, remove, partial(cache.prune_runs, str(kind)))


def _jobs(cache: Cache) -> _Kind[JobFact]:
    def remove(gone: Identity, _: JobFact | None) -> None:
        cache.remove_job(gone.uid, gone.version)

    return _Kind("Job", reading.job, cache.apply_job, remove, cache.prune_jobs)


def _pods(cache: Cache) -> _Kind[PodFact]:
    def remove(gone: Identity, last: PodFact | None) -> None:
        cache.remove_pod(gone.uid, gone.version, last)

    return _Kind("Pod", reading.pod, cache.apply_pod, remove, cache.prune_pods)


def _events(cache: Cache) -> _Kind[EventFact]:
    def remove(gone: Identity, _: EventFact | None) -> None:
        cache.remove_event(gone.uid)

    return _Kind("Event", reading.event, cache.apply_event, remove, cache.prune_events)
