"""The process in which replies are read and scored: `python -m evalkube_runner.eval.scorer_worker`.

One JSON object per line on stdin, one answer per line on stdout; EOF on stdin means the runner is gone, and ends it at
once. A process and not a thread, because users' patterns and sympy can run for ever or take all memory, and neither
can be stopped otherwise; and because importing sympy costs a second and 60 MB that most runs never need.
"""

import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from evalkube_runner.eval.rule import Rule, apply

__all__ = ["MEMORY_BYTES", "algebra", "answer", "main"]

MEMORY_BYTES = 512 * 1024 * 1024
"""What it may take: sympy needs 100 MiB, no answer of a sane size three times as much."""

_GRACE_S = 5.0  # it ends itself so long after the runner should have stopped it
_LOADING_S = 60.0


def algebra(prediction: str, target: str) -> bool:
    """Whether two formulas mean the same."""
    import math_verify  # here, not above: a run of letters and plain numbers never imports sympy

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that it sets no timeout; the runner does

    gold, mine = _parsed(math_verify, target), _parsed(math_verify, prediction)
    return bool(gold and mine and math_verify.verify(gold, mine, timeout_seconds=None, raise_on_error=True))


def _parsed(math_verify: Any, text: str) -> Any:
    # As LaTeX first, which both answers usually are; text without any ("2x + 1") parses as an expression.
    return math_verify.parse(
        f"${text.strip().strip('$')}$", parsing_timeout=None, raise_on_error=True, fallback_mode="no_fallback"
    )


def answer(request: dict[str, Any], equal: Callable[[str, str], bool] = algebra) -> dict[str, Any]:
    """Does what a line asks: {"rule", "reply"} -> {"values", "extracted"} or {"error"}."""
    try:
        fields: dict[str, Any] = {}
        for name, value in request["rule"].items():
            fields[name] = tuple(value) if isinstance(value, list) else value
        ruled = apply(Rule(**fields), request["reply"], equal)
        return {"values": ruled.values, "extracted": ruled.extracted}
    except MemoryError:
        return {"error": f"scoring needs more than {MEMORY_BYTES >> 20} MiB of memory"}
    except Exception as problem:  # whatever a parser or a pattern does with a model's words is an answer too
        return {"error": f"{type(problem).__name__}: {problem}"[:500]}


class _Server:
    """Answers one line after the other, and says when it loads algebra: that is not the answer's time."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._loaded = False
        self._longest_s = 0.0
        self._say({"state": "working"})

    def serve(self, line: bytes) -> None:
        """Answer one request."""
        request = json.loads(line)
        self._longest_s = request["longest_s"] + _GRACE_S
        self._alarm(self._longest_s)
        self._say(answer(request, self._equal))
        self._alarm(0)

    def _equal(self, prediction: str, target: str) -> bool:
        if not self._loaded:
            self._say({"state": "loading"})
            self._alarm(_LOADING_S)
            self._loaded = algebra("1", "1")
            self._alarm(self._longest_s)
            self._say({"state": "working"})
        return algebra(prediction, target)

    def _say(self, words: dict[str, Any]) -> None:
        self._out.write(json.dumps(words).encode() + b"\n")
        self._out.flush()

    @staticmethod
    def _alarm(after_s: float) -> None:
        """The kernel ends this process then: a pattern that hangs hears nothing else, not even that the runner died."""
        signal.setitimer(signal.ITIMER_REAL, after_s)


def main() -> None:
    """Serves until stdin ends; a thread watches for that."""
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
    sys.stdout = sys.stderr  # libraries that print must not answer for us
    threading.Thread(target=watch, daemon=True).start()
    while True:
        server.serve(lines.get())


if __name__ == "__main__":
    main()
