"""The folders of runs' artifacts: makes, lists and reads them. Blocking, except for the chunks of a file."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Final

from evalkube_api import errors
from evalkube_api.backend import Artifact, ArtifactEntry, ArtifactList, Chunks, Span
from evalkube_api.chunks import ClosingChunks

__all__ = ["listing", "made_new", "make", "opened"]

_MOST_ENTRIES: Final = 10_000
_CHUNK_BYTES: Final = 256 * 1024


def make(folder: Path) -> bool:
    """Makes `folder`. Returns False if it existed already."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def made_new(parent: Path, at: datetime) -> Path:
    """Makes a new folder below `parent` with the time as its name.

    For example 20251204_100000, and 20251204_100000_2 for the second one in that second.
    """
    parent.mkdir(parents=True, exist_ok=True)
    name = f"{at.astimezone():%Y%m%d_%H%M%S}"
    number = 1
    while not make(parent / (name if number == 1 else f"{name}_{number}")):
        number += 1
    return parent / (name if number == 1 else f"{name}_{number}")


def listing(folder: Path, hidden: Path) -> ArtifactList:
    """The files below `folder`, by path, without the files in `hidden` and without links."""
    entries: list[ArtifactEntry] = []
    for entry in _files(folder, hidden):
        if len(entries) == _MOST_ENTRIES:
            return ArtifactList(entries, complete=False)
        entries.append(entry)
    return ArtifactList(entries, complete=True)


def _files(folder: Path, hidden: Path) -> Iterator[ArtifactEntry]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(parent, name) != hidden)
        for name in sorted(names):
            path = Path(parent, name)
            try:
                status = path.lstat()
            except OSError:  # replaced while we look
                continue
            if stat.S_ISREG(status.st_mode) and _is_shown(name):
                yield _entry(path.relative_to(folder).as_posix(), status)


def _is_shown(name: str) -> bool:
    return name.isprintable() and not name.startswith(".")  # a dot: half-written, or nobody's business


def opened(folder: Path, path: str, hidden: Path, span: Span | None = None) -> Artifact:
    """Opens one file below `folder`, or its part `span`.

    Raises errors.NotFound for any other path or link target, and errors.NoSuchBytes.
    """
    missing = errors.NotFound(f"the run has no artifact {path!r}; its list is at .../artifacts")
    wanted = PurePosixPath(path)
    if wanted.is_absolute() or ".." in wanted.parts or "\0" in path:
        raise missing
    try:
        real = (folder / wanted).resolve(strict=True)
        if not real.is_relative_to(folder.resolve()) or real.is_relative_to(hidden):
            raise missing
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError):
        raise missing from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise missing
    entry = _entry(wanted.as_posix(), status)
    file = os.fdopen(handle, "rb", buffering=0)
    there = None if span is None else span.within(entry.size_bytes)
    if span is not None and there is None:
        file.close()
        raise errors.NoSuchBytes(entry.size_bytes)
    if there is not None:
        file.seek(there.first)
    return Artifact(entry, _chunks(file, entry.size_bytes if there is None else there.size_bytes), there)


def _chunks(file: IO[bytes], size_bytes: int) -> Chunks:
    """`size_bytes` of `file` from its position. A log may grow while it is sent, but its length was announced."""

    async def read() -> AsyncGenerator[bytes]:
        left = size_bytes
        while left > 0:
            chunk = await asyncio.to_thread(file.read, min(_CHUNK_BYTES, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk

    async def close() -> None:
        file.close()

    return ClosingChunks(read(), close)


def _entry(path: str, status: os.stat_result) -> ArtifactEntry:
    return ArtifactEntry(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
