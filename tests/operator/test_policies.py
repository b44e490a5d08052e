"""What Kubernetes shows, and the one reason it becomes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evalkube_crds.names import Kind, Reason
from evalkube_crds.results import Receipt
from evalkube_crds.status import Attempt
from evalkube_operator import facts, reading
from evalkube_operator.actions import Refusal
from evalkube_operator.installer_rules import Rules
from evalkube_operator.policies import failure, placing, retry, startup

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STAMP = NOW.isoformat()
Object = dict[str, Any]


def pod(phase: str = "Pending", *, index: int = 0, container: Object | None = None, **status: Any) -> Object:
    """A pod as the kubelet writes it; `container`: the runner's state."""
    metadata = {
        "namespace": "ns",
        "name": f"demo-e1-{index}-x",
        "uid": f"p{index}",
        "creationTimestamp": STAMP,
        "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
        **status.pop("metadata", {}),
    }
    statuses = [{"name": "runner", "state": container}] if container else []
    return {"metadata": metadata, "spec": {}, "status": {"phase": phase, "containerStatuses": statuses, **status}}


def waiting(reason: str, message: str = "") -> Object:
    """A container that waits."""
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, *, reason: str = "Error", message: str = "", at_s: float = 0) -> Object:
    """A container that has ended."""
    at = (NOW + timedelta(seconds=at_s)).isoformat()
    return {
        "terminated": {"exitCode": code, "reason": reason, "message": message, "startedAt": STAMP, "finishedAt": at}
    }


def condition(kind: str, status: str, reason: str, message: str = "") -> Object:
    """A condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message}


HELD_BACK = {
    "an image that is not there": (pod(container=waiting("ImagePullBackOff")), "", Reason.IMAGE_PULL_FAILED),
    "the first try at it": (pod(container=waiting("ErrImagePull")), "", Reason.IMAGE_PULL_FAILED),
    "no image's name": (pod(container=waiting("InvalidImageName")), "", Reason.INVALID_IMAGE),
    "never pulled": (pod(container=waiting("ErrImageNeverPull")), "", Reason.INVALID_IMAGE),
    "a Secret for a variable": (
        pod(container=waiting("CreateContainerConfigError", 'secret "key" not found')),
        "",
        Reason.SECRET_MISSING,
    ),
    "a ConfigMap for a variable": (
        pod(container=waiting("CreateContainerConfigError", 'configmap "c" not found')),
        "",
        Reason.CONFIG_MAP_MISSING,
    ),
    "runs as root": (
        pod(container=waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")),
        "",
        Reason.CONTAINER_START_FAILED,
    ),
    "no such command": (pod(container=waiting("CreateContainerError")), "", Reason.CONTAINER_START_FAILED),
    "no room": (
        pod(conditions=[condition("PodScheduled", "False", "Unschedulable", "0/3 nodes: Insufficient cpu")]),
        "",
        Reason.UNSCHEDULABLE,
    ),
    "no claim": (
        pod(conditions=[condition("PodScheduled", "False", "Unschedulable", 'persistentvolumeclaim "data" not found')]),
        "",
        Reason.CLAIM_MISSING,
    ),
    "a Secret to mount": (
        pod(),
        'MountVolume.SetUp failed for volume "k" : secret "key" not found',
        Reason.SECRET_MISSING,
    ),
    "a key of a Secret": (
        pod(),
        'MountVolume.SetUp failed for volume "k" : references non-existent secret key: api-key',
        Reason.SECRET_MISSING,
    ),
    "a ConfigMap to mount": (
        pod(),
        'MountVolume.SetUp failed for volume "d" : configmap "c" not found',
        Reason.CONFIG_MAP_MISSING,
    ),
    "another mount": (pod(), "MountVolume.SetUp failed: timed out", Reason.MOUNT_FAILED),
    "an init container that is injected": (
        pod(initContainerStatuses=[{"name": "mesh", "state": waiting("ImagePullBackOff")}]),
        "",
        Reason.IMAGE_PULL_FAILED,
    ),
}


@pytest.mark.parametrize(("raw", "event", "reason"), HELD_BACK.values(), ids=HELD_BACK.keys())
def test_what_holds_a_pod_back(raw: Object, event: str, reason: Reason) -> None:
    """From conditions, container states, and events."""
    events = [facts.EventFact("p0", "FailedMount", event, NOW)] if event else []
    trouble = startup.of_pod(reading.pod(raw), events, Rules())
    assert trouble is not None
    assert trouble.reason is reason
    assert trouble.message


def test_a_pod_on_its_way_is_no_trouble() -> None:
    """ContainerCreating is what every pod goes through."""
    assert startup.of_pod(reading.pod(pod(container=waiting("ContainerCreating"))), [], Rules()) is None


DENIED = {
    "quota": ('pods "x" is forbidden: exceeded quota: q, requested: pods=1', Reason.QUOTA_EXCEEDED),
    "Pod Security": ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', Reason.POD_REJECTED),
    "service account": ('pods "x" is forbidden: serviceaccount "s" not found', Reason.POD_REJECTED),
    "priority": ('pods "x" is forbidden: no PriorityClass with name p was found', Reason.POD_REJECTED),
    "a webhook": ('admission webhook "w" denied the request: no', Reason.POD_REJECTED),
}


@pytest.mark.parametrize(("message", "reason"), DENIED.values(), ids=DENIED.keys())
def test_why_no_pod_is_created(message: str, reason: Reason) -> None:
    """The Job's status is silent about these; only events tell. The latest decides."""
    events = [
        facts.EventFact("j", "FailedCreate", "something else", NOW),
        facts.EventFact("j", "FailedCreate", f"Error creating: {message}", NOW + timedelta(seconds=1)),
    ]
    trouble = startup.of_failed_creates(events, Rules())
    assert trouble is not None
    assert trouble.reason is reason


