"""A Kubernetes in a few hundred lines: objects with versions, watches that may lag, a Job controller, pods that obey.

It implements `ports.Cluster` of the operator over raw JSON objects, with those of the API server's rules that the
operator relies on: names are unique, versions are checked, deletions carry a UID. Time is a number that tests move.
"""

import copy
import hashlib
import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from evalkube_crds.names import Kind, Reason
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult, Receipt
from evalkube_operator.errors import Conflict, NotFound, Refused, Unavailable
from evalkube_operator.facts import ObjectRef
from evalkube_operator.ports import RunKey

__all__ = ["Crash", "SmallCluster", "eval_spec", "perf_spec", "pod_metadata"]

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
Object = dict[str, Any]


class Crash(BaseException):
    """The operator was killed at this call."""


def eval_spec(**changes: Any) -> Object:
    """A small evaluation's spec."""
    deadlines = {"startup": 60, "active": 300, "collect": 60}
    return {"model": "m", "apiUrl": "http://model/v1", "datasets": ["gsm8k"], "deadlines": deadlines, **changes}


def perf_spec(**changes: Any) -> Object:
    """A small load test's spec."""
    deadlines = {"startup": 60, "active": 300, "collect": 60}
    return {"model": "m", "url": "http://model/v1/chat/completions", "deadlines": deadlines, **changes}


