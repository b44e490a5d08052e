"""The process that confines itself and runs one program; `process` starts an interpreter with this file's code.

It needs only the standard library, and little of it; no module imports it. The job comes from our own process. The
report passes through the program's hands, so it contains a word that the program was not told.
"""

from __future__ import annotations

import builtins
import ctypes
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module takes as long to load as all others here
    from typing import Any

_ADD_RULE, _RESTRICT_SELF, _CREATE_RULESET, _PATH_BENEATH = 445, 446, 444, 1
_SET_PDEATHSIG, _SET_SECCOMP, _SET_NO_NEW_PRIVS, _FILTER = 1, 22, 38, 2
_SIGKILL = 9
_M_ARENA_MAX = -8
_LONGEST_WORDS = 300
_STACK_BYTES = 64 << 20
_KINDS = {12: "memory", 27: "files", 28: "files"}  # ENOMEM, EFBIG, ENOSPC
_PLACES = {"<program>": "", "<tests>": " of its tests"}
_OUT_OF_MEMORY = b'{"kind": "memory", "detail": "MemoryError"}'


class _Program(ctypes.Structure):
    """`sock_fprog`: a filter's length and its address."""

    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def _checked(libc: ctypes.CDLL, result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _prctl(libc: ctypes.CDLL, option: int, value: int, pointer: Any = None) -> None:
    zero = ctypes.c_ulong(0)
    _checked(libc, libc.prctl(option, ctypes.c_ulong(value), pointer or zero, zero, zero), f"prctl({option})")


def _die_with(libc: ctypes.CDLL, parent: int) -> None:
    _prctl(libc, _SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit(limits: dict[str, int]) -> None:
    """Sets hard resource limits, none above the inherited one."""
    for name, most in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    stack = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(_STACK_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (stack, hard))


def _landlock(libc: ctypes.CDLL, attr: bytes, rules: list[tuple[str, int]]) -> None:
    number, nothing = ctypes.c_long, ctypes.c_uint32(0)
    size = ctypes.c_size_t(len(attr))
    made = _checked(libc, libc.syscall(number(_CREATE_RULESET), attr, size, nothing), "landlock_create_ruleset")
    for path, access in rules:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = access.to_bytes(8, "little") + beneath.to_bytes(4, "little")
        added = libc.syscall(number(_ADD_RULE), made, _PATH_BENEATH, rule, nothing)
        _checked(libc, added, f"landlock_add_rule for {path}")
        os.close(beneath)
    _checked(libc, libc.syscall(number(_RESTRICT_SELF), made, nothing), "landlock_restrict_self")
    os.close(made)


def _confine(job: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _die_with(libc, job["parent"])
    libc.mallopt(_M_ARENA_MAX, 1)  # each thread's own would count as so much memory, used or not
    _limit(job["limits"])
    _prctl(libc, _SET_NO_NEW_PRIVS, 1)
    _landlock(libc, job["attr"], job["rules"])
    own = os.getpid().to_bytes(4, "little")
    lines = job["filter"].replace(job["own_pid"].to_bytes(4, "little"), own)
    _prctl(libc, _SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(lines) // 8, lines)))
    _prove(libc, job["parent"])


def _prove(libc: ctypes.CDLL, parent: int) -> None:
    """Tries what must now be impossible. Raises OSError if it is not, because the kernel only claimed to confine."""
    for what, attempt in (
        ("reads files", lambda: os.scandir("/")),
        ("signals others", lambda: os.kill(parent, 0)),
        ("makes processes", os.fork),
    ):
        try:
            attempt()
        except PermissionError:
            continue
        if os.getppid() != parent:  # the child of a fork that should not have been
            os._exit(1)
        raise OSError(f"is not confined: it {what}")
    if libc.socket(1, 1, 0) >= 0:
        raise OSError("is not confined: it makes sockets")


def _compiled(sources: tuple[str, ...]) -> Any:
    first: BaseException | None = None
    for source in sources:
        try:
            return compile(source, "<program>", "exec", dont_inherit=True)
        except MemoryError:
            raise
        except Exception as problem:
            first = first or problem
    assert first is not None
    raise first


def _lines(problem: BaseException) -> str:
    """The place in the program, or in its tests, where a problem arose."""
    if isinstance(problem, SyntaxError):
        return f" (line {problem.lineno})"
    at, line, where = problem.__traceback__, 0, ""
    while at is not None:
        if at.tb_frame.f_code.co_filename in _PLACES:
            line, where = at.tb_lineno, _PLACES[at.tb_frame.f_code.co_filename]
        at = at.tb_next
    return f" (line {line}{where})" if line else ""


def _words(problem: BaseException) -> str:
    try:
        said = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        return f"{type(problem).__name__}: {said[:_LONGEST_WORDS]}".rstrip(": ") + _lines(problem)
    except BaseException:  # its own __str__ may do anything
        return type(problem).__name__


def _kind(problem: BaseException, complete: bool) -> tuple[str, str]:
    if isinstance(problem, MemoryError):
        return "memory", _words(problem)
    if isinstance(problem, AssertionError):
        return "failed", _words(problem)
    if isinstance(problem, PermissionError):
        return "forbidden", _words(problem)
    if isinstance(problem, OSError) and problem.errno in _KINDS:
        return _KINDS[problem.errno], _words(problem)
    if isinstance(problem, SystemExit):
        return ("error", "ended by exit() before its end") if complete else ("finished", "")
    return "error", _words(problem)


def _ended() -> None:
    """The end of an interpreter: waits for threads, does what is registered for the end, writes buffered output."""
    threading = sys.modules.get("threading")
    while threading is not None:
        own = threading.current_thread()
        others = [thread for thread in threading.enumerate() if thread is not own and not thread.daemon]
        if not others:
            break
        for thread in others:
            thread.join()
    atexit = sys.modules.get("atexit")
    if atexit is not None:
        atexit._run_exitfuncs()
    sys.stdout.flush()


def _executed(job: dict[str, Any], dumps: Any, tested: Any) -> str:
    """Runs the program and its tests; returns the report of its end as JSON."""
    module = type(sys)(job["name"])
    sys.modules[job["name"]] = module
    vars(builtins)["exit"] = vars(builtins)["quit"] = sys.exit  # what is else made by the module site
    sys.argv = ["program"]
    value, before = None, dict(vars(builtins))
    try:
        exec(_compiled(job["sources"]), vars(module))  # noqa: S102 - what this process is for
        if job["call"] is not None:
            function, arguments = job["call"]
            owner, dot, method = function.rpartition(".")
            called = getattr(vars(module)[owner](), method) if dot else vars(module)[function]
            value = called(*arguments)
        if job["tests"]:
            tested(vars(module), job["tests"], job["called"], before)
        _ended()
        if job["call"] is not None:
            return f'{{"kind": "finished", "detail": "", "value": {dumps(value)}}}'
        kind, words = "finished", ""
    except BaseException as problem:
        kind, words = _kind(problem, job["complete"])
        if kind == "finished":
            _ended()
    return f'{{"kind": "{kind}", "detail": {_quoted(words)}}}'


def _quoted(words: str) -> str:
    from _json import encode_basestring_ascii  # the package json takes as long to load as all the rest

    return str(encode_basestring_ascii(words))


def main(job: dict[str, Any], report_fd: int, tested: Any) -> None:
    """Does a job, and reports to a descriptor. `tested` runs tests (`beside`)."""
    secret = job.pop("secret").encode()
    write, leave = os.write, os._exit

    def report(words: bytes) -> None:
        words = secret + words + b"\n"
        while words:
            words = words[write(report_fd, words) :]

    try:
        dumps = None
        if job["call"] is not None:
            import json

            dumps = json.dumps
        _quoted("")
        _confine(job)
    except Exception as problem:
        report(b'{"unconfined": %s}' % _quoted(_words(problem)).encode())
        leave(1)
    report(b'{"confined": true}')
    try:
        words = _executed(job, dumps, tested).encode()
    except BaseException as problem:
        words = _OUT_OF_MEMORY if isinstance(problem, MemoryError) else b'{"kind": "error", "detail": ""}'
    report(words)
    leave(0)
