"""Makes runs on this machine: a folder, an id and a document on the disk, or none of them.

Runs are made one at a time: the backend sees to that.
"""

import asyncio
import contextlib
import secrets
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from evalkube_api import errors
from evalkube_api.backend import Submission
from evalkube_api.local import folders, paths, run_document
from evalkube_api.local.execution import now
from evalkube_api.local.index import Index
from evalkube_api.local.paths import Roots
from evalkube_api.local.run_document import KEY, MADE, REQUEST
from evalkube_api.local.store import Entry, RunStore
from evalkube_crds import storage
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Phase
from evalkube_crds.status import Run

__all__ = ["Creator", "no_room"]

_RANDOM: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def no_room(problem: str) -> errors.StoreFull:
    """The refusal of a run whose documents cannot be written, with the reason."""
    return errors.StoreFull(
        f"the run was refused, because its documents cannot be written: {problem}; make room below the output root"
    )


class Creator:
    """Makes runs below `roots`. It reads the index of runs, and leaves it to the backend to change it."""

    def __init__(self, roots: Roots, index: Index, store: RunStore) -> None:
        self._roots = roots
        self._index = index
        self._store = store
        self._last_created: datetime | None = None

    async def placed(self, submission: Submission) -> Submission:
        """`submission` with every path absolute. Raises errors.InvalidRequest for one that is not allowed."""
        spec = paths.with_run_folders(submission.spec, self._folder_of_run)
        return replace(submission, spec=await asyncio.to_thread(paths.resolved, spec, self._roots))

    def _folder_of_run(self, field: str, name: str) -> str:
        """The folder of the run of that id, which must have ended. A text that is no run's id stays a path."""
        if name not in self._index:
            return name
        entry = self._index.entry(name)
        if not entry.phase.terminal:
            raise errors.InvalidRequest.because(f"run {name} has not ended yet; wait for it", field)
        return str(entry.folder)

    def known(self, submission: Submission, digest: str) -> Entry | None:
        """The earlier run of the Idempotency-Key. Raises errors.KeyReused if that was of another request."""
        if submission.idempotency_key is None:
            return None
        entry = self._index.keyed(submission.kind, submission.idempotency_key)
        if entry is None or entry.phase is Phase.INTERRUPTED:  # the service's fault: the client's retry is to be done
            return None
        if entry.request != digest:
            raise errors.KeyReused(
                f"this Idempotency-Key was used for another request, that of run {entry.run_id}; use a new key"
            )
        return entry

    async def create(self, submission: Submission, digest: str) -> Run:
        """A new run of a placed submission.

        Raises errors.Conflict if another run writes to its folder, errors.StoreFull, errors.InvalidRequest.
        """
        return await asyncio.to_thread(self._made, submission, digest, self._next_time())

    def _next_time(self) -> datetime:
        """A time later than that of any run made here, so that the order of runs is the order of their times."""
        time = now()
        if self._last_created is not None and time <= self._last_created:
            time = self._last_created + timedelta(microseconds=1)
        self._last_created = time
        return time

    def _made(self, submission: Submission, digest: str, at: datetime) -> Run:
        """Makes the run with its folder and its document on the disk. Blocking."""
        folder, made = self._folder(submission.spec, digest, at)
        marks = {REQUEST: digest, MADE: "true" if made else "false"}
        if submission.idempotency_key is not None:
            marks[KEY] = submission.idempotency_key
        random = "".join(secrets.choice(_RANDOM) for _ in range(8))
        run = run_document.new_run(
            submission,
            run_id=run_document.run_id_at(submission.kind, at, random),
            uid=str(uuid.uuid4()),
            now=at,
            output_dir=str(folder),
            annotations=marks,
        )
        try:
            self._store.write(run)
        except OSError as problem:
            self._store.discard(run.metadata.name, None)
            with contextlib.suppress(OSError):  # what an earlier run left in it stays
                folder.rmdir()
            raise no_room(storage.words_of(problem)) from None
        return run

    def _folder(self, spec: paths.Spec, digest: str, at: datetime) -> tuple[Path, bool]:
        """The run's folder, and whether the service may delete it.

        Where the name is the service's to choose, an evaluation that was cut short goes on in its old one.
        """
        parent = self._roots.outputs if spec.work_dir is None else Path(spec.work_dir)
        try:
            if spec.work_dir is None or not spec.no_timestamp:
                before = self._index.cut_short(digest) if isinstance(spec, EvalRunSpec) else None
                if before is not None and before.folder.is_dir() and self._index.active_in(before.folder) is None:
                    return before.folder, before.made_folder
                return folders.made_new(parent, at), True
            active = self._index.active_in(parent)
            if active is not None:
                raise errors.Conflict(
                    f"work_dir: run {active.run_id} is still writing to {active.folder}; wait for it, or cancel it",
                    active.run_id,
                )
            return parent, folders.make(parent) or self._index.made(parent)
        except OSError as problem:
            if storage.may_pass(problem):
                raise no_room(storage.words_of(problem)) from None
            raise errors.InvalidRequest.because(f"cannot be made: {problem.strerror}", "work_dir") from None
