"""The indexes of the most recently viewed runs, and single lines of a run's files.

An index is a file of a run (see `evalkube_report.samples` and `requests`). It stays in memory while there is room. It
is read again if the file has changed: a run that continues an older one replaces it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from evalkube_api import errors
from evalkube_api.backend import Artifact, ArtifactEntry, Backend, Span
from evalkube_crds.names import Kind
from evalkube_report import index_file
from evalkube_report.index_file import Slice
from evalkube_report.requests import index as request_index
from evalkube_report.samples import index as sample_index
from evalkube_report.samples import page, sample

__all__ = ["Indexes"]

_KEPT_BYTES: Final = 96 << 20
"""All indexes in memory. That of 100,000 samples takes 6 MB."""

Found = TypeVar("Found", sample_index.Index, request_index.Index)


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: ArtifactEntry
    index: sample_index.Index | request_index.Index


class Indexes:
    """The indexes of the runs of `backend`. Each method raises errors.NotFound if the run or the file is missing."""

    def __init__(self, backend: Backend, *, most_bytes: int, kept_bytes: int = _KEPT_BYTES) -> None:
        """`most_bytes`: of one index; of a larger one it is said that it is too large."""
        self._backend = backend
        self._most_bytes = most_bytes
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._loading = asyncio.Lock()

    async def samples(self, run_id: str) -> sample_index.Index:
        """The index of an evaluation's samples. Raises errors.Conflict for a load test."""
        await self._check(run_id, Kind.EVAL_RUN, "samples")
        return await self._index(run_id, sample_index.PATH, sample_index.load)

    async def requests(self, run_id: str, point: str) -> request_index.Index:
        """The index of one point's requests. Raises errors.Conflict for an evaluation, errors.InvalidRequest for an
        unknown point.
        """
        await self._check(run_id, Kind.PERF_RUN, "requests")
        try:
            return await self._index(run_id, request_index.path(point), request_index.load)
        except errors.NotFound:
            points = await self.points(run_id)
            if not points:
                raise
            raise errors.InvalidRequest.because(f"must be one of {', '.join(points)}", "point") from None

    async def points(self, run_id: str) -> list[str]:
        """The names of the points that have an index of requests."""
        end = request_index.path("")
        listed = await self._backend.artifacts(run_id)
        return [entry.path.removesuffix(end) for entry in listed.entries if entry.path.endswith(end)]

    async def sample(self, run_id: str, index: sample_index.Index, row: int) -> sample.Sample:
        """One sample of an evaluation, read from its lines. Raises errors.Conflict if the lines have changed."""
        slices = index.slices(row)
        lines = await asyncio.gather(*(self._line(run_id, at) for at in slices.values()))
        found = {kind: line for kind, line in zip(slices, lines, strict=True) if line is not None}
        try:
            return sample.read(page.entry(index, row), found)
        except sample.LinesUnreadable as problem:
            raise errors.Conflict(f"run {run_id}: {problem}", run_id) from None

    async def _line(self, run_id: str, at: Slice) -> bytes | None:
        """The bytes of a line; None if the file is gone or too short."""
        span = Span(at.offset, at.offset + at.length - 1)
        try:
            return await _whole(await self._backend.artifact(run_id, at.path, span=span))
        except (errors.NotFound, errors.NoSuchBytes):
            return None

    async def _check(self, run_id: str, kind: Kind, what: str) -> None:
        run = await self._backend.get(run_id)
        if Kind(run.kind) is not kind:
            word = "a load test" if kind is Kind.EVAL_RUN else "an evaluation"
            raise errors.Conflict(f"run {run_id} is {word}, which has no {what}", run_id)

    async def _index(self, run_id: str, path: str, load: Callable[[bytes], Found]) -> Found:
        artifact = await self._opened(run_id, path)
        try:
            found = self._known(run_id, path, artifact.entry)
            if found is None:
                async with self._loading:  # one at a time: a large one takes its memory twice
                    found = self._known(run_id, path, artifact.entry) or await self._loaded(run_id, artifact, load)
        finally:
            await artifact.chunks.aclose()
        return found  # type: ignore[return-value]  # of that path there is no other kind

    async def _opened(self, run_id: str, path: str) -> Artifact:
        try:
            return await self._backend.artifact(run_id, path)
        except errors.NotFound:
            run = await self._backend.get(run_id)
            why = "it has not ended" if not run.status.phase.terminal else "it left none, as runs of older versions do"
            raise errors.NotFound(f"run {run_id} has no {path}: {why}") from None

    def _known(self, run_id: str, path: str, entry: ArtifactEntry) -> sample_index.Index | request_index.Index | None:
        kept = self._kept.get((run_id, path))
        if kept is None or kept.entry != entry:
            return None
        self._kept.move_to_end((run_id, path))
        return kept.index

    async def _loaded(self, run_id: str, artifact: Artifact, load: Callable[[bytes], Found]) -> Found:
        entry = artifact.entry
        if entry.size_bytes > self._most_bytes:
            raise errors.Conflict(f"{entry.path} of run {run_id} is too large to be shown here", run_id)
        try:
            index = await asyncio.to_thread(load, await _whole(artifact))
        except index_file.IndexUnreadable as problem:
            raise errors.Conflict(f"{entry.path} of run {run_id}: {problem}", run_id) from None
        self._kept[run_id, entry.path] = _Kept(entry, index)
        self._kept.move_to_end((run_id, entry.path))
        while sum(kept.entry.size_bytes for kept in self._kept.values()) > self._kept_bytes and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return index


async def _whole(artifact: Artifact) -> bytes:
    return b"".join([chunk async for chunk in artifact.chunks])
