"""A process that finds an older Landlock than this kernel has.

A seccomp filter leaves `landlock_create_ruleset` to us: we say which version there is, and refuse rules that a kernel
of that version would not know, with the same error. ABI 0 is a kernel without Landlock, -1 a container whose profile
refuses it. What the process does else goes to the kernel.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess
import threading
from pathlib import Path

_CREATE_RULESET = 444
_SECCOMP = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
# since which version an attribute of so many bytes is known, and which rights of files
_SIZES = {8: 1, 16: 4, 24: 6}
_RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 4: 1 << 15, 5: 1 << 16}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def _listened(channel: int) -> None:
    """Install the filter in this process, and send its listener to who answers."""
    libc = ctypes.CDLL(None, use_errno=True)
    lines = b"".join(
        struct.pack("<HBBI", *line)
        for line in ((0x20, 0, 0, 0), (0x15, 0, 1, _CREATE_RULESET), (0x06, 0, 0, 0x7FC00000), (0x06, 0, 0, 0x7FFF0000))
    )
    zero = ctypes.c_ulong(0)
    assert libc.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
    program = _Program(4, lines)
    listener = libc.syscall(ctypes.c_long(_SECCOMP), ctypes.c_ulong(1), ctypes.c_ulong(8), ctypes.byref(program))
    assert listener >= 0, os.strerror(ctypes.get_errno())
    with socket.socket(fileno=os.dup(channel)) as sent:
        socket.send_fds(sent, [b"."], [listener])
    os.close(listener)


def _answered(listener: int, abi: int) -> None:
    while True:
        notice = bytearray(80)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice)
            number, pid = struct.unpack_from("<QI", notice)
            attr, size, flags = struct.unpack_from("<QQQ", notice, 32)
            value, problem = _kernel(abi, pid, attr, size, flags)
            going = _CONTINUE if value is None and not problem else 0
            fcntl.ioctl(listener, _SEND, bytearray(struct.pack("<QqiI", number, value or 0, -problem, going)))
        except FileNotFoundError:  # it has gone
            continue
        except OSError:
            return


def _kernel(abi: int, pid: int, attr: int, size: int, flags: int) -> tuple[int | None, int]:
    """What such a kernel says: a value, or an error; neither: as this kernel does."""
    if abi <= 0:
        return None, errno.EPERM if abi < 0 else errno.EOPNOTSUPP
    if flags & 1:
        return abi, 0
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        memory.seek(attr)
        words = struct.unpack(f"<{size // 8}Q", memory.read(size))
    known = max(bytes_ for bytes_, since in _SIZES.items() if abi >= since) // 8
    if any(words[known:]):
        return None, errno.E2BIG
    if words[0] >= _RIGHTS.get(abi, 1 << 16):
        return None, errno.EINVAL
    return None, 0


def serve(abi: int, channel: socket.socket) -> None:
    """Answers for a kernel of that ABI from now on."""
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    threading.Thread(target=_answered, args=(descriptors[0], abi), daemon=True).start()


def run(abi: int, command: list[str], env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """What a command does on a kernel of that Landlock."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=serve, args=(abi, ours), daemon=True).start()
        return subprocess.run(
            command,
            preexec_fn=lambda: _listened(theirs.fileno()),
            capture_output=True,
            text=True,
            check=False,
            env=env,
        )
