"""Makes the manifest of an attempt's Job from a run, an attempt's number and the installer's choices. Pure.

One Indexed Job, one pod per shard. An evaluation's pods are replaced one by one and go on from their checkpoints; a
load test ends with the first pod that fails. The pod has no Kubernetes credentials but a short-lived token that only
our ingest accepts, fits the `restricted` Pod Security level, and mounts no store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from evalkube_crds import paths
from evalkube_crds.cluster import DataMount, SecretKeyRef
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import API_VERSION, EXIT_CODES, GROUP, Kind
from evalkube_crds.targets import TargetRules
from evalkube_operator import facts
from evalkube_operator.facts import RunFact, Spec
from evalkube_operator.inheritance import inherited

__all__ = ["FINAL_EXITS", "INGEST_AUDIENCE", "QUEUE_LABEL", "RunnerDefaults", "job_name", "labels", "manifest"]

INGEST_AUDIENCE: Final = f"{GROUP}/ingest"
QUEUE_LABEL: Final = facts.QUEUE_LABEL
_KUEUE_LABELS: Final = (QUEUE_LABEL, "kueue.x-k8s.io/priority-class")
_RUN_ANNOTATION: Final = f"{GROUP}/run"
FINAL_EXITS: Final = tuple(sorted(code for code in EXIT_CODES.values() if 64 <= code <= 80))
"""Exit codes of a runner after which trying again would end the same way."""

_UNREACHABLE: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


@dataclass(frozen=True, slots=True)
class RunnerDefaults:
    """The installer's settings for every runner pod. `targets`: what it may connect to; `environment`: entries of a
    container's `env`; `queue`: the Kueue queue of runs that name none; `inherit_labels`, `inherit_annotations`:
    prefixes of the names that a run hands down to its Job and pods.
    """

    image: str
    ingest_url: str
    targets: TargetRules = field(default_factory=TargetRules)
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    service_account: str | None = None
    priority_class: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    affinity: Mapping[str, Any] = field(default_factory=dict)
    environment: tuple[Mapping[str, Any], ...] = ()
    data_claim: str | None = None
    cache_claim: str | None = None
    scratch_limit: str = "10Gi"
    user_id: int | None = 65532
    ingest_ca: str | None = None
    token_seconds: int = 3600
    node_loss_s: int = 60
    grace_s: int = 30
    queue: str | None = None
    inherit_labels: tuple[str, ...] = ()
    inherit_annotations: tuple[str, ...] = ()


_MARKS: Final = {Kind.EVAL_RUN: "e", Kind.PERF_RUN: "p"}


def job_name(kind: Kind, run_name: str, attempt: int) -> str:
    """The name of an attempt's Job. It is always the same, so creating the Job is idempotent.

    The kind is in it, as both kinds may have a run of one name; in one letter, as a pod's host name is the Job's name
    and the shard's index and has at most 63 characters.
    """
    return f"{run_name}-{_MARKS[kind]}{attempt}"


def labels(run: RunFact, attempt: int) -> dict[str, str]:
    """The labels that an attempt's Job and pods are found by."""
    return {
        "app.kubernetes.io/name": "evalkube",
        "app.kubernetes.io/component": "runner",
        "app.kubernetes.io/managed-by": "evalkube",
        facts.RUN_LABEL: run.name,
        facts.RUN_UID_LABEL: run.uid,
        facts.KIND_LABEL: str(run.kind),
        facts.ATTEMPT_LABEL: str(attempt),
    }


def manifest(run: RunFact, spec: Spec, attempt: int, defaults: RunnerDefaults) -> dict[str, Any]:
    """The Job of `attempt`; `spec` is the run's, accepted by `policies.admission`."""
    kueue = {QUEUE_LABEL: defaults.queue} if defaults.queue else {}
    kueue |= {name: run.labels[name] for name in _KUEUE_LABELS if name in run.labels}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(run.kind, run.name, attempt),
            "namespace": run.namespace,
            "labels": {**_handed_down(run, defaults), **labels(run, attempt), **kueue},
            "annotations": inherited(run.annotations, defaults.inherit_annotations),
            "ownerReferences": [_owner(run)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": spec.shards,
            "parallelism": spec.shards,
            "suspend": QUEUE_LABEL in kueue,
            **_retries(run.kind, spec),
            **_deadline(spec),
            "template": _pod(run, spec, attempt, defaults),
        },
    }


def _owner(run: RunFact) -> dict[str, Any]:
    """The owner reference to the run. With `blockOwnerDeletion` a foreground deletion of the run waits for its Jobs."""
    reference = {"apiVersion": API_VERSION, "kind": str(run.kind), "name": run.name, "uid": run.uid}
    return {**reference, "controller": True, "blockOwnerDeletion": True}


def _retries(kind: Kind, spec: Spec) -> dict[str, Any]:
    """The Job's retries of failed pods. There is no ttlSecondsAfterFinished yet: the results come first.

    Not `backoffLimitPerIndex`, although the limit is one of each shard's (`plan` holds it): with that, the Job's
    controller lets a failed pod go only once it has been replaced. In a namespace that is being deleted none ever is,
    and the namespace, whose pods have to go before anything else, stayed for 20 minutes.
    """
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    if kind is Kind.PERF_RUN:
        rules = [
            {"action": "FailJob", "onPodConditions": disrupted},
            {"action": "FailJob", "onExitCodes": _exit_codes("NotIn", [0])},
        ]
        return {"backoffLimit": 0, "podReplacementPolicy": "Failed", "podFailurePolicy": {"rules": rules}}
    rules = [
        {"action": "Ignore", "onPodConditions": disrupted},
        {"action": "FailJob", "onExitCodes": _exit_codes("In", list(FINAL_EXITS))},
    ]
    return {
        "backoffLimit": spec.backoff_limit * spec.shards,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": rules},
    }


def _exit_codes(operator: str, values: list[int]) -> dict[str, Any]:
    return {"containerName": facts.RUNNER_CONTAINER, "operator": operator, "values": values}


_SLACK_S = 900


def _deadline(spec: Spec) -> dict[str, int]:
    """Kubernetes' own deadline, later than the operator's: it holds when no operator is there."""
    if spec.deadlines.active is None:
        return {}
    return {"activeDeadlineSeconds": spec.deadlines.startup + spec.deadlines.active + _SLACK_S}


def _pod(run: RunFact, spec: Spec, attempt: int, defaults: RunnerDefaults) -> dict[str, Any]:
    over = spec.runner
    annotations = {**inherited(run.annotations, defaults.inherit_annotations), _RUN_ANNOTATION: _document(run)}
    if defaults.ingest_ca is not None:
        annotations[facts.CA_ANNOTATION] = defaults.ingest_ca
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": defaults.grace_s,
        "securityContext": _pod_security(defaults),
        "nodeSelector": over.node_selector or dict(defaults.node_selector),
        "affinity": over.affinity or dict(defaults.affinity),
        "tolerations": [*(over.tolerations or defaults.tolerations), *_node_loss(defaults)],
        "containers": [_container(run, spec, attempt, defaults)],
        "volumes": _volumes(spec, defaults),
    }
    optional = {
        "serviceAccountName": over.service_account_name or defaults.service_account,
        "priorityClassName": over.priority_class_name or defaults.priority_class,
        "imagePullSecrets": [{"name": name} for name in over.image_pull_secrets or defaults.pull_secrets],
    }
    pod.update({name: value for name, value in optional.items() if value})
    pod_labels = {**_handed_down(run, defaults), **labels(run, attempt)}
    return {"metadata": {"labels": pod_labels, "annotations": annotations}, "spec": pod}


def _handed_down(run: RunFact, defaults: RunnerDefaults) -> dict[str, str]:
    """The labels of pods: the operator's own, and those inherited from the run."""
    return inherited(run.labels, defaults.inherit_labels)


def _document(run: RunFact) -> str:
    metadata = {
        "name": run.name,
        "namespace": run.namespace,
        "uid": run.uid,
        "creationTimestamp": run.created_at.isoformat(),
        "labels": dict(run.labels),
    }
    document = {"apiVersion": API_VERSION, "kind": str(run.kind), "metadata": metadata, "spec": run.raw_spec}
    return orjson.dumps(document).decode()


def _pod_security(defaults: RunnerDefaults) -> dict[str, Any]:
    context: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if defaults.user_id is not None:
        context |= {"runAsUser": defaults.user_id, "runAsGroup": defaults.user_id, "fsGroup": defaults.user_id}
    return context


def _node_loss(defaults: RunnerDefaults) -> list[dict[str, Any]]:
    return [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": defaults.node_loss_s}
        for key in _UNREACHABLE
    ]


_CONFIG: Final = "/etc/evalkube"
_TOKEN: Final = "/var/run/secrets/evalkube"  # noqa: S105 - a folder
_CACHE: Final = paths.POD_CACHE


