"""The local backend: accepts runs, starts them in turn, lets callers wait for them, and deletes them.

Everything happens on one event loop. `_admission` is a lock: runs are made and deleted one at a time.
"""

import asyncio
import contextlib
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import orjson

from evalkube_api import errors, lines
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
from evalkube_api.feed import Feed
from evalkube_api.local import admission, creating, exit_reason, folders, lock, paths, recovery, run_document, streaming
from evalkube_api.local.admission import Limits
from evalkube_api.local.creating import Creator
from evalkube_api.local.execution import Execution, Live, now
from evalkube_api.local.index import Index
from evalkube_api.local.keeping import Keeper
from evalkube_api.local.listing import Listing
from evalkube_api.local.paths import Roots
from evalkube_api.local.scratch import Scratch
from evalkube_api.local.store import Entry, RunStore
from evalkube_api.local.waiting import Waiting
from evalkube_api.settings import Settings
from evalkube_crds.names import Kind, Phase, Reason
from evalkube_crds.results import Progress
from evalkube_crds.status import Run

__all__ = ["LocalBackend"]

_LOG = logging.getLogger("evalkube.service")
_CANCEL_MARGIN_S: Final = 3.0
_READ_AT_ONCE: Final = 4
"""Documents of waiting runs in memory at once, where many of them end together."""


