"""The watcher of a confined process: starts it, watches it, and reads its report.

The kernel confines it. Some ten times a second the watcher checks what the kernel does not count: output, files,
threads.
"""

import contextlib
import os
import secrets
import selectors
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from evalkube_benchmarks.sandbox import interpreter, kernel, scratch
from evalkube_benchmarks.sandbox.outcome import Kind, Limits, Outcome, Program, SandboxFailed

__all__ = ["ready", "run"]

_TICK_S = 0.02
_START_S = 30.0
_USUAL = Limits()
_READ_BYTES = 1 << 16
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def ready(abi: int | None = None) -> tuple[str, ...]:
    """The outcome of one program, run in isolation. Raises SandboxUnavailable, SandboxFailed."""
    outcome = run(Program(sources=("pass",)), abi=abi)
    if outcome.kind != "finished":
        raise SandboxFailed(f"an empty program ended otherwise: {outcome.words}")
    return outcome.held


def run(program: Program, limits: Limits = _USUAL, *, abi: int | None = None) -> Outcome:
    """The outcome of a program.

    `abi` pretends that the kernel has only that version of Landlock. Raises SandboxUnavailable without Landlock. Raises
    SandboxFailed if a program could not be confined, or its report is not its own.
    """
    known = min(kernel.landlock_abi(), kernel.NEWEST_ABI)
    known = known if abi is None else min(known, abi)
    with scratch.scratch() as folder:
        process = _Process(program, limits, known, folder)
        try:
            process.watch()
        finally:
            process.end()
        return process.outcome()


@dataclass(slots=True)
class _Said:
    """The data that was read from the process's three pipes."""

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
            job = interpreter.file_of(interpreter.job(program, limits, abi, folder, self._secret))
            stack.callback(os.close, job)
            stdin = interpreter.file_of(program.stdin.encode(errors="replace"))
            stack.callback(os.close, stdin)
            self._report, report = os.pipe()
            stack.callback(os.close, report)
            try:
                self._process = interpreter.start(folder, stdin, job, report)
            except OSError as problem:
                os.close(self._report)
                raise SandboxFailed(f"an interpreter could not be started: {problem}") from problem

    def watch(self) -> None:
        """Reads what the process writes, until it ends or must be ended."""
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
        """Ends a process that closed its pipes, unless it ends at once."""
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
        """The reason why the process must be ended now; None without one."""
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
        files = scratch.excess(self._folder, limits, self._process.pid)
        return None if files is None else ("files", files)

    def end(self) -> None:
        """Kills the process, whatever it is doing."""
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
        """The outcome of the process. Raises SandboxFailed if it was not confined."""
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
        """The cause of death of a process that ended without a report."""
        assert self._status is not None
        if self._status >= 0:
            if self._status == 0 and not self._program.complete and self._program.call is None:
                return "finished", ""
            return "error", f"ended by os._exit({self._status}) before its end"
        if -self._status in (signal.SIGXCPU, signal.SIGKILL) and self._cpu_s >= self._limits.cpu_s:
            return "timeout", f"took more than {self._limits.cpu_s:g} s of processor time"
        if -self._status == signal.SIGKILL:
            return "memory", "was killed by the system"
        name = signal.Signals(-self._status).name
        return "crash", f"the interpreter ended by {name}"
