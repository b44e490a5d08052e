"""The limits of this machine for a process: open files, local ports to one address, and its priority on a processor."""

import contextlib
import errno
import os
import resource
import sys
import threading
from pathlib import Path

__all__ = ["SPARE_DESCRIPTORS", "connections", "cores", "descriptors", "exhausted", "memory", "ports", "step_back"]

SPARE_DESCRIPTORS = 64
"""Open files that are no connections to the target."""
_UNLIMITED = 1 << 20
_NICE = 10


def cores() -> int:
    """The cores this process may use: its affinity, or the container's quota where that is less."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2: "max 100000" or "<quota> <period>"
    with contextlib.suppress(OSError, ValueError):
        most, period = quota.read_text().split()
        usable = min(usable, max(1, int(most) // int(period)))
    return usable


def memory() -> int | None:
    """The memory that this container may use, in bytes; None where nobody says."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/sys/fs/cgroup/memory.max").read_text())
    return None


def descriptors() -> int:
    """The number of files and sockets that this process may hold; its limit is raised as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _UNLIMITED if hard == resource.RLIM_INFINITY else hard
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (ValueError, OSError):  # macOS refuses "unlimited"
            most = soft
    return most


def ports() -> int:
    """The number of connections that this machine can have to one address and port."""
    file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not file.is_file():
        return _UNLIMITED
    low, high = file.read_text().split()
    return int(high) - int(low) + 1


def connections() -> int:
    """The number of connections that this process may hold to one target."""
    return min(descriptors(), ports())


def exhausted(problem: BaseException) -> str:
    """The local resource that ran out, where a connection failed for that, in words; empty where the target is the
    cause.
    """
    code = problem.errno if isinstance(problem, OSError) else None
    if code in (errno.EMFILE, errno.ENFILE):
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return (
            f"this process may hold no more than {soft} open files; raise the limit (ulimit -n), or send less at once"
        )
    if code in (errno.EADDRNOTAVAIL, errno.ENOBUFS):
        return f"this machine has no further port or buffer for a connection ({ports()} ports); send less at once"
    return ""


def step_back() -> None:
    """Give this thread the lowest priority, for good. On Linux alone a thread has a priority of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
