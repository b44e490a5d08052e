"""The lock of an output root: two services would start the same runs twice."""

import fcntl
import os

from evalkube_api import errors
from evalkube_api.local.paths import Roots

__all__ = ["held"]


def held(roots: Roots) -> int:
    """A file descriptor that locks the output root for this process. The system releases the lock when the process
    ends.
    """
    handle = os.open(roots.control / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(handle, 32).decode(errors="replace").strip()
        os.close(handle)
        raise errors.ServiceError(
            f"{roots.outputs}: another evalkube service (process {other}) uses this output root;"
            " stop it, or give another --outputs"
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle
