"""Kubernetes' objects as this operator needs them: raw dicts come in, typed facts go out, and go no further as dicts.

The only place that reads raw objects. No I/O, no decisions: a fact says what is there, ``policies`` say what it means.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

from pydantic import ValidationError

from evalkube_crds import problems
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import GROUP, Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Receipt
from evalkube_crds.status import RunStatus
from evalkube_operator.errors import Unreadable

__all__ = [
    "ATTEMPT_LABEL",
    "KIND_LABEL",
    "RUNNER_CONTAINER",
    "RUN_LABEL",
    "RUN_UID_LABEL",
    "ContainerFact",
    "EventFact",
    "JobFact",
    "ObjectFact",
    "ObjectRef",
    "OwnerFact",
    "PodFact",
    "Referenced",
    "RunFact",
    "Spec",
    "event",
    "job",
    "named_object",
    "pod",
    "receipt_of",
    "run",
]

RUN_LABEL: Final = f"{GROUP}/run"
RUN_UID_LABEL: Final = f"{GROUP}/run-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"
KIND_LABEL: Final = f"{GROUP}/kind"
RUNNER_CONTAINER: Final = "runner"
_INDEX = "batch.kubernetes.io/job-completion-index"

Spec = EvalRunSpec | PerfRunSpec
Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnerFact:
    """A controller reference."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class RunFact:
    """A run as it stands. ``spec`` is None where the contract refuses it; ``invalid`` then says why."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    deleting: bool
    labels: Mapping[str, str]
    raw_spec: Raw = field(repr=False)
    spec: Spec | None
    invalid: str
    status: RunStatus
    has_status: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name: what the work queue calls it."""
        return self.kind, self.namespace, self.name


@dataclass(frozen=True, slots=True)
class JobFact:
    """A Job of an attempt, or one that stands where it should."""

    namespace: str
    name: str
    uid: str
    created_at: datetime
    owner: OwnerFact | None
    attempt: int | None
    deleting: bool
    suspended: bool
    started_at: datetime | None
    completed_at: datetime | None
    active: int
    ready: int
    terminating: int
    succeeded: int
    failed: int
    complete: bool
    failure: tuple[str, str] | None
    has_ttl: bool

    @property
    def finished(self) -> bool:
        """Whether it will start no more pods."""
        return self.complete or self.failure is not None


@dataclass(frozen=True, slots=True)
class ContainerFact:
    """What one container is doing: waiting (with a reason), running, or terminated (with an exit code)."""

    name: str
    waiting: str | None = None
    waiting_message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class PodFact:
    """A pod of a Job."""

    namespace: str
    name: str
    uid: str
    job_uid: str | None
    run_uid: str | None
    index: int
    created_at: datetime
    phase: str
    reason: str
    message: str
    node: str | None
    deletion_due: datetime | None
    unschedulable: str | None
    disruption: tuple[str, str] | None
    runner: ContainerFact | None
    init: tuple[ContainerFact, ...]

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def started(self) -> bool:
        """Whether its runner has begun, however it went on."""
        return self.runner is not None and self.runner.started_at is not None

    @property
    def deleting(self) -> bool:
        """Whether somebody wants it gone."""
        return self.deletion_due is not None

    @property
    def ended_at(self) -> datetime:
        """When its runner ended; when it was made, where that is not known."""
        return (self.runner and self.runner.finished_at) or self.created_at


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event about one of our objects."""

    about_uid: str
    reason: str
    message: str
    at: datetime


class Referenced(StrEnum):
    """The kinds of object that a run's spec can name."""

    SECRET = "Secret"  # noqa: S105 - not a password
    CONFIG_MAP = "ConfigMap"
    CLAIM = "PersistentVolumeClaim"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object of the run's namespace that its spec names."""

    kind: Referenced
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """The metadata of such an object; what is in it is never read."""

    name: str
    uid: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner_uids: frozenset[str]


def run(raw: Raw, *, before: RunFact | None = None) -> RunFact:
    """An EvalRun or PerfRun. Raises Unreadable where not even its metadata or status have their shape.

    ``before``: the same run at an earlier look. A generation of a spec never changes, and reading it is costly.
    """
    try:
        metadata = raw["metadata"]
        kind = Kind(raw["kind"])
        has_status = bool(raw.get("status"))
        status = RunStatus.model_validate(raw.get("status") or {})
        created_at = _time(metadata["creationTimestamp"])
    except (KeyError, TypeError, ValueError) as problem:
        raise Unreadable(f"{raw.get('kind')} {raw.get('metadata', {}).get('name')}: {problem}") from problem
    raw_spec = raw.get("spec") or {}
    generation = metadata.get("generation", 0)
    if before is not None and (before.uid, before.generation) == (metadata["uid"], generation):
        spec, invalid = before.spec, before.invalid
    else:
        spec, invalid = _spec(kind, raw_spec)
    assert created_at is not None
    return RunFact(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata.get("resourceVersion", ""),
        generation=generation,
        created_at=created_at,
        deleting="deletionTimestamp" in metadata,
        labels=metadata.get("labels") or {},
        raw_spec=raw_spec,
        spec=spec,
        invalid=invalid,
        status=status,
        has_status=has_status,
    )


def _spec(kind: Kind, raw: Raw) -> tuple[Spec | None, str]:
    model: type[EvalRunSpec | PerfRunSpec] = EvalRunSpec if kind is Kind.EVAL_RUN else PerfRunSpec
    try:
        return model.model_validate(raw), ""
    except ValidationError as error:
        return None, problems.sentence(problems.problems_of(error, model, camel=True))


