"""One runner process: started in its own session, given its secrets, watched, and ended with all its children.

Its stdin stays open as long as this service lives. When it closes, the runner knows that the service is gone. This
module does not know what a run is.
"""

import asyncio
import contextlib
import json
import os
import select
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import orjson

from evalkube_api.local import files
from evalkube_api.local.redact import Redactor
from evalkube_crds import credentials

__all__ = ["RunnerProcess", "end_survivor"]

_RECORD: Final = "process.json"
_LOG_LIMIT_BYTES: Final = 64 * 1024 * 1024
_TAIL_BYTES: Final = 16 * 1024
_DRAIN_S: Final = 2.0
_SURVIVOR_S: Final = 5.0


class _LogPump(asyncio.Protocol):
    """Appends a runner's output to its log, without secrets and up to a limit."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._file: IO[bytes] = _opened(path)
        self._redactor = redactor
        self._left_bytes = _LOG_LIMIT_BYTES
        self.tail = b""
        self.finished = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._write(self._redactor.feed(data))

    def connection_lost(self, problem: Exception | None) -> None:
        self._write(self._redactor.flush())
        self._file.close()
        self.finished.set()

    def _write(self, data: bytes) -> None:
        self.tail = (self.tail + data)[-_TAIL_BYTES:]
        if self._left_bytes <= 0:
            return
        self._left_bytes -= len(data)
        with contextlib.suppress(OSError):  # a full disk: the run itself will report it
            self._file.write(data if self._left_bytes > 0 else data + b"\n... (the log is cut here)\n")


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab", buffering=0)
    except OSError:  # the same
        return Path(os.devnull).open("ab", buffering=0)


class RunnerProcess:
    """A started runner."""

    def __init__(self, process: asyncio.subprocess.Process, stdin_fd: int, pump: _LogPump) -> None:
        self._process = process
        self._stdin_fd: int | None = stdin_fd
        self._pump = pump
        self._log: asyncio.BaseTransport | None = None

    @classmethod
    async def start(
        cls, command: Sequence[str], environment: Mapping[str, str], control: Path, secrets: Mapping[str, str]
    ) -> "RunnerProcess":
        """Starts `command`. Raises OSError.

        The process is recorded in `control` before it gets the line that lets it begin.
        """
        child_stdin, stdin_fd = os.pipe()
        log_fd, child_stdout = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=child_stdin,
                stdout=child_stdout,
                stderr=child_stdout,
                env=dict(environment),
                cwd=control,
                start_new_session=True,
            )
        except BaseException:
            os.close(stdin_fd)
            os.close(log_fd)
            raise
        finally:
            os.close(child_stdin)
            os.close(child_stdout)
        pump = _LogPump(control / "runner.log", Redactor(credentials.secret_values(secrets)))
        self = cls(process, stdin_fd, pump)
        await self._listen(log_fd)
        with contextlib.suppress(OSError):  # a full disk: it still ends when its stdin does
            _record(control / _RECORD, process.pid)
        with contextlib.suppress(BrokenPipeError):  # it has ended already, and wait() tells how
            os.write(stdin_fd, json.dumps(dict(secrets)).encode() + b"\n")
        return self

    async def _listen(self, log_fd: int) -> None:
        loop = asyncio.get_running_loop()
        self._log, _ = await loop.connect_read_pipe(lambda: self._pump, os.fdopen(log_fd, "rb", buffering=0))

    @property
    def pid(self) -> int:
        """The process id of the runner, which is also the number of its process group."""
        return self._process.pid

    @property
    def log_tail(self) -> str:
        """The end of the runner's output, also if the log had no room for it."""
        return self._pump.tail.decode(errors="replace")

    async def wait(self) -> int:
        """The exit code, negative for a signal, once all its processes have ended and its log is complete."""
        code = await self._process.wait()
        self._signal(signal.SIGKILL)  # workers that outlived it
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self._pump.finished.wait()
        except TimeoutError:  # something left the group and holds the pipe
            if self._log is not None:
                self._log.close()
        self._close_stdin()
        return code

    async def stop(self, grace_s: float) -> None:
        """Asks the runner to end, and kills it after `grace_s` seconds."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """Kills the runner and its children at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, for a group of zombies
            os.killpg(self.pid, number)

    def _close_stdin(self) -> None:
        if self._stdin_fd is not None:
            os.close(self._stdin_fd)
            self._stdin_fd = None


def end_survivor(control: Path) -> bool:
    """Ends the runner that an earlier service recorded in `control`, if it still runs. Blocking.

    A process is that runner only if boot and start time agree, because process ids are reused.
    """
    try:
        record = orjson.loads(files.read(control / _RECORD))
        pid = int(record["pid"])
        if record["started"] is None or record["started"] != _start_mark(pid):
            return False
        handle = os.pidfd_open(pid)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, AttributeError):  # the last: not outside Linux
        return False
    try:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        select.select([handle], [], [], _SURVIVOR_S)
    finally:
        os.close(handle)
    return True


def _record(path: Path, pid: int) -> None:
    path.write_text(json.dumps({"pid": pid, "started": _start_mark(pid)}))


def _start_mark(pid: int) -> str | None:
    """The boot and the tick at which a process started, which identify it; None if the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return f"{boot} {fields[19]}"
