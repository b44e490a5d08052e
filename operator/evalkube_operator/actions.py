"""The actions that a plan may ask for, and the observations that it is made from. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evalkube_crds.names import Reason
from evalkube_crds.results import Progress, Receipt
from evalkube_crds.status import RunStatus
from evalkube_crds.transitions import Outcome
from evalkube_operator.facts import EventFact, JobFact, ObjectFact, ObjectRef, PodFact
from evalkube_operator.line import Crowd, Turn
from evalkube_operator.storage import StoreRoom

__all__ = [
    "Action",
    "Announcement",
    "AwaitTurn",
    "Collect",
    "CollectError",
    "CreateJob",
    "DeleteJob",
    "DeleteRun",
    "DeleteSecret",
    "ForeignJob",
    "LookUpJob",
    "LookUpObjects",
    "LookUpPodEvents",
    "LookUpStoreRoom",
    "Refusal",
    "Seen",
    "SetJobTtl",
    "Wait",
    "WriteStatus",
]


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event to post about the run."""

    reason: Reason
    message: str
    warning: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class AwaitTurn:
    """Keep the run's place in the line of runs that wait to start. A run that does not ask again loses it."""

    pods: int


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create the Job of `attempt`; one that exists already and is this run's is adopted."""

    attempt: int


@dataclass(frozen=True, slots=True)
class LookUpJob:
    """Ask the API server whether the Job of that name is gone: its absence from the cache proves nothing."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete the Job with this UID and its pods."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class SetJobTtl:
    """Let Kubernetes delete a finished Job after a while."""

    name: str
    uid: str
    seconds: int


@dataclass(frozen=True, slots=True)
class LookUpObjects:
    """Read the metadata of these objects, which the run names."""

    refs: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True)
class DeleteSecret:
    """Delete the Secret with this UID, which is the run's own."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class LookUpPodEvents:
    """Look up the warnings that Kubernetes has about these pods, by UID."""

    uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookUpStoreRoom:
    """Find out whether the store has room for the run's results."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Fetch the shards' results of `attempt` and merge them into one result."""

    attempt: int


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Write the status, unless the run has changed since it was read; then post its events.

    `can_wait`: bookkeeping that nobody is held up by for some seconds.
    """

    status: RunStatus
    announce: tuple[Announcement, ...] = ()
    can_wait: bool = False


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete the run itself: its time to live is over."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Reconcile the run again at this time at the latest."""

    until: datetime


Action = (
    AwaitTurn
    | CreateJob
    | LookUpJob
    | DeleteJob
    | SetJobTtl
    | LookUpObjects
    | DeleteSecret
    | LookUpPodEvents
    | LookUpStoreRoom
    | Collect
    | WriteStatus
    | DeleteRun
    | Wait
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API server's refusal to create the Job: its HTTP status and message, since when, and when to ask again."""

    code: int
    message: str
    since: datetime
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class ForeignJob:
    """A Job of another owner with the name that an attempt's Job should have.

    `lasting`: its owner is a run that lives, so that waiting for it is in vain.
    """

    name: str
    owner: str
    lasting: bool
    since: datetime
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class CollectError:
    """A failed collection: the store did not answer, or has no room (`full`). It says when to ask again."""

    message: str
    retry_at: datetime
    full: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The objects around a run, as far as they are known. What a lookup has not answered yet is absent.

    `jobs`: every Job that carries the run's UID, finished and deleted ones too. `pods`: every pod of theirs,
    those included that are gone but whose end was seen. `absent_jobs`: names the API server itself does not know.
    `objects`: those that the run names; None is "not there". `pod_events`: by the pod's UID. `receipts`: by
    shard, of runners of this attempt that said over ingest that they are done; Kubernetes says so of their pods up to a
    second later. `turn`: in the line of those that may start; None: not asked for. `crowd`: the runs beside it.
    `store_room`: None: not known.
    """

    jobs: tuple[JobFact, ...] = ()
    pods: tuple[PodFact, ...] = ()
    failed_creates: tuple[EventFact, ...] = ()
    pod_events: Mapping[str, tuple[EventFact, ...]] = field(default_factory=dict)
    absent_jobs: frozenset[str] = frozenset()
    objects: Mapping[ObjectRef, ObjectFact | None] = field(default_factory=dict)
    refusal: Refusal | None = None
    foreign: ForeignJob | None = None
    outcome: Outcome | None = None
    collect_error: CollectError | None = None
    progress: Progress | None = None
    progress_due: datetime | None = None
    receipts: Mapping[int, Receipt] = field(default_factory=dict)
    turn: Turn | None = None
    crowd: Crowd = field(default_factory=Crowd)
    store_room: StoreRoom | None = None
