"""Starts a confined process, watches it, and reads what it said. The kernel keeps it in; what it keeps no count of
(output, files, threads) is looked at here, some tens of times a second.
"""

import contextlib
import functools
import marshal
import os
import platform
import secrets
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType
from typing import Any

import orjson

from evalkube_benchmarks.sandbox import calls, kernel
from evalkube_benchmarks.sandbox.outcome import Kind, Limits, Outcome, Program

__all__ = ["SandboxFailed", "ready", "run"]

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
_TICK_S = 0.02
_START_S = 30.0
_USUAL = Limits()
_READ_BYTES = 1 << 16
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class SandboxFailed(Exception):
    """The sandbox could not run a program: nothing is known of it."""


def ready(abi: int | None = None) -> tuple[str, ...]:
    """What protects this machine from a program, by running one. Raises SandboxUnavailable, SandboxFailed."""
    outcome = run(Program(sources=("pass",)), abi=abi)
    if outcome.kind != "finished":
        raise SandboxFailed(f"an empty program ended otherwise: {outcome.words}")
    return outcome.held


def run(program: Program, limits: Limits = _USUAL, *, abi: int | None = None) -> Outcome:
    """What becomes of a program.

    `abi`: as if the kernel knew no more of Landlock than that. Raises SandboxUnavailable where there is no Landlock,
    SandboxFailed where a program could not be confined, or its outcome is not its own.
    """
    known = min(kernel.landlock_abi(), kernel.NEWEST_ABI)
    known = known if abi is None else min(known, abi)
    with _scratch() as folder:
        process = _Process(program, limits, known, folder)
        try:
            process.watch()
        finally:
            process.end()
        return process.outcome()


@contextlib.contextmanager
def _scratch() -> Iterator[str]:
    try:
        folder = str(Path(tempfile.mkdtemp(prefix="evalkube-program-")).resolve())
    except OSError as problem:
        raise SandboxFailed(f"there is no room for a scratch folder: {problem}") from problem
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            _remove(folder)


def _remove(folder: str) -> None:
    """Remove a scratch folder, whatever it holds: folders that nobody may look into, or more of them in one another
    than a path may name; each is first moved to the top.
    """
    own = secrets.token_hex(8)
    folders = [folder]
    for one in folders:
        with os.scandir(one) as found:
            entries = list(found)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)
            folders.append(f"{folder}/{own}-{len(folders)}")
            Path(entry.path).rename(folders[-1])
    for one in reversed(folders):
        Path(one).rmdir()


@functools.cache
def _readable() -> tuple[str, ...]:
    """The standard library and the compiled ones it loads."""
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), f"{sys.base_prefix}/lib", *_LIBRARIES]
    return tuple(dict.fromkeys(str(Path(path).resolve()) for path in paths if Path(path).exists()))


@functools.cache
def _filter() -> bytes:
    return calls.filter_for(platform.machine())


@functools.cache
def _codes() -> tuple[CodeType, ...]:
    return tuple(compile(file.read_bytes(), str(file), "exec", dont_inherit=True) for file in _CONFINED)


