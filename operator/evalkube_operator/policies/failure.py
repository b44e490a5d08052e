"""Decides why an attempt failed, from the end of its pods and its Job's condition. Pure.

The first pod to fail is the cause: the others were ended because of it. A runner's own word goes before the kubelet's,
the kubelet's before the Job controller's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from evalkube_crds.names import EXIT_CODES, Reason
from evalkube_operator import facts
from evalkube_operator.facts import JobFact, PodFact

__all__ = ["Failure", "of_job", "of_pod"]

_BY_EXIT_CODE: Final = {code: reason for reason, code in EXIT_CODES.items()}
_BY_DISRUPTION: Final = {
    "PreemptionByScheduler": (Reason.PREEMPTED, "the pod made room for one of a higher priority"),
    "DeletionByTaintManager": (Reason.NODE_LOST, "the pod's node stopped answering or was tainted"),
    "DeletionByPodGC": (Reason.NODE_LOST, "the pod's node is gone"),
    "EvictionByEvictionAPI": (Reason.EVICTED, "the pod was evicted, as in a drain of its node"),
    "TerminationByKubelet": (Reason.EVICTED, "the pod's node ended it, for want of resources or in a shutdown"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """The cause of a failure, for programs and for people, with the `figures` of results that found no room."""

    reason: Reason
    message: str
    exit_code: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


def of_job(job: JobFact, pods: Sequence[PodFact], shards: int) -> Failure:
    """The cause of the failure of `job`. `pods` are its own, in any order."""
    if job.failure is not None and job.failure[0] == "DeadlineExceeded":
        return Failure(Reason.ACTIVE_DEADLINE_EXCEEDED, f"the run took longer than its deadlines: {job.failure[1]}")
    failures = [
        (_rank(found), pod.ended_at, pod, found) for pod in pods if (found := of_pod(pod, shards=shards)) is not None
    ]
    if failures:
        return min(failures, key=lambda each: each[:2])[3]
    words = ": ".join(part for part in job.failure or () if part) or "it gave no reason"
    return Failure(Reason.RUNNER_CRASHED, f"the run's Job failed and its pods are gone: {words}")


def _rank(failure: Failure) -> int:
    """The rank of a pod as a cause: pods that were only told to stop come last, because something else told them."""
    return 1 if failure.reason in (Reason.CANCELLED, Reason.POD_DELETED) else 0


def of_pod(pod: PodFact, *, shards: int = 1) -> Failure | None:
    """The cause of the failure of `pod`, also of one that is about to fail; None where it has not failed."""
    which = f"shard {pod.index}: " if shards > 1 else ""
    if pod.disruption is not None:
        reason, words = _BY_DISRUPTION.get(pod.disruption[0], (Reason.EVICTED, "the pod was disrupted"))
        return Failure(reason, f"{which}{words} ({pod.disruption[1] or pod.disruption[0]})", _exit_code(pod))
    receipt = facts.receipt_of(pod)
    if receipt is not None and receipt.reason not in (Reason.COMPLETED, Reason.CANCELLED):
        return Failure(receipt.reason, which + receipt.message, _exit_code(pod), receipt.headline)
    if pod.phase == "Failed":
        return _of_kubelet(pod, which)
    if pod.deleting and pod.phase != "Succeeded":
        return Failure(Reason.POD_DELETED, f"{which}somebody deleted the pod {pod.name}", _exit_code(pod))
    return None


def _of_kubelet(pod: PodFact, which: str) -> Failure:
    if pod.reason == "Evicted":
        return Failure(Reason.EVICTED, f"{which}the node evicted the pod: {pod.message}")
    if pod.reason in ("NodeLost", "NodeShutdown", "Terminated", "Shutdown"):
        return Failure(Reason.NODE_LOST, f"{which}the pod's node went away: {pod.message or pod.reason}")
    for container in pod.init:
        if container.exit_code:
            reason = Reason.OOM_KILLED if container.reason == "OOMKilled" else Reason.CONTAINER_START_FAILED
            words = f"its init container {container.name} ended with {container.exit_code} ({container.reason})"
            return Failure(reason, which + words, container.exit_code)
    runner = pod.runner
    if runner is None or runner.exit_code is None:
        words = pod.message or pod.reason or "Kubernetes says no more"
        return Failure(Reason.POD_REJECTED, f"{which}the node refused the pod {pod.name}: {words}")
    if runner.reason == "OOMKilled":
        words = "the runner needed more memory than its limit; raise resources.limits.memory, or lower the concurrency"
        return Failure(Reason.OOM_KILLED, which + words, runner.exit_code)
    if runner.reason in ("StartError", "ContainerCannotRun"):
        return Failure(Reason.CONTAINER_START_FAILED, f"{which}{runner.message or runner.reason}", runner.exit_code)
    return _of_exit(runner.exit_code, pod, which)


def _of_exit(code: int, pod: PodFact, which: str) -> Failure:
    tail = f"; its last words: {pod.runner.message[-400:]}" if pod.runner is not None and pod.runner.message else ""
    if code == 143 or (code == 137 and pod.deleting):
        return Failure(Reason.POD_DELETED, f"{which}the pod {pod.name} was told to stop", code)
    if code == 137:
        return Failure(Reason.RUNNER_KILLED, f"{which}the runner was killed (exit code 137){tail}", code)
    reason = _BY_EXIT_CODE.get(code, Reason.RUNNER_CRASHED)
    if reason is Reason.COMPLETED:
        reason = Reason.RUNNER_CRASHED
    return Failure(reason, f"{which}the runner of {pod.name} ended with exit code {code}{tail}", code)


def _exit_code(pod: PodFact) -> int | None:
    return pod.runner.exit_code if pod.runner is not None else None
