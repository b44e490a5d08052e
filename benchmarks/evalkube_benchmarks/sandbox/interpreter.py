"""The interpreter of a program, and its job: what `confined` must do, and within which limits."""

import functools
import marshal
import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import CodeType

from evalkube_benchmarks.sandbox import calls, kernel
from evalkube_benchmarks.sandbox.outcome import Limits, Program

__all__ = ["file_of", "job", "start"]

_CONFINED = tuple(Path(__file__).with_name(name) for name in ("beside.py", "confined.py"))
# Their code comes with the job, compiled: compiling it again for each program would take a third of the time.
_BOOT = """\
import marshal, os, sys
codes, job = marshal.load(os.fdopen(int(sys.argv[1]), "rb"))
beside, confined = {"__name__": "beside"}, {"__name__": "confined"}
exec(codes[0], beside)
exec(codes[1], confined)
confined["main"](job, int(sys.argv[2]), beside["tested"])
"""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/usr/share/zoneinfo")
_FILE_BYTES, _OPEN_FILES = 16 << 20, 64


@functools.cache
def _readable() -> tuple[str, ...]:
    """The standard library, and the compiled libraries that it loads."""
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), f"{sys.base_prefix}/lib", *_LIBRARIES]
    return tuple(dict.fromkeys(str(Path(path).resolve()) for path in paths if Path(path).exists()))


@functools.cache
def _filter() -> bytes:
    return calls.filter_for(platform.machine())


@functools.cache
def _codes() -> tuple[CodeType, ...]:
    return tuple(compile(file.read_bytes(), str(file), "exec", dont_inherit=True) for file in _CONFINED)


def file_of(data: bytes) -> int:
    """A file in memory with `data`, positioned at its start."""
    descriptor = os.memfd_create("evalkube", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def job(program: Program, limits: Limits, abi: int, folder: str, secret: str) -> bytes:
    """The job of `confined`, in the form that its interpreter reads."""
    rules = kernel.ruleset(abi, _readable(), _DEVICES, folder)
    call = program.call
    wanted = {
        "sources": program.sources,
        "name": program.name,
        "complete": program.complete,
        "call": None if call is None else (call.function, call.arguments),
        "tests": program.tests,
        "called": program.called,
        "secret": secret,
        "parent": os.getpid(),
        "attr": rules.attr,
        "rules": rules.rules,
        "filter": _filter(),
        "own_pid": calls.OWN_PID,
        "limits": _resources(limits),
    }
    return marshal.dumps((_codes(), wanted))


def _resources(limits: Limits) -> dict[str, int]:
    return {
        "AS": limits.memory_bytes,
        "DATA": limits.memory_bytes,
        "CPU": int(limits.cpu_s) + 2,
        "FSIZE": _FILE_BYTES,
        "NOFILE": _OPEN_FILES,
        "CORE": 0,
    }


def start(folder: str, stdin: int, job: int, report: int) -> "subprocess.Popen[bytes]":
    """A running interpreter in a scratch folder, with its input, its job, and the pipe for its report."""
    interpreter = getattr(sys, "_base_executable", None) or sys.executable
    return subprocess.Popen(  # noqa: S603 - our own file, in the interpreter that runs us
        [interpreter, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, str(job), str(report)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(job, report),
        cwd=folder,
        env={},
        start_new_session=True,
    )
