"""The scratch folder of a program: made before it, checked while it runs, removed whatever it contains."""

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from evalkube_benchmarks.sandbox.outcome import Limits, SandboxFailed

__all__ = ["excess", "scratch"]


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A new folder, removed at the end. Raises SandboxFailed if there is no room for one."""
    try:
        folder = str(Path(tempfile.mkdtemp(prefix="evalkube-program-")).resolve())
    except OSError as problem:
        raise SandboxFailed(f"there is no room for a scratch folder: {problem}") from problem
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            _remove(folder)


def _remove(folder: str) -> None:
    """Removes a scratch folder, whatever it contains.

    It may contain folders without read permission, or more nested folders than a path can name. Each folder is first
    moved to the top.
    """
    own = secrets.token_hex(8)
    folders = [folder]
    for one in folders:
        with os.scandir(one) as found:
            entries = list(found)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)
            folders.append(f"{folder}/{own}-{len(folders)}")
            Path(entry.path).rename(folders[-1])
    for one in reversed(folders):
        Path(one).rmdir()


def excess(top: str, limits: Limits, pid: int) -> str | None:
    """The limit that the scratch folder of a process exceeds; None if it exceeds none.

    The folder is walked by descriptors, so that no folder is too deep. A folder in which files can be made but not
    counted is over the limit.
    """
    count, size = 0, _nameless(pid, Path(top).stat().st_dev)
    for _, folders, files, inside in os.fwalk(top):
        count += len(folders) + len(files)
        for name in files:
            with contextlib.suppress(OSError):
                size += os.stat(name, dir_fd=inside, follow_symlinks=False).st_blocks * 512
        if count > limits.files:
            return f"made more than {limits.files} files"
        if size > limits.files_bytes:
            return f"wrote more than {limits.files_bytes >> 20} MiB of files"
        if any(_usable(name, inside) for name in folders):
            return "made a folder that cannot be read"
    return None


def _nameless(pid: int, device: int) -> int:
    """The bytes of files that a process has open and that no folder contains any more."""
    size = 0
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as held:
        for one in held:
            with contextlib.suppress(OSError):
                found = Path(one.path).stat()
                if found.st_dev == device and stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    size += found.st_blocks * 512
    return size


def _usable(name: str, inside: int) -> bool:
    """Whether files can be made in a folder that cannot be listed."""
    try:
        mode = os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode
    except OSError:
        return False  # it is gone
    return stat.S_ISDIR(mode) and mode & 0o300 == 0o300 and not mode & 0o400
