"""The common start of a run's shards, at an instant that ingest names."""

import asyncio
import logging
import time
from typing import Any, Final

import httpx

from evalkube_crds.names import Reason
from evalkube_runner.context import StartInstant
from evalkube_runner.errors import RunFailed
from evalkube_runner.ingest.client import IngestClient, Refused, Unreachable, document_of
from evalkube_runner.ingest.common_clock import Answer, offset_of

__all__ = ["CommonStart"]

_LOG = logging.getLogger("evalkube.runner.ingest")

_CLOCK_QUESTIONS: Final = 8
_CLOCK_DOUBT_NS: Final = 1_000_000
_CLOCK_QUESTION_S: Final = 0.3
_CLOCK_ROOM_NS: Final = 600_000_000
"""What is left for everything else before the start, a question that takes its longest included."""


class CommonStart:
    """A shard's part in the common starts of its run."""

    def __init__(self, client: IngestClient) -> None:
        self._client = client

    async def wait(self, turn: int, *, patience_s: float) -> StartInstant:
        """Wait until all shards are ready for point `turn` of the sweep; the instant at which they begin.

        The instant is one of ingest's clock, so that nodes' clocks need not agree. Where that clock stands is asked
        some times more until the start is near, for an answer that was waited for may have been long on its way.

        Raises RunFailed (BARRIER_TIMEOUT, INGEST_UNAVAILABLE).
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                response = await self._ask(turn, expected=frozenset({408}))
            except Refused as refused:
                raise RunFailed(Reason.BARRIER_TIMEOUT, f"the common start: {refused}") from None
            except Unreachable as problem:
                raise RunFailed(Reason.INGEST_UNAVAILABLE, f"the common start: {problem}") from None
            if response.status_code != 408:
                return await self._precise(_instant(response.json()), turn)
            if time.monotonic() >= until:
                missing = document_of(response).get("waiting_for")
                message = f"after {patience_s:g} s the shards {missing} were not ready to start"
                raise RunFailed(Reason.BARRIER_TIMEOUT, message)

    async def _ask(self, turn: int, expected: frozenset[int] = frozenset()) -> httpx.Response:
        ready = {"ready": True, "turn": turn, "clock_ns": time.time_ns()}
        return await self._client.send("POST", "barrier", json=ready, expected=expected)

    async def _precise(self, told: StartInstant, turn: int) -> StartInstant:
        """The same instant, more precisely, by the answers to quick questions; as it was `told` where none comes in
        time.
        """
        answers: list[Answer] = []
        best = told
        for _ in range(_CLOCK_QUESTIONS):
            asked_ns = time.monotonic_ns()
            if asked_ns > best.monotonic_ns - _CLOCK_ROOM_NS:
                break
            try:
                async with asyncio.timeout(_CLOCK_QUESTION_S):
                    document = (await self._ask(turn)).json()
            except (Refused, Unreachable, TimeoutError) as problem:
                _LOG.debug("ingest's clock was not told: %r", problem)
                continue
            answers.append(Answer(asked_ns, time.monotonic_ns(), int(document["server_ns"])))
            if (offset := offset_of(answers)) is not None:
                best = StartInstant(told.start_at_ns + offset.ns, told.start_at_ns, offset.doubt_ns)
                if offset.doubt_ns <= _CLOCK_DOUBT_NS:
                    break
        return best


def _instant(document: dict[str, Any]) -> StartInstant:
    """The start instant, as if the answer had come at once."""
    monotonic_ns = time.monotonic_ns()
    start_at_ns, server_ns = int(document["start_at_ns"]), int(document["server_ns"])
    if start_at_ns < server_ns:
        raise RunFailed(Reason.BARRIER_TIMEOUT, "the other shards have started without this one")
    return StartInstant(monotonic_ns + start_at_ns - server_ns, start_at_ns)