def quota(requested: str, used: str, limited: str) -> str:
    """What Kubernetes says of a quota."""
    amounts = f"requested: {requested}, used: {used}, limited: {limited}"
    return f'Error creating: pods "demo-e1-0-" is forbidden: exceeded quota: team, {amounts}'


QUOTAS: dict[str, tuple[str, int, bool]] = {
    "used up": (quota("pods=1", "pods=5", "pods=5"), 1, False),
    "none at all": (quota("pods=1", "pods=0", "pods=0"), 1, True),
    "too small for one": (quota("limits.memory=2Gi", "limits.memory=0", "limits.memory=1Gi"), 1, True),
    "as large as one": (quota("limits.memory=2Gi", "limits.memory=1", "limits.memory=2048Mi"), 1, False),
    "units of both kinds": (quota("requests.memory=2G", "requests.memory=1M", "requests.memory=2Gi"), 1, False),
    "millis": (quota("requests.cpu=1500m", "requests.cpu=0", "requests.cpu=1"), 1, True),
    "one of two resources": (
        quota("pods=1,requests.cpu=2", "pods=1,requests.cpu=0", "pods=5,requests.cpu=1"),
        1,
        True,
    ),
    "a power of ten": (quota("limits.memory=2e9", "limits.memory=0", "limits.memory=1e9"), 1, True),
    "a device": (quota("requests.nvidia.com/gpu=4", "requests.nvidia.com/gpu=0", "requests.nvidia.com/gpu=2"), 1, True),
    "all at once": (quota("pods=1", "pods=3", "pods=3"), 4, True),
    "one after the other": (quota("pods=1", "pods=3", "pods=3"), 1, False),
    "not stated": ('pods "x" is forbidden: failed quota: team: must specify limits.cpu for: runner', 1, True),
    "no quantity": (quota("pods=many", "pods=x", "pods=few"), 1, False),
    "other words": ('pods "x" is forbidden: exceeded quota: team', 1, False),
}


@pytest.mark.parametrize(("message", "together", "never"), QUOTAS.values(), ids=QUOTAS)
def test_a_quota_that_never_has_room_is_not_waited_for(message: str, together: int, never: bool) -> None:
    """One that is used up is; both say what Kubernetes said."""
    trouble = startup.of_failed_creates(
        [facts.EventFact("j", "FailedCreate", message, NOW)], Rules(), together=together
    )
    assert trouble is not None
    assert trouble.reason is Reason.QUOTA_EXCEEDED
    assert trouble.patience_s == (0.0 if never else None)
    assert ("never has room" in trouble.message) is never
    assert message in trouble.message


