"""The watched namespaces: the service's own (or all) from the start, others when a request waits there."""

import asyncio
from collections.abc import Iterable

from evalkube_api.kubernetes import rejections
from evalkube_api.kubernetes.cache import Cache
from evalkube_api.kubernetes.cluster import Cluster
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.rejections import Rejected, Unavailable
from evalkube_api.kubernetes.watching import Reflector
from evalkube_crds.names import Kind

__all__ = ["Scopes"]

_FIRST_S = 10.0


class Scopes:
    """The watches of this process: for each scope one watch of each kind."""

    def __init__(self, cluster: Cluster, cache: Cache, *, everywhere: bool) -> None:
        self._cluster = cluster
        self._cache = cache
        self._everywhere = everywhere
        self._scopes: dict[str | None, tuple[Reflector, ...]] = {}

    async def ensure(self, namespace: str) -> None:
        """Watches a namespace. Returns when its runs are known. Raises errors.ApiError."""
        scope = None if self._everywhere else namespace
        if scope not in self._scopes:
            self._scopes[scope] = tuple(Reflector(self._cluster, self._cache, kind, scope) for kind in Kind)
        reflectors = self._scopes[scope]
        try:
            async with asyncio.timeout(_FIRST_S):
                for reflector in reflectors:
                    await reflector.synced()
        except TimeoutError:
            raise Unavailable("the API server does not answer; try again") from None
        except Rejected as refused:
            if self._scopes.pop(scope, None) is not None:  # asked anew next time: permissions may come
                await _closed(reflectors)
            raise rejections.answer(refused, "see the runs") from None

    def covers(self, key: Key) -> bool:
        """Whether a watch keeps that run up to date."""
        return any(reflector.covers(key.kind, key.namespace) for reflector in self.reflectors())

    def reflectors(self) -> Iterable[Reflector]:
        """All watches."""
        return [reflector for scope in self._scopes.values() for reflector in scope]

    @property
    def unreadable(self) -> int:
        """The number of versions of runs that could not be read so far."""
        return sum(reflector.unreadable for reflector in self.reflectors())

    async def close(self) -> None:
        """Ends all watches."""
        await _closed(self.reflectors())
        self._scopes.clear()


async def _closed(reflectors: Iterable[Reflector]) -> None:
    await asyncio.gather(*(reflector.close() for reflector in reflectors))
