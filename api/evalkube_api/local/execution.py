"""Executes one run: starts its runner, waits for it, reads its results, and writes the document.

When a run starts, and who may end it, is decided elsewhere.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from evalkube_api.local import exit_reason, files, run_document
from evalkube_api.local.keeping import Keeper
from evalkube_api.local.process import RunnerProcess
from evalkube_api.local.redact import Redactor
from evalkube_api.local.run_document import Ending
from evalkube_api.local.scratch import Scratch
from evalkube_api.local.store import RunStore
from evalkube_crds import credentials, storage, summary, verdict
from evalkube_crds.names import MAX_INLINE_RESULT_BYTES, Kind, Reason
from evalkube_crds.paths import Readable
from evalkube_crds.results import EvalResult, PerfResult, Progress
from evalkube_crds.status import ResultReference, Run
from evalkube_crds.transitions import Outcome

__all__ = ["Execution", "Live", "collected", "now"]

_LOG = logging.getLogger("evalkube.service")
_LOOK_S: Final = 0.25
_MOST_RESULT_BYTES: Final = 512 * 1024 * 1024


def now() -> datetime:
    """The current time in the precision of documents."""
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Live:
    """A run that has not ended. `asked`: why it is to end, if someone asked for that.

    `document` is None while the run waits: a request of one megabyte takes some 17 as objects, so it stays on the disk.
    `seen`: the last progress that its runner reported, and when.
    """

    run_id: str
    kind: Kind
    document: Run | None
    secrets: Mapping[str, str] = field(repr=False)
    asked: Reason | None = None
    seen: tuple[Progress, datetime] | None = None
    process: RunnerProcess | None = None
    stopping: asyncio.Task[None] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def run(self) -> Run:
        """The run's document. It must have been read."""
        assert self.document is not None
        return self.document

    @run.setter
    def run(self, changed: Run) -> None:
        self.document = changed

    @property
    def shown(self) -> Run:
        """The document with its progress, which is stored in the document only at the end."""
        if self.seen is None or self.run.status.phase.terminal:
            return self.run
        return self.run.model_copy(update={"status": self.run.status.model_copy(update={"progress": self.seen[0]})})

    def is_to_end(self) -> bool:
        """Whether someone asked for the run's end."""
        return self.asked is not None


