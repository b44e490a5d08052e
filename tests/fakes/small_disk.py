"""A file system of its own, of a megabyte, that a test can fill: where this machine lets one be mounted."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["SmallDisk", "small_disk"]


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """Where it is mounted."""

    root: Path

    def fill(self) -> None:
        """Leave no byte of room."""
        with (self.root / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)

    def empty(self) -> None:
        """Take away what `fill` left."""
        (self.root / "filler").unlink()

    def lock(self) -> None:
        """Make it read-only, as the kernel does with a broken one. Needs that nobody writes."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.root)], check=True)

    def unlock(self) -> None:
        """Take that back."""
        subprocess.run(["mount", "-o", "remount,rw", str(self.root)], check=True)


@contextlib.contextmanager
def small_disk(root: Path) -> Iterator[SmallDisk]:
    """Mounted at `root` for as long as it is used; the test is skipped where that is not permitted."""
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)