def _container(run: RunFact, spec: Spec, attempt: int, defaults: RunnerDefaults) -> dict[str, Any]:
    over = spec.runner
    arguments = ["--run", f"{_CONFIG}/run/run.json", "--shard", "$(JOB_COMPLETION_INDEX)", "--attempt", str(attempt)]
    arguments += ["--ingest", defaults.ingest_url, "--ingest-token-file", f"{_TOKEN}/token"]
    arguments += ["--receipt", "/dev/termination-log"]
    arguments += ["--targets", defaults.targets.model_dump_json(by_alias=True)]
    if defaults.ingest_ca is not None:
        arguments += ["--ca", f"{_CONFIG}/run/ca.crt"]
    for folder in _readable(spec, defaults):
        arguments += ["--readable", folder]
    for option, reference in _keys(spec).items():
        arguments += [f"--{option}-file", f"{_CONFIG}/{option}/{reference.key}"]
    return {
        "name": facts.RUNNER_CONTAINER,
        "image": over.image or defaults.image,
        "imagePullPolicy": defaults.pull_policy,
        "command": ["python", "-m", "evalkube_runner"],
        "args": arguments,
        "env": _environment(spec, defaults),
        "resources": over.resources or dict(defaults.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": _mounts(spec, defaults),
    }


def _readable(spec: Spec, defaults: RunnerDefaults) -> list[str]:
    """The folders that the run may read beside the cache: what it mounts, and nothing else in its pod."""
    shared = [paths.SHARED_DATA] if _shared_data(spec, defaults) is not None else []
    return [*shared, *(f"{paths.DATA_FOLDER}/{mount.name}" for mount in spec.data)]


def _environment(spec: Spec, defaults: RunnerDefaults) -> list[dict[str, Any]]:
    """The environment of a runner: the operator's own entries come last, so that a run cannot change them."""
    own = [{"name": "HOME", "value": "/tmp"}, {"name": "EVALKUBE_CACHE", "value": _CACHE}]  # noqa: S108 - the pod's own
    reserved = {entry["name"] for entry in own} | {entry["name"] for entry in defaults.environment}
    theirs = [dict(entry) for entry in spec.runner.env or [] if entry.get("name") not in reserved]
    return [*theirs, *(dict(entry) for entry in defaults.environment), *own]


def _keys(spec: Spec) -> dict[str, SecretKeyRef]:
    """The files of the run's keys, by the runner's option for each."""
    references = {
        "api-key": spec.api_key_secret_ref,
        "credentials": spec.credentials_secret_ref,
        "judge-api-key": spec.judge.api_key_secret_ref if isinstance(spec, EvalRunSpec) else None,
        "judge-credentials": spec.judge.credentials_secret_ref if isinstance(spec, EvalRunSpec) else None,
    }
    if isinstance(spec, EvalRunSpec):
        references |= {f"judge-api-key-{at}": model.api_key_secret_ref for at, model in enumerate(spec.judge.models)}
    return {option: reference for option, reference in references.items() if reference is not None}


def _mounts(spec: Spec, defaults: RunnerDefaults) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "run", "mountPath": f"{_CONFIG}/run", "readOnly": True},
        {"name": "token", "mountPath": _TOKEN, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "cache", "mountPath": _CACHE},
    ]
    mounts += [{"name": option, "mountPath": f"{_CONFIG}/{option}", "readOnly": True} for option in _keys(spec)]
    if _shared_data(spec, defaults) is not None:
        mounts.append({"name": "shared-data", "mountPath": paths.SHARED_DATA, "readOnly": True})
    mounts += [
        {"name": f"data-{place}", "mountPath": f"{paths.DATA_FOLDER}/{mount.name}", "readOnly": True}
        for place, mount in enumerate(spec.data)
    ]
    return mounts


def _volumes(spec: Spec, defaults: RunnerDefaults) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "run", "downwardAPI": {"items": _downward(defaults)}},
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": _token(defaults)}]}},
        {"name": "tmp", "emptyDir": {"sizeLimit": defaults.scratch_limit}},
        {"name": "cache", **_claim_or_empty(defaults)},
    ]
    volumes += [{"name": option, "secret": _key_volume(reference)} for option, reference in _keys(spec).items()]
    if (claim := _shared_data(spec, defaults)) is not None:
        volumes.append({"name": "shared-data", **_claim(claim)})
    volumes += [{"name": f"data-{place}", **_source(mount)} for place, mount in enumerate(spec.data)]
    return volumes


def _shared_data(spec: Spec, defaults: RunnerDefaults) -> str | None:
    """The installation's claim, at /data/shared unless the run mounts something of its own there."""
    taken = any(f"{paths.DATA_FOLDER}/{mount.name}" == paths.SHARED_DATA for mount in spec.data)
    return None if taken else defaults.data_claim


def _downward(defaults: RunnerDefaults) -> list[dict[str, Any]]:
    files = {"run.json": _RUN_ANNOTATION} | ({"ca.crt": facts.CA_ANNOTATION} if defaults.ingest_ca is not None else {})
    return [
        {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
        for path, annotation in files.items()
    ]


def _token(defaults: RunnerDefaults) -> dict[str, Any]:
    return {"audience": INGEST_AUDIENCE, "expirationSeconds": defaults.token_seconds, "path": "token"}


def _key_volume(reference: SecretKeyRef) -> dict[str, Any]:
    return {
        "secretName": reference.name,
        "items": [{"key": reference.key, "path": reference.key}],
        "defaultMode": 0o440,
    }


def _claim(name: str) -> dict[str, Any]:
    return {"persistentVolumeClaim": {"claimName": name, "readOnly": True}}


def _claim_or_empty(defaults: RunnerDefaults) -> dict[str, Any]:
    if defaults.cache_claim is None:
        return {"emptyDir": {"sizeLimit": defaults.scratch_limit}}
    return {"persistentVolumeClaim": {"claimName": defaults.cache_claim}}


def _source(mount: DataMount) -> dict[str, Any]:
    if mount.config_map is not None:
        return {"configMap": {"name": mount.config_map}}
    assert mount.persistent_volume_claim is not None
    return _claim(mount.persistent_volume_claim)
