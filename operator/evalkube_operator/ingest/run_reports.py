"""A shard's access to its whole run: it reads what all shards left, and once all are done it leaves the reports. HTTP
is left outside.

Any shard may: the one that came last is asked to, and it may die and come back. What is left twice is the same twice.
"""

from collections.abc import AsyncIterable

from evalkube_operator.ingest.limits import RunUse
from evalkube_operator.ingest.refusals import Refusal
from evalkube_operator.ports import Owner
from evalkube_operator.store import artifacts, keys
from evalkube_operator.store.interface import Content, Store
from evalkube_operator.store.runs import RunStore

__all__ = ["RunReports"]


class RunReports:
    """The whole run of one request's pod, in the pod's attempt. Methods that take a path also raise keys.BadPath."""

    def __init__(self, store: Store, use: RunUse, owner: Owner) -> None:
        self._store = store
        self._use = use
        self._owner = owner

    async def complete(self) -> bool:
        """Whether the results of all shards are in."""
        found = await RunStore(self._store).results(self._owner.run, self._owner.attempt)
        return found.keys() >= set(range(self._owner.shards))

    async def result(self, shard: int) -> bytes:
        """The result document of a shard. Raises Refusal (404)."""
        try:
            return await RunStore(self._store).read_result(self._owner.run, self._owner.attempt, shard)
        except KeyError:
            raise Refusal(404, "no_result", f"shard {shard} has no result in this attempt") from None

    async def get(self, path: str) -> Content | None:
        """An artifact as people see it: the lines of all shards in one file."""
        found = await artifacts.open_artifact(self._store, self._owner.run, keys.checked_path(path))
        return None if found is None else found.content

    async def put(self, path: str, size_bytes: int, chunks: AsyncIterable[bytes]) -> None:
        """Store a whole artifact of the run. Raises Refusal (409) while a result is missing, or what `chunks`
        raises.
        """
        key = keys.own(self._owner.run, keys.checked_own_path(path))
        self._use.check(key, size_bytes, most_bytes=self._use.limits.artifact_bytes)
        if not await self.complete():
            raise Refusal(409, "results_missing", "the run is reported when the results of all its shards are in")
        with self._use.coming(size_bytes):
            self._use.has(key, await self._store.put(key, chunks))