@dataclass
class SmallCluster:
    """`fault`: what happens to the n-th next call that changes something: crash or lost answer, before or after.

    `room`: how many pods its nodes take; `pod_quota`: how many pods there may be; None: any number.
    `requests`: how often the operator asked for something.
    """

    now_s: float = 0.0
    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    watch: deque[tuple[str, Object, bool]] = field(default_factory=deque)
    results: dict[tuple[str, int, int], bytes] = field(default_factory=dict)
    store_up: bool = True
    store_full: bool = False
    quota: bool = False
    fault: tuple[int, str] | None = None
    created_jobs: list[Object] = field(default_factory=list)
    events: list[Object] = field(default_factory=list)
    event_lists: int = 0
    requests: int = 0
    node: str | None = "node-1"
    room: int | None = None
    pod_quota: int | None = None
    _counter: Any = field(default_factory=lambda: itertools.count(1))

    # time and objects

    def now(self) -> datetime:
        """The cluster's time."""
        return EPOCH + timedelta(seconds=self.now_s)

    def _stamp(self) -> str:
        return self.now().isoformat()

    def _put(self, raw: Object) -> Object:
        raw["metadata"]["resourceVersion"] = str(next(self._counter))
        metadata = raw["metadata"]
        self.objects[raw["kind"], metadata["namespace"], metadata["name"]] = raw
        self.watch.append((raw["kind"], copy.deepcopy(raw), False))
        return copy.deepcopy(raw)

    def _remove(self, raw: Object) -> None:
        metadata = raw["metadata"]
        metadata["resourceVersion"] = str(next(self._counter))
        metadata.pop("finalizers", None)
        self.objects.pop((raw["kind"], metadata["namespace"], metadata["name"]), None)
        self.watch.append((raw["kind"], copy.deepcopy(raw), True))

    def new(self, kind: str, name: str, **parts: Any) -> Object:
        """An object of one's own."""
        uid = f"{kind.lower()}-{next(self._counter)}"
        metadata = {"namespace": "ns", "name": name, "uid": uid, "creationTimestamp": self._stamp(), "generation": 1}
        metadata.update(parts.pop("metadata", {}))
        return self._put({"kind": kind, "metadata": metadata, **parts})

    def of_kind(self, *kinds: str) -> list[Object]:
        """All objects of these kinds."""
        return [raw for (kind, _, _), raw in self.objects.items() if kind in kinds]

    def owned_by(self, uid: str) -> list[Object]:
        """The objects that this one controls."""
        return [raw for raw in self.objects.values() if _owner_uid(raw) == uid]

    def change(self, raw: Object, **parts: Any) -> None:
        """Somebody changes an object's spec."""
        raw["spec"] = {**raw["spec"], **parts}
        raw["metadata"]["generation"] = raw["metadata"].get("generation", 1) + 1
        self._put(raw)

    def delete(self, raw: Object, *, grace_s: float = 0.0) -> None:
        """Somebody deletes an object; what it owns follows with the controllers."""
        if grace_s or raw["kind"] == "Pod":
            raw["metadata"].setdefault("deletionTimestamp", (self.now() + timedelta(seconds=grace_s)).isoformat())
            self._put(raw)
        else:
            self._remove(raw)

    # ports.Cluster

    async def _gate(self, stage: str) -> None:
        if self.fault is None:
            return
        count, what = self.fault
        if stage == "before" and what.endswith("before"):
            self.fault = (count - 1, what) if count else None
        if stage == "after" and what.endswith("after"):
            self.fault = (count - 1, what) if count else None
        if not count and what.endswith(stage):
            raise Crash if what.startswith("crash") else Unavailable("no answer")

    async def create_job(self, manifest: Object) -> Object:
        """See `ports.Cluster`."""
        self.requests += 1
        await self._gate("before")
        metadata = manifest["metadata"]
        if ("Job", metadata["namespace"], metadata["name"]) in self.objects:
            raise Conflict("already exists")
        if self.quota:
            raise Refused(422, "nonsense")
        raw = copy.deepcopy(manifest)
        raw["metadata"] |= {"uid": f"job-{next(self._counter)}", "creationTimestamp": self._stamp()}
        raw["status"] = {}
        made = self._put(raw)
        self.created_jobs.append(made)
        await self._gate("after")
        return copy.deepcopy(made)

    async def get_job(self, namespace: str, name: str) -> Object | None:
        """See `ports.Cluster`."""
        self.requests += 1
        return copy.deepcopy(self.objects.get(("Job", namespace, name)))

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """See `ports.Cluster`."""
        self.requests += 1
        await self._gate("before")
        raw = self.objects.get(("Job", namespace, name))
        if raw is not None and raw["metadata"]["uid"] == uid:
            self._remove(raw)
        await self._gate("after")

    async def set_job_ttl(self, namespace: str, name: str, uid: str, seconds: int) -> Object | None:
        """See `ports.Cluster`."""
        self.requests += 1
        raw = self.objects.get(("Job", namespace, name))
        if raw is None or raw["metadata"]["uid"] != uid:
            return None
        raw["spec"]["ttlSecondsAfterFinished"] = seconds
        return self._put(raw)

    async def get_run(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See `ports.Cluster`."""
        self.requests += 1
        return copy.deepcopy(self.objects.get((str(kind), namespace, name)))

    async def write_status(self, kind: Kind, key: RunKey, resource_version: str, status: Object) -> Object:
        """See `ports.Cluster`."""
        self.requests += 1
        await self._gate("before")
        raw = self.objects.get((str(kind), key.namespace, key.name))
        if raw is None or raw["metadata"]["uid"] != key.uid:
            raise NotFound("no such run")
        if raw["metadata"]["resourceVersion"] != resource_version:
            raise Conflict("changed meanwhile")
        raw["status"] = copy.deepcopy(status)
        written = self._put(raw)
        await self._gate("after")
        return written

    async def delete_run(self, kind: Kind, key: RunKey) -> None:
        """See `ports.Cluster`."""
        raw = self.objects.get((str(kind), key.namespace, key.name))
        if raw is not None and raw["metadata"]["uid"] == key.uid:
            self._remove(raw)

    async def get_metadata(self, namespace: str, ref: ObjectRef) -> Object | None:
        """See `ports.Cluster`."""
        self.requests += 1
        return copy.deepcopy(self.objects.get((str(ref.kind), namespace, ref.name)))

    async def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        """See `ports.Cluster`."""
        await self._gate("before")
        raw = self.objects.get(("Secret", namespace, name))
        if raw is not None and raw["metadata"]["uid"] == uid:
            self._remove(raw)

    async def pod_warnings(self, namespace: str) -> list[Object]:
        """See `ports.Cluster`."""
        self.event_lists += 1
        return [event for event in self.events if event["involvedObject"]["kind"] == "Pod"]

    async def post_event(self, event: Object) -> None:
        """See `ports.Cluster`."""
        self.events.append(event)

    # the controllers

    def controllers(self) -> None:
        """Everything that Kubernetes does by itself, once around."""
        self._collect_garbage()
        for raw in self.of_kind("Job"):
            self._job(raw)
        if self.room is not None:
            self._schedule(self.room)

    def _schedule(self, room: int) -> None:
        """As long as there is room, and in the worst order: the first pods of all Jobs before the second ones."""
        living = [pod for pod in self.of_kind("Pod") if pod["status"]["phase"] in ("Pending", "Running")]
        free = room - sum(1 for pod in living if "nodeName" in pod["spec"])
        for pod in sorted(living, key=lambda each: str(each["metadata"]["labels"][_INDEX])):
            if "nodeName" in pod["spec"]:
                continue
            if free > 0:
                free -= 1
                pod["spec"]["nodeName"] = "node-1"
                pod["status"]["conditions"] = [_condition("PodScheduled", "", self._stamp())]
                self._put(pod)
            elif not pod["status"].get("conditions"):
                pod["status"]["conditions"] = [_unschedulable(self._stamp())]
                self._put(pod)

    def _collect_garbage(self) -> None:
        alive = {raw["metadata"]["uid"] for raw in self.objects.values()}
        for raw in list(self.objects.values()):
            owner = _owner_uid(raw)
            if owner is not None and owner not in alive:
                self._end_pod(raw) if raw["kind"] == "Pod" else self._remove(raw)
            elif raw["kind"] == "Pod" and "deletionTimestamp" in raw["metadata"] and not raw.get("lost"):
                self._end_pod(raw)

    def _end_pod(self, raw: Object) -> None:
        if raw.get("lost"):
            if "deletionTimestamp" not in raw["metadata"]:
                self.delete(raw, grace_s=30)
            return
        if raw["status"]["phase"] in ("Pending", "Running"):
            self.end(raw, 143)
        self._remove(raw)

    def _job(self, raw: Object) -> None:
        status, spec = raw["status"], raw["spec"]
        if any(each["status"] == "True" for each in status.get("conditions", ())):
            for pod in self.owned_by(raw["metadata"]["uid"]):
                if pod["status"]["phase"] in ("Pending", "Running"):
                    self._end_pod(pod)
            return
        pods = self.owned_by(raw["metadata"]["uid"])
        if spec.get("suspend"):
            for pod in pods:
                self._end_pod(pod)
            if status.pop("startTime", None):
                self._put(raw)
            return
        before = copy.deepcopy(status)
        status.setdefault("startTime", self._stamp())
        self._count(raw, pods)
        if status != before:
            self._put(raw)

    def _count(self, raw: Object, pods: list[Object]) -> None:
        status, spec = raw["status"], raw["spec"]
        failures: dict[str, int] = status.setdefault("failures", {})
        done: dict[str, bool] = status.setdefault("done", {})
        for pod in pods:
            index = pod["metadata"]["labels"][_INDEX]
            if pod["status"]["phase"] == "Succeeded":
                done[index] = True
                self._counted(pod)
            if pod["status"]["phase"] == "Failed" and not pod.get("counted"):
                pod["counted"] = True
                if not pod.get("disrupted") or spec["podFailurePolicy"]["rules"][0]["action"] == "FailJob":
                    failures[index] = failures.get(index, 0) + 1
                if pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] in range(64, 73):
                    failures[index] = 1000
                self._counted(pod)
        status["completedIndexes"] = ",".join(sorted(done))
        status |= {"succeeded": len(done), "failed": sum(failures.values())}
        if sum(failures.values()) > spec["backoffLimit"]:
            status["conditions"] = [_condition("Failed", "BackoffLimitExceeded", self._stamp())]
        elif len(done) == spec["completions"]:
            status["conditions"] = [_condition("Complete", "CompletionsReached", self._stamp())]
            status["completionTime"] = self._stamp()
        else:
            self._replace(raw, pods, done)

    def _replace(self, raw: Object, pods: list[Object], done: dict[str, bool]) -> None:
        running = {
            pod["metadata"]["labels"][_INDEX] for pod in pods if pod["status"]["phase"] in ("Pending", "Running")
        }
        for index in map(str, range(raw["spec"]["completions"])):
            if index not in running and index not in done and self._quota_allows(raw):
                self.new(
                    "Pod",
                    f"{raw['metadata']['name']}-{index}-{next(self._counter)}",
                    metadata=pod_metadata(raw, int(index)),
                    spec={"nodeName": self.node} if self.node and self.room is None else {},
                    status={"phase": "Pending"},
                )

    def _quota_allows(self, job: Object) -> bool:
        living = sum(1 for pod in self.of_kind("Pod") if pod["status"]["phase"] in ("Pending", "Running"))
        if self.pod_quota is None or living < self.pod_quota:
            return True
        name = f"{job['metadata']['name']}.refused"
        if ("Event", "ns", name) not in self.objects:
            about = {"namespace": "ns", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
            message = 'Error creating: pods "x" is forbidden: exceeded quota: few, requested: pods=1, limited: pods=2'
            parts = {"involvedObject": about, "reason": "FailedCreate", "message": message}
            self.new("Event", name, lastTimestamp=self._stamp(), **parts)
        return False

    def _counted(self, pod: Object) -> None:
        """The end of a pod is in its Job's status: its finalizer goes."""
        if pod["metadata"].pop("finalizers", None):
            self._put(pod)

    # the pods

    def start(self, pod: Object) -> None:
        """Its runner begins."""
        state = {"running": {"startedAt": self._stamp()}}
        pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "runner", "state": state}]}
        self._put(pod)

    def wait_for(self, pod: Object, reason: str) -> None:
        """Its container cannot start, for this reason of the kubelet's."""
        state = {"waiting": {"reason": reason, "message": "so it is"}}
        pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "runner", "state": state}]}
        self._put(pod)

    def end(self, pod: Object, code: int, message: str = "", reason: str = "Error") -> None:
        """Its runner ends."""
        ended = {"exitCode": code, "reason": reason, "message": message}
        state = {"terminated": {**ended, "startedAt": self._stamp(), "finishedAt": self._stamp()}}
        phase = "Failed" if code else "Succeeded"
        pod["status"] |= {"phase": phase, "containerStatuses": [{"name": "runner", "state": state}]}
        self._put(pod)

    def disrupt(self, pod: Object, reason: str) -> None:
        """Kubernetes takes the pod away."""
        pod["disrupted"] = True
        pod["status"]["conditions"] = [_condition("DisruptionTarget", reason, self._stamp())]
        self.delete(pod, grace_s=30)

    def succeed(self, pod: Object, *, delivered: bool = True, receipt: bool = True) -> None:
        """Its runner delivers and ends well."""
        words = self.delivered(pod, arrives=delivered)
        self.end(pod, 0, words.model_dump_json(by_alias=True) if receipt else "", "Completed")

    def delivered(self, pod: Object, *, arrives: bool = True) -> Receipt:
        """Its runner delivers (if only `arrives`); its last word, with which it is about to end."""
        labels = pod["metadata"]["labels"]
        job = next(raw for raw in self.of_kind("Job") if raw["metadata"]["uid"] == _owner_uid(pod))
        data = _result(labels, job["spec"]["completions"])
        if arrives and self.store_up:
            key = (labels["evalkube.io/run-uid"], int(labels["evalkube.io/attempt"]), int(labels[_INDEX]))
            self.results[key] = data
        return Receipt(
            run_id=labels["evalkube.io/run"],
            shard=int(labels[_INDEX]),
            reason=Reason.COMPLETED,
            done=1,
            headline={"score": 1.0},
            result_sha256=hashlib.sha256(data).hexdigest(),
        )


