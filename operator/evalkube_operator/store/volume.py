"""The store in a folder: a claim of the operator's own. Every artifact is one file, appended ones too.

What is acknowledged is on the disk (fsync of the file, and of the folders that had to be made). Nothing here follows a
link or leaves the folder. One process writes at a time; the operator's Lease sees to that.
"""

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from evalkube_operator.ports import RunKey
from evalkube_operator.store import keys, parts
from evalkube_operator.store.interface import (
    PROBE_BYTES,
    Content,
    PathTaken,
    Stored,
    StoreFull,
    StoreUnavailable,
    Upload,
)
from evalkube_operator.store.locks import KeyLocks

__all__ = ["VolumeStore"]

_BLOCK_BYTES: Final = 1 << 20
"""Written and read in one go: a trip to a worker thread costs some 50 us, and memory is held for each stream."""

_SYNC_BYTES: Final = 64 << 20
"""A large artifact is synced on its way, so that the last fsync does not stall everybody's small ones."""

_INCOMING: Final = ".incoming"
_TRASH: Final = ".trash"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_TAKEN: Final = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)

Value = TypeVar("Value")


class VolumeStore:
    """See `Store`. `reserve_bytes` of the file system stay free: it is then full for us."""

    kind = "volume"

    def __init__(self, root: Path, *, reserve_bytes: int = 64 << 20) -> None:
        self._root = root
        self._reserve_bytes = reserve_bytes
        self._locks = KeyLocks()
        for folder in (_INCOMING, _TRASH):  # what a killed operator left half-done
            shutil.rmtree(root / folder, ignore_errors=True)
            (root / folder).mkdir(parents=True, exist_ok=True)

    def uri(self, key: str) -> str:
        """See `Store.uri`."""
        return f"volume:///{key}"

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*keys.split(key))

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> int:
        """See `Store.put`."""
        target, temporary = self._path(key), self._root / _INCOMING / uuid.uuid4().hex
        await _in_thread(self._check_room)
        try:
            handle = await _in_thread(os.open, temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
            try:
                size_bytes = await _write(handle, chunks)
            finally:
                os.close(handle)
            async with self._locks.of(key):
                await _in_thread(_publish, temporary, target, self._root)
        finally:
            await asyncio.to_thread(temporary.unlink, missing_ok=True)
        return size_bytes

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """See `Store.append`."""
        async with self._locks.of(key):
            return await _in_thread(self._append, self._path(key), offset, data)

    def _append(self, path: Path, offset: int, data: bytes) -> int:
        self._check_room()
        made = _make_folders(path.parent, self._root)
        with _opened(path, os.O_RDWR | os.O_CREAT) as handle:
            size_bytes = os.fstat(handle).st_size
            there = os.pread(handle, parts.overlap_bytes(size_bytes, offset, len(data)), offset)
            rest = parts.missing(data, there, size_bytes)
            _write_all(handle, rest, size_bytes)
            os.fsync(handle)  # also of a repeat: the first try may have been killed before its own
        if made or size_bytes == 0:
            _sync_folders(path.parent, self._root)
        return size_bytes + len(rest)

    async def get(self, key: str, *, start: int = 0, size_bytes: int | None = None) -> Content | None:
        """See `Store.get`. The file is opened with the first chunk, so that a reader that never came leaves none."""
        path = self._path(key)
        found = await _in_thread(_stat, path)
        if found is None:
            return None
        there = max(found.st_size - start, 0)
        wanted = there if size_bytes is None else min(size_bytes, there)
        return Content(wanted, _read(path, found.st_ino, start, wanted))

    async def stat(self, key: str) -> Stored | None:
        """See `Store.stat`."""
        found = await _in_thread(_stat, self._path(key))
        return None if found is None else Stored(key, found.st_size, _time(found))

    async def below(self, prefix: str) -> list[Stored]:
        """See `Store.below`."""
        return await _in_thread(self._below, prefix)

    def _below(self, prefix: str) -> list[Stored]:
        found = []
        for folder, _, names in os.walk(self._path(prefix)):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # gone while we looked
                    path = Path(folder, name)
                    seen = path.lstat()
                    found.append(Stored(path.relative_to(self._root).as_posix(), seen.st_size, _time(seen)))
        return sorted(found, key=lambda stored: stored.key)

    async def delete(self, prefix: str) -> None:
        """See `Store.delete`. It vanishes at once; the disk's work comes after."""
        trash = self._root / _TRASH / uuid.uuid4().hex
        if await _in_thread(_set_aside, self._path(prefix), trash):
            await _in_thread(_remove, trash)

    async def move(self, source: str, target: str) -> None:
        """See `Store.move`."""
        async with self._locks.of(source), self._locks.of(target):
            await _in_thread(_publish, self._path(source), self._path(target), self._root)

    async def runs(self) -> list[RunKey]:
        """See `Store.runs`."""
        return await _in_thread(self._runs)

    def _runs(self) -> list[RunKey]:
        found = (keys.parse_run(path.relative_to(self._root).as_posix()) for path in self._root.glob("[!.]*/*"))
        return sorted((run for run in found if run is not None), key=keys.run_prefix)

    async def presign(self, key: str, *, expires_s: float) -> Upload | None:
        """A folder has no address of its own."""
        return None

    async def uploaded(self, key: str) -> int | None:
        """See `Store.uploaded`: a volume has no direct uploads, so there is never one."""
        return None

    async def check(self) -> None:
        """See `Store.check`."""
        await _in_thread(self._check)

    def _check(self) -> None:
        self._check_room()
        probe = self._root / _INCOMING / f"check-{uuid.uuid4().hex}"
        try:
            with _opened(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as handle:
                _write_all(handle, bytes(PROBE_BYTES), 0)
                os.fsync(handle)  # some file systems know only then
        finally:
            probe.unlink(missing_ok=True)

    def _check_room(self) -> None:
        volume = os.statvfs(self._root)
        free = volume.f_bavail * volume.f_frsize
        if free < self._reserve_bytes:
            raise StoreFull(f"{free} bytes are left on the store's volume, {self._reserve_bytes} are kept free")


async def _in_thread(call: Callable[..., Value], *arguments: object) -> Value:
    """Run in a thread, with the disk's errors turned into the store's."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except OSError as problem:
        if problem.errno in _FULL:
            raise StoreFull(f"the store's volume is full: {problem}") from problem
        if problem.errno in _TAKEN:
            raise PathTaken(f"an artifact's name is used as a folder, or the other way round: {problem}") from problem
        raise StoreUnavailable(f"the store's volume: {problem}") from problem


async def _write(handle: int, chunks: AsyncIterable[bytes]) -> int:
    total = unsynced = 0
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        if len(pending) < _BLOCK_BYTES:
            continue
        await _in_thread(_write_all, handle, bytes(pending), total)
        total, unsynced = total + len(pending), unsynced + len(pending)
        pending.clear()
        if unsynced >= _SYNC_BYTES:
            await _in_thread(os.fsync, handle)
            unsynced = 0
    await _in_thread(_write_all, handle, bytes(pending), total)
    await _in_thread(os.fsync, handle)
    return total + len(pending)


def _write_all(handle: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


async def _read(path: Path, inode: int, start: int, size_bytes: int) -> AsyncIterator[bytes]:
    handle = await _in_thread(os.open, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(handle).st_ino != inode:
            raise StoreUnavailable("the artifact was replaced just now; read it again")
        end = start + size_bytes
        while start < end:
            block = await _in_thread(os.pread, handle, min(_BLOCK_BYTES, end - start), start)
            if not block:
                raise StoreUnavailable("the artifact became shorter while it was read")
            start += len(block)
            yield block
    finally:
        os.close(handle)


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        yield handle
    finally:
        os.close(handle)


def _make_folders(folder: Path, root: Path) -> bool:
    """Make the folders up to `folder`, which is below `root`; whether any was missing."""
    if folder.is_dir():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    return folder != root


def _sync_folders(folder: Path, root: Path) -> None:
    """Sync folders to the disk: a new name is on the disk only when its folder is."""
    while True:
        with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as handle:
            os.fsync(handle)
        if folder == root:
            return
        folder = folder.parent


def _publish(source: Path, target: Path, root: Path) -> None:
    if not source.exists() and target.exists():
        return  # a move done over after a crash
    _make_folders(target.parent, root)
    source.replace(target)
    _sync_folders(target.parent, root)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _set_aside(path: Path, trash: Path) -> bool:
    try:
        path.rename(trash)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _stat(path: Path) -> os.stat_result | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _time(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)
