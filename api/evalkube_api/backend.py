"""The interface of a backend, which executes evaluations and load tests. It is the same on one machine and on a
cluster.

Types only. All code above this interface is the same for every backend.
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
    """One valid request with its secrets.

    `namespace`: the namespace that it names, on a cluster. `tags`: the tags of the run.
    """

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
    """The filters, order and page of a list of runs.

    `phases`, `verdicts`: any of these. `tags`: all of these; None stands for any value. `text`: occurs in the id, the
    model or a tag. `after`: the `next` of the previous page, if runs are sorted by `created`; for other orders there is
    `offset`. `namespace`: on a cluster only.
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
    """What a waiting run waits for. `position`: its place in the queue, from 1, if it is known."""

    position: int | None
    waits_for: str


@dataclass(frozen=True, slots=True)
class Line:
    """A run in a list: everything that lists show, filter and sort by.

    `summary`: its figures as a JSON object. `place`: its position in the order of creation.
    """

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
        """The number of samples or requests that have failed so far."""
        return self.progress.failed if self.progress is not None else 0


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs in the requested order.

    `total`: the number of all matching runs. `next`: where the next page starts, if there is one. `position`: where
    `Backend.events` continues after this list.
    """

    runs: list[Line]
    total: int
    next: str | None
    position: str


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A change of a run, or the start of a snapshot of runs.

    `position`: where to continue after this event; None within a snapshot. `snapshot`: earlier events no longer count,
    and the newest runs follow. `run`: the run in its new state. `deleted`: the id of a deleted run.
    """

    name: Literal["snapshot", "run", "deleted"]
    position: str | None
    run_id: str | None = None
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The progress of a run."""

    run_id: str
    phase: Phase
    progress: Progress
    updated_at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """One file of a run. `path` is relative to the run's folder, with forward slashes."""

    path: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class ArtifactList:
    """The files of a run. `complete` is false if a listing cannot hold all of them."""

    entries: list[ArtifactEntry]
    complete: bool


class Chunks(Protocol):
    """A stream of bytes from an open source. Read it to the end, or close it."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None:
        """Read no more."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a run, open for reading. `chunks` are the bytes of `span`; if that is None, of the whole file."""

    entry: ArtifactEntry
    chunks: Chunks
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What happened to the files of a deleted run. If they were kept: where and why."""

    artifacts: Literal["deleted", "kept"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Census:
    """The number of runs.

    A value that a backend does not have is None: `queued` is of one machine, `unreadable` (versions of runs that could
    not be read) of a cluster.
    """

    runs: Mapping[tuple[Kind, Phase], int]
    queued: int | None = None
    unreadable: int | None = None


class Backend(Protocol):
    """The runs by id. Every method that takes an id raises errors.NotFound for an unknown run."""

    async def start(self) -> None:
        """Starts work. Raises errors.ServiceError if this is not possible."""

    async def close(self) -> None:
        """Ends or hands over all runs, wakes every waiter, and leaves nothing behind. May be called twice."""

    async def submit(self, submission: Submission) -> Run:
        """Makes a new run. With a known idempotency key it returns the earlier run.

        Raises errors.InvalidRequest, errors.Conflict, errors.KeyReused, errors.ShuttingDown.
        """

    async def get(self, run_id: str) -> Run:
        """The run in its current state."""

    async def list(self, query: RunQuery) -> RunPage:
        """A page of runs, from memory. Raises errors.InvalidRequest for a filter that this backend does not support."""

    async def events(self, query: RunQuery, after: str | None = None) -> AsyncIterator[RunEvent | None]:
        """The changes of all runs that match the query's filters.

        They start after the position `after`. If that is not known, a snapshot comes first. None: nothing changed for a
        while. Ends when the service stops. Raises as `list`.
        """

    def queue(self, run: Run) -> Queue | None:
        """What a run waits for; None if it does not wait."""

    def census(self) -> Census:
        """The current number of runs, from memory."""

    async def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """The run at its end, or in its current state after the timeout."""

    async def results(self, run_id: str) -> bytes:
        """All results of a succeeded run, as JSON."""

    async def cancel(self, run_id: str) -> Run:
        """Cancels a run. Returns it when it has ended, or when its runner takes too long to end.

        An ended run does not change.
        """

    async def delete(self, run_id: str, *, force: bool) -> Deletion:
        """Deletes a run and its files. Raises errors.Conflict for an active run, unless `force`, which cancels it
        first.
        """

    async def moment(self, run_id: str) -> Moment:
        """The current progress of a run."""

    def moments(self, run_id: str) -> AsyncIterator[Moment | None]:
        """The progress of a run at every change, until it has ended. None: nothing changed for a while."""

    def log(self, run_id: str, *, tail_lines: int | None, follow: bool) -> AsyncIterator[bytes]:
        """The runner's log so far. With `follow` it continues until the run has ended."""

    async def artifacts(self, run_id: str) -> ArtifactList:
        """The files of the run."""

    async def artifact(self, run_id: str, path: str, *, span: Span | None = None) -> Artifact:
        """One file of the run, or the part `span` of it.

        Raises errors.NotFound where there is no such file inside the run's folder, errors.NoSuchBytes where it has no
        byte of `span`."""
