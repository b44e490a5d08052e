"""Reads the service's own files as untrusted: any user of the output root may have replaced them.

Blocking.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["MOST_BYTES", "read"]

MOST_BYTES: Final = 32 * 1024 * 1024
"""More than any document has: a request has at most 1 MiB, and a longer result has a file of its own."""


def read(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a regular file. Raises OSError, also for a pipe, which could block, and for a file that is too
    large.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"is larger than {most_bytes} bytes")
    return data
