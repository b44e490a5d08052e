"""Reconciles one run: observe, plan, act, and observe again until there is nothing to do but wait.

The same at the start of the operator as at any other time. Keeps the runs' memories; decides nothing itself.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from evalkube_crds.results import Progress, Receipt
from evalkube_operator import plan
from evalkube_operator.actions import Action, AwaitTurn, CreateJob, LookUpStoreRoom, Wait, WriteStatus
from evalkube_operator.cache import Cache, Key
from evalkube_operator.errors import Unreadable
from evalkube_operator.execute import Executor
from evalkube_operator.facts import RunFact
from evalkube_operator.installer_rules import Rules
from evalkube_operator.line import Line, Place
from evalkube_operator.memory import Memory
from evalkube_operator.policies import placing
from evalkube_operator.ports import RunKey
from evalkube_operator.storage import Storage
from evalkube_operator.unread import Unread

__all__ = ["Priority", "Reconciler", "Requeue"]

_LOG = logging.getLogger("evalkube.operator")
_MOST_ROUNDS: Final = 25
"""An ordinary reconciliation has two or three; more than this is a fault of ours, and waits rather than spins."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """The time of the next reconciliation: in so many seconds at the latest (None: when there is news of the run), or
    `deferred`: only bookkeeping is left, which comes after urgent work.
    """

    again_s: float | None = None
    deferred: bool = False


_DEFERRED: Final = Requeue(deferred=True)


class Priority(Protocol):
    """The work queue as a reconciliation uses it: which work comes first."""

    def mark_urgent(self) -> None:
        """Note that a Job is being made: bookkeeping comes later."""

    def must_defer(self, key: Key) -> bool:
        """Whether the bookkeeping of this run has to be deferred."""


class Reconciler:
    """Reconciles runs, one step after the other. It belongs to one event loop.

    `output_uri`: where a run's artifacts are, for its status. `priority`: where runs wait to be looked at;
    `line`: where they wait to be started; `storage`: whether there is room for what they will bring.
    """

    def __init__(
        self,
        *,
        cache: Cache,
        executor: Executor,
        rules: Rules,
        output_uri: Callable[[RunKey], str],
        priority: Priority,
        line: Line,
        storage: Storage,
        unread: Unread,
        now: Callable[[], datetime],
    ) -> None:
        self._cache = cache
        self._executor = executor
        self._rules = rules
        self._output_uri = output_uri
        self._priority = priority
        self._line = line
        self._storage = storage
        self._unread = unread
        self._now = now
        self._memories: dict[str, Memory] = {}
        self._uids: dict[Key, str] = {}

    async def reconcile(self, key: Key) -> Requeue:
        """Take the run's next steps. A run that cannot be read is left alone until it changes: its earlier state
        decides nothing.

        Raises errors.OperatorError to be tried again, with everything that was done kept.
        """
        for _ in range(_MOST_ROUNDS):
            try:
                run = self._cache.run(key)
            except Unreadable as problem:
                self._unread.note(problem)
                self._line.leave(self._uids.get(key, ""))
                return Requeue()
            self._forget_others(key, run)
            if run is None:
                return Requeue()
            try:
                rest = await self._step(run)
            except BaseException:
                self._line.leave(run.uid)  # it asks anew when it is tried again, and holds up nobody until then
                raise
            if rest is not None:
                self._release(run)
                return rest
        _LOG.error("%s %s/%s: %d steps did not bring it to an end; it is looked at again in 5 s", *key, _MOST_ROUNDS)
        return Requeue(5.0)

    async def _step(self, run: RunFact) -> Requeue | None:
        """Make one plan and carry it out; None where another has to be made."""
        memory = self._memories.setdefault(run.uid, Memory())
        now = self._now()
        self._hold(run.uid, run.namespace, now)
        room, interval_s = self._storage.room(), self._rules.progress_interval_s
        seen = memory.seen(run, self._cache, self._line, now, store_room=room, progress_interval_s=interval_s)
        uri = self._output_uri(RunKey(run.namespace, run.name, run.uid))
        waits: list[datetime] = []
        actions = plan.next_actions(plan.PlanInput(run, seen, now, self._rules, uri))
        if not any(isinstance(action, AwaitTurn | CreateJob) for action in actions):
            self._line.leave(run.uid)  # it has its Job, or something else holds it up
        for action in actions:
            if isinstance(action, Wait):
                waits.append(action.until)
            elif isinstance(action, WriteStatus) and action.can_wait and self._priority.must_defer(run.key):
                return _DEFERRED
            elif await self._performed(action, run, memory):
                return None
        seconds = [(until - self._now()).total_seconds() for until in waits]
        return Requeue(max(min(seconds), 0.0) if seconds else None)

    async def _performed(self, action: Action, run: RunFact, memory: Memory) -> bool:
        """Carry out one action; Jobs are urgent work, so that in a burst they come before any bookkeeping."""
        if isinstance(action, AwaitTurn):
            return self._line.join(Place(run.key, run.uid, action.pods, run.created_at))
        if isinstance(action, LookUpStoreRoom):
            await self._storage.look()
            return True
        if not isinstance(action, CreateJob):
            return await self._executor.perform(action, run, memory)
        self._priority.mark_urgent()
        try:
            return await self._executor.perform(action, run, memory)
        finally:
            self._priority.mark_urgent()

    def prime(self) -> None:
        """Note the pods of all runs, before the first of them gets its turn."""
        now = self._now()
        for key in self._cache.run_keys():
            uid = self._cache.uid_of(key)
            if uid is not None and self._cache.jobs(uid):
                self._uids[key] = uid
                self._hold(uid, key[1], now)

    def _hold(self, uid: str, namespace: str, now: datetime) -> None:
        jobs = self._cache.jobs(uid)
        creates = self._cache.failed_creates(namespace, (job.uid for job in jobs))
        self._line.hold(uid, placing.holding(namespace, jobs, self._cache.pods(uid), creates), now)

    def _forget_others(self, key: Key, run: RunFact | None) -> None:
        """Drop the memory of a run that is gone, also where another of its name has come."""
        known = self._uids.get(key)
        if known is not None and (run is None or run.uid != known):
            self._memories.pop(known, None)
            self._line.leave(known)
            self._line.hold(known, None, self._now())
            del self._uids[key]
        if run is not None:
            self._uids[key] = run.uid

    def _release(self, run: RunFact) -> None:
        """Drop the memory of a run that has ended: there may be many thousands of them."""
        if run.status.phase.terminal:
            self._memories.pop(run.uid, None)

    def progressed(self, uid: str, attempt: int, shard: int, progress: Progress) -> None:
        """Note a shard's progress; the caller has the run looked at."""
        if self._cache.key_of(uid) is not None:
            self._memories.setdefault(uid, Memory()).progressed(attempt, shard, progress)

    def finished(self, uid: str, attempt: int, receipt: Receipt) -> None:
        """Note a shard's receipt; the caller has the run looked at."""
        if self._cache.key_of(uid) is not None:
            self._memories.setdefault(uid, Memory()).finished(attempt, receipt)

    def remembered(self) -> Iterator[str]:
        """The runs that are remembered, by UID (for the metrics)."""
        return iter(self._memories)
