"""Runs as the REST API shows them: snake_case, the id first, and nothing a client has to dig for. Pure."""

from typing import Any
from urllib.parse import quote

from evalkube_api.backend import WORDS, ArtifactList, Moment, RunPage
from evalkube_api.endings import reason_of
from evalkube_api.responses import ArtifactFile, RunDetail, RunLine, RunList, RunProgress
from evalkube_api.responses import ArtifactList as Listing
from evalkube_crds.names import Kind
from evalkube_crds.status import Run

__all__ = ["artifacts", "moment", "page", "run", "run_line"]

_KEPT = ("conditions", "attempts", "progress", "results", "result_ref")


def run_line(document: Run) -> RunLine:
    """One run in a list."""
    return RunLine(**_line(document))


def run(document: Run) -> RunDetail:
    """One run in full: what was asked, what became of it, and its results where they are small."""
    status = document.status.model_dump(by_alias=False)
    spec = document.spec.model_dump(mode="json", by_alias=False)
    return RunDetail(**_line(document), **{name: status[name] for name in _KEPT}, spec=spec)


def _line(document: Run) -> dict[str, Any]:
    status = document.status
    reason, message = reason_of(document)
    return {
        "id": document.metadata.name,
        "kind": WORDS[Kind(document.kind)],
        "phase": status.phase,
        "reason": reason,
        "message": message,
        "model": document.spec.model,
        "created_at": document.metadata.creation_timestamp,
        "started_at": status.start_time,
        "completed_at": status.completion_time,
        "output_dir": status.output_dir,
        "summary": status.summary,
    }


def page(found: RunPage) -> RunList:
    """A list of runs."""
    return RunList(runs=[run_line(one) for one in found.runs], total=found.total, next=found.next)


def moment(seen: Moment) -> RunProgress:
    """How far a run is."""
    progress = seen.progress
    return RunProgress(
        id=seen.run_id,
        phase=seen.phase,
        done=progress.done,
        total=progress.total,
        percent=round(100 * progress.done / progress.total, 2) if progress.total else 0.0,
        eta_seconds=None if seen.phase.terminal else progress.eta_seconds,
        stage=progress.stage,
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
