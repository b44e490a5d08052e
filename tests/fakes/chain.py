"""A run, its Job, its pods and an event as the API server has them, each linked to the next: real in shape, so that a
test can forge or damage one thing at a time.
"""

from typing import Any

from evalkube_crds.names import Kind
from evalkube_operator import jobs, reading
from evalkube_operator.jobs import RunnerDefaults
from fakes.small_cluster import eval_spec, perf_spec, pod_metadata

__all__ = ["AT", "Object", "a_job", "a_pod", "a_run", "a_secret", "an_event", "ended"]

Object = dict[str, Any]
AT = "2026-11-01T00:00:00Z"


def _metadata(namespace: str, name: str, uid: str, version: int) -> Object:
    return {
        "namespace": namespace,
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": AT,
        "generation": 1,
        "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
    }


def a_run(uid: str = "u", version: int = 1, *, kind: Kind = Kind.EVAL_RUN, shards: int = 2, **more: Any) -> Object:
    """The run `demo`; `more`: of its status, or `namespace`, `name`."""
    namespace, name = more.pop("namespace", "ns"), more.pop("name", "demo")
    spec = eval_spec(shards=shards) if kind is Kind.EVAL_RUN else perf_spec(shards=shards)
    metadata = _metadata(namespace, name, uid, version)
    return {"apiVersion": "evalkube.io/v1alpha1", "kind": str(kind), "metadata": metadata, "spec": spec, "status": more}


def a_job(run: Object, uid: str = "j", version: int = 2, *, attempt: int = 1, **status: Any) -> Object:
    """The Job that the operator makes for an attempt of the run."""
    fact = reading.run(run, Kind(run["kind"]))
    assert fact.spec is not None, fact.invalid
    manifest = jobs.manifest(fact, fact.spec, attempt, RunnerDefaults(image="evalkube", ingest_url="https://ingest"))
    made = manifest["metadata"]
    manifest["metadata"] = {**_metadata(made["namespace"], made["name"], uid, version), **made}
    return {**manifest, "status": {"startTime": AT, "active": 1, **status}}


def a_pod(job: Object, uid: str = "p", version: int = 3, *, index: int = 0, phase: str = "Running") -> Object:
    """The pod that the Job's controller makes for a shard."""
    name = f"{job['metadata']['name']}-{index}-{uid}"
    state = {"running": {"startedAt": AT}} if phase == "Running" else {"waiting": {"reason": "ContainerCreating"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**_metadata("", name, uid, version), **pod_metadata(job, index)},
        "spec": {"nodeName": "node-1", "containers": [{"name": "runner", "image": "evalkube"}]},
        "status": {
            "phase": phase,
            "startTime": AT,
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": AT}],
            "containerStatuses": [{"name": "runner", "state": state, "restartCount": 0}],
        },
    }


def ended(pod: Object, version: int, code: int = 0, message: str = "", *, counted: bool = False) -> Object:
    """The pod after its end; `counted`: its Job's controller has taken note of it."""
    terminated = {"exitCode": code, "reason": "Error", "message": message, "startedAt": AT, "finishedAt": AT}
    metadata = {**pod["metadata"], "resourceVersion": str(version)}
    if counted:
        metadata.pop("finalizers", None)
    statuses = [{"name": "runner", "state": {"terminated": terminated}}]
    phase = "Failed" if code else "Succeeded"
    return {**pod, "metadata": metadata, "status": {"phase": phase, "containerStatuses": statuses}}


def an_event(about: Object, uid: str = "e", version: int = 4, **more: Any) -> Object:
    """An event about an object: its controller failed to create a pod."""
    metadata, name = about["metadata"], f"{about['metadata']['name']}.{uid}"
    involved = {
        "kind": about["kind"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": _metadata(metadata["namespace"], name, uid, version),
        "involvedObject": involved,
        "reason": "FailedCreate",
        "message": "exceeded quota",
        "type": "Warning",
        "lastTimestamp": AT,
        **more,
    }


def a_secret(owner: Object) -> Object:
    """The metadata of the run's own Secret."""
    reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    metadata = {**_metadata("ns", "key", "s", 1), "labels": {}, "ownerReferences": [reference]}
    return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}
