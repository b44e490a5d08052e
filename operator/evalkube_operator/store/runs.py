"""Implements `ports.Store`: result documents, the merged result, and the sweep."""

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from evalkube_operator import ports
from evalkube_operator.ports import RunKey, StoredResult
from evalkube_operator.store import keys
from evalkube_operator.store.interface import Store, Stored
from evalkube_operator.store.keys import ShardKey

__all__ = ["RunStore", "sweep"]


class RunStore:
    """`ports.Store` over any `Store`. Everything may raise `errors.Unavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def kind(self) -> str:
        """See `ports.Store.kind`."""
        return self._store.kind

    def uri(self, run: RunKey) -> str:
        """See `ports.Store.uri`."""
        return self._store.uri(keys.run_prefix(run))

    async def results(self, run: RunKey, attempt: int) -> dict[int, StoredResult]:
        """See `ports.Store.results`. Reads no document: their names tell their digests."""
        return await self._results_below(run, f"{keys.run_prefix(run)}/{attempt}")

    async def _results_below(self, run: RunKey, prefix: str) -> dict[int, StoredResult]:
        newest: dict[int, tuple[datetime, StoredResult]] = {}
        for found in await self._store.below(prefix):
            place = keys.parse_artifact(run, found.key)
            sha256 = keys.parse_result(place[1]) if place else None
            if place is None or place[0] is None or sha256 is None:
                continue
            shard = place[0].shard
            if shard not in newest or newest[shard][0] < found.modified:
                newest[shard] = (found.modified, StoredResult(shard, sha256, found.size_bytes))
        return {shard: result for shard, (_, result) in sorted(newest.items())}

    async def read_result(self, run: RunKey, attempt: int, shard: int) -> bytes:
        """See `ports.Store.read_result`."""
        key = ShardKey(run, attempt, shard)
        result = (await self._results_below(run, f"{key.prefix}/{keys.OWN}"))[shard]
        content = await self._store.get(key.at(keys.result_path(result.sha256)))
        if content is None:
            raise KeyError(shard)
        return b"".join([chunk async for chunk in content.chunks])

    async def put_result(self, shard: ShardKey, data: bytes) -> str:
        """Keep a shard's result document in place of an earlier one; its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        mine = shard.at(keys.result_path(sha256))
        await self._store.put(mine, _once(data))
        for found in await self._store.below(f"{shard.prefix}/{keys.OWN}"):
            if found.key != mine and keys.parse_result(found.key.removeprefix(f"{shard.prefix}/")) is not None:
                await self._store.delete(found.key)
        return sha256

    async def put_merged(self, run: RunKey, name: str, data: bytes) -> str:
        """See `ports.Store.put_merged`."""
        key = keys.own(run, keys.checked_path(name))
        await self._store.put(key, _once(data))
        return self._store.uri(key)

    async def delete_run(self, run: RunKey) -> None:
        """See `ports.Store.delete_run`."""
        await self._store.delete(keys.run_prefix(run))

    async def stored_runs(self) -> AsyncIterator[RunKey]:
        """See `ports.Store.stored_runs`."""
        for run in await self._store.runs():
            yield run


async def sweep(store: Store, exists: Callable[[str], bool], *, now: datetime, keep: timedelta) -> list[RunKey]:
    """Remove what belongs to no run any more, `keep` after it was last written; return the removed runs.

    `exists` says of a UID whether there is such a run; ask only when every run is known (after a full list).
    """
    removed = []
    for run in await store.runs():
        if exists(run.uid):
            continue
        prefix = keys.run_prefix(run)
        if _last_written(await store.below(prefix), now) + keep <= now and not exists(run.uid):
            await store.delete(prefix)
            removed.append(run)
    return removed


def _last_written(stored: list[Stored], now: datetime) -> datetime:
    return max((one.modified for one in stored), default=now - timedelta(days=36500))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _conforms(store: RunStore) -> ports.Store:
    return store  # mypy holds the class to the port here
