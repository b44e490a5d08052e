"""What the command says of an exception that nobody expected; here a library that is broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_EVALUATION = ("eval", "--model", "m", "--api-url", "http://127.0.0.1:9/v1", "--datasets", "gsm8k")


def _run(folder: Path, broken: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command where importing the module `broken` fails."""
    (folder / f"{broken}.py").write_text('raise RuntimeError("half of it\\x1b[2J is missing\\nsk-further-lines")\n')
    env = {name: value for name, value in os.environ.items() if not name.startswith("EVALKUBE_")}
    env |= {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [env.get("PYTHONPATH")])]), **more}
    command = [sys.executable, "-P", "-m", "evalkube_cli.main", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(
    ("broken", "arguments", "code"),
    [
        pytest.param("yaml", ("crds", "--output", "crds"), 8, id="the command itself"),
        pytest.param("fastapi", ("service", "--port", "0"), 8, id="a service"),
        pytest.param("fastapi", _EVALUATION, 7, id="the service that a command starts"),
    ],
)
def test_a_fault_is_a_sentence(broken: str, arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    """What happened, that it is ours, and how to see more; one line, that no terminal obeys."""
    done = _run(tmp_path, broken, *arguments)
    (line,) = done.stderr.splitlines()
    assert done.returncode == code
    assert line.startswith(f"evalkube {arguments[0]}: ")
    assert "RuntimeError: half of it\ufffd[2J is missing" in line
    assert f"({broken}.py:1): a fault of evalkube; please report it (EVALKUBE_DEBUG=1" in line


@pytest.mark.parametrize(
    ("broken", "arguments"),
    [
        pytest.param("yaml", ("crds", "--output", "crds"), id="the command itself"),
        pytest.param("fastapi", _EVALUATION, id="the service that a command starts"),
    ],
)
def test_who_looks_for_the_fault_sees_the_stack(broken: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Before the sentence."""
    done = _run(tmp_path, broken, *arguments, EVALKUBE_DEBUG="1")
    assert "Traceback (most recent call last)" in done.stderr
    assert "a fault of evalkube; please report it" in done.stderr.splitlines()[-1]


def test_a_file_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    """It is named, with what the system says of it."""
    (tmp_path / "taken").write_text("")
    done = _run(tmp_path, "unused", "crds", "--output", "taken")
    (line,) = done.stderr.splitlines()
    assert line.startswith("evalkube crds: taken: File exists (")
