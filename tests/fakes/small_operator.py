"""The operator's own rooms over a SmallCluster: its cache is fed by hand, and it can be killed at any call."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from evalkube_crds import seed
from evalkube_operator.actions import Announcement
from evalkube_operator.cache import Cache, Key
from evalkube_operator.errors import OperatorError
from evalkube_operator.execute import Executor
from evalkube_operator.facts import RunFact
from evalkube_operator.installer_rules import Rules
from evalkube_operator.jobs import RunnerDefaults
from evalkube_operator.line import Limits, Line
from evalkube_operator.reconcile import Reconciler
from evalkube_operator.storage import Storage
from evalkube_operator.telling import Telling
from evalkube_operator.unread import Unread
from fakes.small_cluster import Crash, SmallCluster
from fakes.small_store import SmallStore

__all__ = ["SmallOperator"]

Answer = TypeVar("Answer")
_PLURALS = {"EvalRun": "evalruns", "PerfRun": "perfruns", "Job": "jobs", "Pod": "pods", "Event": "events"}


class SmallOperator:
    """One operator at a time; `restart` is a new one that has listed everything."""

    def __init__(self, cluster: SmallCluster, rules: Rules | None = None, limits: Limits | None = None) -> None:
        self.cluster = cluster
        self.rules = rules or Rules()
        self.limits = limits or Limits(pods=32)
        self.announced: list[tuple[str, Announcement]] = []
        self.wanted: set[Key] = set()
        self.shortages: list[str] = []
        """What was told of the store's room, an empty word where there was some again."""
        self.pressed = False
        """Whether other runs have more urgent work."""
        self._loop = asyncio.new_event_loop()
        self.restart()

    def announce(self, run: RunFact, announcement: Announcement) -> None:
        """See `execute.Announcer`."""
        self.announced.append((run.uid, announcement))

    def mark_urgent(self) -> None:
        """See `reconcile.Priority`."""

    def must_defer(self, key: Key) -> bool:
        """See `reconcile.Priority`."""
        return self.pressed

    def restart(self) -> None:
        """Everything in memory is lost; everything is listed anew."""
        self.cache = Cache(self.wanted.add)
        self.unread: Counter[str] = Counter()
        unread = Unread(lambda kind: self.unread.update([kind]))
        self.telling = Telling(self.cache, unread)
        store = SmallStore(self.cluster)
        executor = Executor(
            cluster=self.cluster,
            store=store,
            cache=self.cache,
            defaults=RunnerDefaults(image="evalkube", ingest_url="http://ingest"),
            announcer=self,
            respond=seed.response,
            unread=unread,
            now=self.cluster.now,
        )
        self.line = Line(self.limits, self.wanted.add)
        self.storage = Storage(store.check, self._on_store_room, now=self.cluster.now)
        store.refused = self.storage.refused
        self.reconciler = Reconciler(
            cache=self.cache,
            executor=executor,
            rules=self.rules,
            output_uri=store.uri,
            priority=self,
            line=self.line,
            storage=self.storage,
            unread=unread,
            now=self.cluster.now,
        )
        self.relist()
        self.reconciler.prime()

    def _on_store_room(self, shortage: str) -> None:
        self.shortages.append(shortage)
        self.wanted.update(self.cache.run_keys())

    def relist(self) -> None:
        """A full list of everything; what the watches still had to tell is in it."""
        self.cluster.watch.clear()
        for kind, plural in _PLURALS.items():
            self.telling.listed(plural, self.cluster.of_kind(kind), 1 << 60, lambda _: True)
        self.wanted.update(self.cache.run_keys())

    def deliver(self, count: int = 1 << 30) -> None:
        """The watches tell up to `count` of what has happened."""
        while self.cluster.watch and count:
            kind, raw, deleted = self.cluster.watch.popleft()
            count -= 1
            if kind in _PLURALS:
                self.telling.told(_PLURALS[kind], raw, deleted=deleted)

    def look_for_room(self) -> None:
        """What `Storage.keep` does every few seconds."""
        if (room := self.storage.room()) is not None and room.shortage:
            self.do(self.storage.probe())

    def hear(self, pod: dict[str, Any]) -> None:
        """The runner of `pod` delivers and says its last word; its pod is about to end."""
        labels, receipt = pod["metadata"]["labels"], self.cluster.delivered(pod)
        self.reconciler.finished(labels["evalkube.io/run-uid"], int(labels["evalkube.io/attempt"]), receipt)

    def work(self, key: Key) -> float | None:
        """One reconciliation. A crash in it is a restart; an error means 1 s of pause."""
        self.wanted.discard(key)
        try:
            rest = self.do(self.reconciler.reconcile(key))
            if not rest.deferred:
                return rest.again_s
            self.wanted.add(key)
        except Crash:
            self.restart()
        except OperatorError:
            self.wanted.add(key)
            return 1.0
        return 0.0

    def do(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """Run it on the operator's loop."""
        return self._loop.run_until_complete(coroutine)

    def close(self) -> None:
        """The loop and its threads end."""
        with contextlib.suppress(RuntimeError):
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
