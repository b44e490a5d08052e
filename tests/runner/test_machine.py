"""What the machine lets a process have."""

import errno

import pytest

from evalkube_runner import machine

PROBLEMS: dict[str, tuple[BaseException, str]] = {
    "no file is left": (OSError(errno.EMFILE, "Too many open files"), "open files; raise the limit (ulimit -n)"),
    "none in the whole system": (OSError(errno.ENFILE, "Too many open files in system"), "open files"),
    "no port is left": (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "no further port"),
    "nobody listens": (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ""),
    "no way there": (OSError(errno.ENETUNREACH, "unreachable"), ""),
    "not of a system call": (ValueError("x"), ""),
}


@pytest.mark.parametrize(("problem", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_ran_out_here(problem: BaseException, words: str) -> None:
    """A limit of this machine is told as one, and not blamed on the target."""
    assert words in machine.exhausted(problem)
    assert bool(machine.exhausted(problem)) is bool(words)


def test_connections() -> None:
    """As many as the machine allows a process."""
    assert machine.connections() >= 100


def test_there_is_a_core() -> None:
    """Whatever the quota."""
    assert machine.cores() >= 1
