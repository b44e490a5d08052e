"""Kubernetes' objects as this operator needs them: raw dicts come in, typed facts go out, and go no further as dicts.

The only place that reads raw objects. Whatever one holds, reading it gives a fact or raises Unreadable, nothing else.
No I/O, no decisions: a fact says what is there, ``links`` whose it is, ``policies`` what it means.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import orjson
from pydantic import ValidationError

from evalkube_crds import problems
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import GROUP, Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Receipt
from evalkube_crds.status import RunStatus
from evalkube_operator import reading
from evalkube_operator.errors import Unreadable
from evalkube_operator.reading import Odd, Raw

__all__ = [
    "ATTEMPT_LABEL",
    "KIND_LABEL",
    "RUNNER_CONTAINER",
    "RUN_LABEL",
    "RUN_UID_LABEL",
    "ContainerFact",
    "EventFact",
    "Identity",
    "JobFact",
    "KeptRun",
    "ObjectFact",
    "ObjectRef",
    "OwnerFact",
    "PodFact",
    "Referenced",
    "RunFact",
    "Spec",
    "event",
    "identity",
    "job",
    "kept",
    "named_object",
    "opened",
    "pod",
    "receipt_of",
    "run",
]

RUN_LABEL: Final = f"{GROUP}/run"
RUN_UID_LABEL: Final = f"{GROUP}/run-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"
KIND_LABEL: Final = f"{GROUP}/kind"
RUNNER_CONTAINER: Final = "runner"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_CONTROLLER: Final = "batch.kubernetes.io/controller-uid"
_TRACKING: Final = "batch.kubernetes.io/job-tracking"
_MOST_SHOWN: Final = 253
"""Of what an object that cannot be read says of itself: as long as a name can be."""
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

Spec = EvalRunSpec | PerfRunSpec


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object it is, and in which version."""

    namespace: str
    name: str
    uid: str
    version: int


