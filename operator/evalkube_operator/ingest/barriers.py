"""Runs the start barriers: shards wait here. The start instant is stored before any shard gets it.

A new operator therefore tells the same instant as the old one that was killed between two answers.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import orjson

from evalkube_operator.ingest import barrier as barriers
from evalkube_operator.ingest.auth import PodIdentity
from evalkube_operator.ingest.barrier import Barrier, Late, Start
from evalkube_operator.ingest.refusals import Refusal
from evalkube_operator.store import keys
from evalkube_operator.store.interface import Store

__all__ = ["Barriers"]

_KEPT: Final = 1000
_TRIES: Final = 3


class _Waiting:
    """The barrier of one attempt, and the event of its opening."""

    def __init__(self, barrier: Barrier) -> None:
        self.barrier = barrier
        self.opened = asyncio.Event()
        self.lock = asyncio.Lock()
        if barrier.start_at_ns is not None:
            self.opened.set()


class Barriers:
    """The barriers of this operator. `lead_s` is the time from the last arrival to the start; `poll_s` is the longest
    wait.
    """

    def __init__(
        self,
        store: Store,
        *,
        lead_s: float = 2.0,
        poll_s: float = 25.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._lead_ns = round(lead_s * 1e9)
        self._poll_s = poll_s
        self._now_ns = now_ns
        self._known: OrderedDict[str, _Waiting] = OrderedDict()
        self._loading = asyncio.Lock()

    async def wait(self, pod: PodIdentity, disconnected: Callable[[], Awaitable[None]], *, turn: int = 0) -> int:
        """The instant to start at, Unix ns; each point of a sweep has a `turn` of its own.

        Raises Refusal: 408 (ask again), 409 (too late); errors.Unavailable.
        """
        key = pod.owner.run, pod.owner.attempt
        name = keys.ShardKey(*key, 0).at(keys.barrier(turn))
        waiting = await self._of(name, pod.owner.shards)
        async with waiting.lock:
            answer = await self._arrive(name, waiting, pod)
        match answer:
            case Start(start_at_ns):
                return start_at_ns
            case Late(start_at_ns):
                raise Refusal(409, "late", "the other shards have started without this one", start_at_ns=start_at_ns)
        try:
            await self._until_open(waiting, disconnected)
        finally:
            shard, now_ns = pod.owner.shard, self._now_ns()
            waiting.barrier = barriers.leave(waiting.barrier, shard, pod.pod_uid, now_ns=now_ns)
        if waiting.barrier.start_at_ns is None:
            missing = barriers.missing_shards(waiting.barrier, self._now_ns())
            raise Refusal(408, "wait", "not all shards are ready; ask again", waiting_for=missing)
        return waiting.barrier.start_at_ns

    async def _arrive(self, name: str, waiting: _Waiting, pod: PodIdentity) -> Start | Late | barriers.Wait:
        for _ in range(_TRIES):
            opened, answer = barriers.arrive(
                waiting.barrier, pod.owner.shard, pod.pod_uid, now_ns=self._now_ns(), lead_ns=self._lead_ns
            )
            if opened.start_at_ns is None or waiting.barrier.start_at_ns is not None:
                waiting.barrier = opened
                return answer
            await self._store.put(name, _once(orjson.dumps({"start_at_ns": opened.start_at_ns})))
            if self._now_ns() < opened.start_at_ns - self._lead_ns // 2:
                waiting.barrier = opened
                waiting.opened.set()
                return answer
        raise Refusal(503, "slow_store", "the store is too slow to agree on a start; try again", retry_after_s=1)

    async def _until_open(self, waiting: _Waiting, disconnected: Callable[[], Awaitable[None]]) -> None:
        opened = asyncio.ensure_future(waiting.opened.wait())
        gone = asyncio.ensure_future(disconnected())
        try:
            await asyncio.wait([opened, gone], timeout=self._poll_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
            gone.cancel()

    async def _of(self, name: str, shards: int) -> _Waiting:
        async with self._loading:
            if name not in self._known:
                self._known[name] = _Waiting(Barrier(shards, start_at_ns=await self._stored(name)))
            self._known.move_to_end(name)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return self._known[name]

    async def _stored(self, name: str) -> int | None:
        content = await self._store.get(name)
        if content is None:
            return None
        start_at_ns: int = orjson.loads(b"".join([chunk async for chunk in content.chunks]))["start_at_ns"]
        return start_at_ns


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
