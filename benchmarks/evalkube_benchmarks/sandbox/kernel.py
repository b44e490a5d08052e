"""The protection that this machine's kernel has against a program: Landlock where possible, seccomp for the rest.

Facts about Landlock are from docs.kernel.org/userspace-api/landlock.html; an ABI is a version of its features. Kernels
5.13 to 5.18 have ABI 1, 5.19 has 2, 6.2 has 3, 6.7 has 4, 6.10 has 5, 6.12 has 6.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NEWEST_ABI", "Ruleset", "SandboxUnavailable", "landlock_abi", "protections", "ruleset"]

NEWEST_ABI = 6
"""The newest ABI that is used; later ones add only what is of no use here (the audit log, threads)."""

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_ABI_1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP = 0b11  # binding and connecting
_SCOPES = 0b11  # abstract Unix sockets and signals

_READ = _READ_FILE | _READ_DIR
_WRITE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER | _TRUNCATE
)  # no devices, pipes or sockets
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE

_CREATE_RULESET, _VERSION = 444, 1
_ARCHITECTURES = ("x86_64", "aarch64")


class SandboxUnavailable(Exception):
    """A machine that cannot confine a program, so that none is run. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The arguments of Landlock's system calls: a `landlock_ruleset_attr`, and the rights beneath each path."""

    attr: bytes
    rules: tuple[tuple[str, int], ...]


def landlock_abi() -> int:
    """The Landlock ABI of this kernel. Raises SandboxUnavailable if there is none."""
    if sys.platform != "linux":
        raise SandboxUnavailable(
            f"programs of a model run only in a sandbox on Linux, and this is {platform.system()}; run evalkube in "
            "a Linux container or on a cluster"
        )
    machine = platform.machine()
    if machine not in _ARCHITECTURES or sys.byteorder != "little":
        raise SandboxUnavailable(
            f"the sandbox for programs of a model supports {' and '.join(_ARCHITECTURES)}, not {machine}"
        )
    libc = ctypes.CDLL(None, use_errno=True)
    abi = int(libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    if abi >= 1:
        return abi
    problem = ctypes.get_errno()
    if problem == errno.EPERM:
        raise SandboxUnavailable(
            "the seccomp profile of this container forbids Landlock, and without Landlock no program of a model is "
            "run; use a container runtime whose default profile allows it (containerd 1.6, CRI-O 1.24, Docker "
            "20.10 or later)"
        )
    raise SandboxUnavailable(
        f"this kernel ({platform.release()}) has no Landlock ({os.strerror(problem)}), and without Landlock no "
        "program of a model is run; use Linux 5.13 or later with landlock among its security modules (boot "
        "parameter lsm=)"
    )


def ruleset(abi: int, readable: Iterable[str], devices: Iterable[str], scratch: str) -> Ruleset:
    """The rights of a program to files with that ABI: read some, use a few devices, write in its scratch folder."""
    files = _ABI_1 | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0) | (_IOCTL_DEV if abi >= 5 else 0)
    attr = struct.pack("<Q", files)
    if abi >= 4:
        attr += struct.pack("<Q", _TCP)
    if abi >= 6:
        attr += struct.pack("<Q", _SCOPES)
    wanted = [
        *((path, _READ) for path in readable),
        *((path, _DEVICE) for path in devices),
        (scratch, _WRITE),
    ]
    rules = [
        (path, access & files & (-1 if Path(path).is_dir() else _OF_FILES))
        for path, access in wanted
        if Path(path).exists()
    ]
    return Ruleset(attr, tuple(rules))


def protections(abi: int) -> tuple[str, ...]:
    """The protection by a kernel of that ABI, by what it protects.

    The filter is the same for every ABI: it alone covers what Landlock does not know.
    """
    landlock = ["files", *(name for since, name in _SINCE if abi >= since)]
    return (
        *(f"landlock:{name}" for name in landlock),
        *(f"seccomp:{name}" for name in _FILTERED),
        *(f"rlimit:{name}" for name in _LIMITED),
    )


_SINCE = ((2, "links"), (3, "truncation"), (4, "tcp"), (5, "devices"), (6, "signals"), (6, "sockets"))
_FILTERED = ("sockets", "signals", "processes", "programs", "tracing", "mounts", "truncation", "devices")
_LIMITED = ("cpu", "memory", "file_size", "open_files", "core")