@dataclass(frozen=True, slots=True)
class OwnerFact:
    """A controller reference; ``group`` is that of its API, without the version."""

    group: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run as it is kept, to be read when it is looked at: small, as JSON. ``job_uid``: of the Job on record."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    version: int
    job_uid: str | None
    data: bytes = field(repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name."""
        return str(self.kind), self.namespace, self.name


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
    """A Job of an attempt, or one that stands where it should. ``run_uid`` and ``attempt`` are what its labels say."""

    namespace: str
    name: str
    uid: str
    version: int
    created_at: datetime
    owner: OwnerFact | None
    run_uid: str | None
    attempt: int | None
    completions: int
    deleting: bool
    suspended: bool
    started_at: datetime | None
    completed_at: datetime | None
    active: int
    ready: int
    terminating: int
    succeeded: int
    failed: int
    completed_indexes: str = field(repr=False)
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
    """A pod that says it is a shard's.

    ``job_uid``: its controller's, where the label that Jobs find their pods by says the same. ``run_uid``: what its
    label says. ``index``: the shard; -1 where it has none that a Job would count. ``tracked``: its Job's controller has
    yet to count its end, or was seen to have had to. ``gone``: it is there no more.
    """

    namespace: str
    name: str
    uid: str
    version: int
    job_uid: str | None
    run_uid: str | None
    index: int
    tracked: bool
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
    gone: bool = False

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
    """An event about an object of its own namespace."""

    about_uid: str
    reason: str
    message: str
    at: datetime
    namespace: str = ""
    uid: str = ""
    version: int = 0


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


@contextlib.contextmanager
def _read(kind: str, raw: Raw) -> Iterator[None]:
    try:
        yield
    except Odd as problem:
        raise _unreadable(kind, raw, str(problem)) from None


def _unreadable(kind: str, raw: object, why: str) -> Unreadable:
    found = raw.get("metadata") if isinstance(raw, Mapping) else None
    metadata = found if isinstance(found, Mapping) else {}
    namespace, name, uid, version = (
        value.encode(errors="backslashreplace").decode()[:_MOST_SHOWN] if isinstance(value, str) else ""
        for value in map(metadata.get, ("namespace", "name", "uid", "resourceVersion"))
    )
    return Unreadable(kind, f"{namespace or '?'}/{name or '?'}", why, uid=uid, version=version)


def identity(kind: str, raw: Raw) -> Identity:
    """Which object it is, whatever else it holds. Raises Unreadable where it does not say so."""
    with _read(kind, raw):
        return _identity(reading.part(raw, "metadata"))


def _identity(metadata: Raw) -> Identity:
    namespace, name, uid = (reading.needed(metadata, each) for each in ("namespace", "name", "uid"))
    return Identity(namespace, name, uid, reading.version(metadata))


def kept(raw: Raw, kind: Kind) -> KeptRun:
    """An EvalRun or PerfRun without what nobody here reads: managed fields, the last applied text, inline results.

    Raises Unreadable where it does not say which it is, or cannot be written down.
    """
    with _read(kind, raw):
        metadata = reading.part(raw, "metadata")
        found = _identity(metadata)
        try:
            data = _packed(_trimmed(raw))
        except (TypeError, RecursionError):  # orjson's own error is a TypeError
            raise Odd("it cannot be written as JSON") from None
        job_uid = _job_on_record(raw)
        return KeptRun(kind, found.namespace, found.name, found.uid, found.version, job_uid, data)


def _job_on_record(raw: Raw) -> str | None:
    try:
        return reading.text(reading.part(raw, "status"), "jobUID") or None
    except Odd:
        return None  # the status as a whole cannot be read, and that is said when the run is looked at


def _trimmed(raw: Raw) -> dict[str, Any]:
    metadata = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    annotations, status = metadata.get("annotations"), raw.get("status")
    if isinstance(annotations, Mapping):
        metadata["annotations"] = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
    trimmed = {**raw, "metadata": metadata}
    if isinstance(status, Mapping):
        trimmed["status"] = {name: value for name, value in status.items() if name != "results"}
    return trimmed


def _packed(document: Raw) -> bytes:
    """As JSON. A copy: orjson's own buffers are kilobytes longer than what is in them, for as long as they are kept."""
    return bytes(memoryview(orjson.dumps(document)))


def opened(run_kept: KeptRun, *, before: RunFact | None = None) -> RunFact:
    """See ``run``, of one that was kept. Raises Unreadable."""
    return run(orjson.loads(run_kept.data), run_kept.kind, before=before)


def run(raw: Raw, kind: Kind, *, before: RunFact | None = None) -> RunFact:
    """An EvalRun or PerfRun. Raises Unreadable where not even its metadata or status have their shape.

    ``before``: the same run at an earlier look. A generation of a spec never changes, and reading it is costly.
    """
    with _read(kind, raw):
        metadata, raw_spec, raw_status = (reading.part(raw, name) for name in ("metadata", "spec", "status"))
        found, generation = _identity(metadata), reading.number(metadata, "generation")
        if before is not None and (before.uid, before.generation) == (found.uid, generation):
            spec, invalid = before.spec, before.invalid
        else:
            spec, invalid = _spec(kind, raw_spec)
        return RunFact(
            kind=kind,
            namespace=found.namespace,
            name=found.name,
            uid=found.uid,
            resource_version=reading.text(metadata, "resourceVersion"),
            generation=generation,
            created_at=_created_at(metadata),
            deleting=reading.moment(metadata, "deletionTimestamp") is not None,
            labels=reading.texts(metadata, "labels"),
            raw_spec=raw_spec,
            spec=spec,
            invalid=invalid,
            status=_status(raw_status),
            has_status=bool(raw_status),
        )


def _created_at(metadata: Raw) -> datetime:
    found = reading.moment(metadata, "creationTimestamp")
    if found is None:
        raise Odd("creationTimestamp is missing")
    return found


def _status(raw: Raw) -> RunStatus:
    """Its times are checked beforehand: the contract's model would take some that cannot be reckoned with."""
    for holder in (raw, *reading.parts(raw, "attempts"), *reading.parts(raw, "conditions")):
        for name in ("startTime", "completionTime", "lastTransitionTime"):
            reading.moment(holder, name)
    try:
        return RunStatus.model_validate(raw)
    except ValidationError as error:
        raise Odd(f"status: {problems.sentence(problems.problems_of(error, RunStatus, camel=True))[:500]}") from None


def _spec(kind: Kind, raw: Raw) -> tuple[Spec | None, str]:
    model: type[EvalRunSpec | PerfRunSpec] = EvalRunSpec if kind is Kind.EVAL_RUN else PerfRunSpec
    try:
        return model.model_validate(raw), ""
    except ValidationError as error:
        return None, problems.sentence(problems.problems_of(error, model, camel=True))


def job(raw: Raw) -> JobFact:
    """A Job. Raises Unreadable."""
    with _read("Job", raw):
        metadata, spec, status = (reading.part(raw, name) for name in ("metadata", "spec", "status"))
        found, labels = _identity(metadata), reading.texts(metadata, "labels")
        attempt = labels.get(ATTEMPT_LABEL, "")
        failure = _condition(status, "Failed") or _condition(status, "FailureTarget")
        return JobFact(
            namespace=found.namespace,
            name=found.name,
            uid=found.uid,
            version=found.version,
            created_at=_created_at(metadata),
            owner=_owner(metadata),
            run_uid=labels.get(RUN_UID_LABEL),
            attempt=_whole(attempt),
            completions=reading.number(spec, "completions"),
            deleting=reading.moment(metadata, "deletionTimestamp") is not None,
            suspended=reading.flag(spec, "suspend"),
            started_at=reading.moment(status, "startTime"),
            completed_at=_completed_at(status),
            active=reading.number(status, "active"),
            ready=reading.number(status, "ready"),
            terminating=reading.number(status, "terminating"),
            succeeded=reading.number(status, "succeeded"),
            failed=reading.number(status, "failed"),
            completed_indexes=reading.text(status, "completedIndexes"),
            complete=bool(_condition(status, "Complete") or _condition(status, "SuccessCriteriaMet")),
            failure=(reading.text(failure, "reason"), reading.text(failure, "message")) if failure else None,
            has_ttl=spec.get("ttlSecondsAfterFinished") is not None,
        )


def _whole(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def _completed_at(status: Raw) -> datetime | None:
    ended = reading.moment(status, "completionTime")
    for name in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"):
        ended = ended or reading.moment(_condition(status, name) or {}, "lastTransitionTime")
    return ended


def pod(raw: Raw) -> PodFact:
    """A pod. Raises Unreadable."""
    with _read("Pod", raw):
        metadata, status = reading.part(raw, "metadata"), reading.part(raw, "status")
        found, labels, owner = _identity(metadata), reading.texts(metadata, "labels"), _owner(metadata)
        disruption = _condition(status, "DisruptionTarget")
        of_job = owner is not None and (owner.group, owner.kind, owner.uid) == ("batch", "Job", labels.get(_CONTROLLER))
        return PodFact(
            namespace=found.namespace,
            name=found.name,
            uid=found.uid,
            version=found.version,
            job_uid=owner.uid if owner is not None and of_job else None,
            run_uid=labels.get(RUN_UID_LABEL),
            index=_index(reading.texts(metadata, "annotations"), labels),
            tracked=_TRACKING in _finalizers(metadata),
            created_at=_created_at(metadata),
            phase=reading.text(status, "phase", "Pending"),
            reason=reading.text(status, "reason"),
            message=reading.text(status, "message"),
            node=reading.text(reading.part(raw, "spec"), "nodeName") or None,
            deletion_due=reading.moment(metadata, "deletionTimestamp"),
            unschedulable=_unschedulable(status),
            disruption=(reading.text(disruption, "reason"), reading.text(disruption, "message"))
            if disruption
            else None,
            runner=next(
                (each for each in _containers(status, "containerStatuses") if each.name == RUNNER_CONTAINER), None
            ),
            init=tuple(_containers(status, "initContainerStatuses")),
        )


def _index(annotations: Mapping[str, str], labels: Mapping[str, str]) -> int:
    """The Job's controller reads the annotation alone; a label beside it says the same, or somebody wrote either."""
    said = annotations.get(_INDEX, "")
    index = _whole(said)
    return index if index is not None and labels.get(_INDEX, said) == said else -1


def _finalizers(metadata: Raw) -> list[Any]:
    found = metadata.get("finalizers")
    if found is not None and not isinstance(found, list):
        raise Odd("finalizers is no list")
    return found or []


def _containers(status: Raw, field_name: str) -> Iterable[ContainerFact]:
    for raw in reading.parts(status, field_name):
        state = reading.part(raw, "state")
        waiting, running, ended = (reading.part(state, name) for name in ("waiting", "running", "terminated"))
        if not ended and not running:
            ended = reading.part(reading.part(raw, "lastState"), "terminated")
        yield ContainerFact(
            name=reading.needed(raw, "name"),
            waiting=reading.text(waiting, "reason") or None,
            waiting_message=reading.text(waiting, "message"),
            started_at=reading.moment(running, "startedAt") or reading.moment(ended, "startedAt"),
            finished_at=reading.moment(ended, "finishedAt"),
            exit_code=reading.number(ended, "exitCode") if "exitCode" in ended else None,
            reason=reading.text(ended, "reason"),
            message=reading.text(ended, "message"),
        )


def _unschedulable(status: Raw) -> str | None:
    for condition in reading.parts(status, "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return reading.text(condition, "message") or reading.text(condition, "reason") or "not scheduled"
    return None


def event(raw: Raw) -> EventFact:
    """An event of the core group. Raises Unreadable, also where it is not about one object of its namespace."""
    with _read("Event", raw):
        metadata, about = reading.part(raw, "metadata"), reading.part(raw, "involvedObject")
        found = _identity(metadata)
        at = (
            reading.moment(raw, "lastTimestamp")
            or reading.moment(reading.part(raw, "series"), "lastObservedTime")
            or reading.moment(raw, "eventTime")
            or _created_at(metadata)
        )
        if reading.text(about, "namespace", found.namespace) != found.namespace:
            raise Odd("it is about an object of another namespace")
        if not (about_uid := reading.text(about, "uid")):
            raise Odd("its involvedObject has no uid")
        return EventFact(
            about_uid=about_uid,
            reason=reading.text(raw, "reason"),
            message=reading.text(raw, "message"),
            at=at,
            namespace=found.namespace,
            uid=found.uid,
            version=found.version,
        )


def named_object(raw: Raw) -> ObjectFact:
    """The metadata (PartialObjectMetadata) of a Secret, ConfigMap or claim. Raises Unreadable."""
    with _read("object that a run names", raw):
        metadata = reading.part(raw, "metadata")
        owners = frozenset(reading.text(owner, "uid") for owner in reading.parts(metadata, "ownerReferences"))
        found = _identity(metadata)
        return ObjectFact(
            name=found.name,
            uid=found.uid,
            labels=reading.texts(metadata, "labels"),
            annotations=reading.texts(metadata, "annotations"),
            owner_uids=owners - {""},
        )


def receipt_of(found: PodFact) -> Receipt | None:
    """What the runner of a pod left in its termination message; None where there is none of its shard that can be
    read."""
    if found.runner is None or not found.runner.message:
        return None
    try:
        receipt = Receipt.model_validate_json(found.runner.message)
    except ValidationError:
        return None
    return receipt if receipt.shard == found.index else None


def _owner(metadata: Raw) -> OwnerFact | None:
    for owner in reading.parts(metadata, "ownerReferences"):
        if reading.flag(owner, "controller"):
            group, _, version = reading.text(owner, "apiVersion").rpartition("/")
            kind, name, uid = (reading.text(owner, each) for each in ("kind", "name", "uid"))
            return OwnerFact(group if version else "", kind, name, uid)
    return None


def _condition(status: Raw, name: str) -> Raw | None:
    for condition in reading.parts(status, "conditions"):
        if condition.get("type") == name and condition.get("status") == "True":
            return condition
    return None
