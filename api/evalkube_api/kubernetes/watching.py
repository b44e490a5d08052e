"""One list and one watch for each kind and scope, however many requests wait. They keep the cache up to date.

A watch continues where the last one ended. If the API server no longer knows that position (410), everything is listed
again; a run that is missing from the list was deleted unseen. A watch without any message is treated as dead: bookmarks
come about every minute.
"""

import asyncio
import contextlib
import logging
import random
from typing import Any, Final, Protocol

import orjson

from evalkube_api.kubernetes import documents
from evalkube_api.kubernetes.cache import Cache
from evalkube_api.kubernetes.cluster import Pieces, Unreachable
from evalkube_api.kubernetes.documents import Raw
from evalkube_api.kubernetes.rejections import Rejected
from evalkube_api.kubernetes.unread import Unread, Unreadable
from evalkube_crds.names import Kind

__all__ = ["Reflector", "Runs"]

_LOG = logging.getLogger("evalkube.service")
_PAGE: Final = 200
_WATCH_S: Final = (300, 600)
"""How long one watch lasts: differs, so that replicas do not all come at once."""

_QUIET_S: Final = 100.0
_PAUSE_S: Final = (0.05, 10.0)
_GONE: Final = 410


class _Expired(Exception):
    """The API server no longer knows the position: list again."""


class Runs(Protocol):
    """The runs of the API server; see `cluster.Cluster`."""

    async def list_runs(self, kind: Kind, namespace: str | None, *, limit: int, after: str = "") -> dict[str, Any]:
        """One page of runs. Raises Rejected, Unreachable."""

    def watch_runs(self, kind: Kind, namespace: str | None, *, version: str, timeout_s: int, quiet_s: float) -> Pieces:
        """Lines of JSON from a watch. Raises Rejected, Unreachable."""


class Reflector:
    """Keeps the cache up to date about one kind, in one namespace or (None) in all."""

    def __init__(self, cluster: Runs, cache: Cache, kind: Kind, namespace: str | None) -> None:
        self._cluster = cluster
        self._cache = cache
        self._kind = kind
        self._namespace = namespace
        self._unread = Unread()
        self._synced = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.lists = self.watches = 0

    @property
    def unreadable(self) -> int:
        """The number of versions of runs that could not be read so far."""
        return self._unread.total

    def covers(self, kind: Kind, namespace: str) -> bool:
        """Whether this keeps runs of that kind in that namespace up to date."""
        return kind is self._kind and self._namespace in (None, namespace) and self._synced.is_set()

    async def synced(self) -> None:
        """Returns after the first whole list.

        Raises Rejected if the API server forbids it or has no such resource.
        """
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
        """Whether the first list succeeded or is still tried. After a later refusal the reflector tries again."""
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
                _LOG.exception("the watch of %s failed; it starts again", self._kind)
                version, pause_s = "", _PAUSE_S[1]
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))

    def _warn(self, problem: Exception) -> None:
        place = self._namespace or "all namespaces"
        _LOG.warning("the watch of %s in %s broke off and is resumed soon: %s", self._kind, place, problem)

    async def _list(self) -> str:
        """Lists all runs. Returns the version from which to watch."""
        self.lists += 1
        listed: set[str] = set()
        after, version = "", ""
        while True:
            page = await self._cluster.list_runs(self._kind, self._namespace, limit=_PAGE, after=after)
            metadata = page["metadata"]
            version = version or str(metadata["resourceVersion"])  # every page is of the first one's moment
            for item in page["items"]:
                listed.update(self._taken_over(item))
            after = metadata.get("continue") or ""
            if not after:
                break
        self._cache.prune(self._kind, self._namespace, listed, documents.version(page))
        return version

    async def _watch(self, version: str) -> str:
        """Watches until the API server or the connection ends it. Returns the version to continue from."""
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

    def _taken_over(self, item: Any) -> list[str]:
        """Stores a listed run and returns its UID, if it has one. A run that cannot be read has not vanished."""
        try:
            raw = self._of_kind(item)
            uid = documents.identity(raw)[1]
        except Unreadable as problem:
            self._unread.note(problem)
            return []
        self._apply(raw)
        return [uid]

    def _event(self, line: bytes) -> str:
        """Handles one event. Returns its version; empty if it has none."""
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            event = None
        kind, found = (event.get("type"), event.get("object")) if isinstance(event, dict) else (None, None)
        if kind == "ERROR":
            raise _error(found)
        try:
            if kind == "DELETED":
                self._cache.bury(*documents.identity(self._of_kind(found)))
            elif kind in ("ADDED", "MODIFIED"):
                self._apply(self._of_kind(found))
            elif kind != "BOOKMARK":
                _LOG.warning("the watch of %s sent something that is not an event: %r", self._kind, line[:200])
        except Unreadable as problem:
            self._unread.note(problem)
        return documents.place(found)

    def _of_kind(self, found: object) -> Raw:
        """A resource with its kind, which lists leave out."""
        return {**found, "kind": str(self._kind)} if isinstance(found, dict) else {}

    def _apply(self, raw: Raw) -> None:
        try:
            self._cache.apply(raw)
        except Unreadable as problem:
            self._unread.note(problem)


def _error(found: object) -> Exception:
    status = found if isinstance(found, dict) else {}
    code = status.get("code")
    if code == _GONE:
        return _Expired()
    return Rejected(
        code if isinstance(code, int) else 500, str(status.get("reason") or ""), str(status.get("message") or "")
    )
