"""The store of a small cluster's operator: what its pods have delivered, in a dict."""

import hashlib
from collections.abc import AsyncIterator, Callable

from evalkube_operator.errors import Unavailable
from evalkube_operator.ports import RunKey, StoredResult
from evalkube_operator.store.interface import StoreFull
from fakes.small_cluster import SmallCluster

__all__ = ["SmallStore"]


class SmallStore:
    """`ports.Store` in a dict: what the pods of a SmallCluster delivered."""

    kind = "volume"

    def __init__(self, cluster: SmallCluster) -> None:
        self._cluster = cluster
        self.refused: Callable[[StoreFull], None] = lambda problem: None

    def uri(self, run: RunKey) -> str:
        """See `ports.Store`."""
        return f"volume:///{run.namespace}/{run.name}"

    async def check(self) -> None:
        """See `store.interface.Store`."""
        self._check(writes=True)

    async def results(self, run: RunKey, attempt: int) -> dict[int, StoredResult]:
        """See `ports.Store`."""
        self._check()
        return {
            shard: StoredResult(shard, hashlib.sha256(data).hexdigest(), len(data))
            for (uid, number, shard), data in self._cluster.results.items()
            if (uid, number) == (run.uid, attempt)
        }

    async def read_result(self, run: RunKey, attempt: int, shard: int) -> bytes:
        """See `ports.Store`."""
        return self._cluster.results[run.uid, attempt, shard]

    async def put_merged(self, run: RunKey, name: str, data: bytes) -> str:
        """See `ports.Store`."""
        self._check(writes=True)
        return f"{self.uri(run)}/{name}"

    async def delete_run(self, run: RunKey) -> None:
        """See `ports.Store`."""
        self._check()
        for key in [key for key in self._cluster.results if key[0] == run.uid]:
            del self._cluster.results[key]

    async def stored_runs(self) -> AsyncIterator[RunKey]:
        """See `ports.Store`."""
        for uid in {key[0] for key in self._cluster.results}:
            yield RunKey("ns", "?", uid)

    def _check(self, *, writes: bool = False) -> None:
        if not self._cluster.store_up:
            raise Unavailable("the store is away")
        if writes and self._cluster.store_full:
            problem = StoreFull("no byte is left")
            self.refused(problem)
            raise problem
