"""The process in which replies are read and scored: `python -m evalkube_runner.eval.scorer_worker FOLDER`.

One JSON object per line on stdin, one answer per line on stdout; EOF on stdin means the runner is gone, and ends it at
once. A process and not a thread, because users' patterns and sympy can run for ever or take all memory, and neither
can be stopped otherwise; and because importing sympy costs a second and 60 MB that most runs never need. Programs of a
model run in children of this one, each confined; they die with it, and FOLDER, which the runner removes, has their
scratch folders.
"""

import contextlib
import dataclasses
import os
import queue
import resource
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from evalkube_benchmarks.metrics import algebra
from evalkube_benchmarks.scoring import Task, score

__all__ = ["MEMORY_BYTES", "answer", "main"]

MEMORY_BYTES = 512 * 1024 * 1024
"""What it may take: sympy needs 100 MiB, no answer of a sane size three times as much."""

_GRACE_S = 5.0  # it ends itself so long after the runner should have stopped it
_LOADING_S = 60.0


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a line: {"task", "reply"} -> a `Scores`, or {"error"}."""
    try:
        return dataclasses.asdict(score(Task.unpacked(request["task"]), request["reply"]))
    except MemoryError:
        return {"error": f"scoring needs more than {MEMORY_BYTES >> 20} MiB of memory"}
    except Exception as problem:  # whatever a parser or a pattern does with a model's words is an answer too
        return {"error": f"{type(problem).__name__}: {problem}"[:500]}


class _Server:
    """Answers lines one after the other. It says when it loads algebra, which is no part of an answer's time."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._longest_s = 0.0
        self._say({"state": "working"})

    def serve(self, line: bytes) -> None:
        """Answer one request."""
        request = orjson.loads(line)
        self._longest_s = request["longest_s"] + _GRACE_S
        self._alarm(self._longest_s)
        self._say(answer(request))
        self._alarm(0)

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Mark the time in which a library is loaded, which is no part of an answer's time."""
        self._say({"state": "loading"})
        self._alarm(_LOADING_S)
        yield
        self._alarm(self._longest_s)
        self._say({"state": "working"})

    def _say(self, words: dict[str, Any]) -> None:
        self._out.write(orjson.dumps(words, option=orjson.OPT_APPEND_NEWLINE))
        self._out.flush()

    @staticmethod
    def _alarm(after_s: float) -> None:
        """Have the kernel end this process at that time: a pattern that hangs reacts to nothing else, not even to the
        runner's death.
        """
        signal.setitimer(signal.ITIMER_REAL, after_s)


def main() -> None:
    """Serves until stdin ends; a thread watches for that."""
    tempfile.tempdir = sys.argv[1]
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def watch() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    server = _Server(sys.stdout.buffer)
    algebra.while_loading = server.loading
    sys.stdout = sys.stderr  # libraries that print must not answer for us
    threading.Thread(target=watch, daemon=True).start()
    while True:
        server.serve(lines.get())


if __name__ == "__main__":
    main()
