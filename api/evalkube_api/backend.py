"""What runs evaluations and load tests, as the routes see it: one small interface, the same on one machine and on a
cluster.

Types only. Everything above this interface is the same code for every backend.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Kind, Phase, Reason, Verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Progress
from evalkube_crds.spans import Span
from evalkube_crds.status import Run

__all__ = [
    "KINDS",
    "WORDS",
    "Artifact",
    "ArtifactEntry",
    "ArtifactList",
    "Backend",
    "Census",
    "Chunks",
    "Deletion",
    "Line",
    "Moment",
    "Queue",
    "RunEvent",
    "RunPage",
    "RunQuery",
    "Sort",
    "Span",
    "Submission",
]

KINDS: Final[Mapping[str, Kind]] = {"eval": Kind.EVAL_RUN, "perf": Kind.PERF_RUN}
"""The kinds of run by the word that paths, ids and answers use."""

WORDS: Final[Mapping[Kind, str]] = {kind: word for word, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Submission:
    """One valid request: what to do, with which secrets. `namespace`: the one that it names, of a cluster's;
    `tags`: what the run is marked with."""

    kind: Kind
    spec: EvalRunSpec | PerfRunSpec
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    idempotency_key: str | None = None
    namespace: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


Sort = Literal["created", "model", "score", "rps", "failed", "duration", "phase"]
"""What lists can be sorted by."""


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs to list, and how.

    `phases`, `verdicts`: one of these; `tags`: each of these, None for any value; `text`: stands in the id, the model
    or a tag. `after` is the `next` of the page before, where runs are sorted by `created`; `offset` the other way to
    page. `namespace` is a cluster's alone.
    """

    kind: Kind | None = None
    phases: frozenset[Phase] = frozenset()
    model: str | None = None
    namespace: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    verdicts: frozenset[Verdict] = frozenset()
    dataset: str | None = None
    text: str | None = None
    sort: Sort = "created"
    descending: bool = True
    limit: int = 50
    after: str | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """What a run waits for before it can work. `position`: from 1, where its place in the line is known."""

    position: int | None
    waits_for: str


@dataclass(frozen=True, slots=True)
class Line:
    """What lists show of a run, and filter and sort by. `summary`: its figures as a JSON object; `place`: where it
    stands in the order of creation."""

    run_id: str
    kind: Kind
    phase: Phase
    reason: Reason | None
    message: str
    model: str
    created: datetime
    started: datetime | None
    completed: datetime | None
    output_dir: str | None
    namespace: str | None
    tags: Mapping[str, str]
    datasets: tuple[str, ...]
    verdict: Verdict | None
    progress: Progress | None
    headline: Mapping[str, float]
    summary: bytes
    queue: Queue | None
    place: tuple[str, str, str]

    @property
    def failed(self) -> int:
        """Samples or requests that failed so far."""
        return self.progress.failed if self.progress is not None else 0


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs in the order that was asked for; `total` of all that match, `next` where there are more. `position`: from
    where `Backend.events` tells what changed since."""

    runs: list[Line]
    total: int
    next: str | None
    position: str


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A change of one of the runs, or the beginning of a snapshot of them. `position`: from where to go on after it;
    None where that is not possible, within a snapshot.

    `snapshot`: what was told before no longer counts; the newest runs follow. `run`: it is so now. `deleted`: it is
    no more.
    """

    name: Literal["snapshot", "run", "deleted"]
    position: str | None
    run_id: str | None = None
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a run is."""

    run_id: str
    phase: Phase
    progress: Progress
    updated_at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """One file of a run; `path` is relative to the run's folder, with forward slashes."""

    path: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class ArtifactList:
    """The files of a run; `complete` unless there are more than a listing holds."""

    entries: list[ArtifactEntry]
    complete: bool


class Chunks(Protocol):
    """Bytes of something open: read to the end, or closed."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None:
        """Read no more."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file to be read. `chunks` are exactly the bytes of `span`, or where that is None all `entry.size_bytes`."""

    entry: ArtifactEntry
    chunks: Chunks
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of the files of a deleted run, and why they were kept where they were."""

    artifacts: Literal["deleted", "kept"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Census:
    """How many runs there are. None where a backend has no such thing: `queued` is of one machine, `unreadable`
    (versions of runs that were passed over) of a cluster."""

    runs: Mapping[tuple[Kind, Phase], int]
    queued: int | None = None
    unreadable: int | None = None


class Backend(Protocol):
    """Runs by id. Every method that takes an id raises errors.NotFound where there is no such run."""

    async def start(self) -> None:
        """Take up work; raises errors.ServiceError where that is impossible."""

    async def close(self) -> None:
        """End or hand over what is running, wake every waiter, and leave nothing behind. May be called twice."""

    async def submit(self, submission: Submission) -> Run:
        """A new run (or, by the idempotency key, the one that was made before).

        Raises errors.InvalidRequest, errors.Conflict, errors.KeyReused, errors.ShuttingDown.
        """

    async def get(self, run_id: str) -> Run:
        """The run as it is now."""

    async def list(self, query: RunQuery) -> RunPage:
        """Runs, from memory. Raises errors.InvalidRequest for a filter that this backend has not."""

    async def events(self, query: RunQuery, after: str | None = None) -> AsyncIterator[RunEvent | None]:
        """Every change of the runs that match the query's filters, from the position `after` on, where that is still
        known, else from a snapshot on; None where nothing changed for a while. Ends when the service stops. Raises as
        `list`."""

    def queue(self, run: Run) -> Queue | None:
        """What that run waits for; None where it waits for nothing."""

    def census(self) -> Census:
        """How many runs there are now, from memory."""

    async def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """The run at its end, or as it is when the time is up."""

    async def results(self, run_id: str) -> bytes:
        """The whole results of a succeeded run, as JSON."""

    async def cancel(self, run_id: str) -> Run:
        """End the run; returns it as it is when it has ended, or when its runner takes too long to. No effect on an
        ended run."""

    async def delete(self, run_id: str, *, force: bool) -> Deletion:
        """Forget the run and its files. Raises errors.Conflict while it is active, unless `force` (which cancels
        first)."""

    async def moment(self, run_id: str) -> Moment:
        """How far the run is."""

    def moments(self, run_id: str) -> AsyncIterator[Moment | None]:
        """Every change of progress and phase until the run has ended; None where nothing changed for a while."""

    def log(self, run_id: str, *, tail_lines: int | None, follow: bool) -> AsyncIterator[bytes]:
        """The runner's log, as far as it goes; where `follow` until the run has ended."""

    async def artifacts(self, run_id: str) -> ArtifactList:
        """The files of the run."""

    async def artifact(self, run_id: str, path: str, *, span: Span | None = None) -> Artifact:
        """One file of the run, or the bytes of it that `span` names.

        Raises errors.NotFound where there is no such file inside the run's folder, errors.NoSuchBytes where it has no
        byte of `span`."""
