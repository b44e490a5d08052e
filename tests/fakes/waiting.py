"""Waiting for what another process does, in tests that cannot be told."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["gone", "until"]


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Return as soon as `condition` holds; AssertionError when it does not in time."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether the process is no more, or a zombie that no one waits for."""
    status = Path(f"/proc/{pid}/status")
    with contextlib.suppress(OSError):
        return "State:\tZ" in status.read_text()
    return True
