"""The scratch folder of a program: made before it, looked at while it runs, removed whatever it holds."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from evalkube_benchmarks.sandbox.outcome import Limits, SandboxFailed

__all__ = ["excess", "scratch"]


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A new folder, and its end. Raises SandboxFailed where there is no room for one."""
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
    """Remove a scratch folder, whatever it holds: folders that nobody may look into, or more of them in one another
    than a path may name; each is first moved to the top.
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


def excess(top: str, limits: Limits) -> str | None:
    """What there is too much of in a scratch folder; None: nothing."""
    count = size = 0
    for folder, folders, files in os.walk(top):
        count += len(folders) + len(files)
        for name in files:
            with contextlib.suppress(OSError):
                size += Path(folder, name).lstat().st_blocks * 512
        if count > limits.files:
            return f"made more than {limits.files} files"
        if size > limits.files_bytes:
            return f"wrote more than {limits.files_bytes >> 20} MiB of files"
    return None
