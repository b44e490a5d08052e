"""Answers ingest's questions about runs (`ports.Runs`) from the cache: who owns a pod, which runs there are."""

from collections.abc import Callable

from evalkube_crds.results import Progress, Receipt
from evalkube_operator import jobs
from evalkube_operator.cache import Cache, Key
from evalkube_operator.errors import Unreadable
from evalkube_operator.facts import JobFact, PodFact, RunFact
from evalkube_operator.ports import Owner, RunKey
from evalkube_operator.reconcile import Reconciler

__all__ = ["PodOwners"]


class PodOwners:
    """`ports.Runs` over the cache. `wake` has the run of that key reconciled, within so many seconds."""

    def __init__(self, cache: Cache, reconciler: Reconciler, wake: Callable[[Key, float], None]) -> None:
        self._cache = cache
        self._reconciler = reconciler
        self._wake = wake

    async def owner(self, namespace: str, pod_name: str, pod_uid: str) -> Owner | None:
        """See `ports.Runs.owner`. Each link is one of UIDs within the namespace that the token is of."""
        pod = self._cache.pod(pod_uid)
        if pod is None or (pod.namespace, pod.name) != (namespace, pod_name):
            return None
        run, job = self._of(pod)
        if run is None or job is None or run.spec is None or pod.index >= run.spec.shards:
            return None
        place = _place(run, job)
        if place is None:
            return None
        attempt, current = place
        live = current and not pod.ended and not run.status.phase.terminal and not run.deleting
        if live and self._cache.runner(pod) != pod:
            return None  # its predecessor's end is not known yet, or it is one too many
        key = RunKey(run.namespace, run.name, run.uid)
        return Owner(key, attempt, pod.index, run.spec.shards, str(run.kind), open=live)

    def left_over(self, pod_uid: str) -> bool:
        """See `ports.Runs.left_over`."""
        pod = self._cache.pod(pod_uid)
        if pod is None or not pod.deleting:
            return False
        key = self._cache.run_of(pod)
        try:
            run = self._cache.run(key) if key is not None else None
        except Unreadable:
            return False
        return run is None or pod.job_uid is None or self._cache.job(run.uid, pod.job_uid) is None

    def _of(self, pod: PodFact) -> tuple[RunFact | None, JobFact | None]:
        """The run that the pod is a counted pod of, and its Job."""
        key = self._cache.run_of(pod)
        try:
            run = self._cache.run(key) if key is not None else None
        except Unreadable:
            return None, None
        job = self._cache.job(run.uid, pod.job_uid) if run is not None and pod.job_uid is not None else None
        return run, job

    def run(self, uid: str) -> RunKey | None:
        """See `ports.Runs.run`."""
        key = self._cache.key_of(uid)
        return RunKey(key[1], key[2], uid) if key is not None else None

    def progressed(self, uid: str, attempt: int, shard: int, progress: Progress) -> None:
        """See `ports.Runs.progressed`. Looked at within a second: many shards' news make one status write."""
        key = self._cache.key_of(uid)
        if key is not None:
            self._reconciler.progressed(uid, attempt, shard, progress)
            self._wake(key, 1.0)

    def finished(self, uid: str, attempt: int, receipt: Receipt) -> None:
        """See `ports.Runs.finished`. Looked at now: somebody may be waiting for the answer."""
        key = self._cache.key_of(uid)
        if key is not None:
            self._reconciler.finished(uid, attempt, receipt)
            self._wake(key, 0.0)


def _place(run: RunFact, job: JobFact) -> tuple[int, bool] | None:
    """The attempt of a Job, and whether it is the one at work. None for another Job than the one on record, or one
    whose name is no attempt's.
    """
    status = run.status
    last = status.attempts[-1] if status.attempts else None
    if status.job_uid is not None and job.uid == status.job_uid and last is not None:
        return last.number, last.reason is None
    number = job.attempt
    if number is None or job.name != jobs.job_name(run.kind, run.name, number):
        return None
    working = last is None or last.reason is None
    latest = last.number if last is not None else 1
    if number == latest and working:
        return (number, True) if status.job_uid is None else None  # made, and not on record yet
    return (number, False) if number <= latest else None