def _file_of(data: bytes) -> int:
    """A file in memory that holds `data`, to be read from its start."""
    descriptor = os.memfd_create("evalkube", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


@dataclass(slots=True)
class _Said:
    """What has been read of the process's three pipes."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    report: bytearray = field(default_factory=bytearray)

    @property
    def bytes(self) -> int:
        return len(self.stdout) + len(self.stderr) + len(self.report)


class _Process:
    """One confined process."""

    def __init__(self, program: Program, limits: Limits, abi: int, folder: str) -> None:
        self._program, self._limits, self._abi, self._folder = program, limits, abi, folder
        self._secret = secrets.token_hex(16)
        self._said = _Said()
        self._ended: tuple[Kind, str] | None = None
        self._status: int | None = None
        self._cpu_s = 0.0
        with contextlib.ExitStack() as stack:
            job = _file_of(marshal.dumps((_codes(), self._job())))
            stack.callback(os.close, job)
            stdin = _file_of(program.stdin.encode(errors="replace"))
            stack.callback(os.close, stdin)
            self._report, report = os.pipe()
            stack.callback(os.close, report)
            try:
                self._process = self._start(stdin, job, report)
            except OSError as problem:
                os.close(self._report)
                raise SandboxFailed(f"an interpreter could not be started: {problem}") from problem

    def _start(self, stdin: int, job: int, report: int) -> "subprocess.Popen[bytes]":
        interpreter = getattr(sys, "_base_executable", None) or sys.executable
        return subprocess.Popen(  # noqa: S603 - our own file, in the interpreter that runs us
            [interpreter, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, str(job), str(report)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(job, report),
            cwd=self._folder,
            env={},
            start_new_session=True,
        )

    def _job(self) -> dict[str, Any]:
        rules = kernel.ruleset(self._abi, _readable(), _DEVICES, self._folder)
        call = self._program.call
        return {
            "sources": self._program.sources,
            "name": self._program.name,
            "complete": self._program.complete,
            "call": None if call is None else (call.function, call.arguments),
            "tests": self._program.tests,
            "called": self._program.called,
            "secret": self._secret,
            "parent": os.getpid(),
            "attr": rules.attr,
            "rules": rules.rules,
            "filter": _filter(),
            "own_pid": calls.OWN_PID,
            "limits": {
                "AS": self._limits.memory_bytes,
                "DATA": self._limits.memory_bytes,
                "CPU": int(self._limits.cpu_s) + 2,
                "FSIZE": _FILE_BYTES,
                "NOFILE": _OPEN_FILES,
                "CORE": 0,
            },
        }

    def watch(self) -> None:
        """Read what it says until it ends, or has to be ended."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        pipes = {
            self._process.stdout.fileno(): self._said.stdout,
            self._process.stderr.fileno(): self._said.stderr,
            self._report: self._said.report,
        }
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ)
            begun = looked = time.monotonic()
            while pipes and self._ended is None:
                for key, _ in selector.select(_TICK_S):
                    data = os.read(key.fd, _READ_BYTES)
                    pipes[key.fd].extend(data)
                    if not data:
                        selector.unregister(key.fd)
                        del pipes[key.fd]
                now = time.monotonic()
                if now - looked >= _TICK_S:
                    looked = now
                    self._ended = self._excess(now - begun)
                if self._said.bytes > self._limits.output_bytes:
                    self._ended = "output", f"wrote more than {self._limits.output_bytes >> 20} MiB"
        if self._ended is None:
            self._await()

    def _await(self) -> None:
        """It closed its pipes: it ends at once, or is ended."""
        deadline = time.monotonic() + self._limits.wall_s
        while self._reaped(os.WNOHANG) is None:
            if (ended := self._excess(0.0)) is not None or time.monotonic() > deadline:
                self._ended = ended or self._too_long()
                return
            time.sleep(_TICK_S / 10)

    def _reaped(self, options: int) -> int | None:
        if self._status is None:
            pid, status, usage = os.wait4(self._process.pid, options)
            if pid:
                self._status = self._process.returncode = os.waitstatus_to_exitcode(status)
                self._cpu_s = usage.ru_utime + usage.ru_stime
        return self._status

    def _too_long(self) -> tuple[Kind, str]:
        return "timeout", f"did not end within {self._limits.wall_s:g} s"

    def _excess(self, elapsed_s: float) -> tuple[Kind, str] | None:
        """Why it has to be ended now."""
        limits = self._limits
        if not self._confined:
            return ("timeout", "") if elapsed_s > _START_S else None  # a start that takes so long is no program's fault
        if elapsed_s > limits.wall_s:
            return self._too_long()
        try:
            figures = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        cpu_s = (int(figures[11]) + int(figures[12])) / _TICKS_PER_S
        if cpu_s > limits.cpu_s:
            return "timeout", f"took more than {limits.cpu_s:g} s of processor time"
        if int(figures[17]) > limits.threads:
            return "threads", f"started more than {limits.threads} threads"
        return self._too_many_files()

    def _too_many_files(self) -> tuple[Kind, str] | None:
        count = size = 0
        for folder, folders, files in os.walk(self._folder):
            count += len(folders) + len(files)
            for name in files:
                with contextlib.suppress(OSError):
                    size += Path(folder, name).lstat().st_blocks * 512
            if count > self._limits.files:
                return "files", f"made more than {self._limits.files} files"
            if size > self._limits.files_bytes:
                return "files", f"wrote more than {self._limits.files_bytes >> 20} MiB of files"
        return None

    def end(self) -> None:
        """Whatever it is doing."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)  # before it had a group
            self._reaped(0)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self._report)

    @property
    def _confined(self) -> bool:
        return b"\n" in self._said.report

    def _reports(self) -> list[dict[str, Any]]:
        lines = bytes(self._said.report).split(b"\n")
        secret = self._secret.encode()
        reports = []
        for line in lines:
            if line.startswith(secret):
                with contextlib.suppress(orjson.JSONDecodeError):
                    reports.append(orjson.loads(line[len(secret) :]))
        return reports

    def outcome(self) -> Outcome:
        """What became of it. Raises SandboxFailed where it was not confined."""
        reports = self._reports()
        if not reports or "confined" not in reports[0]:
            why = reports[0].get("unconfined", "") if reports else ""
            why = why or bytes(self._said.stderr[-300:]).decode(errors="replace").strip()
            raise SandboxFailed(f"a program could not be confined: {why or f'its process ended with {self._status}'}")
        made = Outcome(
            kind="finished",
            stdout=bytes(self._said.stdout),
            cpu_s=self._cpu_s,
            held=kernel.protections(self._abi),
        )
        if self._ended is not None:
            return replace(made, kind=self._ended[0], detail=self._ended[1])
        if len(reports) > 1:
            last = reports[-1]
            return replace(made, kind=last["kind"], detail=last["detail"], value=last.get("value"))
        kind, detail = self._silent()
        return replace(made, kind=kind, detail=detail)

    def _silent(self) -> tuple[Kind, str]:
        """What a process that ended without a word died of."""
        assert self._status is not None
        if self._status >= 0:
            if self._status == 0 and not self._program.complete and self._program.call is None:
                return "finished", ""
            return "error", f"left by os._exit({self._status}) before its end"
        if -self._status in (signal.SIGXCPU, signal.SIGKILL) and self._cpu_s >= self._limits.cpu_s:
            return "timeout", f"took more than {self._limits.cpu_s:g} s of processor time"
        if -self._status == signal.SIGKILL:
            return "memory", "was killed by the system"
        name = signal.Signals(-self._status).name
        return "crash", f"the interpreter ended by {name}"