class LocalBackend:
    """Runs on this machine; see backend.Backend for what each method promises."""

    def __init__(self, settings: Settings) -> None:
        """Checks the folders and creates only the output root. Raises errors.ServiceError."""
        self._roots = Roots.of(settings.outputs, settings.data)
        self._limits = Limits(settings.max_evals, settings.perf_alone)
        self._most_waiting = settings.max_waiting
        self._grace_s = settings.stop_grace_s
        self._command, self._environment = settings.runner_command, settings.runner_environment
        self._index = Index()
        self._lives: dict[str, Live] = {}
        self._feed: Feed[str] = Feed()
        self._waiting = Waiting()
        self._listing = Listing(self._index, self._feed, self._queue)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._admission = asyncio.Lock()
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._closing = False
        self._lock_fd: int | None = None
        self._store: RunStore
        self._creator: Creator
        self._keeper: Keeper
        self._driver: Execution

    @property
    def outputs(self) -> Path:
        """The output root."""
        return self._roots.outputs

    async def start(self) -> None:
        """Locks the output root for this service, and ends the runs that an earlier service left."""
        if self._lock_fd is not None:
            return
        try:
            self._store = RunStore(self._roots.control)
            self._lock_fd = lock.held(self._roots)
        except OSError as problem:
            raise errors.ServiceError(f"{self.outputs}: cannot be written to: {problem.strerror}") from None
        self._creator = Creator(self._roots, self._index, self._store)
        scratch = Scratch(self._roots.control)
        self._keeper = Keeper(self._store.write, on_room=self._advance)
        self._driver = Execution(
            self._store,
            self._command,
            self._environment,
            keeper=self._keeper,
            scratch=scratch,
            readable=self._roots.readable,
            grace_s=self._grace_s,
            tell=self._tell,
        )
        entries, unwritten = await asyncio.to_thread(recovery.recover, self._store, now())
        await asyncio.to_thread(scratch.sweep)  # their runners have ended
        for entry in entries:
            self._index.put(entry)
        for run, why in unwritten:
            self._keeper.owe(run, why)

    async def close(self) -> None:
        """Ends every run. Waiters are told that it was interrupted."""
        self._closing = True
        async with self._admission:
            await asyncio.gather(*(self._end(live, Reason.INTERRUPTED) for live in list(self._lives.values())))
            while self._tasks:
                await asyncio.wait(list(self._tasks.values()))
            if self._lock_fd is not None:
                await self._keeper.close()
        self._feed.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def kill(self) -> None:
        """Kills all runners at once."""
        for live in self._lives.values():
            if live.process is not None:
                live.process.kill()

    async def submit(self, submission: Submission) -> Run:
        """See backend.Backend. If the client leaves, the submission goes on: the run is made whole or not at all."""
        paths.check_local(submission.spec)
        if submission.namespace is not None:
            raise errors.InvalidRequest.because(paths.NEEDS_CLUSTER, "namespace")
        return await asyncio.shield(asyncio.ensure_future(self._admit(submission)))

    async def _admit(self, submission: Submission) -> Run:
        digest = await asyncio.to_thread(run_document.request_digest, submission)
        placed = await self._creator.placed(submission)
        async with self._admission:
            if self._closing:
                raise errors.ShuttingDown("the service is stopping; send the request again when it is back")
            known = self._creator.known(submission, digest)
            if known is not None:
                return await self.get(known.run_id)
            if self._keeper.problem:
                raise creating.no_room(self._keeper.problem)
            if len(self._waiting) >= self._most_waiting:
                raise errors.QueueFull(
                    f"{len(self._waiting)} runs are waiting, which is the limit (--max-waiting); try again later"
                )
            run = await self._creator.create(placed, digest)
            self._index.put(Entry.of(run))
            live = Live(run.metadata.name, placed.kind, run, placed.secrets)
            self._lives[live.run_id] = live
            self._waiting.add(live.run_id, placed.kind)
            self._feed.changed(live.run_id)
            self._give_turns()
            if live.run_id in self._waiting:
                live.document = None  # it is on the disk, and read when its turn comes
            return run

    def _give_turns(self) -> None:
        if self._closing or self._keeper.problem:  # what they leave would find no room
            return
        for run_id in admission.next_turns(self._waiting.kinds.items(), self._running(), self._limits):
            self._waiting.take(run_id)
            self._tasks[run_id] = asyncio.create_task(self._drive(self._lives[run_id]))

    def _advance(self) -> None:
        """Gives turns after an end. Those that still wait have another place, or wait for another end."""
        self._give_turns()
        if not self._closing:
            self._feed.changed(*self._waiting)

    def _running(self) -> list[Kind]:
        return [self._lives[run_id].kind for run_id in self._tasks]

    def _tell(self, live: Live) -> None:
        self._index.put(Entry.of(live.shown))
        self._feed.changed(live.run_id)

    async def _drive(self, live: Live) -> None:
        try:
            if await self._read(live):
                await self._driver.drive(live)
        finally:
            del self._tasks[live.run_id]
            self._release(live)

    async def _read(self, live: Live) -> bool:
        """Reads the document of a waiting run. False if it is missing."""
        if live.document is not None:
            return True
        try:
            found = await asyncio.to_thread(self._store.read, live.run_id)
        except (OSError, ValueError) as problem:
            _LOG.error("%s: its document is gone or damaged, and it cannot be run: %s", live.run_id, problem)
            return False
        if live.document is None:  # who read it meanwhile may have changed it
            live.document = found
        return True

    def _release(self, live: Live) -> None:
        if live.document is None and live.run_id in self._index:
            self._forget(live.run_id)
        self._lives.pop(live.run_id, None)
        live.ended.set()
        self._advance()

    def _forget(self, run_id: str) -> None:
        self._index.drop(run_id)
        self._feed.deleted(run_id)

    async def _end(self, live: Live, reason: Reason) -> None:
        live.asked = live.asked or reason
        if live.run_id in self._waiting:
            self._waiting.take(live.run_id)
            async with self._reading:
                if await self._read(live):
                    await self._driver.settle(live, exit_reason.outcome(None, 0, live.asked, "", None))
            self._release(live)
        else:
            self._driver.stop(live)

    async def get(self, run_id: str) -> Run:
        """See backend.Backend."""
        live = self._lives.get(run_id)
        return live.shown if live is not None and live.document is not None else await self._document(run_id)

    async def _document(self, run_id: str) -> Run:
        """A run's document. It contains the run's progress only after the end."""
        self._index.entry(run_id)
        live = self._lives.get(run_id)
        if live is not None and live.document is not None:
            return live.document
        kept = self._keeper.get(run_id)
        if kept is not None:
            return kept
        try:
            return await asyncio.to_thread(self._store.read, run_id)
        except (OSError, ValueError):
            raise errors.NotFound(f"the document of run {run_id} is gone or damaged") from None

    async def list(self, query: RunQuery) -> RunPage:
        """See backend.Backend."""
        return self._listing.page(query, now())

    async def events(self, query: RunQuery, after: str | None = None) -> AsyncIterator[RunEvent | None]:
        """See backend.Backend."""
        return self._listing.events(query, after)

    def queue(self, run: Run) -> Queue | None:
        """See backend.Backend."""
        return self._queue(run.metadata.name) or lines.queue_of(run.status)

    def _queue(self, run_id: str) -> Queue | None:
        if run_id not in self._waiting:
            return None
        place, kind = self._waiting.place(run_id), self._waiting.kinds[run_id]
        if self._keeper.problem:
            return Queue(place, f"room for its documents: {self._keeper.problem}")
        return Queue(place, admission.waits_for(place, kind, self._running(), self._limits))

    def census(self) -> Census:
        """See backend.Backend."""
        counts = Counter((entry.kind, entry.phase) for entry in self._index.entries())
        return Census(counts, queued=len(self._waiting))

    async def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """See backend.Backend."""
        live = self._lives.get(run_id)
        if live is None:
            return await self.get(run_id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await live.ended.wait()
        return live.document or await self.get(run_id)

    async def results(self, run_id: str) -> bytes:
        """See backend.Backend."""
        run = await self.get(run_id)
        if run.status.results is not None:
            return orjson.dumps(run.status.results)
        try:
            return await asyncio.to_thread((self._store.folder(run_id) / "response.json").read_bytes)
        except OSError:
            raise errors.NotFound(f"run {run_id} has no results; its phase is {run.status.phase}") from None

    async def cancel(self, run_id: str) -> Run:
        """See backend.Backend."""
        self._index.entry(run_id)
        live = self._lives.get(run_id)
        if live is not None and await self._read(live):
            await self._cancel(live)
        elif live is not None and run_id in self._waiting:  # without a document there is nothing to be run
            await self._end(live, Reason.CANCELLED)
        return await self.wait(run_id, self._grace_s + _CANCEL_MARGIN_S)

    async def _cancel(self, live: Live) -> None:
        if not live.run.spec.cancel and not live.run.status.phase.terminal:
            live.run = run_document.asked_to_end(live.run)
            live.asked = live.asked or Reason.CANCELLED
            await self._driver.record(live)
            await self._end(live, Reason.CANCELLED)

    async def delete(self, run_id: str, *, force: bool) -> Deletion:
        """See backend.Backend.

        Files are kept if another run shares the folder, or if the folder existed before the runs.
        """
        if not self._index.entry(run_id).phase.terminal:
            if not force:
                raise errors.Conflict(
                    f"run {run_id} has not ended; cancel it first, or delete it with ?force=true", run_id
                )
            run = await self.cancel(run_id)
            if not run.status.phase.terminal:
                raise errors.Conflict(f"run {run_id} has not ended yet; try again", run_id)
        if (live := self._lives.get(run_id)) is not None:
            await live.ended.wait()  # its last document is being written
        async with self._admission:
            entry = self._index.entry(run_id)
            sharing = self._index.sharing(entry)
            self._forget(run_id)
            ours = entry.made_folder and await asyncio.to_thread(self._roots.is_a_runs, entry.folder)
            theirs = sharing is not None or not ours
            self._keeper.drop(run_id)
            await asyncio.to_thread(self._store.discard, run_id, None if theirs else entry.folder)
            self._keeper.look_again()
        if sharing is not None:
            return Deletion("kept", f"run {sharing.run_id} shares the folder {entry.folder}")
        if entry.made_folder and theirs:
            return Deletion("kept", f"the folder {entry.folder} is not one that runs of this service write to")
        if theirs:
            return Deletion("kept", f"the folder {entry.folder} was there before the run")
        return Deletion("deleted")

    async def moment(self, run_id: str) -> Moment:
        """See backend.Backend."""
        if (queue := self._queue(run_id)) is not None:
            created = self._index.entry(run_id).line.created
            return Moment(run_id, Phase.QUEUED, Progress(), created, f"waits for {queue.waits_for}")
        live, run = self._lives.get(run_id), await self.get(run_id)
        seen = None if live is None or run.status.phase.terminal else live.seen
        return lines.moment_of(run, None if seen is None else seen[1])

    async def moments(self, run_id: str) -> AsyncIterator[Moment | None]:
        """See backend.Backend."""
        async for moment in streaming.moments(lambda: self.moment(run_id), self._ending(run_id)):
            yield moment

    async def log(self, run_id: str, *, tail_lines: int | None, follow: bool) -> AsyncIterator[bytes]:
        """See backend.Backend."""
        path = self._store.folder(self._index.entry(run_id).run_id) / "runner.log"
        async for chunk in streaming.log(path, tail_lines, self._ending(run_id) if follow else None):
            yield chunk

    def _ending(self, run_id: str) -> streaming.Waiting:
        async def wait(seconds: float) -> bool:
            return (await self.wait(run_id, seconds)).status.phase.terminal

        return wait

    async def artifacts(self, run_id: str) -> ArtifactList:
        """See backend.Backend."""
        folder = self._index.entry(run_id).folder
        return await asyncio.to_thread(folders.listing, folder, self._roots.control)

    async def artifact(self, run_id: str, path: str, *, span: Span | None = None) -> Artifact:
        """See backend.Backend."""
        folder = self._index.entry(run_id).folder
        return await asyncio.to_thread(folders.opened, folder, path, self._roots.control, span)