LIMITS = {
    "a container too large": "maximum memory usage per Container is 1Gi, but limit is 2Gi",
    "two at once": "[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Pod is 1Gi, ...]",
    "too small": "minimum cpu usage per Container is 100m, but request is 10m",
    "no limit": "maximum cpu usage per Container is 1. No limit is specified",
    "their ratio": "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
}


@pytest.mark.parametrize("words", LIMITS.values(), ids=LIMITS)
def test_a_limit_range_is_not_waited_for(words: str) -> None:
    """No pod that ends makes the pod another."""
    event = facts.EventFact("j", "FailedCreate", f'Error creating: pods "x" is forbidden: {words}', NOW)
    trouble = startup.of_failed_creates([event], Rules())
    assert trouble is not None
    assert (trouble.reason, trouble.patience_s) == (Reason.POD_REJECTED, 0.0)
    assert words in trouble.message


def test_a_job_that_is_no_job_is_final_at_once() -> None:
    """422 is the spec's fault; 403 may pass."""
    assert startup.of_refusal(Refusal(422, "no quantity", NOW, NOW), Rules()).patience_s == 0
    forbidden = startup.of_refusal(Refusal(403, "exceeded quota: q", NOW, NOW), Rules())
    assert forbidden == startup.Trouble(Reason.QUOTA_EXCEEDED, forbidden.message, None)


RECEIPT = Receipt(run_id="demo", reason=Reason.AUTHENTICATION_FAILED, message="401").model_dump_json(by_alias=True)
DISRUPTED = condition("DisruptionTarget", "True", "EvictionByEvictionAPI", "drained")
GOING = {"deletionTimestamp": STAMP}
FAILED = {
    "the runner says why": (pod("Failed", container=ended(65, message=RECEIPT)), Reason.AUTHENTICATION_FAILED),
    "only the exit code does": (pod("Failed", container=ended(66)), Reason.TARGET_UNREACHABLE),
    "an unknown exit code": (pod("Failed", container=ended(139)), Reason.RUNNER_CRASHED),
    "no memory": (pod("Failed", container=ended(137, reason="OOMKilled")), Reason.OOM_KILLED),
    "killed": (pod("Failed", container=ended(137)), Reason.RUNNER_KILLED),
    "killed after its time to stop": (pod("Failed", metadata=GOING, container=ended(137)), Reason.POD_DELETED),
    "told to stop": (pod("Failed", container=ended(143)), Reason.POD_DELETED),
    "deleted, still stopping": (pod("Running", metadata=GOING), Reason.POD_DELETED),
    "drained": (pod("Failed", container=ended(143), conditions=[DISRUPTED]), Reason.EVICTED),
    "the node's pressure": (pod("Failed", reason="Evicted", message="low on memory"), Reason.EVICTED),
    "a lost node": (
        pod("Running", metadata=GOING, conditions=[condition("DisruptionTarget", "True", "DeletionByTaintManager")]),
        Reason.NODE_LOST,
    ),
    "made room": (
        pod("Failed", conditions=[condition("DisruptionTarget", "True", "PreemptionByScheduler")]),
        Reason.PREEMPTED,
    ),
    "refused by the node": (pod("Failed", reason="UnexpectedAdmissionError", message="no GPU"), Reason.POD_REJECTED),
    "no memory to begin with": (
        pod("Failed", container=ended(128, reason="StartError", message="oom")),
        Reason.CONTAINER_START_FAILED,
    ),
    "an init container's memory": (
        pod("Failed", initContainerStatuses=[{"name": "mesh", "state": ended(137, reason="OOMKilled")}]),
        Reason.OOM_KILLED,
    ),
}


@pytest.mark.parametrize(("raw", "reason"), FAILED.values(), ids=FAILED.keys())
def test_why_a_pod_failed(raw: Object, reason: Reason) -> None:
    """The runner's word, then the kubelet's, then the number."""
    found = failure.of_pod(reading.pod(raw))
    assert found is not None
    assert found.reason is reason
    assert found.message


@pytest.mark.parametrize("raw", [pod(), pod("Running", container={"running": {"startedAt": STAMP}}), pod("Succeeded")])
def test_others_have_not_failed(raw: Object) -> None:
    """Nor are they about to."""
    assert failure.of_pod(reading.pod(raw)) is None


