"""The meaning of a failed write for a run: its reason, its message, and whether waiting helps. Pure."""

import errno
import os
from typing import Final

from evalkube_crds.names import Reason

__all__ = ["is_full", "may_pass", "reason_of", "words_of"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PASSING: Final = _FULL | {errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EAGAIN}


def is_full(problem: OSError) -> bool:
    """Whether the error means that there is no room: on the disk, in a quota, below a limit of file sizes."""
    return problem.errno in _FULL


def may_pass(problem: OSError) -> bool:
    """Whether the error may be temporary, so that waiting makes sense."""
    return problem.errno in _PASSING


def reason_of(problem: OSError) -> Reason:
    """The reason of a run that ends because it could not write."""
    return Reason.STORE_FULL if is_full(problem) else Reason.STORE_FAILED


def words_of(problem: OSError) -> str:
    """The error and its place in words."""
    what = problem.strerror or os.strerror(problem.errno or 0)
    return f"{problem.filename}: {what}" if isinstance(problem.filename, str | os.PathLike) else what
