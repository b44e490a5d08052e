"""Asks the algebra process: are two formulas equal, what does a pattern match. Starts it when first needed.

It is killed and started anew when it does not answer in time; the question that it hung on fails, no other.
"""

import asyncio
import contextlib
import json
import sys
from typing import Any

__all__ = ["ScorerFailed", "ScorerProcess"]

_START_S = 30.0
_LINE_BYTES = 64 * 1024 * 1024


class ScorerFailed(Exception):
    """An answer could not be scored: the sample is errored, not wrong."""


class ScorerProcess:
    """One algebra process, used by one question at a time. Use as an async context manager."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._ready: set[str] = set()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> "ScorerProcess":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def equal(self, prediction: str, target: str, timeout_s: float) -> bool:
        """Whether two formulas mean the same. Raises ScorerFailed when that cannot be told, or not in time."""
        return bool(await self._ask({"op": "equal", "a": prediction, "b": target}, timeout_s))

    async def search(self, pattern: str, text: str, timeout_s: float) -> str | None:
        """The last match of a user's pattern. Raises ScorerFailed when the pattern takes too long."""
        found = await self._ask({"op": "search", "a": pattern, "b": text}, timeout_s)
        return None if found is None else str(found)

    async def _ask(self, request: dict[str, Any], timeout_s: float) -> Any:
        async with self._turn:
            try:
                await self._prepare(request["op"])
                async with asyncio.timeout(timeout_s):
                    reply = await self._exchange(request)
            except TimeoutError:
                raise ScorerFailed(f"scoring took more than {timeout_s:g} s") from None
            except (OSError, EOFError, ValueError) as problem:
                raise ScorerFailed(f"the scoring process ended: {problem}") from problem
        if "error" in reply:
            raise ScorerFailed(str(reply["error"]))
        return reply["value"]

    async def _prepare(self, operation: str) -> None:
        """Starts the process and lets it import what an operation needs: that time is not the answer's."""
        if self._process is None or operation not in self._ready:
            async with asyncio.timeout(_START_S):
                await self._exchange({"op": "ready", "a": operation, "b": ""})
            self._ready.add(operation)

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """One line there and one back. An interruption ends the process: no late answer may meet a later question."""
        try:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "evalkube_runner.eval.scorer_worker",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=_LINE_BYTES,
                )
            reading, writing = self._process.stdout, self._process.stdin
            assert reading is not None
            assert writing is not None
            writing.write(json.dumps(request).encode() + b"\n")
            await writing.drain()
            answer = await reading.readline()
            if not answer.endswith(b"\n"):
                raise EOFError("no answer")
            return dict(json.loads(answer))
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        process, self._process = self._process, None
        self._ready.clear()
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
