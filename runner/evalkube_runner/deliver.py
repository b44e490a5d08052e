"""The interface through which everything leaves a runner, and its implementation for one machine: plain files.

Nothing else in the runner writes outside its scratch directory.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import orjson
from pydantic import BaseModel

from evalkube_crds import seed, storage
from evalkube_crds.names import Reason
from evalkube_crds.progress import ProgressState
from evalkube_crds.results import EvalResult, PerfResult, Progress
from evalkube_runner.errors import RunFailed
from evalkube_runner.packing import SUFFIX, Through, packed, unchanged

__all__ = ["Delivery", "FileDelivery", "Place", "Whole", "replace_file"]

_LOG = logging.getLogger("evalkube.runner")
_PROGRESS_INTERVAL_S = 0.5
_PATIENCE_S = 30.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


class Place(Protocol):
    """A place where whole artifacts are written and read back. Paths are relative and use forward slashes."""

    async def put(self, path: str, data: bytes) -> None:
        """Write a whole artifact; readers see the old one or the new one."""

    async def get(self, path: str) -> bytes | None:
        """An artifact that was left there; None where there is none."""

    async def put_file(self, path: str, source: Path) -> None:
        """Take over a file from the scratch directory as a whole artifact; made of what holds no secret."""

    async def file(self, path: str, copy: Path) -> Path | None:
        """A file with an artifact that was left there, to be read only: its own, or `copy`, which is the caller's to
        remove. None where there is none.
        """


class Whole(Place, Protocol):
    """The whole run of several shards: the artifacts of all shards, and those that are written for all. Raises
    RunFailed where something cannot be read or delivered.
    """

    async def result_of(self, shard: int) -> bytes:
        """The result document of a shard."""


class Delivery(Place, Protocol):
    """The delivery of this shard's artifacts, progress and result. Writing raises RunFailed (StoreFull, StoreFailed)
    once it has waited long enough for room.
    """

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Add whole lines to an artifact. On return they survive the runner, `durable` ones the machine too."""

    async def put_lines(
        self, path: str, sources: Sequence[Path], *, through: Through = unchanged, hurry: bool = False
    ) -> None:
        """Take over files of lines from the scratch directory, as one artifact: compressed where `path` ends with .gz
        (see `packing.packed`).
        """

    async def get(self, path: str) -> bytes | None:
        """An artifact as an earlier attempt of this run (or the run it continues) left it; None where there is none."""

    async def progress(self, progress: Progress, *, state: ProgressState = "running") -> None:
        """Report how far the run is. It may be called as often as needed; the last report is always delivered."""

    async def result(self, document: BaseModel) -> Whole | None:
        """Deliver the result document. Returns the whole run where this was the last of several shards: then this shard
        makes its report, as any shard does that is told so.
        """


