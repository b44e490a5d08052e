"""Carries out the plan's actions, with one or two calls each, and notes the answers in the cache or the memory.

No decisions about runs here. Every action may be done over after a crash at any point: creations are adopted, deletions
carry a UID, status writes carry the version they were decided on.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import orjson

from evalkube_crds.names import Phase
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.transitions import Outcome
from evalkube_operator import collect, facts, jobs, links, reading
from evalkube_operator.actions import (
    Action,
    Announcement,
    Collect,
    CollectError,
    CreateJob,
    DeleteJob,
    DeleteRun,
    DeleteSecret,
    ForeignJob,
    LookUpJob,
    LookUpObjects,
    LookUpPodEvents,
    Refusal,
    SetJobTtl,
    Wait,
    WriteStatus,
)
from evalkube_operator.cache import Cache
from evalkube_operator.errors import Conflict, Forbidden, NotFound, Refused, Unavailable
from evalkube_operator.facts import ObjectRef, Referenced, RunFact
from evalkube_operator.jobs import RunnerDefaults
from evalkube_operator.memory import Memory
from evalkube_operator.podwarnings import PodWarnings
from evalkube_operator.ports import Cluster, Object, RunKey, Store
from evalkube_operator.store import keys
from evalkube_operator.store.interface import StoreFull
from evalkube_operator.unread import Unread

__all__ = ["Announcer", "Executor", "Responder"]

_LOG = logging.getLogger("evalkube.operator")
_REFUSAL_RETRY_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_COLLECT_RETRY_S: Final = 2.0
_KINDS: Final = frozenset({"EvalRun", "PerfRun"})

Responder = Callable[[EvalResult | PerfResult], dict[str, Any]]
"""The part of the REST response that a result becomes: what stands in the status as `results`."""


class Announcer(Protocol):
    """Posts events about runs, when nothing is more urgent."""

    def announce(self, run: RunFact, announcement: Announcement) -> None:
        """Post an event about a run. Never blocks, never raises."""


class Executor:
    """Carries out actions: many runs at once, one action of a run at a time. It belongs to one event loop."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: Store,
        cache: Cache,
        defaults: RunnerDefaults,
        announcer: Announcer,
        respond: Responder,
        unread: Unread,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._pod_warnings = PodWarnings(cluster, unread)
        self._store = store
        self._cache = cache
        self._defaults = defaults
        self._announcer = announcer
        self._respond = respond
        self._now = now

    def trust(self, ca: str) -> None:
        """Give this authority of ingest's certificate to all further Jobs."""
        self._defaults = replace(self._defaults, ingest_ca=ca)

    async def perform(self, action: Action, run: RunFact, memory: Memory) -> bool:
        """Carry out one action; whether the run has to be looked at again before the next one.

        Raises Unavailable, and Unreadable where the API server answers with an object that cannot be read.
        """
        match action:
            case Wait():
                return False
            case CreateJob(attempt):
                await self._create_job(run, memory, attempt)
            case LookUpJob(name):
                await self._look_up_job(run, memory, name)
            case DeleteJob(name, uid):
                await self._delete_job(run, name, uid)
                return False  # it goes when its pods do, and the watch tells
            case SetJobTtl(name, uid, seconds):
                self._learn_job(await self._cluster.set_job_ttl(run.namespace, name, uid, seconds))
                return False
            case LookUpObjects(refs):
                for ref in refs:
                    memory.objects[ref] = (await self._named_object(run, ref), self._now())
            case DeleteSecret(name, uid):
                await self._delete_secret(run, name, uid)
                memory.objects[ObjectRef(Referenced.SECRET, name)] = (None, self._now())
                return False  # the status write that follows was decided with it
            case LookUpPodEvents(uids):
                for uid in uids:
                    memory.pod_events[uid] = (await self._pod_warnings.about(run.namespace, uid), self._now())
            case Collect(attempt):
                await self._collect(run, memory, attempt)
            case WriteStatus():
                await self._write_status(run, memory, action)
            case DeleteRun():
                await self._cluster.delete_run(run.kind, _key(run))
                return False
        return True

    # Jobs

    async def _create_job(self, run: RunFact, memory: Memory, attempt: int) -> None:
        assert run.spec is not None
        name = jobs.job_name(run.kind, run.name, attempt)
        try:
            raw = await self._cluster.create_job(jobs.manifest(run, run.spec, attempt, self._defaults))
        except (Conflict, Unavailable) as problem:
            # an answer that did not come leaves open what was done: look before anything else
            found = await self._cluster.get_job(run.namespace, name)
            if found is None:
                raise Unavailable(f"creating the Job {name}: {problem}") from problem
            raw = found
        except NotFound as problem:
            raise Unavailable(f"creating the Job {name}: {problem}") from problem
        except Refused as problem:
            memory.refusal = self._refusal(memory.refusal, problem)
            return
        memory.refusal = None
        job = reading.job(raw)
        if links.owns(run.key, run.uid, job):
            memory.foreign = None
            self._cache.apply_job(job)
        else:
            memory.foreign = self._foreign(memory.foreign, run, name, job.owner)

    def _refusal(self, before: Refusal | None, problem: Refused) -> Refusal:
        now = self._now()
        since = before.since if before is not None else now
        return Refusal(problem.code, problem.message, since, now + timedelta(seconds=_pause_s(now - since)))

    def _foreign(self, before: ForeignJob | None, run: RunFact, name: str, owner: facts.OwnerFact | None) -> ForeignJob:
        now = self._now()
        since = before.since if before is not None and before.name == name else now
        words = f"{owner.kind} {owner.name}" if owner is not None else "nobody"
        lasting = owner is None or owner.kind not in _KINDS or self._cache.key_of(owner.uid) is not None
        return ForeignJob(name, words, lasting, since, now + timedelta(seconds=1))

    async def _look_up_job(self, run: RunFact, memory: Memory, name: str) -> None:
        raw = await self._cluster.get_job(run.namespace, name)
        job = reading.job(raw) if raw is not None else None
        if job is None or job.uid != run.status.job_uid or not links.owns(run.key, run.uid, job):
            memory.absent_jobs.add(name)  # another of that name: the one that is meant is gone all the same
        else:
            self._cache.apply_job(job)

    async def _delete_job(self, run: RunFact, name: str, uid: str) -> None:
        await self._cluster.delete_job(run.namespace, name, uid)

    def _learn_job(self, raw: Object | None) -> None:
        if raw is not None:
            self._cache.apply_job(reading.job(raw))

    # What runs name

    async def _named_object(self, run: RunFact, ref: ObjectRef) -> facts.ObjectFact | None:
        try:
            raw = await self._cluster.get_metadata(run.namespace, ref)
        except Forbidden as problem:
            _LOG.warning("the operator may not read the %s of the namespace %s: %s", ref, run.namespace, problem)
            return None
        return reading.named_object(raw) if raw is not None else None

    async def _delete_secret(self, run: RunFact, name: str, uid: str) -> None:
        try:
            await self._cluster.delete_secret(run.namespace, name, uid)
        except Forbidden as problem:
            _LOG.warning("the operator may not delete the Secret %s/%s: %s", run.namespace, name, problem)

    # Results

    async def _collect(self, run: RunFact, memory: Memory, attempt: int) -> None:
        assert run.spec is not None
        try:
            memory.outcome = await self._outcome(run, memory, attempt, run.spec.shards)
            memory.collect_error = None
        except Unavailable as problem:
            retry_at = self._now() + timedelta(seconds=_COLLECT_RETRY_S)
            memory.collect_error = CollectError(str(problem), retry_at, full=isinstance(problem, StoreFull))

    async def _outcome(self, run: RunFact, memory: Memory, attempt: int, shards: int) -> Outcome:
        key = _key(run)
        stored = await self._store.results(key, attempt)
        documents: dict[int, bytes] = {}
        for shard in stored:
            try:
                documents[shard] = await self._store.read_result(key, attempt, shard)
            except KeyError:
                continue  # replaced or removed in this moment: counts as not there
        uid = run.status.job_uid
        pods = [pod for pod in self._cache.pods(run.uid) if pod.job_uid == uid]
        receipts = collect.receipts_of(pods, run.name, memory.receipts if memory.told_attempt == attempt else {})
        merged = await asyncio.to_thread(collect.merged, run.kind, run.name, shards, documents, receipts)
        if isinstance(merged, Outcome):
            return merged
        response, data = await asyncio.to_thread(self._response, merged)
        await self._store.put_merged(key, keys.MERGED_RESULT, data)
        if collect.fits(data):
            return collect.outcome(merged, response, None)
        uri = await self._store.put_merged(key, keys.RESPONSE, data)
        return collect.outcome(merged, None, collect.reference(self._store.kind, uri, data))

    def _response(self, merged: EvalResult | PerfResult) -> tuple[dict[str, Any], bytes]:
        response = self._respond(merged)
        return response, orjson.dumps(response)

    # The run

    async def _write_status(self, run: RunFact, memory: Memory, action: WriteStatus) -> None:
        status = action.status.model_dump(mode="json", by_alias=True, exclude_none=True)
        try:
            raw = await self._cluster.write_status(run.kind, _key(run), run.resource_version, status)
        except (Conflict, NotFound):
            await self._refresh(run)
            return
        except Unavailable:
            await self._refresh(run)  # it may have been written: the next plan decides on what is there
            return
        runs = action.status.phase is Phase.RUNNING and run.status.phase is not Phase.RUNNING
        if runs or action.status.progress != run.status.progress:
            memory.progress_written_at = self._now()
            memory.progress_writes += 1
        self._cache.apply_run(reading.kept(raw, run.kind))
        for announcement in action.announce:
            self._announcer.announce(run, announcement)

    async def _refresh(self, run: RunFact) -> None:
        raw = await self._cluster.get_run(run.kind, run.namespace, run.name)
        if raw is not None:
            self._cache.apply_run(reading.kept(raw, run.kind))
        else:
            self._cache.remove_run(run.key, run.uid)


def _key(run: RunFact) -> RunKey:
    return RunKey(run.namespace, run.name, run.uid)


def _pause_s(waited: timedelta) -> float:
    """The next pause after a pause of so many seconds: 1 s at first, 30 s at last."""
    return next((pause for pause in _REFUSAL_RETRY_S if waited.total_seconds() < 3 * pause), _REFUSAL_RETRY_S[-1])
