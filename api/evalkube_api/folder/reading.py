"""Finds the runs in a folder of outputs. Blocking.

A run is found by the document that its service wrote. In a copied folder, or one from a cluster's store, it is found by
the document beside its results.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evalkube_api import lines
from evalkube_api.backend import Line
from evalkube_api.local import files, run_document
from evalkube_api.local.paths import CONTROL
from evalkube_crds import summary, thresholds, transitions, verdict
from evalkube_crds.names import Reason
from evalkube_crds.results import EvalResult, PerfResult, Progress
from evalkube_crds.status import EvalRun, Run

__all__ = ["Found", "Reader", "result_of", "whole"]

_LOG: Final = logging.getLogger("evalkube.service")
_LEFT: Final = ("reports/run.json", "perf_run.json")
"""The document of a run in its own folder."""
_DEEPEST: Final = 4
_MOST_RESULT_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Found:
    """One run. `folder` has its artifacts; `control` has the service's own files about it, if there are any."""

    line: Line
    document: Path
    folder: Path
    control: Path | None
    stamp: tuple[int, int]


class Reader:
    """The runs below a folder. Unchanged files are not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._known: dict[Path, Found | None] = {}

    def runs(self) -> Mapping[str, Found]:
        """The current runs by id. An unreadable document is skipped, and logged once."""
        seen = {path: self._found(path) for path in self.documents()}
        self._known = seen
        found: dict[str, Found] = {}
        for one in seen.values():
            if one is not None:
                found.setdefault(one.line.run_id, _at_present(one))  # the service's own document comes first
        return found

    def documents(self) -> Iterator[Path]:
        """The paths of the runs' documents. None is read."""
        yield from sorted((self._root / CONTROL / "runs").glob("*/run.json"))
        for parent, folders, names in os.walk(self._root):
            below = len(Path(parent).relative_to(self._root).parts)
            folders[:] = sorted(name for name in folders if name != CONTROL) if below < _DEEPEST else []
            for name in _LEFT:
                path = Path(parent, name)
                if name in names or (path.parent.name in folders and path.is_file()):
                    yield path

    def _found(self, path: Path) -> Found | None:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._known.get(path)
            if path in self._known and (known is None or known.stamp == stamp):
                return known
            run = run_document.parsed(files.read(path))
            control = path.parent if path.is_relative_to(self._root / CONTROL) else None
            folder = _own_folder(path) if control is None else self._folder_of(run)
        except (OSError, RuntimeError, ValueError) as problem:  # RuntimeError: links in a circle
            _LOG.warning("%s: is not a run's document: %s", path, type(problem).__name__)
            return None
        run = run if control is not None else _at_its_end(run, path, folder)
        return Found(replace(lines.line_of(run), output_dir=str(folder)), path, folder, control, stamp)

    def _folder_of(self, run: Run) -> Path:
        """The folder of the artifacts: as the document says or, if that was moved, the folder of the same name here.

        Raises ValueError if that leads out of the root, by a link or by dots: the document may be a stranger's.
        """
        said = Path(run.status.output_dir or ".").resolve()
        found = said if said.is_dir() and said.is_relative_to(self._root) else (self._root / said.name).resolve()
        if not found.is_relative_to(self._root):
            raise ValueError("its folder is not below the root")
        return found


def _at_present(found: Found) -> Found:
    """The run with its progress so far if it is at work: that changes more often than its document."""
    if found.control is None or found.line.phase.terminal:
        return found
    return replace(found, line=replace(found.line, progress=_progress(found.control / "progress.json")))


def _own_folder(path: Path) -> Path:
    return path.parent.parent if path.parent.name == "reports" else path.parent


def whole(found: Found) -> Run:
    """The run's document, with its progress while it is at work. Raises OSError, ValueError."""
    run = run_document.parsed(files.read(found.document))
    if found.control is None:
        run = _at_its_end(run, found.document, found.folder)
    changes: dict[str, object] = {"output_dir": str(found.folder)}
    if found.control is not None and not run.status.phase.terminal:
        changes["progress"] = _progress(found.control / "progress.json")
    return run.model_copy(update={"status": run.status.model_copy(update=changes)})


def _progress(path: Path) -> Progress | None:
    """What the runner of a run at work told last."""
    try:
        return Progress.model_validate_json(files.read(path))
    except (OSError, ValidationError):
        return None


def _at_its_end(run: Run, path: Path, folder: Path) -> Run:
    """The document of an ended run. The document beside the results was written before the end; with results the run
    succeeded.
    """
    if run.status.phase.terminal:
        return run
    result = result_of(run, folder)
    if result is None:
        return run
    ended = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    figures = summary.summary(result)
    gates = run.spec.thresholds
    found = transitions.Outcome(
        reason=Reason.COMPLETED,
        message=summary.headline(result, figures),
        summary=figures,
        done=summary.requested(result),
        failed=summary.failed(result),
        verdict=verdict.worst_of(point.verdict for point in result.points) if isinstance(result, PerfResult) else None,
        start_skew_s=summary.start_skew_s(result),
    )
    status = transitions.with_outcome(
        run.status,
        found,
        missed=[str(miss) for miss in thresholds.missed(gates, figures)] if gates else None,
        output_dir=str(folder),
        now=ended,
        generation=run.metadata.generation,
    )
    return run.model_copy(update={"status": status})


def result_of(run: Run, folder: Path) -> EvalResult | PerfResult | None:
    """The result of a run; None if it is missing or unreadable."""
    name, model = ("reports/result.json", EvalResult) if isinstance(run, EvalRun) else ("perf_result.json", PerfResult)
    try:
        found: EvalResult | PerfResult = model.model_validate_json(files.read(folder / name, _MOST_RESULT_BYTES))
    except (OSError, ValidationError):
        return None
    return found
