"""`evalkube benchmarks`: the list as a table, and what is told of a name."""

import os
import subprocess
import sys

import pytest

from evalkube_benchmarks.catalogue import catalogue


def _run(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evalkube_cli.main", "benchmarks", *arguments]
    env = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=env)


@pytest.mark.parametrize("columns", [80, 40])
def test_a_name_is_never_cut(columns: int) -> None:
    """Also where the terminal is narrow: names are there to be copied."""
    done = _run(columns=columns)
    assert done.returncode == 0, done.stderr
    words = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert {entry.name for entry in catalogue().benchmarks} <= words
    assert "…" not in done.stdout


def test_a_benchmark_has_one_line() -> None:
    """In 80 columns: whatever its licence has to say, and however many its languages are."""
    lines = _run().stdout.splitlines()
    for entry in catalogue().benchmarks:
        (line,) = [line for line in lines if line.split()[:1] == [entry.name]]
        assert entry.metrics[0].name in line
        assert line.split()[1] == entry.languages[0]


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    """As the service tells it."""
    done = _run("gsm8", columns=200)
    assert done.returncode == 2
    assert "'gsm8' is not a known benchmark; did you mean 'gsm8k'?" in done.stderr
