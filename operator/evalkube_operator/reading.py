"""Turns raw objects of Kubernetes into facts. No other module reads raw dicts.

Whatever an object holds, reading it gives a fact or raises Unreadable, nothing else. No I/O, no decisions.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from pydantic import ValidationError

from evalkube_crds import problems
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.status import RunStatus
from evalkube_operator import fields
from evalkube_operator.errors import Unreadable
from evalkube_operator.facts import (
    ATTEMPT_LABEL,
    CA_ANNOTATION,
    QUEUE_LABEL,
    RUN_UID_LABEL,
    RUNNER_CONTAINER,
    ContainerFact,
    EventFact,
    Identity,
    JobFact,
    KeptRun,
    ObjectFact,
    OwnerFact,
    PodFact,
    RunFact,
    Spec,
    digest,
)
from evalkube_operator.fields import Odd, Raw

__all__ = ["event", "identity", "job", "kept", "named_object", "opened", "pod", "run"]

_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_CONTROLLER: Final = "batch.kubernetes.io/controller-uid"
_TRACKING: Final = "batch.kubernetes.io/job-tracking"
_MOST_SHOWN: Final = 253
"""Of what an object that cannot be read says of itself: as long as a name can be."""
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


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
    """The identity of an object, whatever else it holds. Raises Unreadable where it has none."""
    with _read(kind, raw):
        return _identity(fields.part(raw, "metadata"))


def _identity(metadata: Raw) -> Identity:
    namespace, name, uid = (fields.needed(metadata, each) for each in ("namespace", "name", "uid"))
    return Identity(namespace, name, uid, fields.version(metadata))


def kept(raw: Raw, kind: Kind) -> KeptRun:
    """An EvalRun or PerfRun without the parts that nobody here reads: managed fields, the last applied text, inline
    results.

    Raises Unreadable where it does not say which it is, or cannot be written down.
    """
    with _read(kind, raw):
        metadata = fields.part(raw, "metadata")
        found = _identity(metadata)
        try:
            data = _packed(_trimmed(raw))
        except (TypeError, RecursionError):  # orjson's own error is a TypeError
            raise Odd("it cannot be written as JSON") from None
        job_uid = _job_on_record(raw)
        created = metadata.get("creationTimestamp")
        return KeptRun(kind, found.namespace, found.name, found.uid, found.version, job_uid, str(created), data)


def _job_on_record(raw: Raw) -> str | None:
    try:
        return fields.text(fields.part(raw, "status"), "jobUID") or None
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
    """The value as JSON, copied: orjson's own buffers are kilobytes longer than their content, for as long as they are
    kept.
    """
    return bytes(memoryview(orjson.dumps(document)))


def opened(run_kept: KeptRun, *, before: RunFact | None = None) -> RunFact:
    """See `run`, of one that was kept. Raises Unreadable."""
    return run(orjson.loads(run_kept.data), run_kept.kind, before=before)


def run(raw: Raw, kind: Kind, *, before: RunFact | None = None) -> RunFact:
    """An EvalRun or PerfRun. Raises Unreadable where not even its metadata or status have their shape.

    `before`: the same run at an earlier look. A generation of a spec never changes, and reading it is costly.
    """
    with _read(kind, raw):
        metadata, raw_spec, raw_status = (fields.part(raw, name) for name in ("metadata", "spec", "status"))
        found, generation = _identity(metadata), fields.number(metadata, "generation")
        if before is not None and (before.uid, before.generation) == (found.uid, generation):
            spec, invalid = before.spec, before.invalid
        else:
            spec, invalid = _spec(kind, raw_spec)
        return RunFact(
            kind=kind,
            namespace=found.namespace,
            name=found.name,
            uid=found.uid,
            resource_version=fields.text(metadata, "resourceVersion"),
            generation=generation,
            created_at=_created_at(metadata),
            deleting=fields.moment(metadata, "deletionTimestamp") is not None,
            labels=fields.texts(metadata, "labels"),
            annotations=fields.texts(metadata, "annotations"),
            raw_spec=raw_spec,
            spec=spec,
            invalid=invalid,
            status=_status(raw_status),
            has_status=bool(raw_status),
        )


def _created_at(metadata: Raw) -> datetime:
    found = fields.moment(metadata, "creationTimestamp")
    if found is None:
        raise Odd("creationTimestamp is missing")
    return found


def _status(raw: Raw) -> RunStatus:
    """The status of a run. Its times are checked first: the contract's model would take some that cannot be reckoned
    with.
    """
    for holder in (raw, *fields.parts(raw, "attempts"), *fields.parts(raw, "conditions")):
        for name in ("startTime", "completionTime", "lastTransitionTime"):
            fields.moment(holder, name)
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
        metadata, spec, status = (fields.part(raw, name) for name in ("metadata", "spec", "status"))
        found, labels = _identity(metadata), fields.texts(metadata, "labels")
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
            completions=fields.number(spec, "completions"),
            deleting=fields.moment(metadata, "deletionTimestamp") is not None,
            suspended=fields.flag(spec, "suspend"),
            started_at=fields.moment(status, "startTime"),
            completed_at=_completed_at(status),
            active=fields.number(status, "active"),
            ready=fields.number(status, "ready"),
            terminating=fields.number(status, "terminating"),
            succeeded=fields.number(status, "succeeded"),
            failed=fields.number(status, "failed"),
            completed_indexes=fields.text(status, "completedIndexes"),
            complete=bool(_condition(status, "Complete") or _condition(status, "SuccessCriteriaMet")),
            failure=(fields.text(failure, "reason"), fields.text(failure, "message")) if failure else None,
            has_ttl=spec.get("ttlSecondsAfterFinished") is not None,
            queued=QUEUE_LABEL in labels,
        )


def _whole(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def _completed_at(status: Raw) -> datetime | None:
    ended = fields.moment(status, "completionTime")
    for name in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"):
        ended = ended or fields.moment(_condition(status, name) or {}, "lastTransitionTime")
    return ended


def pod(raw: Raw) -> PodFact:
    """A pod. Raises Unreadable."""
    with _read("Pod", raw):
        metadata, status = fields.part(raw, "metadata"), fields.part(raw, "status")
        annotations = fields.texts(metadata, "annotations")
        found, labels, owner = _identity(metadata), fields.texts(metadata, "labels"), _owner(metadata)
        disruption = _condition(status, "DisruptionTarget")
        of_job = owner is not None and (owner.group, owner.kind, owner.uid) == ("batch", "Job", labels.get(_CONTROLLER))
        return PodFact(
            namespace=found.namespace,
            name=found.name,
            uid=found.uid,
            version=found.version,
            job_uid=owner.uid if owner is not None and of_job else None,
            run_uid=labels.get(RUN_UID_LABEL),
            index=_index(annotations, labels),
            tracked=_TRACKING in _finalizers(metadata),
            created_at=_created_at(metadata),
            phase=fields.text(status, "phase", "Pending"),
            reason=fields.text(status, "reason"),
            message=fields.text(status, "message"),
            node=fields.text(fields.part(raw, "spec"), "nodeName") or None,
            deletion_due=fields.moment(metadata, "deletionTimestamp"),
            unschedulable=_unschedulable(status),
            disruption=(fields.text(disruption, "reason"), fields.text(disruption, "message")) if disruption else None,
            runner=next(
                (each for each in _containers(status, "containerStatuses") if each.name == RUNNER_CONTAINER), None
            ),
            init=tuple(_containers(status, "initContainerStatuses")),
            placed_at=fields.moment(_condition(status, "PodScheduled") or {}, "lastTransitionTime"),
            trusts=_digest(annotations.get(CA_ANNOTATION, "")),
        )


def _digest(ca: str) -> str:
    return digest(ca) if ca else ""


def _index(annotations: Mapping[str, str], labels: Mapping[str, str]) -> int:
    """The pod's index, from the annotation, which is all that the Job's controller reads. A label beside it must
    agree.
    """
    said = annotations.get(_INDEX, "")
    index = _whole(said)
    return index if index is not None and labels.get(_INDEX, said) == said else -1


def _finalizers(metadata: Raw) -> list[Any]:
    found = metadata.get("finalizers")
    if found is not None and not isinstance(found, list):
        raise Odd("finalizers is no list")
    return found or []


def _containers(status: Raw, field_name: str) -> Iterable[ContainerFact]:
    for raw in fields.parts(status, field_name):
        state = fields.part(raw, "state")
        waiting, running, ended = (fields.part(state, name) for name in ("waiting", "running", "terminated"))
        if not ended and not running:
            ended = fields.part(fields.part(raw, "lastState"), "terminated")
        yield ContainerFact(
            name=fields.needed(raw, "name"),
            waiting=fields.text(waiting, "reason") or None,
            waiting_message=fields.text(waiting, "message"),
            started_at=fields.moment(running, "startedAt") or fields.moment(ended, "startedAt"),
            finished_at=fields.moment(ended, "finishedAt"),
            exit_code=fields.number(ended, "exitCode") if "exitCode" in ended else None,
            reason=fields.text(ended, "reason"),
            message=fields.text(ended, "message"),
        )


def _unschedulable(status: Raw) -> str | None:
    for condition in fields.parts(status, "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return fields.text(condition, "message") or fields.text(condition, "reason") or "not scheduled"
    return None


def event(raw: Raw) -> EventFact:
    """An event of the core group. Raises Unreadable, also where it is not about one object of its namespace."""
    with _read("Event", raw):
        metadata, about = fields.part(raw, "metadata"), fields.part(raw, "involvedObject")
        found = _identity(metadata)
        at = (
            fields.moment(raw, "lastTimestamp")
            or fields.moment(fields.part(raw, "series"), "lastObservedTime")
            or fields.moment(raw, "eventTime")
            or _created_at(metadata)
        )
        if fields.text(about, "namespace", found.namespace) != found.namespace:
            raise Odd("it is about an object of another namespace")
        if not (about_uid := fields.text(about, "uid")):
            raise Odd("its involvedObject has no uid")
        return EventFact(
            about_uid=about_uid,
            reason=fields.text(raw, "reason"),
            message=fields.text(raw, "message"),
            at=at,
            namespace=found.namespace,
            uid=found.uid,
            version=found.version,
        )


def named_object(raw: Raw) -> ObjectFact:
    """The metadata (PartialObjectMetadata) of a Secret, ConfigMap or claim. Raises Unreadable."""
    with _read("object that a run names", raw):
        metadata = fields.part(raw, "metadata")
        owners = frozenset(fields.text(owner, "uid") for owner in fields.parts(metadata, "ownerReferences"))
        found = _identity(metadata)
        return ObjectFact(
            name=found.name,
            uid=found.uid,
            labels=fields.texts(metadata, "labels"),
            annotations=fields.texts(metadata, "annotations"),
            owner_uids=owners - {""},
        )


def _owner(metadata: Raw) -> OwnerFact | None:
    for owner in fields.parts(metadata, "ownerReferences"):
        if fields.flag(owner, "controller"):
            group, _, version = fields.text(owner, "apiVersion").rpartition("/")
            kind, name, uid = (fields.text(owner, each) for each in ("kind", "name", "uid"))
            return OwnerFact(group if version else "", kind, name, uid)
    return None


def _condition(status: Raw, name: str) -> Raw | None:
    for condition in fields.parts(status, "conditions"):
        if condition.get("type") == name and condition.get("status") == "True":
            return condition
    return None
