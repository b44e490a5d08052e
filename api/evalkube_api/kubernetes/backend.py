"""The backend of a cluster: creates resources and waits for the operator's results. It keeps no state.

The resource is the only state. Any replica answers for any run, also after a restart. If the service stops, blocked
requests are told where to find their run. Data that must be current is read from the API server. Data that many
requests need (waiting, progress, lists) comes from one shared watch.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import orjson

from evalkube_api import errors, lines, selecting
from evalkube_api.backend import (
    Artifact,
    ArtifactList,
    Backend,
    Census,
    Deletion,
    Line,
    Moment,
    Queue,
    RunEvent,
    RunPage,
    RunQuery,
    Span,
    Submission,
)
from evalkube_api.kubernetes import creating, documents, logs
from evalkube_api.kubernetes.cache import Cache, Entry
from evalkube_api.kubernetes.cluster import Cluster, answered, connect
from evalkube_api.kubernetes.creating import Creator
from evalkube_api.kubernetes.documents import Raw
from evalkube_api.kubernetes.finding import Finder
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.rejections import Corrupt, NotInstalled, Rejected, Unavailable
from evalkube_api.kubernetes.scopes import Scopes
from evalkube_api.kubernetes.stored import Stored
from evalkube_api.settings import ClusterSettings
from evalkube_crds.status import ResultReference, Run

__all__ = ["KubernetesBackend"]

_LOG = logging.getLogger("evalkube.service")
_START_S: Final = 60.0
_CANCEL_S: Final = 30.0
_FORCED_S: Final = 10.0
_QUIET_S: Final = 10.0
_DRAIN_S: Final = 5.0


class KubernetesBackend:
    """Runs in a cluster; see backend.Backend for what each method promises.

    In the documents that it hands out `metadata.name` is the run's id (see `ids`).
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._cache = Cache(lambda: datetime.now(UTC))
        self._busy = 0
        self._closing = self._closed = self._started = False
        self._cluster: Cluster
        self._scopes: Scopes
        self._stored: Stored
        self._creator: Creator
        self._runs: Finder

    @property
    def waiting(self) -> int:
        """The number of blocked requests."""
        return self._cache.waiting

    async def start(self) -> None:
        """Reads all runs. Raises errors.ServiceError if the cluster forbids it or does not answer."""
        if self._started:
            return
        settings = self._settings
        self._cluster = await connect(settings.kubeconfig)
        self._stored = Stored(settings.store_url, token_file=settings.store_token, ca_file=settings.store_ca)
        self._scopes = Scopes(self._cluster, self._cache, everywhere=settings.all_namespaces)
        self._creator = Creator(self._cluster)
        self._runs = Finder(self._cluster, self._cache, self._scopes, settings.namespace)
        self._started = True
        try:
            async with asyncio.timeout(_START_S):
                for namespace in dict.fromkeys((settings.namespace, *settings.namespaces)):
                    await self._seen(namespace)
        except (errors.ApiError, TimeoutError) as problem:
            await self.close()
            raise errors.ServiceError(str(problem) or "the API server does not answer") from None

    async def _seen(self, namespace: str) -> None:
        while True:
            try:
                await self._scopes.ensure(namespace)
            except NotInstalled:
                raise
            except Unavailable as problem:
                _LOG.warning("%s; trying again", problem)
                await asyncio.sleep(1)
            else:
                return

    async def close(self) -> None:
        """Wakes all waiters (their runs go on), lets calls finish, and closes every connection."""
        self._closing = True
        self._cache.close()
        if self._closed or not self._started:
            return
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await asyncio.sleep(0)
                while self._busy:  # noqa: ASYNC110 - a few turns at the very end
                    await asyncio.sleep(0.02)
        await self._scopes.close()
        await self._stored.close()
        await self._cluster.close()

    def kill(self) -> None:
        """Does nothing: nothing here delays the end of the service."""
        self._cache.close()

    async def submit(self, submission: Submission) -> Run:
        """See backend.Backend. If the client leaves, the submission goes on: run and Secret are made, or neither."""
        if self._closing:
            raise errors.ShuttingDown("the service is stopping; send the request again when it is back")
        creating.check(submission)
        return await asyncio.shield(asyncio.ensure_future(self._submitted(submission)))

    async def _submitted(self, submission: Submission) -> Run:
        namespace = submission.namespace or self._settings.namespace
        with self._calling("create the run"):
            await self._scopes.ensure(namespace)  # what cannot be seen cannot be waited for
            raw = await self._creator.create(submission, namespace)
            self._cache.apply(raw)
            return self._document(raw)

    async def get(self, run_id: str) -> Run:
        """See backend.Backend."""
        return self._document(await self._runs.whole(run_id))

    async def list(self, query: RunQuery) -> RunPage:
        """See backend.Backend. Lists the runs of watched namespaces. A namespace that a query names is watched from
        then on.
        """
        await self._watched(query)
        every = (self._line(key, entry) for key, entry in self._cache.entries())
        found = selecting.page(every, query, datetime.now(UTC))
        return RunPage(found.lines, found.total, found.next, self._cache.feed.position)

    async def events(self, query: RunQuery, after: str | None = None) -> AsyncIterator[RunEvent | None]:
        """See backend.Backend. The events are of the runs that lists show."""
        await self._watched(query)

        def line(key: Key) -> Line | None:
            entry = self._cache.entry(key)
            found = None if entry is None else self._line(key, entry)
            return found if found is not None and selecting.matches(found, query) else None

        return self._cache.feed.events(after, line=line, run_id=self._runs.id_of, keys=self._cache.keys)

    async def _watched(self, query: RunQuery) -> None:
        if query.namespace is not None:
            with self._calling("see the runs"):
                await self._scopes.ensure(query.namespace)

    def _line(self, key: Key, entry: Entry) -> Line:
        """The line of a run, under its id."""
        run_id = self._runs.id_of(key)
        return entry.line if run_id == key.name else replace(entry.line, run_id=run_id)

    def queue(self, run: Run) -> Queue | None:
        """See backend.Backend. Positions are not known: only the cluster's own queue knows them."""
        return lines.queue_of(run.status)

    def census(self) -> Census:
        """See backend.Backend. Counts the runs of watched namespaces."""
        counts = Counter((key.kind, entry.phase) for key, entry in self._cache.entries())
        return Census(counts, unreadable=self._scopes.unreadable if self._started else 0)

    async def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """See backend.Backend. Raises errors.RunDeleted; returns the run as it is when the service stops."""
        key, uid = await self._runs.watched(run_id)
        with self._cache.waiter(uid) as waiter:
            if self._terminal(key, uid):
                return await self.get(self._runs.id_of(key))
            raw: Raw | None = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    raw = await waiter
        return self._document(raw if raw is not None else self._entry(key, uid).document())

    def _terminal(self, key: Key, uid: str) -> bool:
        return self._entry(key, uid).phase.terminal

    def _entry(self, key: Key, uid: str) -> Entry:
        entry = self._cache.entry(key)
        if entry is None or entry.uid != uid:
            raise errors.RunDeleted(f"run {self._runs.id_of(key)} was deleted")
        return entry

    async def results(self, run_id: str) -> bytes:
        """See backend.Backend. If the results never reached the operator, the run's headline figures are returned."""
        raw = await self._runs.whole(run_id)
        run = self._document(raw)
        if run.status.results is not None:
            return orjson.dumps(run.status.results)
        if run.status.result_ref is not None:
            with self._calling("read the results"):
                data = await self._stored.result(raw["metadata"]["uid"])
            return _intact(data, run.status.result_ref)
        if not run.status.phase.terminal or not run.status.summary:
            raise errors.NotFound(f"run {run_id} has no results; its phase is {run.status.phase}")
        return orjson.dumps({"summary": run.status.summary})

    async def cancel(self, run_id: str) -> Run:
        """See backend.Backend."""
        raw = await self._runs.whole(run_id)
        if documents.phase(raw).terminal:
            return self._document(raw)
        await self._ask_to_end(raw)
        return await self.wait(self._runs.id_of(documents.key_of(raw)), _CANCEL_S)

    async def _ask_to_end(self, raw: Raw) -> None:
        key, uid = documents.key_of(raw), raw["metadata"]["uid"]
        with self._calling("cancel the run"):
            try:
                self._runs.learn(await self._cluster.patch_run(key, uid, {"spec": {"cancel": True}}))
            except Rejected as refused:
                if refused.status == 404 or refused.another:
                    raise errors.RunDeleted(f"run {key.name} was deleted") from None
                raise

    async def delete(self, run_id: str, *, force: bool) -> Deletion:
        """See backend.Backend. What the run owns is deleted with it; the operator deletes the files later."""
        raw = await self._runs.whole(run_id)
        key, uid = documents.key_of(raw), str(raw["metadata"]["uid"])
        if not documents.phase(raw).terminal:
            if not force:
                raise errors.Conflict(
                    f"run {run_id} has not ended; cancel it first, or delete it with ?force=true", run_id
                )
            await self._ask_to_end(raw)
            await self.wait(
                self._runs.id_of(key), _FORCED_S
            )  # a runner that is told has its last word; no operator, no matter
        with self._calling("delete the run"):
            try:
                await self._cluster.delete_run(key, uid)
            except Rejected as refused:
                if not refused.another:
                    raise
        self._cache.bury(key, uid)
        return Deletion("deleted", "the operator removes the run's files from the store")

    async def moment(self, run_id: str) -> Moment:
        """See backend.Backend."""
        return self._moment(*await self._runs.watched(run_id))

    async def moments(self, run_id: str) -> AsyncIterator[Moment | None]:
        """See backend.Backend. Ends when the service stops, too."""
        key, uid = await self._runs.watched(run_id)
        last: Moment | None = None
        with self._cache.follower(uid) as changed:
            while True:
                changed.clear()
                moment = self._moment(key, uid)
                if moment != last:
                    yield moment
                last = moment
                if moment.phase.terminal or self._cache.closed:
                    return
                try:
                    async with asyncio.timeout(_QUIET_S):
                        await changed.wait()
                except TimeoutError:
                    yield None

    def _moment(self, key: Key, uid: str) -> Moment:
        entry = self._entry(key, uid)
        return lines.moment_of(self._document(entry.document()), entry.changed_at)

    async def log(self, run_id: str, *, tail_lines: int | None, follow: bool) -> AsyncIterator[bytes]:
        """See backend.Backend. The log exists as long as Kubernetes keeps the pods."""
        raw = await self._runs.whole(run_id)
        namespace, uid = raw["metadata"]["namespace"], str(raw["metadata"]["uid"])

        async def look() -> list[logs.Pod]:
            return await logs.pods_of(self._cluster, namespace, uid)

        async def wait(seconds: float) -> bool:
            try:
                run = await self.wait(run_id, seconds)
            except errors.NotFound:
                return True
            if self._closing:
                raise errors.ShuttingDown("the service is stopping")
            return run.status.phase.terminal

        if follow:
            chunks = logs.followed(self._cluster, look, tail_lines, wait)
        else:
            chunks = logs.written(self._cluster, await look(), tail_lines)
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def artifacts(self, run_id: str) -> ArtifactList:
        """See backend.Backend. The list is empty while the store has nothing of the run."""
        uid = (await self._runs.whole(run_id))["metadata"]["uid"]
        with self._calling("list the artifacts"):
            try:
                return await self._stored.listing(uid)
            except errors.NotFound:
                return ArtifactList([], complete=True)

    async def artifact(self, run_id: str, path: str, *, span: Span | None = None) -> Artifact:
        """See backend.Backend."""
        uid = (await self._runs.whole(run_id))["metadata"]["uid"]
        with self._calling("read the artifact"):
            return await self._stored.artifact(uid, path, span)

    def _document(self, raw: Raw) -> Run:
        return documents.run_of(raw, self._runs.id_of(documents.key_of(raw)))

    @contextlib.contextmanager
    def _calling(self, doing: str) -> Iterator[None]:
        """Guards calls to the cluster: turns refusals into answers. The service closes after they have ended."""
        self._busy += 1
        try:
            with answered(doing):
                yield
        finally:
            self._busy -= 1


def _intact(data: bytes, reference: ResultReference) -> bytes:
    if hashlib.sha256(data).hexdigest() != reference.sha256:
        raise Corrupt("the stored results are not those that the run ended with; run it again")
    return data


def _conforms(backend: KubernetesBackend) -> Backend:
    return backend  # mypy holds the class to the interface here
