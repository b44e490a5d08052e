"""Kubernetes objects as the operator needs them. Values only: `reading` makes them of raw dicts.

A fact says what is there, `links` whose it is, `policies` what it means.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import ValidationError

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import GROUP, Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Receipt
from evalkube_crds.status import RunStatus
from evalkube_operator.fields import Raw

__all__ = [
    "ATTEMPT_LABEL",
    "CA_ANNOTATION",
    "KIND_LABEL",
    "QUEUE_LABEL",
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
    "digest",
    "receipt_of",
]

RUN_LABEL: Final = f"{GROUP}/run"
RUN_UID_LABEL: Final = f"{GROUP}/run-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"
KIND_LABEL: Final = f"{GROUP}/kind"
CA_ANNOTATION: Final = f"{GROUP}/ingest-ca"
RUNNER_CONTAINER: Final = "runner"
QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"

Spec = EvalRunSpec | PerfRunSpec


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of an object, and its version."""

    namespace: str
    name: str
    uid: str
    version: int


@dataclass(frozen=True, slots=True)
class OwnerFact:
    """A controller reference; `group` is that of its API, without the version."""

    group: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run as small JSON, kept until it is read. `job_uid` is that of the Job on record; `created` is as Kubernetes
    writes it.
    """

    kind: Kind
    namespace: str
    name: str
    uid: str
    version: int
    job_uid: str | None
    created: str
    data: bytes = field(repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name."""
        return str(self.kind), self.namespace, self.name


@dataclass(frozen=True, slots=True)
class RunFact:
    """A run as its resource says. `spec` is None where the contract refuses it; `invalid` then says why."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    deleting: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(repr=False)
    raw_spec: Raw = field(repr=False)
    spec: Spec | None
    invalid: str
    status: RunStatus
    has_status: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """The key in the work queue: kind, namespace and name."""
        return self.kind, self.namespace, self.name


@dataclass(frozen=True, slots=True)
class JobFact:
    """A Job of an attempt, or another Job with its name. `run_uid` and `attempt` are what its labels say. `queued` says
    whether its label gives it to a queue of Kueue's.
    """

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
    queued: bool

    @property
    def finished(self) -> bool:
        """Whether the Job has ended, so that it starts no more pods."""
        return self.complete or self.failure is not None


@dataclass(frozen=True, slots=True)
class ContainerFact:
    """The state of one container: waiting (with a reason), running, or terminated (with an exit code)."""

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
    """A pod whose labels say that it is a shard's.

    `job_uid`: its controller's, where the label that Jobs find their pods by says the same. `run_uid`: what its
    label says. `index`: the shard; -1 where it has none that a Job would count. `tracked`: its Job's controller has
    yet to count its end, or was seen to have had to. `placed_at`: when it got its node. `gone`: it is there no
    more. `trusts`: the digest of the authority that its runner trusts to be ingest; empty for none.
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
    placed_at: datetime | None = None
    gone: bool = False
    trusts: str = ""

    @property
    def ended(self) -> bool:
        """Whether the pod has ended."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def started(self) -> bool:
        """Whether its runner has started, even if it has ended since."""
        return self.runner is not None and self.runner.started_at is not None

    @property
    def deleting(self) -> bool:
        """Whether the pod is being deleted."""
        return self.deletion_due is not None

    @property
    def ended_at(self) -> datetime:
        """The end of its runner; the pod's creation, where the end is not known."""
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


def digest(text: str) -> str:
    """A digest of a certificate authority, to tell it from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def receipt_of(found: PodFact) -> Receipt | None:
    """The receipt in a pod's termination message; None where there is none for its shard that can be read."""
    if found.runner is None or not found.runner.message:
        return None
    try:
        receipt = Receipt.model_validate_json(found.runner.message)
    except ValidationError:
        return None
    return receipt if receipt.shard == found.index else None
