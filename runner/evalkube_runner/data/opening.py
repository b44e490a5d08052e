"""Opens the files that a run names: regular ones, and only where they lie below the folders that it may read.

Every file of a data set, a prompt, a template or a tokenizer is opened here, whatever led to it: the run's own words,
a listing of a folder, or a link inside one. A pod holds its token and the endpoint's key as files, and what a run reads
is sent to the endpoint.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from evalkube_crds.names import Reason
from evalkube_crds.paths import PathMissing, PathRefused, Readable
from evalkube_runner.errors import RunFailed

__all__ = ["SAMPLES", "admitted", "found", "opened", "read"]

SAMPLES: Final = Path(__file__).parent / "samples"
"""Our own sample prompts for load tests, which every run may read; those of benchmarks lie with these."""


def found(name: str, readable: Readable, field: str, *, missing: Reason = Reason.INVALID_SPEC) -> Path:
    """The file or folder that `field` of the spec names, links resolved.

    Raises RunFailed: PathForbidden, and `missing` where nothing is there.
    """
    try:
        return readable.find(name)
    except PathMissing as refused:
        raise RunFailed(missing, f"{field}: {name} {refused}") from None
    except PathRefused as refused:
        raise RunFailed(Reason.PATH_FORBIDDEN, f"{field}: {name} {refused}") from None


def admitted(path: Path, readable: Readable) -> Path:
    """The file or folder that `path` leads to. Raises RunFailed(PathForbidden)."""
    try:
        return readable.admit(path)
    except PathRefused as refused:
        raise RunFailed(Reason.PATH_FORBIDDEN, f"{path} {refused}") from None


def opened(path: Path, readable: Readable) -> BinaryIO:
    """The file, to be read. Raises RunFailed(PathForbidden), and OSError where it is not there or is no regular file.

    What was opened is looked at once more: whoever may write to the folder can change a link after it was resolved.
    """
    real = admitted(path, readable)
    handle = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for whoever writes to it
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(None, "is not a regular file")
        with suppress(FileNotFoundError):  # no /proc outside Linux: there the first look has to do
            admitted(Path(f"/proc/self/fd/{handle}").readlink(), readable)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read(path: Path, readable: Readable) -> bytes:
    """The content of the file. Raises as `opened` does."""
    with opened(path, readable) as file:
        return file.read()
