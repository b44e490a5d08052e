"""Finds the run of an id: in the cache, else at the API server."""

from evalkube_api import errors
from evalkube_api.kubernetes import documents, ids
from evalkube_api.kubernetes.cache import Cache, Entry
from evalkube_api.kubernetes.cluster import Cluster, answered
from evalkube_api.kubernetes.documents import Raw
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.scopes import Scopes

__all__ = ["Finder"]


class Finder:
    """Finds runs by the ids of a service whose own namespace is `namespace`."""

    def __init__(self, cluster: Cluster, cache: Cache, scopes: Scopes, namespace: str) -> None:
        self._cluster = cluster
        self._cache = cache
        self._scopes = scopes
        self._namespace = namespace

    def id_of(self, key: Key) -> str:
        """The id of a run, which depends on the other known runs."""
        return ids.run_id(key, self._namespace, has_twin=self._cache.entry(key.twin) is not None)

    async def whole(self, run_id: str) -> Raw:
        """The run's resource from the API server, or from the cache of ended runs. Raises errors.ApiError."""
        keys = self._meant(run_id)
        known = self._known(run_id, keys)
        if known is not None:
            ended = self._cache.ended(known[1].uid)
            if ended is not None:
                return ended
            keys = [known[0]]
        with answered("read the run"):
            for key in keys:
                raw = await self._cluster.get_run(key)
                if raw is not None:
                    self.learn(raw)
                    return raw
        if known is not None:
            self._cache.bury(known[0], known[1].uid)
        raise errors.NotFound(f"there is no run {run_id!r}; GET /api/v1/runs lists them")

    async def watched(self, run_id: str) -> tuple[Key, str]:
        """The key and UID of a run that is watched from now on. Raises errors.ApiError."""
        known = self._known(run_id, self._meant(run_id))
        if known is not None:
            return known[0], known[1].uid
        raw = await self.whole(run_id)
        key = documents.key_of(raw)
        await self._scopes.ensure(key.namespace)
        self.learn(raw)
        return key, str(raw["metadata"]["uid"])

    def learn(self, raw: Raw) -> None:
        """Puts a resource that was read or written into the cache, if a watch covers it."""
        if not self._scopes.covers(documents.key_of(raw)):
            return
        self._cache.apply(raw)
        if documents.phase(raw).terminal:
            self._cache.remember(raw)

    def _meant(self, run_id: str) -> list[Key]:
        reference = ids.parse(run_id, self._namespace)
        return reference.candidates() if reference is not None else []

    def _known(self, run_id: str, keys: list[Key]) -> tuple[Key, Entry] | None:
        found = [(key, entry) for key in keys if (entry := self._cache.entry(key)) is not None]
        if len(found) > 1:
            names = " and ".join(sorted(self.id_of(key) for key, _ in found))
            raise errors.Conflict(f"{run_id} may be either of two runs: {names}", run_id)
        return found[0] if found else None
