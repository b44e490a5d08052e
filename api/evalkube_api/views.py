"""Runs as the REST API shows them: snake_case, the id first, and nothing a client has to dig for. Pure."""

from datetime import UTC, datetime
from typing import Any

from evalkube_api.backend import WORDS, ArtifactList, Moment, RunPage
from evalkube_api.endings import reason_of
from evalkube_crds.names import Kind
from evalkube_crds.status import Run

__all__ = ["artifacts", "moment", "page", "run", "run_line"]


def run_line(document: Run) -> dict[str, Any]:
    """One run in a list."""
    status = document.status
    reason, message = reason_of(document)
    return {
        "id": document.metadata.name,
        "kind": WORDS[Kind(document.kind)],
        "phase": status.phase,
        "reason": reason,
        "message": message,
        "model": document.spec.model,
        "created_at": _time(document.metadata.creation_timestamp),
        "started_at": _time(status.start_time),
        "completed_at": _time(status.completion_time),
        "output_dir": status.output_dir,
        "summary": status.summary,
    }


def run(document: Run) -> dict[str, Any]:
    """One run in full: what was asked, what became of it, and its results where they are small."""
    status = document.status.model_dump(mode="json", by_alias=False)
    kept = ("conditions", "attempts", "progress", "results", "result_ref")
    return {
        **run_line(document),
        **{name: status[name] for name in kept},
        "spec": document.spec.model_dump(mode="json", by_alias=False),
    }


def page(found: RunPage) -> dict[str, Any]:
    """A list of runs."""
    return {"runs": [run_line(one) for one in found.runs], "total": found.total, "next": found.next}


def moment(seen: Moment) -> dict[str, Any]:
    """How far a run is."""
    progress = seen.progress
    return {
        "id": seen.run_id,
        "phase": seen.phase,
        "done": progress.done,
        "total": progress.total,
        "percent": round(100 * progress.done / progress.total, 2) if progress.total else 0.0,
        "eta_seconds": None if seen.phase.terminal else progress.eta_seconds,
        "stage": progress.stage,
        "message": seen.message,
        "updated_at": _time(seen.updated_at),
    }


def artifacts(run_id: str, found: ArtifactList) -> dict[str, Any]:
    """The files of a run."""
    listed = [
        {"path": one.path, "bytes": one.size_bytes, "modified_at": _time(one.modified_at)} for one in found.entries
    ]
    return {"id": run_id, "artifacts": listed, "complete": found.complete}


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds")
