"""Decides which Jobs and pods belong to a run. Each link from pod to Job to run is by namespace, kind and UID. Pure.

A label alone proves nothing: whoever may make pods, in whatever namespace, may write any label, any owner and any
finalizer. What nobody can write is the namespace that an object is in, its own UID, when it was made, and the status
that the Job's controller gives to the Job.
"""

from collections.abc import Iterable

from evalkube_crds.names import GROUP
from evalkube_operator.facts import JobFact, PodFact

__all__ = ["counts", "owns", "runner"]


def owns(run: tuple[str, str, str], uid: str, job: JobFact) -> bool:
    """Whether the run (kind, namespace, name) with that UID controls the Job."""
    kind, namespace, _ = run
    owner = job.owner
    return owner is not None and (job.namespace, owner.group, owner.kind, owner.uid) == (namespace, GROUP, kind, uid)


def counts(job: JobFact | None, pod: PodFact) -> bool:
    """Whether the controller of the pod's `job` (None: it is gone) counts the pod, or has counted its end.

    It makes each pod with a finalizer, and takes that away once it has counted the pod's end; what never had one it
    does not count. Where the first sight of a pod is after its end, the Job's status has to bear it out.
    """
    if pod.job_uid is None or pod.index < 0 or (job is not None and not _has(job, pod)):
        return False
    return pod.tracked or (job is not None and _told(job, pod))


def _has(job: JobFact, pod: PodFact) -> bool:
    return (job.namespace, job.uid) == (pod.namespace, pod.job_uid) and pod.index < job.completions


def _told(job: JobFact, pod: PodFact) -> bool:
    if pod.phase == "Succeeded":
        return _within(job.completed_indexes, pod.index)
    return pod.phase == "Failed" and job.failed > 0


def _within(ranges: str, index: int) -> bool:
    """Whether the index is in a text like `0-3,5`."""
    for each in ranges.split(","):
        first, _, last = each.partition("-")
        ends = [int(end) for end in (first, last or first) if end.isdecimal() and len(end) < 10]
        if len(ends) == 2 and ends[0] <= index <= ends[1]:
            return True
    return False


def runner(pods: Iterable[PodFact]) -> PodFact | None:
    """The pod whose reports count for a shard: the oldest that has not ended, because its Job's controller deletes the
    younger of two. A replacement comes only after its predecessor's end.
    """
    living = [pod for pod in pods if not pod.ended and not pod.gone]
    return min(living, key=lambda pod: (pod.created_at, pod.uid), default=None)
