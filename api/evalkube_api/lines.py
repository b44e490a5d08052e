"""Runs as lists and streams show them, made of their documents. Pure.

A line is small and is made once for each change of a run, so a list of thousands of runs reads no documents.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import orjson

from evalkube_api import endings
from evalkube_api.backend import Line, Moment, Queue
from evalkube_crds import columns, headline, tags
from evalkube_crds.names import Kind, Phase, Verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Progress
from evalkube_crds.status import Metadata, Run, RunStatus

__all__ = ["line_of", "made", "moment_of", "queue_of"]

_STEM_CHARS: Final = 80
_WAITING: Final = frozenset({Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED, Phase.STARTING})
_UNSEEN: Final = "the operator has not seen it yet"


def line_of(run: Run) -> Line:
    """The line of a whole document."""
    spec = run.spec
    datasets = [spec.dataset] if isinstance(spec, PerfRunSpec) else spec.datasets
    return made(Kind(run.kind), run.metadata, run.status, model=spec.model, datasets=datasets)


def made(kind: Kind, metadata: Metadata, status: RunStatus, *, model: str, datasets: Iterable[str]) -> Line:
    """The line of a run, from its metadata, its status, and two facts of its spec."""
    step = columns.current(status.conditions)
    return Line(
        run_id=metadata.name,
        kind=kind,
        phase=status.phase,
        reason=None if step is None else step.reason,
        message="" if step is None else step.message,
        model=model,
        created=metadata.creation_timestamp,
        started=status.start_time,
        completed=status.completion_time,
        output_dir=status.output_dir,
        namespace=metadata.namespace,
        tags=tags.of_labels(metadata.labels),
        datasets=tuple(datasets),
        verdict=_verdict(status.columns.verdict),
        progress=status.progress,
        headline=headline.figures_of(status.summary),
        summary=_packed(status.summary),
        queue=queue_of(status),
        place=_place(metadata),
    )


def moment_of(run: Run, at: datetime | None = None) -> Moment:
    """The progress of a run. `at`: when it was reported; by default the last time in the document."""
    status = run.status
    last = at or status.completion_time or status.start_time or run.metadata.creation_timestamp
    message = endings.reason_of(run)[1]
    return Moment(run.metadata.name, status.phase, status.progress or Progress(), last, message)


def queue_of(status: RunStatus) -> Queue | None:
    """What a waiting run waits for, by its conditions."""
    if status.phase not in _WAITING:
        return None
    step = columns.current(status.conditions)
    return Queue(None, _UNSEEN if step is None else step.message or str(step.reason))


def _verdict(word: str | None) -> Verdict | None:
    return Verdict(word) if word in set(Verdict) else None


def _packed(figures: dict[str, float]) -> bytes:
    return bytes(memoryview(orjson.dumps(figures)))  # a copy: orjson's own buffers are kilobytes longer


def _place(metadata: Metadata) -> tuple[str, str, str]:
    """A sort key for the order of creation.

    A resource's creation time has whole seconds. Within a second the names decide: the service's own names contain
    milliseconds.
    """
    stem = metadata.name.partition("-")[2] or metadata.name
    return _stamp(metadata.creation_timestamp), stem[:_STEM_CHARS], metadata.uid


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")
