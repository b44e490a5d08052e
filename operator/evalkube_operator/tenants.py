"""What ingest may know of the runs (``ports.Runs``), answered from the cache: who owns a pod, which runs there are."""

from collections.abc import Callable

from evalkube_crds.results import Progress, Receipt
from evalkube_operator.cache import Cache, Key
from evalkube_operator.errors import Unreadable
from evalkube_operator.ports import Owner, RunKey
from evalkube_operator.reconcile import Reconciler

__all__ = ["Tenants"]


class Tenants:
    """``ports.Runs``. ``wake``: the run of that key wants a look, within so many seconds."""

    def __init__(self, cache: Cache, reconciler: Reconciler, wake: Callable[[Key, float], None]) -> None:
        self._cache = cache
        self._reconciler = reconciler
        self._wake = wake

    async def owner(self, namespace: str, pod_name: str, pod_uid: str) -> Owner | None:
        """See ``ports.Runs.owner``. Each link of the chain is compared by UID."""
        pod = self._cache.pod(pod_uid)
        if pod is None or pod.run_uid is None or (pod.namespace, pod.name) != (namespace, pod_name):
            return None
        key = self._cache.key_of(pod.run_uid)
        job = next((job for job in self._cache.jobs(pod.run_uid) if job.uid == pod.job_uid), None)
        if key is None or job is None or job.attempt is None:
            return None
        try:
            run = self._cache.run(key)
        except Unreadable:
            return None
        if run is None or run.uid != pod.run_uid or run.spec is None:
            return None
        attempts = run.status.attempts
        current = not attempts or (attempts[-1].number == job.attempt and attempts[-1].reason is None)
        return Owner(
            run=RunKey(run.namespace, run.name, run.uid),
            attempt=job.attempt,
            shard=pod.index,
            shards=run.spec.shards,
            kind=str(run.kind),
            open=current and not run.status.phase.terminal and not run.deleting,
        )

    def run(self, uid: str) -> RunKey | None:
        """See ``ports.Runs.run``."""
        key = self._cache.key_of(uid)
        return RunKey(key[1], key[2], uid) if key is not None else None

    def progressed(self, uid: str, attempt: int, shard: int, progress: Progress) -> None:
        """See ``ports.Runs.progressed``. Looked at within a second: many shards' news make one status write."""
        key = self._cache.key_of(uid)
        if key is not None:
            self._reconciler.progressed(uid, attempt, shard, progress)
            self._wake(key, 1.0)

    def finished(self, uid: str, attempt: int, receipt: Receipt) -> None:
        """See ``ports.Runs.finished``. Looked at now: somebody may be waiting for the answer."""
        key = self._cache.key_of(uid)
        if key is not None:
            self._reconciler.finished(uid, attempt, receipt)
            self._wake(key, 0.0)