class Execution:
    """Executes runs with runner processes."""

    def __init__(
        self,
        store: RunStore,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        keeper: Keeper,
        scratch: Scratch,
        readable: Readable,
        grace_s: float,
        tell: Callable[[Live], None],
    ) -> None:
        """Takes what runners need. `tell` is called at every change of a run."""
        self._tell = tell
        self._store = store
        self._keeper = keeper
        self._scratch = scratch
        self._command = (*command, *_words("--readable", readable.folders), *_words("--closed", readable.closed))
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._grace_s = grace_s

    async def drive(self, live: Live) -> None:
        """Executes a run to its end; never raises. `live.run` is then the run's last document."""
        found: Outcome | None = None
        watching = asyncio.create_task(self._watch(live))
        try:
            ending = await self._execute(live)
            if ending.reason in (Reason.COMPLETED, Reason.STORE_FULL):
                ending, found = await asyncio.to_thread(collected, self._store, live.run, ending)
        except Exception as problem:
            _LOG.exception("%s: the service could not run it", live.run_id)
            ending = Ending(Reason.INTERNAL_ERROR, f"the service could not run it: {type(problem).__name__}: {problem}")
        finally:
            watching.cancel()
            if live.process is not None:
                live.process.kill()
        await asyncio.to_thread(self._scratch.ended, live.run_id)
        await self.settle(live, ending, found)

    async def settle(self, live: Live, ending: Ending, found: Outcome | None = None) -> None:
        """Writes the end of a run, without its secrets, and wakes its waiters."""
        message = Redactor(credentials.secret_values(live.secrets)).text(ending.message)
        final = replace(ending, message=message)
        if found is not None:
            found = replace(found, message=message)
        live.run = run_document.ended(live.run, final, now(), found)
        live.secrets = {}
        await self.record(live)
        _LOG.info("%s: %s: %s", live.run_id, live.run.status.phase, message.splitlines()[0] if message else "")

    async def record(self, live: Live) -> None:
        """Reports the change, and writes the document now or, if that fails, later."""
        self._tell(live)
        async with live.writing:
            await self._keeper.keep(live.run)

    def stop(self, live: Live) -> None:
        """Starts to end the runner of `live`, if it has one yet. `drive` returns soon after."""
        if live.process is not None and live.stopping is None:
            live.stopping = asyncio.create_task(live.process.stop(self._grace_s))

    async def _execute(self, live: Live) -> Ending:
        if live.is_to_end():
            return exit_reason.outcome(None, 0, live.asked, "", None)
        control = self._store.folder(live.run_id)
        command = self._command
        try:
            scratch = await asyncio.to_thread(self._scratch.made, live.run_id)
            command = self._command_of(live.run, control, scratch)
            live.process = await RunnerProcess.start(command, self._environment, control, live.secrets)
        except OSError as problem:
            reason = Reason.STORE_FULL if storage.is_full(problem) else Reason.INTERNAL_ERROR
            return Ending(reason, f"the runner {command[0]} cannot be started: {storage.words_of(problem)}")
        live.run = run_document.started(live.run, live.process.pid, now())
        _LOG.info("%s: started, process %d", live.run_id, live.process.pid)
        if live.is_to_end():
            self.stop(live)
        await self.record(live)
        exit_code = await live.process.wait()
        return await asyncio.to_thread(self._outcome, live, exit_code)

    async def _watch(self, live: Live) -> None:
        """Reports progress. A file gives no notice of a change, so the runner's file is polled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            at = live.seen[1] if live.seen is not None else None
            found = await asyncio.to_thread(self._store.progress, live.run_id, at)
            if found is not None:
                live.seen = found
                self._tell(live)

    def _command_of(self, run: Run, control: Path, scratch: Path) -> tuple[str, ...]:
        folders = {"--artifacts": run.status.output_dir, "--control": control, "--scratch": scratch}
        paths = {"--run": control / "run.json", **folders}
        options = [str(part) for pair in paths.items() for part in pair]
        return (*self._command, *options, "--secrets-stdin")

    def _outcome(self, live: Live, exit_code: int) -> Ending:
        seen = self._store.progress(live.run_id)
        return exit_reason.outcome(
            self._store.receipt(live.run_id),
            exit_code,
            live.asked,
            live.process.log_tail if live.process is not None else "",
            seen[0] if seen else None,
        )


def _words(option: str, folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        yield from (option, str(folder))


def collected(store: RunStore, run: Run, ending: Ending) -> tuple[Ending, Outcome | None]:
    """The results of a completed run, or why they cannot be read. Blocking.

    One whose runner found no room for its last word has completed where its results are whole.
    """
    folder = store.folder(run.metadata.name)
    model = EvalResult if run.kind is Kind.EVAL_RUN else PerfResult
    try:
        data = files.read(folder / "response.json", _MOST_RESULT_BYTES)
        value = orjson.loads(data)
        result = model.model_validate_json(files.read(folder / "result.json", _MOST_RESULT_BYTES))
    except (OSError, ValueError) as problem:
        if ending.reason is not Reason.COMPLETED:
            return ending, None
        message = f"the runner reported success, but its result cannot be read: {problem}"
        return Ending(Reason.RESULT_MISSING, message, ending.exit_code, ending.progress), None
    if ending.reason is not Reason.COMPLETED:
        ending = replace(ending, reason=Reason.COMPLETED, message="completed; the disk was full at its end")
    inline = len(data) <= MAX_INLINE_RESULT_BYTES and isinstance(value, dict)
    reference = ResultReference(
        store="local",
        uri=(folder / "response.json").as_uri(),
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
    )
    found = Outcome(
        Reason.COMPLETED,
        ending.message,
        summary=summary.summary(result),
        results=value if inline else None,
        result_ref=None if inline else reference,
        done=summary.requested(result),
        failed=summary.failed(result),
        verdict=verdict.worst_of(point.verdict for point in result.points) if isinstance(result, PerfResult) else None,
    )
    return ending, found
