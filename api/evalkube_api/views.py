"""Runs as the REST API shows them: snake_case, the id first, and flat. Pure."""

from typing import Any
from urllib.parse import quote

import orjson

from evalkube_api import lines, responses
from evalkube_api.backend import WORDS, ArtifactList, Line, Moment, Queue, RunPage
from evalkube_api.responses import ArtifactFile, RunDetail, RunLine, RunList, RunProgress
from evalkube_api.responses import ArtifactList as Listing
from evalkube_crds.results import Progress
from evalkube_crds.status import Run

__all__ = ["artifacts", "moment", "page", "run", "run_line"]

_KEPT = ("conditions", "attempts", "results", "result_ref")


def run_line(line: Line) -> RunLine:
    """One run in a list."""
    return RunLine(**_line(line))


def run(document: Run, queue: Queue | None) -> RunDetail:
    """One run with all details: request, state, and small results.

    `queue`: what it waits for.
    """
    status = document.status.model_dump(by_alias=False)
    spec = document.spec.model_dump(mode="json", by_alias=False)
    shown = {**_line(lines.line_of(document)), "queue": _queue(queue)}
    return RunDetail(**shown, **{name: status[name] for name in _KEPT}, spec=spec)


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.run_id,
        "kind": WORDS[line.kind],
        "phase": line.phase,
        "reason": line.reason,
        "message": line.message,
        "model": line.model,
        "created_at": line.created,
        "started_at": line.started,
        "completed_at": line.completed,
        "output_dir": line.output_dir,
        "namespace": line.namespace,
        "tags": dict(line.tags),
        "datasets": list(line.datasets),
        "progress": _progress(line.progress),
        "verdict": line.verdict,
        "failed": line.failed,
        "headline": dict(line.headline),
        "summary": orjson.loads(line.summary),
        "queue": _queue(line.queue),
    }


def _progress(seen: Progress | None) -> responses.Progress | None:
    if seen is None:
        return None
    return responses.Progress(**dict(seen), percent=_percent(seen))


def _percent(seen: Progress) -> float:
    return round(100 * seen.done / seen.total, 2) if seen.total else 0.0


def _queue(queue: Queue | None) -> responses.Queue | None:
    return None if queue is None else responses.Queue(position=queue.position, waits_for=queue.waits_for)


def page(found: RunPage) -> RunList:
    """A list of runs."""
    listed = [run_line(one) for one in found.runs]
    return RunList(runs=listed, total=found.total, next=found.next, position=found.position)


def moment(seen: Moment) -> RunProgress:
    """The progress of a run."""
    progress = seen.progress
    return RunProgress(
        id=seen.run_id,
        phase=seen.phase,
        done=progress.done,
        total=progress.total,
        percent=_percent(progress),
        eta_seconds=None if seen.phase.terminal else progress.eta_seconds,
        stage=progress.stage,
        failed=progress.failed,
        figures=progress.figures,
        message=seen.message,
        updated_at=seen.updated_at,
    )


def artifacts(run_id: str, found: ArtifactList) -> Listing:
    """The files of a run."""
    listed = [
        ArtifactFile(
            path=one.path,
            bytes=one.size_bytes,
            modified_at=one.modified_at,
            href=f"/api/v1/runs/{run_id}/artifacts/{quote(one.path)}",
        )
        for one in found.entries
    ]
    return Listing(id=run_id, artifacts=listed, complete=found.complete)
