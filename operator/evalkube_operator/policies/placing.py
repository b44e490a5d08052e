"""Decides which pods of a run count against the limits, and what its pods without a node lack. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from evalkube_operator.facts import EventFact, JobFact, PodFact
from evalkube_operator.line import Holding, Lack

__all__ = ["holding", "lacks_quota", "lacks_room"]

_FULL: Final = re.compile(r"Insufficient |Too many pods|free ports")
_SOME_COULD: Final = "No preemption victims found"
_NONE_COULD: Final = "Preemption is not helpful"
_SEVERITY: Final = (Lack.NOTHING, Lack.QUOTA, Lack.ROOM, Lack.HOPE)


def lacks_room(unschedulable: str) -> bool:
    """Whether the scheduler says that a node is merely full.

    Of a pod that is larger than any node, or that no node is meant for, it says that not even its preemption helps.
    """
    return bool(_FULL.search(unschedulable)) and (_SOME_COULD in unschedulable or _NONE_COULD not in unschedulable)


def lacks_quota(message: str) -> bool:
    """Whether the API server says that a quota is used up."""
    return "exceeded quota" in message


def holding(
    namespace: str, jobs: Iterable[JobFact], pods: Sequence[PodFact], failed_creates: Sequence[EventFact]
) -> Holding | None:
    """The pods that a run holds with these Jobs and pods; None where it holds none. Jobs in a queue of Kueue's are
    counted there.
    """
    parts = [
        _of_job(job, [pod for pod in pods if pod.job_uid == job.uid], failed_creates)
        for job in jobs
        if not job.finished and not job.queued
    ]
    if not parts:
        return None
    lack = max((part.lack for part in parts), key=_SEVERITY.index)
    return Holding(namespace, sum(part.pods for part in parts), sum(part.unplaced for part in parts), lack)


def _of_job(job: JobFact, pods: Sequence[PodFact], failed_creates: Sequence[EventFact]) -> Holding:
    """The pods that a Job holds. A pod that has ended keeps its place for its replacement."""
    latest: dict[int, PodFact] = {}
    for pod in sorted(pods, key=lambda each: each.created_at):
        latest[pod.index] = pod
    done = sum(1 for pod in latest.values() if pod.phase == "Succeeded")
    homeless = [pod for pod in latest.values() if pod.node is None and not pod.ended]
    missing = job.completions - len(latest)
    if job.deleting or not (homeless or missing):
        return Holding(job.namespace, max(job.completions - done, 0))
    lacks = [_lack_of_pod(pod) for pod in homeless]
    if missing > 0:
        lacks.append(_lack_of_events([event for event in failed_creates if event.about_uid == job.uid]))
    return Holding(
        job.namespace,
        max(job.completions - done, 0),
        len(homeless) + max(missing, 0),
        max(lacks, key=_SEVERITY.index, default=Lack.NOTHING),
    )


def _lack_of_pod(pod: PodFact) -> Lack:
    if pod.unschedulable is None:
        return Lack.NOTHING
    return Lack.ROOM if lacks_room(pod.unschedulable) else Lack.HOPE


def _lack_of_events(events: Sequence[EventFact]) -> Lack:
    latest = max(events, key=lambda each: each.at, default=None)
    if latest is None:
        return Lack.NOTHING
    return Lack.QUOTA if lacks_quota(latest.message) else Lack.HOPE
