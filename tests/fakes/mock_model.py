"""The mock model as a process, for tests and benchmarks: started on a free port, ended by its own id."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["running_mock"]

_READY = "mock model on "
_MOCK_ROOM = Path(__file__).parents[2] / "mock"


@contextlib.contextmanager
def running_mock(*args: str) -> Iterator[str]:
    """Run `evalkube mock-model` with `args`; give its base URL, e.g. http://127.0.0.1:40123/v1.

    Its /record and /stats are at the same address without the /v1. Errors: RuntimeError when it does not start.
    """
    command = [sys.executable, "-m", "evalkube_mock.main", "--port", "0", "--exit-with-parent", *args]
    # Found as a neighbour too, where the project is not installed.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_MOCK_ROOM), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()  # empty when the process has ended; stderr went to ours
            if not line.startswith(_READY):
                raise RuntimeError(f"the mock model did not start: {' '.join(command)}")
            yield line.removeprefix(_READY).strip()
        finally:
            process.terminate()
            process.wait(timeout=60)