def _result(labels: dict[str, str], shards: int) -> bytes:
    parts = {"run_id": labels["evalkube.io/run"], "model": "m", "shards": [int(labels[_INDEX])], "of_shards": shards}
    if labels["evalkube.io/kind"] == "EvalRun":
        return EvalResult(**parts).model_dump_json(by_alias=True).encode()
    point = PerfPoint(name="parallel_1_number_1", number=1, parallel=1, succeeded=1)
    return PerfResult(**parts, points=[point]).model_dump_json(by_alias=True).encode()


_INDEX = "batch.kubernetes.io/job-completion-index"


def pod_metadata(job: Object, index: int) -> Object:
    """What the Job controller (of Kubernetes 1.31 and later) gives a pod of a Job."""
    metadata, template = job["metadata"], job["spec"]["template"]["metadata"]
    labels = {
        "batch.kubernetes.io/controller-uid": metadata["uid"],
        "batch.kubernetes.io/job-name": metadata["name"],
        "controller-uid": metadata["uid"],
        "job-name": metadata["name"],
        _INDEX: str(index),
    }
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "namespace": metadata["namespace"],
        "labels": {**template["labels"], **labels},
        "annotations": {**template.get("annotations", {}), _INDEX: str(index)},
        "finalizers": ["batch.kubernetes.io/job-tracking"],
        "ownerReferences": [owner],
    }


def _owner_uid(raw: Object) -> str | None:
    owners = raw["metadata"].get("ownerReferences") or []
    return owners[0]["uid"] if owners else None


def _unschedulable(at: str) -> Object:
    preemption = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    message = f"0/1 nodes are available: 1 Insufficient cpu. {preemption}"
    return {**_condition("PodScheduled", "Unschedulable", at), "status": "False", "message": message}


def _condition(name: str, reason: str, at: str) -> Object:
    return {"type": name, "status": "True", "reason": reason, "message": "", "lastTransitionTime": at}