def job(*conditions: Object) -> facts.JobFact:
    """A Job with these conditions."""
    metadata = {"namespace": "ns", "name": "demo-e1", "uid": "j", "creationTimestamp": STAMP}
    return reading.job({"metadata": metadata, "spec": {}, "status": {"conditions": list(conditions)}})


def test_the_first_to_fail_is_the_cause() -> None:
    """The others were stopped because of it; those that only obeyed come last, whenever they ended."""
    failed = job(condition("Failed", "True", "MaxFailedIndexesExceeded"))
    pods = [
        reading.pod(pod("Failed", index=0, container=ended(143, at_s=1))),
        reading.pod(pod("Failed", index=1, container=ended(65, at_s=5, message=RECEIPT))),
        reading.pod(pod("Failed", index=2, container=ended(137, at_s=3, reason="OOMKilled"))),
    ]
    found = failure.of_job(failed, pods, 3)
    assert found.reason is Reason.OOM_KILLED
    assert found.message.startswith("shard 2: ")


def test_a_job_without_pods_still_has_a_reason() -> None:
    """Its own condition, at worst."""
    assert failure.of_job(job(condition("Failed", "True", "DeadlineExceeded")), [], 1).reason is (
        Reason.ACTIVE_DEADLINE_EXCEEDED
    )
    assert failure.of_job(job(condition("Failed", "True", "X", "words")), [], 1).message.endswith("X: words")


def attempts(*reasons: Reason) -> list[Attempt]:
    """Attempts that ended so."""
    return [Attempt(number=number + 1, reason=reason) for number, reason in enumerate(reasons)]


def test_a_load_test_is_not_repeated_once_it_has_begun() -> None:
    """An evaluation is, as often as it may; suspensions do not count."""
    lost = attempts(Reason.SUSPENDED, Reason.JOB_LOST)
    assert retry.again(Kind.EVAL_RUN, Reason.JOB_LOST, begun=True, attempts=lost, limit=1)
    assert not retry.again(Kind.EVAL_RUN, Reason.JOB_LOST, begun=True, attempts=lost, limit=0)
    assert not retry.again(Kind.EVAL_RUN, Reason.INVALID_SPEC, begun=True, attempts=lost, limit=9)
    assert retry.again(Kind.PERF_RUN, Reason.JOB_LOST, begun=False, attempts=lost, limit=1)
    assert not retry.again(Kind.PERF_RUN, Reason.JOB_LOST, begun=True, attempts=lost, limit=9)


def test_pauses_double_up_to_a_bound() -> None:
    """And there is none after a suspension."""
    lost = [Reason.JOB_LOST] * 9
    pauses = [retry.pause_s(attempts(*lost[:count]), base_s=5, cap_s=300, aside_s=30) for count in range(10)]
    assert pauses == [0, 5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert retry.pause_s(attempts(Reason.JOB_LOST, Reason.SUSPENDED), base_s=5, cap_s=300, aside_s=30) == 0


_HELPS = "preemption: 0/3 nodes are available: 3 {}."
_VICTIMS = _HELPS.format("No preemption victims found for incoming pod")
_IN_VAIN = _HELPS.format("Preemption is not helpful for scheduling")
SCHEDULER_SAYS = {
    "the processors are taken": (f"0/3 nodes are available: 3 Insufficient cpu. {_VICTIMS}", True),
    "so are the pods' places": (f"0/3 nodes are available: 3 Too many pods. {_VICTIMS}", True),
    "of a pod that takes nobody's place": (
        "0/1 nodes are available: 1 Insufficient gpu. preemption: not eligible due to preemptionPolicy=Never.",
        True,
    ),
    "one node is full, another is not meant": (
        "1 Insufficient cpu, 1 had taints. preemption: 1 No preemption victims found, 1 Preemption is not helpful",
        True,
    ),
    "larger than any node": (f"0/3 nodes are available: 3 Insufficient cpu. {_IN_VAIN}", False),
    "no node is meant": (f"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity. {_IN_VAIN}", False),
    "no claim": ('persistentvolumeclaim "data" not found', False),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("message", "lacks"), SCHEDULER_SAYS.values(), ids=SCHEDULER_SAYS)
def test_what_lacks_room(message: str, lacks: bool) -> None:
    """Only what would have a place if other pods were gone."""
    assert placing.lacks_room(message) is lacks
