"""The backend of a folder of outputs: lists and shows its runs, and refuses all changes."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import orjson

from evalkube_api import errors, lines, selecting
from evalkube_api.backend import (
    Artifact,
    ArtifactList,
    Census,
    Deletion,
    Moment,
    Queue,
    RunEvent,
    RunPage,
    RunQuery,
    Span,
    Submission,
)
from evalkube_api.folder import reading
from evalkube_api.folder.reading import Found, Reader
from evalkube_api.local import files, folders, streaming
from evalkube_api.local.paths import CONTROL
from evalkube_crds import seed
from evalkube_crds.status import Run

__all__ = ["FolderBackend"]

_LOOK_S: Final = 2.0
"""Between two looks at the folder: a service may still write to it."""
_QUIET_S: Final = 10.0
_LOGS: Final = ("logs/eval_log.log", "benchmark.log")
_MOST_RESULT_BYTES: Final = 1 << 30


class FolderBackend:
    """See backend.Backend for what each method promises."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._resolved = root.resolve()
        self._reader = Reader(root)
        self._found: Mapping[str, Found] = {}
        self._looked_at = -_LOOK_S
        self._looking = asyncio.Lock()
        self._closed = asyncio.Event()

    async def start(self) -> None:
        """See backend.Backend."""
        if not self.root.is_dir():
            raise errors.ServiceError(f"{self.root}: is no folder")
        await self._look()

    async def close(self) -> None:
        """See backend.Backend."""
        self._closed.set()

    def kill(self) -> None:
        """Does nothing: there is no run to end."""

    async def submit(self, submission: Submission) -> Run:
        """Refuses: the folder is read-only."""
        self._refuse("no run is started here")

    async def cancel(self, run_id: str) -> Run:
        """Refuses: the folder is read-only."""
        self._refuse("no run is cancelled here")

    async def delete(self, run_id: str, *, force: bool) -> Deletion:
        """Refuses: the folder is read-only."""
        self._refuse("no run is deleted here")

    def _refuse(self, what: str) -> NoReturn:
        raise errors.ReadOnly(f"{what}: {self.root} is shown read-only; start `evalkube service` to change runs")

    async def _look(self) -> None:
        async with self._looking:
            if time.monotonic() - self._looked_at >= _LOOK_S:
                self._found = await asyncio.to_thread(self._reader.runs)
                self._looked_at = time.monotonic()

    def _one(self, run_id: str) -> Found:
        try:
            return self._found[run_id]
        except KeyError:
            raise errors.NotFound(f"there is no run {run_id[:80]!r}; GET /api/v1/runs lists them") from None

    async def get(self, run_id: str) -> Run:
        """See backend.Backend."""
        await self._look()
        try:
            return await asyncio.to_thread(reading.whole, self._one(run_id))
        except (OSError, ValueError):
            raise errors.NotFound(f"the document of run {run_id[:80]} is gone or damaged") from None

    async def list(self, query: RunQuery) -> RunPage:
        """See backend.Backend."""
        _check(query)
        await self._look()
        found = selecting.page((one.line for one in self._found.values()), query, datetime.now(UTC))
        return RunPage(found.lines, found.total, found.next, "folder")

    async def events(self, query: RunQuery, after: str | None = None) -> AsyncIterator[RunEvent | None]:
        """See backend.Backend. Changes in the folder are not noticed."""
        _check(query)
        return self._quiet()

    async def _quiet(self) -> AsyncIterator[None]:
        yield None
        while not await self._pause(_QUIET_S):
            yield None

    async def _pause(self, seconds: float) -> bool:
        """Whether the service stops within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        return self._closed.is_set()

    def queue(self, run: Run) -> Queue | None:
        """See backend.Backend."""
        return lines.queue_of(run.status)

    def census(self) -> Census:
        """See backend.Backend."""
        return Census(Counter((one.line.kind, one.line.phase) for one in self._found.values()))

    async def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """The run in its current state: a folder brings no run to an end."""
        return await self.get(run_id)

    async def results(self, run_id: str) -> bytes:
        """See backend.Backend."""
        run, found = await self.get(run_id), self._one(run_id)
        data = await asyncio.to_thread(_results, run, found, self._resolved)
        if data is None:
            raise errors.NotFound(f"run {run_id} has no results; its phase is {run.status.phase}")
        return data

    async def moment(self, run_id: str) -> Moment:
        """See backend.Backend."""
        return lines.moment_of(await self.get(run_id))

    async def moments(self, run_id: str) -> AsyncIterator[Moment | None]:
        """See backend.Backend."""
        async for moment in streaming.moments(lambda: self.moment(run_id), self._pause):
            yield moment

    async def log(self, run_id: str, *, tail_lines: int | None, follow: bool) -> AsyncIterator[bytes]:
        """See backend.Backend."""
        await self._look()
        path = await asyncio.to_thread(_log_of, self._one(run_id), self._resolved)
        if path is None:
            return

        async def wait(seconds: float) -> bool:
            return await self._pause(seconds) or (await self.get(run_id)).status.phase.terminal

        async for chunk in streaming.log(path, tail_lines, wait if follow else None):
            yield chunk

    async def artifacts(self, run_id: str) -> ArtifactList:
        """See backend.Backend."""
        return await asyncio.to_thread(folders.listing, self._one(run_id).folder, self._hidden())

    async def artifact(self, run_id: str, path: str, *, span: Span | None = None) -> Artifact:
        """See backend.Backend."""
        return await asyncio.to_thread(folders.opened, self._one(run_id).folder, path, self._hidden(), span)

    def _hidden(self) -> Path:
        return self._resolved / CONTROL


def _check(query: RunQuery) -> None:
    if query.namespace is not None:
        raise errors.InvalidRequest.because("needs a cluster; this is a folder of outputs", "namespace")


def _results(run: Run, found: Found, root: Path) -> bytes | None:
    if run.status.results is not None:
        return orjson.dumps(run.status.results)
    if found.control is not None:
        path = found.control / "response.json"
        try:
            return files.read(path, _MOST_RESULT_BYTES) if _is_within(path, root) else None
        except OSError:
            return None
    result = reading.result_of(run, found.folder)
    return None if result is None else orjson.dumps(seed.response(result))


def _log_of(found: Found, root: Path) -> Path | None:
    """The log of a run: the first that is there, else the first that may come. None for links out of the folder."""
    places = [found.folder / name for name in _LOGS]
    if found.control is not None:
        places.insert(0, found.control / "runner.log")
    within = [path for path in places if _is_within(path, root)]
    written = (path for path in within if path.is_file())
    return next(written, None) or next((path for path in within if not path.exists()), None)


def _is_within(path: Path, root: Path) -> bool:
    """Whether a path leads to a place below `root`. A folder of a stranger may have links to files of this machine."""
    try:
        return path.resolve().is_relative_to(root)
    except RuntimeError:  # links in a circle
        return False
