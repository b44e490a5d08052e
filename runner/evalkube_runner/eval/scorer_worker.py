"""The process beside the runner in which algebra and users' patterns run: `evalkube_runner.eval.scorer_worker`.

One JSON object per line on stdin, one answer per line on stdout; EOF on stdin means the runner is gone, and ends it at
once. A process and not a thread, because sympy and regular expressions can run for ever and neither can be stopped
otherwise; and because importing sympy costs a second and 60 MB that most runs never need.
"""

import json
import logging
import os
import queue
import re
import sys
import threading
from typing import Any

__all__ = ["answer", "last_match", "main"]


def _equal(prediction: str, target: str) -> bool:
    import math_verify  # here, not above: a run whose filters alone need this process never imports sympy

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that it sets no timeout; the runner does

    gold, mine = _parsed(math_verify, target), _parsed(math_verify, prediction)
    return bool(gold and mine and math_verify.verify(gold, mine, timeout_seconds=None, raise_on_error=True))


def _prepare(operation: str, _: str) -> bool:
    return _equal("1", "1") if operation == "equal" else True


def _parsed(math_verify: Any, text: str) -> Any:
    # As LaTeX first, which both answers usually are; text without any ("2x + 1") parses as an expression.
    return math_verify.parse(
        f"${text.strip().strip('$')}$", parsing_timeout=None, raise_on_error=True, fallback_mode="no_fallback"
    )


def last_match(pattern: str, text: str) -> str | None:
    """The first group (or all) of the last match of `pattern`; None without a match."""
    found = None
    for found in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        return None
    return next((group for group in found.groups() if group is not None), None) if found.re.groups else found.group()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Does what a line asks: {"op": "equal" | "search" | "ready", "a", "b"} -> {"value"} or {"error"}."""
    operation = {"equal": _equal, "search": last_match, "ready": _prepare}[request["op"]]
    try:
        return {"value": operation(request["a"], request["b"])}
    except Exception as problem:  # whatever a parser or a pattern does with a model's words is an answer too
        return {"error": f"{type(problem).__name__}: {problem}"[:500]}


def main() -> None:
    """Serves until stdin ends; a thread watches for that, so that no endless formula outlives the runner."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def watch() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # libraries that print must not answer for us
    while True:
        out.write(json.dumps(answer(json.loads(lines.get()))).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
