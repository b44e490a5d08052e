"""One list and one watch for each kind and scope, however many requests wait: it keeps the cache as the cluster is.

A watch goes on where the last one ended; where the API server no longer knows that place (410) everything is listed
anew, and what the list does not have was deleted unseen. A watch that says nothing, not even a bookmark, is taken for
dead: bookmarks come about every minute.
"""

import asyncio
import contextlib
import logging
import random
from typing import Final

import orjson

from evalkube_api.kubernetes import documents
from evalkube_api.kubernetes.cache import Cache
from evalkube_api.kubernetes.cluster import Cluster, Unreachable
from evalkube_api.kubernetes.documents import Raw, key_of
from evalkube_api.kubernetes.rejections import Rejected
from evalkube_crds.names import Kind

__all__ = ["Reflector"]

_LOG = logging.getLogger("evalkube.service")
_PAGE: Final = 200
_WATCH_S: Final = (300, 600)
"""How long one watch lasts: differs, so that replicas do not all come at once."""

_QUIET_S: Final = 100.0
_PAUSE_S: Final = (0.05, 10.0)
_GONE: Final = 410


class _Expired(Exception):
    """The API server does not know the place any more: list again."""


class Reflector:
    """Of one kind, in one namespace or (None) all."""

    def __init__(self, cluster: Cluster, cache: Cache, kind: Kind, namespace: str | None) -> None:
        self._cluster = cluster
        self._cache = cache
        self._kind = kind
        self._namespace = namespace
        self._synced = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.lists = self.watches = 0

    def covers(self, kind: Kind, namespace: str) -> bool:
        """Whether runs of that kind there are kept up to date by this."""
        return kind is self._kind and self._namespace in (None, namespace) and self._synced.is_set()

    async def synced(self) -> None:
        """Returns after the first whole list. Raises Rejected where the API server forbids it or has no such
        resource."""
        if self._task is None:
            self._failed = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._keep(self._failed))
        assert self._failed is not None
        if not self._synced.is_set():
            await asyncio.shield(self._failed)

    async def close(self) -> None:
        """Ends the watch."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._failed is not None and self._failed.done() and not self._failed.cancelled():
            self._failed.exception()

    @property
    def alive(self) -> bool:
        """False once the first list was refused; a later refusal is waited out."""
        return self._task is not None and not self._task.done()

    async def _keep(self, first: asyncio.Future[None]) -> None:
        version, pause_s = "", _PAUSE_S[0]
        while True:
            try:
                if not version:
                    version = await self._list()
                    self._synced.set()
                    if not first.done():
                        first.set_result(None)
                before, version = version, await self._watch(version)
                pause_s = _PAUSE_S[0] if version != before else min(2 * pause_s, _PAUSE_S[1])
            except _Expired:
                version = ""
                continue
            except Rejected as refused:
                if not self._synced.is_set() and refused.status in (401, 403, 404):
                    first.set_exception(refused)
                    return
                version = "" if refused.status == _GONE else version
                self._warn(refused)
                pause_s = min(2 * pause_s, _PAUSE_S[1])
            except Unreachable as problem:
                self._warn(problem)
                pause_s = min(2 * pause_s, _PAUSE_S[1])
            except Exception:  # a document that nobody thought of must not end the watch for all
                _LOG.exception("the watch of %s failed; it starts anew", self._kind)
                version, pause_s = "", _PAUSE_S[1]
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))

    def _warn(self, problem: Exception) -> None:
        place = self._namespace or "all namespaces"
        _LOG.warning("the watch of %s in %s broke off, and goes on soon: %s", self._kind, place, problem)

    async def _list(self) -> str:
        """Everything there is; the version to watch from."""
        self.lists += 1
        listed: set[str] = set()
        after, version = "", ""
        while True:
            page = await self._cluster.list_runs(self._kind, self._namespace, limit=_PAGE, after=after)
            metadata = page["metadata"]
            version = version or str(metadata["resourceVersion"])  # every page is of the first one's moment
            for item in page["items"]:
                raw = {**item, "kind": str(self._kind)}
                listed.add(str(raw["metadata"]["uid"]))
                self._apply(raw)
            after = metadata.get("continue") or ""
            if not after:
                break
        self._cache.prune(self._kind, self._namespace, listed, documents.version(page))
        return version

    async def _watch(self, version: str) -> str:
        """Until the API server ends it, or the connection does; the version to go on from."""
        self.watches += 1
        lines = self._cluster.watch_runs(
            self._kind, self._namespace, version=version, timeout_s=random.randint(*_WATCH_S), quiet_s=_QUIET_S
        )
        try:
            async with contextlib.aclosing(lines):
                async for line in lines:
                    version = self._event(line) or version
        except Unreachable as problem:
            _LOG.debug("the watch of %s broke off at %s: %s", self._kind, version, problem)
        return version

    def _event(self, line: bytes) -> str | None:
        """Take over one event; the version it brings."""
        event = orjson.loads(line)
        kind, raw = event["type"], event["object"]
        if kind == "ERROR":
            if raw.get("code") == _GONE:
                raise _Expired
            raise Rejected(raw.get("code") or 500, raw.get("reason") or "", raw.get("message") or "")
        if kind == "DELETED":
            self._cache.bury(key_of(raw), str(raw["metadata"]["uid"]))
        elif kind in ("ADDED", "MODIFIED"):
            self._apply(raw)
        return str(raw["metadata"]["resourceVersion"])

    def _apply(self, raw: Raw) -> None:
        try:
            self._cache.apply(raw)
        except (KeyError, TypeError, ValueError, AttributeError):
            _LOG.warning("a %s that cannot be read is passed over", self._kind, exc_info=True)
