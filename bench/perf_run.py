"""What the load generator's benches share: a mock model on loopback, and real runs of the runner with their costs.

Figures of CPU come from the kernel's account of the ended process and all its children (wait4); nothing is estimated.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATHS = [str(ROOT / room) for room in ("crds", "runner", "mock")]
READY = "mock model on "


def environment() -> dict[str, str]:
    """Ours, with the rooms on the path: a bench runs from a checkout as well as from an installation."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*PATHS, os.environ.get("PYTHONPATH", "")])}


@contextlib.contextmanager
def mock(*options: str, first: bool = False) -> Iterator[str]:
    """A mock model with `options`; gives its base URL without the /v1. `first`: it goes before other processes,
    where that is permitted.
    """
    command = [sys.executable, "-m", "evalkube_mock.main", "--port", "0", "--exit-with-parent", *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        if first:
            _put_first(process.pid)
        line = process.stdout.readline()
        if not line.startswith(READY):
            raise SystemExit(f"the mock model did not start: {line!r}")
        try:
            yield line.removeprefix(READY).strip().removesuffix("/v1")
        finally:
            process.terminate()
            process.wait(timeout=10)


def _put_first(pid: int) -> None:
    """Before the others of its session; before other sessions too, where Linux shares the CPU out among them."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, -19)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text("-19")


def fetch(url: str) -> dict[str, Any]:
    """What the mock says of itself: /record has its own times of every request, /stats its counts."""
    with urllib.request.urlopen(url) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@dataclass(frozen=True)
class Ran:
    """A finished run: its result document, what it cost, and where its files are until the next one."""

    result: dict[str, Any]
    cpu_s: float
    wall_s: float
    began_s: float
    """On the monotonic clock."""
    artifacts: Path


@contextlib.contextmanager
def run(
    base: str,
    *,
    watch: Callable[[int, Path], None] | None = None,
    timeout_s: float = 600.0,
    first: bool = False,
    readable: Path | None = None,
    **spec: Any,
) -> Iterator[Ran]:
    """Run the runner on a load test of `base`; `watch` is called every 0.2 s with its pid and control folder.
    `first`: as of `mock`. `readable`: where the spec's files lie.
    """
    with tempfile.TemporaryDirectory(prefix="evalkube-bench-") as folder:
        place = Path(folder)
        document = {
            "apiVersion": "evalkube.io/v1alpha1",
            "kind": "PerfRun",
            "metadata": {"name": "bench", "uid": "bench", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"model": "mock-model", "url": f"{base}/v1", "dataSource": "sample", **spec},
        }
        (place / "run.json").write_text(json.dumps(document))
        arguments = ["--run", place / "run.json", "--artifacts", place / "artifacts", "--control", place / "control"]
        arguments += ["--readable", readable] if readable else []
        command = [sys.executable, "-m", "evalkube_runner.main", *map(str, arguments)]
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if first:
            _put_first(process.pid)
        killer = threading.Timer(timeout_s, process.kill)
        killer.start()
        stop = threading.Event()
        watching = threading.Thread(target=_watch, args=(process.pid, place / "control", watch, stop))
        watching.start()
        _, status, usage = os.wait4(process.pid, 0)  # of the process and all children it waited for
        ended = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        stop.set()
        watching.join()
        killer.cancel()
        if process.returncode:
            raise SystemExit(
                f"the runner ended with {process.returncode}: {(place / 'control/receipt.json').read_text()}"
            )
        result = json.loads((place / "control/result.json").read_text())
        yield Ran(result, usage.ru_utime + usage.ru_stime, ended - began, began, place / "artifacts")


def _watch(pid: int, control: Path, watch: Callable[[int, Path], None] | None, stop: threading.Event) -> None:
    while watch is not None and not stop.wait(0.2):
        with contextlib.suppress(OSError):  # the process has just ended
            watch(pid, control)


def percentile_s(point: dict[str, Any], name: str, percent: float) -> float:
    """A percentile of one of a point's histograms of nanoseconds, in seconds."""
    from evalkube_crds.histogram import Histogram

    value = Histogram.from_doc(point["histograms"][name]).percentile(percent)
    assert value is not None
    return value / 1e9
