"""Scratch folders of runners: one for each run, below the service's own folder, removed when the run has ended.

    <outputs>/.evalkube/scratch/<id>

Only what is certainly one of these is removed: a folder, no link, directly below ours, with the name of a run that is
not at work, and with no process left that holds its lock. Blocking.
"""

import fcntl
import logging
import os
import shutil
from pathlib import Path

from evalkube_api.local import run_document

__all__ = ["Scratch"]

_LOG = logging.getLogger("evalkube.service")


class Scratch:
    """The scratch folders below one control folder, whose service holds its lock."""

    def __init__(self, control: Path) -> None:
        self._root = control / "scratch"
        self._at_work: set[str] = set()

    def made(self, run_id: str) -> Path:
        """Makes an empty folder for a run. Raises OSError."""
        self._at_work.add(run_id)
        if self._root.is_symlink():
            raise OSError(None, "must be a folder, not a link", str(self._root))
        folder = self._root / run_id
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def ended(self, run_id: str) -> None:
        """Removes the folder of that run, and folders that could not be removed before. Never raises OSError."""
        self._at_work.discard(run_id)
        self.sweep()

    def sweep(self) -> None:
        """Removes the folders of all runs that are not active. Never raises OSError."""
        if self._root.is_symlink():  # what is behind it is somebody else's
            return
        try:
            found = list(self._root.iterdir())
        except OSError:
            return
        for folder in found:
            if folder.name not in self._at_work and run_document.is_run_id(folder.name):
                _remove(folder)


def _remove(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # gone, or no folder
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _LOG.warning("%s: a process still works in it; it is removed later", folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