def replace_file(path: Path, data: bytes) -> None:
    """Write `path` so that a crash at any moment leaves the old content or the new, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class FileDelivery:
    """Delivery into two folders: `artifacts` (the run's own) and `control` (what its backend reads).

    What cannot be written for want of room is tried again for `patience_s`. Then lines and the result raise RunFailed
    (StoreFull, StoreFailed), because a run that goes on without a place for them only costs; what is made of them is
    left out, and `complete` is False.
    """

    def __init__(
        self,
        artifacts: Path,
        control: Path,
        *,
        pipeline: str,
        earlier: Path | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """`earlier`: folder of a run whose artifacts `get` falls back to; `pipeline`: eval or perf."""
        self._patience_s = patience_s
        self._full_since: float | None = None
        self.complete = True
        """Whether everything that was given here is where it belongs."""
        self._artifacts = artifacts
        self._control = control
        self._pipeline = pipeline
        self._earlier = earlier
        self._next_progress = 0.0
        self._stage: str | None = None
        self._locks: dict[str, asyncio.Lock] = {}

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """See `Delivery.append`. Appends to one path happen in the order they were asked for."""
        async with self._locks.setdefault(path, asyncio.Lock()):
            await self._written(_append, self._artifacts / path, data, durable)

    async def put(self, path: str, data: bytes) -> None:
        """See `Delivery.put`."""
        await self._left(path, self._written(replace_file, self._artifacts / path, data))

    async def put_lines(
        self, path: str, sources: Sequence[Path], *, through: Through = unchanged, hurry: bool = False
    ) -> None:
        """See `Delivery.put_lines`."""
        await self.put_file(path, await packed(sources, through, compressed=path.endswith(SUFFIX), hurry=hurry))

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`."""
        await self._left(path, self._written(_take_over, source, self._artifacts / path))

    async def _left(self, path: str, writing: Awaitable[None]) -> None:
        try:
            await writing
        except RunFailed as failure:
            self.complete = False
            _LOG.error("%s is not left: %s", path, failure.message)

    async def _written(self, write: Callable[..., None], *arguments: object) -> None:
        """Write, and retry until it succeeds or the time for retries is over. All writes share that time, so a write
        late in an outage does not wait anew.
        """
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await asyncio.to_thread(write, *arguments)
            except OSError as problem:
                await self._wait(problem, pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._full_since = None
                return

    async def _wait(self, problem: OSError, pause_s: float) -> None:
        now, words = time.monotonic(), storage.words_of(problem)
        if self._full_since is None:
            self._full_since = now
            _LOG.warning(
                "what the run leaves cannot be written: %s; it is tried again for %g s", words, self._patience_s
            )
        if not storage.may_pass(problem) or now - self._full_since >= self._patience_s:
            raise RunFailed(storage.reason_of(problem), f"what the run leaves cannot be written: {words}") from None
        await asyncio.sleep(min(pause_s, self._full_since + self._patience_s - now))

    async def get(self, path: str) -> bytes | None:
        """See `Delivery.get`."""
        return await asyncio.to_thread(self._read, path)

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`. Nothing is copied."""
        del copy
        return await asyncio.to_thread(self._found, path)

    def _read(self, path: str) -> bytes | None:
        found = self._found(path)
        return None if found is None else found.read_bytes()

    def _found(self, path: str) -> Path | None:
        for folder in (self._artifacts, self._earlier):
            if folder is not None and (file := (folder / path).resolve()).is_file():
                if not file.is_relative_to(folder.resolve()):
                    raise RunFailed(Reason.PATH_FORBIDDEN, f"{folder / path}: is a link that leads out of the folder")
                return file
        return None

    async def progress(self, progress: Progress, *, state: ProgressState = "running") -> None:
        """See `Delivery.progress`. Also kept as `progress.json` among the artifacts, with EvalScope's keys. A new
        stage and the last sample are written at once: they may be all that is told for a while.
        """
        now = time.monotonic()
        is_news = progress.stage != self._stage or 0 < progress.total <= progress.done or state != "running"
        if now < self._next_progress and not is_news:
            return
        self._next_progress, self._stage = now + _PROGRESS_INTERVAL_S, progress.stage
        with contextlib.suppress(OSError):  # the run does not need it, and a full disk is told by what it does need
            await asyncio.to_thread(self._write_progress, progress, state)

    def _write_progress(self, progress: Progress, state: ProgressState) -> None:
        replace_file(self._control / "progress.json", progress.model_dump_json(by_alias=True).encode())
        shown = {
            "status": state,
            "pipeline": self._pipeline,
            "total_count": progress.total,
            "processed_count": progress.done,
            "percent": round(100 * progress.done / progress.total, 2) if progress.total else 0.0,
            "updated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        replace_file(self._artifacts / "progress.json", _json(shown))

    async def result(self, document: BaseModel) -> Whole | None:
        """See `Delivery.result`. On one machine there are no other shards."""
        await self._written(self._write_result, document)
        return None

    def _write_result(self, document: BaseModel) -> None:
        replace_file(self._control / "result.json", document.model_dump_json(by_alias=True).encode())
        if isinstance(document, EvalResult | PerfResult):  # what a blocked request is waiting for
            replace_file(self._control / "response.json", orjson.dumps(seed.response(document)))


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def _append(path: Path, data: bytes, durable: bool) -> None:
    """Append all of `data` or nothing: half a line would be joined by the next try."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            if durable:
                os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise


def _take_over(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    shutil.move(source, temporary)
    temporary.replace(target)
