"""The system calls of a confined program, as a seccomp filter (classic BPF). Pure.

It lists what is allowed, so that a call of a later kernel is refused. An interpreter with threads, a scratch folder and
pipes needs no more than this. Numbers are from the kernel's unistd.h of each machine.
"""

import struct

__all__ = ["OWN_PID", "filter_for"]

OWN_PID = 0x50494421
"""The place in a filter where the installing process puts its own number, so that it can only signal itself."""

# name: its number on x86_64, on aarch64 (-1: that machine has no such call)
_ALLOWED = {
    # open files
    "read": (0, 63), "readv": (19, 65), "pread64": (17, 67), "preadv": (295, 69), "write": (1, 64),
    "writev": (20, 66), "pwrite64": (18, 68), "pwritev": (296, 70), "close": (3, 57), "close_range": (436, 436),
    "fstat": (5, 80), "lseek": (8, 62), "dup": (32, 23), "dup2": (33, -1), "dup3": (292, 24), "ftruncate": (77, 46),
    "fallocate": (285, 47), "fsync": (74, 82), "fdatasync": (75, 83), "sync_file_range": (277, 84), "flock": (73, 32),
    "fadvise64": (221, 223), "sendfile": (40, 71), "copy_file_range": (326, 285), "pipe": (22, -1),
    "pipe2": (293, 59), "select": (23, -1), "pselect6": (270, 72), "poll": (7, -1), "ppoll": (271, 73),
    "epoll_create": (213, -1), "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, -1),
    "epoll_pwait": (281, 22), "eventfd2": (290, 19),
    # paths, which Landlock looks at
    "stat": (4, -1), "lstat": (6, -1), "newfstatat": (262, 79), "statx": (332, 291), "access": (21, -1),
    "faccessat": (269, 48), "faccessat2": (439, 439), "getdents": (78, -1), "getdents64": (217, 61),
    "readlink": (89, -1), "readlinkat": (267, 78), "unlink": (87, -1), "unlinkat": (263, 35), "rename": (82, -1),
    "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1),
    "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36), "chdir": (80, 49),
    "fchdir": (81, 50), "getcwd": (79, 17), "statfs": (137, 43), "fstatfs": (138, 44), "umask": (95, 166),
    # memory and threads
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233),
    "msync": (26, 227), "mincore": (27, 232), "brk": (12, 214), "futex": (202, 98), "set_robust_list": (273, 99),
    "rseq": (334, 293), "set_tid_address": (218, 96), "membarrier": (324, 283), "arch_prctl": (158, -1),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168), "exit": (60, 93),
    "exit_group": (231, 94), "wait4": (61, 260), "waitid": (247, 95),
    # signals to itself, and time
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "pause": (34, -1),
    "restart_syscall": (219, 128), "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "alarm": (37, -1),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, -1),
    "times": (100, 153), "getitimer": (36, 102), "setitimer": (38, 103),
    # what it is and where
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150),
    "getpgid": (121, 155), "getpgrp": (111, -1), "getsid": (124, 156), "getgroups": (115, 158), "uname": (63, 160),
    "sysinfo": (99, 179), "getrusage": (98, 165), "getrlimit": (97, 163), "setrlimit": (160, 164),
    "getrandom": (318, 278),
}  # fmt: skip
_OPEN, _OPENAT = (2, -1), (257, 56)
_CLONE, _CLONE3, _OPENAT2 = (56, 220), (435, 435), (437, 437)
_KILL, _TGKILL, _PRLIMIT64 = (62, 129), (234, 131), (302, 261)
_IOCTL, _FCNTL, _PRCTL = (16, 29), (72, 25), (157, 167)

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000
_NEWER = 451  # calls above this number are tried first by newer libraries, which do without where there are none

# What a terminal is asked, and whether a file is closed by exec; what blocks, and how much there is to read.
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# All but F_SETOWN, F_SETSIG and the like, which send signals to others, and leases and notices.
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032)
_PRCTLS = (15, 16)  # the name of a thread
_THREAD, _NAMESPACES = 0x00010000, 0x7E020000
_ACCESS_MODE_AND_TRUNCATE, _TRUNCATE = 0o1003, 0o1000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _EACCES, _ENOSYS = 1, 13, 38

_Line = tuple[int, int, int, int]
_PERMIT: _Line = (_RETURN, 0, 0, _ALLOW)
_REFUSE: _Line = (_RETURN, 0, 0, _ERRNO | _EPERM)


def filter_for(machine: str) -> bytes:
    """The filter of a machine, an array of `sock_filter` in which OWN_PID stands for the process. Raises KeyError."""
    column, audit = _MACHINES[machine]
    lines: list[_Line] = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL_PROCESS), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":
        lines += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL_PROCESS)]
    for numbers in _ALLOWED.values():
        lines += _of(numbers[column], [_PERMIT])
    for numbers, rule in _RULES:
        lines += _of(numbers[column], rule)
    lines += [(_AT_LEAST, 0, 1, _NEWER), (_RETURN, 0, 0, _ERRNO | _ENOSYS), _REFUSE]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def _of(number: int, rule: list[_Line]) -> list[_Line]:
    """The rule of one call; a rule ends with an answer, so that later rules never see what it loaded."""
    return [] if number < 0 else [(_EQUAL, 0, len(rule), number), *rule]


def _argument(at: int) -> _Line:
    return (_LOAD, 0, 0, 16 + 8 * at)  # its lower half; what is looked at has no more


def _one_of(at: int, *values: int) -> list[_Line]:
    lines: list[_Line] = [_argument(at)]
    for value in values:
        lines += [(_EQUAL, 0, 1, value), _PERMIT]
    return [*lines, _REFUSE]


def _opening(flags: int) -> list[_Line]:
    """The rule that opening a file for reading does not empty it, which Landlock checks only from ABI 3 on."""
    return [
        _argument(flags),
        (_AND, 0, 0, _ACCESS_MODE_AND_TRUNCATE),
        (_EQUAL, 0, 1, _TRUNCATE),
        (_RETURN, 0, 0, _ERRNO | _EACCES),
        _PERMIT,
    ]


_RULES: tuple[tuple[tuple[int, int], list[_Line]], ...] = (
    (_OPEN, _opening(1)),
    (_OPENAT, _opening(2)),
    (_OPENAT2, [(_RETURN, 0, 0, _ERRNO | _ENOSYS)]),  # its flags lie where a filter cannot look
    (_CLONE3, [(_RETURN, 0, 0, _ERRNO | _ENOSYS)]),  # the same; threads are then made by clone
    (_CLONE, [_argument(0), (_ANY_BIT, 2, 0, _NAMESPACES), (_ANY_BIT, 0, 1, _THREAD), _PERMIT, _REFUSE]),
    (_KILL, _one_of(0, OWN_PID)),
    (_TGKILL, _one_of(0, OWN_PID)),
    (_PRLIMIT64, _one_of(0, 0, OWN_PID)),
    (_IOCTL, _one_of(1, *_IOCTLS)),
    (_FCNTL, _one_of(1, *_FCNTLS)),
    (_PRCTL, _one_of(0, *_PRCTLS)),
)