def job(raw: Raw) -> JobFact:
    """A Job. Raises Unreadable."""
    try:
        metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
        created_at = _time(metadata["creationTimestamp"])
        labels = metadata.get("labels") or {}
        attempt = labels.get(ATTEMPT_LABEL, "")
        failure = _condition(status, "Failed") or _condition(status, "FailureTarget")
        assert created_at is not None
        return JobFact(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            created_at=created_at,
            owner=_owner(metadata),
            attempt=int(attempt) if attempt.isdecimal() else None,
            deleting="deletionTimestamp" in metadata,
            suspended=bool(spec.get("suspend")),
            started_at=_time(status.get("startTime")),
            completed_at=_completed_at(status),
            active=status.get("active", 0),
            ready=status.get("ready", 0),
            terminating=status.get("terminating", 0),
            succeeded=status.get("succeeded", 0),
            failed=status.get("failed", 0),
            complete=bool(_condition(status, "Complete") or _condition(status, "SuccessCriteriaMet")),
            failure=(failure.get("reason", ""), failure.get("message", "")) if failure else None,
            has_ttl=spec.get("ttlSecondsAfterFinished") is not None,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise Unreadable(f"Job {raw.get('metadata', {}).get('name')}: {problem!r}") from problem


def _completed_at(status: Raw) -> datetime | None:
    ended = _time(status.get("completionTime"))
    for name in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"):
        ended = ended or _time((_condition(status, name) or {}).get("lastTransitionTime"))
    return ended


def pod(raw: Raw) -> PodFact:
    """A pod. Raises Unreadable."""
    try:
        metadata, status = raw["metadata"], raw.get("status") or {}
        labels = metadata.get("labels") or {}
        index = labels.get(_INDEX) or (metadata.get("annotations") or {}).get(_INDEX) or "0"
        owner = _owner(metadata)
        created_at = _time(metadata["creationTimestamp"])
        disruption = _condition(status, "DisruptionTarget")
        assert created_at is not None
        return PodFact(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            job_uid=owner.uid if owner is not None and owner.kind == "Job" else None,
            run_uid=labels.get(RUN_UID_LABEL),
            index=int(index),
            created_at=created_at,
            phase=status.get("phase", "Pending"),
            reason=status.get("reason", ""),
            message=status.get("message", ""),
            node=(raw.get("spec") or {}).get("nodeName"),
            deletion_due=_time(metadata.get("deletionTimestamp")),
            unschedulable=_unschedulable(status),
            disruption=(disruption.get("reason", ""), disruption.get("message", "")) if disruption else None,
            runner=next(
                (each for each in _containers(status, "containerStatuses") if each.name == RUNNER_CONTAINER), None
            ),
            init=tuple(_containers(status, "initContainerStatuses")),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise Unreadable(f"Pod {raw.get('metadata', {}).get('name')}: {problem!r}") from problem


def _containers(status: Raw, field_name: str) -> Iterable[ContainerFact]:
    for raw in status.get(field_name) or ():
        state = raw.get("state") or {}
        waiting = state.get("waiting") or {}
        ended = state.get("terminated") or {}
        if not ended and not state.get("running"):
            ended = (raw.get("lastState") or {}).get("terminated") or {}
        running = state.get("running") or {}
        yield ContainerFact(
            name=raw["name"],
            waiting=waiting.get("reason") if waiting else None,
            waiting_message=waiting.get("message", ""),
            started_at=_time(running.get("startedAt") or ended.get("startedAt")),
            finished_at=_time(ended.get("finishedAt")),
            exit_code=ended.get("exitCode"),
            reason=ended.get("reason", ""),
            message=ended.get("message", ""),
        )


def _unschedulable(status: Raw) -> str | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "not scheduled")
    return None


def event(raw: Raw) -> EventFact:
    """An event of the core group. Raises Unreadable."""
    try:
        about = raw.get("involvedObject") or {}
        at = _time(
            raw.get("lastTimestamp")
            or (raw.get("series") or {}).get("lastObservedTime")
            or raw.get("eventTime")
            or raw["metadata"]["creationTimestamp"]
        )
        assert at is not None
        return EventFact(about["uid"], str(raw.get("reason", "")), str(raw.get("message", "")), at)
    except (KeyError, TypeError, ValueError) as problem:
        raise Unreadable(f"Event {raw.get('metadata', {}).get('name')}: {problem!r}") from problem


def named_object(raw: Raw) -> ObjectFact:
    """The metadata (PartialObjectMetadata) of a Secret, ConfigMap or claim. Raises Unreadable."""
    try:
        metadata = raw["metadata"]
        return ObjectFact(
            name=metadata["name"],
            uid=metadata["uid"],
            labels=metadata.get("labels") or {},
            annotations=metadata.get("annotations") or {},
            owner_uids=frozenset(str(owner["uid"]) for owner in metadata.get("ownerReferences") or ()),
        )
    except (KeyError, TypeError) as problem:
        raise Unreadable(f"an object that a run names: {problem!r}") from problem


def receipt_of(found: PodFact) -> Receipt | None:
    """What the runner of a pod left in its termination message; None where there is none that can be read."""
    if found.runner is None or not found.runner.message:
        return None
    try:
        return Receipt.model_validate_json(found.runner.message)
    except ValidationError:
        return None


def _owner(metadata: Raw) -> OwnerFact | None:
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return OwnerFact(owner["kind"], owner["name"], owner["uid"])
    return None


def _condition(status: Raw, name: str) -> dict[str, Any] | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == name and condition.get("status") == "True":
            return cast("dict[str, Any]", condition)
    return None


_FRACTION = re.compile(r"\.(\d{6})\d+")


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(_FRACTION.sub(r".\1", value)) if value else None
