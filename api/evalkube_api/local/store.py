"""Run documents as files, one folder for each run under the control folder, and a small index of them in memory.

    <outputs>/.evalkube/service.lock
    <outputs>/.evalkube/scratch/<id>
    <outputs>/.evalkube/runs/<id>/run.json progress.json result.json response.json receipt.json runner.log process.json

A document is replaced as a whole and reaches the disk before the call returns. Blocking; one writer per run.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from evalkube_api import lines
from evalkube_api.backend import Line
from evalkube_api.local import files, run_document
from evalkube_api.local.run_document import KEY, MADE, REQUEST, is_run_id
from evalkube_crds import storage
from evalkube_crds.names import Kind, Phase, Reason
from evalkube_crds.results import Progress, Receipt
from evalkube_crds.status import Run

__all__ = ["Entry", "RunStore", "replace_file"]

_LOG = logging.getLogger("evalkube.service")
_CUT_SHORT: Final = frozenset({Reason.INTERRUPTED, Reason.RUNNER_KILLED, Reason.RUNNER_CRASHED})
"""Ends that no one wanted and the request did not cause: asked again, it goes on."""
_Reported = TypeVar("_Reported", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Entry:
    """The data of a run for lists, conflicts and idempotency. Its document stays on the disk."""

    line: Line
    folder: Path
    made_folder: bool
    idempotency_key: str | None
    request: str | None
    cut_short: bool = False

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.line.run_id

    @property
    def kind(self) -> Kind:
        """The run's kind."""
        return self.line.kind

    @property
    def phase(self) -> Phase:
        """The run's phase."""
        return self.line.phase

    @classmethod
    def of(cls, run: Run) -> "Entry":
        """The entry of a document."""
        marks = run.metadata.annotations
        line = lines.line_of(run)
        return cls(
            line=line,
            folder=Path(run.status.output_dir or "."),
            made_folder=marks.get(MADE) == "true",
            idempotency_key=marks.get(KEY),
            request=marks.get(REQUEST),
            cut_short=line.reason in _CUT_SHORT,
        )


class RunStore:
    """The documents under one control folder."""

    def __init__(self, control: Path) -> None:
        self._runs = control / "runs"
        self._trash = control / "trash"
        for folder in (control, self._runs, self._trash):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def folder(self, run_id: str) -> Path:
        """The run's own folder among the documents (not that of its artifacts)."""
        return self._runs / run_id

    def all(self) -> Iterator[Run]:
        """Every readable document. An unreadable one is logged and left in place."""
        for path in sorted(self._runs.iterdir()):
            if _never_accepted(path):
                shutil.rmtree(path, ignore_errors=True)
                continue
            try:
                yield self.read(path.name)
            except (OSError, ValueError) as problem:
                _LOG.warning("%s: has no readable run document, and is skipped: %s", path, _why(problem))

    def read(self, run_id: str) -> Run:
        """The document of a run. Raises OSError if it is missing, ValueError if it is damaged or another run's."""
        run = run_document.parsed(files.read(self.folder(run_id) / "run.json"))
        if run.metadata.name != run_id:  # its name is where it is written to
            raise ValueError("is the document of another run")
        return run

    def write(self, run: Run) -> None:
        """Replaces the document of `run`."""
        folder = self.folder(run.metadata.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / "run.json", run.model_dump_json(by_alias=True, indent=2).encode())

    def receipt(self, run_id: str) -> Receipt | None:
        """The runner's receipt, if it left a readable one."""
        return self._report(run_id, "receipt.json", Receipt)

    def progress(self, run_id: str, since: datetime | None = None) -> tuple[Progress, datetime] | None:
        """The last progress, and when it was reported; None if there is none after `since`."""
        try:
            modified_s = (self.folder(run_id) / "progress.json").stat().st_mtime
        except OSError:
            return None
        at = datetime.fromtimestamp(modified_s).astimezone()
        found = self._report(run_id, "progress.json", Progress) if at != since else None
        return None if found is None else (found, at)

    def discard(self, run_id: str, artifacts: Path | None) -> None:
        """Removes the run's folders: first out of sight, then off the disk."""
        doomed = self._trash / run_id
        with contextlib.suppress(OSError):  # no room for a folder: then they go one by one, and make some
            doomed.mkdir(exist_ok=True)
        if artifacts is not None and artifacts.exists():
            _move_or_remove(artifacts, doomed / "artifacts")
        _move_or_remove(self.folder(run_id), doomed / "documents")
        shutil.rmtree(doomed, ignore_errors=True)

    def empty_trash(self) -> None:
        """Deletes folders that a killed service had begun to remove."""
        if self._trash.is_symlink():  # what is behind it is somebody else's
            return
        for path in self._trash.iterdir():
            if is_run_id(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _report(self, run_id: str, name: str, model: type[_Reported]) -> _Reported | None:
        try:
            return model.model_validate_json(files.read(self.folder(run_id) / name))
        except (OSError, ValidationError):
            return None


def _never_accepted(path: Path) -> bool:
    """Whether the service was killed before this run's document was complete: the folder is empty, or has a part of
    one.
    """
    if path.is_symlink() or not path.is_dir() or not is_run_id(path.name):
        return False
    try:
        return {entry.name for entry in path.iterdir()} <= {_half_written(path / "run.json").name}
    except OSError:
        return False


def _why(problem: OSError | ValueError) -> str:
    """The reason in one short line, without the content of the document."""
    if isinstance(problem, ValidationError):
        first = problem.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))[:200]}: {first['msg'][:200]}"
    return storage.words_of(problem) if isinstance(problem, OSError) else str(problem)[:200]


def _half_written(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _move_or_remove(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError:  # another file system
        shutil.rmtree(path, ignore_errors=True)


def replace_file(path: Path, data: bytes) -> None:
    """Writes `path` atomically: after a crash it has the old content or the new.

    When this returns, the new content is on the disk.
    """
    temporary = _half_written(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
