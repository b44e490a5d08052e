"""A private service for one run. It listens on a free loopback port and ends with the run."""

import contextlib
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from evalkube import errors, settings

__all__ = ["service", "view"]

_URL: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_END_S: Final = 30.0


@contextlib.contextmanager
def service(outputs: Path, folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """The URL and the token of a running service over `outputs` that may read `folders`. Raises errors.ServiceFailed.

    The service ends its runs and itself when its standard input closes: at the end of this block, or when this process
    ends. It has a session of its own, so the terminal's Ctrl-C does not reach it; the client cancels the run instead.
    The token keeps other users of this machine out. It goes through a pipe, so no file and no process list contains it.
    """
    data = (word for folder in folders for word in ("--data", str(folder)))
    with _attended("service", "--outputs", str(outputs), *data) as found:
        yield found


@contextlib.contextmanager
def view(outputs: Path) -> Iterator[tuple[str, str]]:
    """The same of a service that only looks at `outputs`: another one may have its runs there meanwhile."""
    with _attended("view", str(outputs), "--allow-empty") as found:
        yield found


@contextlib.contextmanager
def _attended(*arguments: str) -> Iterator[tuple[str, str]]:
    token = secrets.token_urlsafe(32)
    command = [sys.executable, "-P", "-m", "evalkube.with_parent", *arguments, "--host", "127.0.0.1", "--port", "0"]
    with (
        _pipe_with(token) as pipe,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
        subprocess.Popen(  # noqa: S603 - our own program; the arguments are passed as they are, through no shell
            [*command, "--token-file", f"/dev/fd/{pipe}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=[pipe],
        ) as process,
    ):
        try:
            yield _url(process, complaints), token
        finally:
            _end(process)


@contextlib.contextmanager
def _pipe_with(token: str) -> Iterator[int]:
    """The read end of a pipe that contains the token and then ends."""
    reading, writing = os.pipe()
    try:
        os.write(writing, token.encode())
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _url(process: subprocess.Popen[str], complaints: IO[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = _URL.search(line)
        if found:
            return found[0]
    complaints.seek(0)
    lines = [line for line in complaints.read().splitlines() if line.strip()]
    raise errors.ServiceFailed(
        "\n".join(lines if settings.debug() else lines[-5:]) or "the service did not start and did not say why"
    )


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
