"""The operator's program: puts its parts together, runs them, and stops them in order.

    evalkube operator [--config FILE]

A replica that does not lead only watches. The one that leads works the queue, serves ingest and sweeps the store; when
it loses the lead it ends at once, and starts anew as a standby.
"""

import asyncio
import contextlib
import gc
import logging
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import kopf

from evalkube_crds import seed
from evalkube_crds.names import Reason
from evalkube_operator import claims, events, logs, serving, watching
from evalkube_operator.actions import Announcement
from evalkube_operator.cache import Cache, Key
from evalkube_operator.certificates import Certificates, Files
from evalkube_operator.cluster import KubernetesCluster, new_client
from evalkube_operator.errors import OperatorError, Unavailable, Unreadable
from evalkube_operator.events import EventPoster
from evalkube_operator.execute import Executor
from evalkube_operator.facts import RunFact
from evalkube_operator.health import Health
from evalkube_operator.ingest.app import create_ingest
from evalkube_operator.ingest.auth import ReviewedTokens, TokenAuthenticator
from evalkube_operator.leader import Election
from evalkube_operator.line import Line
from evalkube_operator.metrics import Metrics
from evalkube_operator.pod_owners import PodOwners
from evalkube_operator.ports import RunKey
from evalkube_operator.reconcile import Reconciler, Requeue
from evalkube_operator.settings import Settings, read
from evalkube_operator.storage import Storage
from evalkube_operator.store.interface import StoreError
from evalkube_operator.store.noting import NotingStore
from evalkube_operator.store.opening import open_store
from evalkube_operator.store.runs import RunStore, sweep
from evalkube_operator.unread import Unread
from evalkube_operator.workqueue import WorkQueue

__all__ = ["main"]

_LOG = logging.getLogger("evalkube.operator")
_BEAT_S = 0.5
_STOP_S = 8.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code: 0 after a signal, 1 where a part of it ended by itself."""
    settings = read(sys.argv[1:] if arguments is None else arguments)
    logs.start(settings.log_level)
    import uvloop  # not for --help and a wrong configuration

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Operator.run(settings))


class _Operator:
    """The operator's parts, put together, and its tasks."""

    def __init__(self, settings: Settings, cluster: KubernetesCluster) -> None:
        self.settings = settings
        self.queue: WorkQueue[Key] = WorkQueue()
        self.metrics = Metrics()
        self.health = Health(time.monotonic)
        store = open_store(settings.store)
        self.storage = Storage(store.check, self._on_store_room, now=_now)
        self.store = NotingStore(store, self.storage.refused)
        self.run_store = RunStore(self.store)
        self.unread = Unread(lambda kind: self.metrics.unreadable.labels(kind).inc())
        self.cache = Cache(self.queue.add, self._on_dropped)
        self.poster = EventPoster(cluster, settings.identity, busy=self.queue.is_urgent)
        executor = Executor(
            cluster=cluster,
            store=self.run_store,
            cache=self.cache,
            defaults=settings.runner,
            announcer=self,
            respond=seed.response,
            unread=self.unread,
            now=_now,
        )
        self.line = Line(settings.limits, self.queue.add)
        self.reconciler = Reconciler(
            cache=self.cache,
            executor=executor,
            rules=settings.rules,
            output_uri=self.run_store.uri,
            priority=self.queue,
            line=self.line,
            storage=self.storage,
            unread=self.unread,
            now=_now,
        )
        self.watching = watching.Watching(
            cluster=cluster,
            cache=self.cache,
            namespaces=settings.namespaces,
            health=self.health,
            metrics=self.metrics,
            unread=self.unread,
        )
        self.election = Election(
            cluster,
            namespace=settings.own_namespace,
            name=settings.lease,
            identity=settings.identity,
            in_pod=settings.in_pod,
        )
        self.claims = claims.Claims(
            cluster, holder=f"{settings.own_namespace}/{settings.lease}", role=settings.cluster_role
        )
        self.pod_owners = PodOwners(self.cache, self.reconciler, self.queue.add_after)
        self.ingest = self._ingest_server(cluster)
        self.certificates = Certificates(
            Files(settings.ingest_certificate, settings.ingest_key, settings.ingest_ca),
            cluster,
            serve=self.ingest.load_certificate,
            trust=executor.trust,
            working=lambda: (pod for pod in self.cache.living_pods() if self.claims.held(pod.namespace)),
        )
        self.probes = self._probe_server()
        self.dropped: asyncio.Queue[RunKey] = asyncio.Queue()
        self.working: set[asyncio.Task[Any]] = set()
        self.stopping = False
        self.busy = 0

    @classmethod
    async def run(cls, settings: Settings) -> int:
        """Run the operator until it is told to stop; its exit code."""
        api = await new_client(settings.kubeconfig)
        try:
            return await cls(settings, KubernetesCluster(api))._run()
        finally:
            await api.close()  # type: ignore[no-untyped-call]  # theirs

    async def _run(self) -> int:
        gc.collect()
        gc.freeze()  # modules and parts stay: looking at them in each full collection would hold the loop for 100 ms
        self.health.beat(0.0)
        for kind in ("evalruns", "perfruns", "jobs", "pods"):
            self.health.listed(kind)
        kopf_task = asyncio.create_task(self._kopf(), name="kopf")
        lost = asyncio.create_task(self.election.lost.wait(), name="lost")
        parts = [
            kopf_task,
            lost,
            asyncio.create_task(self.election.run(), name="election"),
            asyncio.create_task(self._lead(), name="lead"),
            asyncio.create_task(self.probes.serve(), name="probes"),
            asyncio.create_task(self._beat(), name="beat"),
            asyncio.create_task(self.poster.run(), name="events"),
        ]
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        clean = kopf_task in done and kopf_task.exception() is None
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                _LOG.error("%s ended: %r", task.get_name(), error, exc_info=error)
        if lost not in done:
            await self._stop()
        for task in [*parts, *self.working]:
            task.cancel()
        await asyncio.wait(parts, timeout=_STOP_S)
        return 0 if clean else 1

    # parts

    async def _kopf(self) -> None:
        names = await self._readable()
        await kopf.operator(
            registry=self.watching.registry(),
            settings=watching.kopf_settings(),
            identity=cast("Any", self.settings.identity),  # else it asks for a user name, which a pod may lack
            standalone=True,
            clusterwide=not self.settings.namespaces,
            namespaces=names,
        )

    async def _readable(self) -> list[str]:
        while True:
            try:
                return await self.watching.readable()
            except OperatorError as problem:
                _LOG.warning("a list of the API server failed: %s", problem)
                await asyncio.sleep(2)

    async def _lead(self) -> None:
        """Keep the cache up to date. Once this replica leads and the cache is complete, reconcile runs."""
        await self._resync_until_done()
        resync = asyncio.create_task(self._resync())
        leading = asyncio.create_task(self.election.leading.wait())
        await asyncio.wait([resync, leading], return_when=asyncio.FIRST_COMPLETED)
        await self._resync_until_done()  # what the last leader did until its end is in here
        self.reconciler.prime()
        for key in self.cache.run_keys():
            self.queue.add(key)
        work = [self._serve_ingest(), self._sweep(), self._delete_dropped(), self.certificates.keep(), self._claim()]
        work += [self.storage.keep()]
        work += [self._work() for _ in range(self.settings.workers)]
        self.working = {asyncio.create_task(each) for each in work}
        _LOG.info("started; %d runs found", len(self.cache))
        done, _ = await asyncio.wait({resync, *self.working}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task  # whatever ends here ended by a fault: pass it on

    async def _resync_until_done(self) -> None:
        while True:
            try:
                await self.watching.resync()
            except OperatorError as problem:
                _LOG.warning("a list of the API server failed: %s", problem)
                await asyncio.sleep(2)
            else:
                return

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self.settings.resync_s)
            try:
                if await self.watching.resync():
                    _LOG.info("a namespace of this operator was created again; the operator restarts to watch it")
                    return
            except OperatorError as problem:
                _LOG.warning("a list of the API server failed: %s", problem)

    async def _work(self) -> None:
        while not self.stopping:
            key = await self.queue.take()
            began = time.perf_counter()
            self.busy += 1
            try:
                rest = await self._look_at(key)
            except OperatorError as problem:
                self._failed(key, problem)
            except Exception as problem:
                _LOG.exception("%s %s/%s", *key)
                self._failed(key, problem)
            else:
                if rest.deferred:
                    self.queue.defer(key)
                else:
                    self.queue.done(key)
                if rest.again_s is not None:
                    self.queue.add_after(key, rest.again_s)
            finally:
                self.busy -= 1
                self.metrics.reconcile_seconds.observe(time.perf_counter() - began)

    async def _claim(self) -> None:
        """Claim the named namespaces before their first run, and check the claims now and then."""
        while True:
            for namespace in self.settings.namespaces:
                with contextlib.suppress(OperatorError):
                    await self.claims.other(namespace)
            await asyncio.sleep(claims.AGAIN_S)

    async def _look_at(self, key: Key) -> Requeue:
        if await self.claims.other(key[1]) is not None:
            return Requeue(claims.AGAIN_S)
        return await self.reconciler.reconcile(key)

    def _failed(self, key: Key, problem: Exception) -> None:
        if isinstance(problem, Unreadable):
            self.unread.note(problem)
        at_least_s = (problem.retry_after_s or 0.0) if isinstance(problem, Unavailable) else 0.0
        pause_s = self.queue.failed(key, at_least_s=at_least_s)
        self.metrics.reconcile_errors.labels(type(problem).__name__).inc()
        _LOG.warning("%s %s/%s: %s; next try in %.2f s", *key, problem, pause_s)

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_BEAT_S)
            lag_s = time.monotonic() - before - _BEAT_S
            self.health.beat(lag_s)
            self.metrics.loop_lag_seconds.set(lag_s)
            self.metrics.queue.set(len(self.queue))
            self.metrics.queue_age_seconds.set(self.queue.oldest_s())
            self.metrics.runs.set(len(self.cache))
            self.metrics.waiting.set(len(self.line))
            self.metrics.runner_pods.set(sum(holding.pods for holding in self.line.holdings()))
            self.metrics.leader.set(self.election.leading.is_set())

    def announce(self, run: RunFact, announcement: Announcement) -> None:
        """See `execute.Announcer`: counted, and posted when there is time."""
        if announcement.ended:
            self.metrics.ended.labels(str(run.kind), str(announcement.reason)).inc()
        self.poster.announce(run, announcement)

    # the store

    def _on_store_room(self, shortage: str) -> None:
        """Reconcile every waiting run: its status says what it waits for, or it goes on."""
        self.metrics.store_full.set(bool(shortage))
        if not shortage:
            _LOG.info("the store has room again: runs start")
        else:
            words = f"the store has no room, and no run starts until there is some: {shortage}"
            _LOG.error("%s", words)
            if self.settings.pod is not None:
                announcement = Announcement(Reason.STORE_FULL, words, warning=True)
                self.poster.post(events.own(self.settings.pod, announcement, _now()))
        for key in self.cache.run_keys():
            self.queue.add(key)

    def _on_dropped(self, key: Key, uid: str) -> None:
        self.dropped.put_nowait(RunKey(key[1], key[2], uid))

    async def _delete_dropped(self) -> None:
        """Remove the artifacts of deleted runs; the sweep finds what was missed."""
        while True:
            run = await self.dropped.get()
            if self.settings.keep_s > 0:
                continue
            try:
                await self.run_store.delete_run(run)
            except (OperatorError, StoreError, OSError) as problem:
                which = f"{run.namespace}/{run.name}"
                _LOG.warning("the artifacts of %s cannot be removed now: %s; next try later", which, problem)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.settings.sweep_s)
            if self.watching.passed_over:
                continue  # whose runs are not known: what is theirs must not be taken for nobody's
            try:
                removed = await sweep(
                    self.store,
                    lambda uid: self.cache.key_of(uid) is not None,
                    now=_now(),
                    keep=timedelta(seconds=max(self.settings.keep_s, 60.0)),
                )
            except (OperatorError, StoreError, OSError) as problem:
                _LOG.warning("the sweep of the store failed: %s", problem)
            else:
                if removed:
                    _LOG.info("removed the artifacts of %d deleted runs", len(removed))

    # HTTP

    def _ingest_server(self, cluster: KubernetesCluster) -> serving.Server:
        authenticator = TokenAuthenticator(ReviewedTokens(cluster), self.pod_owners, readers=self.settings.readers)
        app = create_ingest(
            store=self.store,
            authenticator=authenticator,
            runs=self.pod_owners,
            observe=lambda route, status, seconds: self.metrics.ingest_seconds.labels(route, str(status)).observe(
                seconds
            ),
        )
        return serving.Server(
            app,
            host=self.settings.ingest_host,
            port=self.settings.ingest_port,
            certificate=self.settings.ingest_certificate,
            key=self.settings.ingest_key,
        )

    def _probe_server(self) -> serving.Server:
        app = serving.probes(
            complaints=lambda: self.health.complaints(self.queue.stuck_s() if self.working else 0.0),
            ready=lambda: self.election.leading.is_set() and self.ingest.started,
            metrics=self.metrics.text,
            served_by_others=lambda: self.claims.others,
        )
        return serving.Server(app, host="0.0.0.0", port=self.settings.probes_port, grace_s=1)  # noqa: S104

    async def _serve_ingest(self) -> None:
        await self.ingest.serve()

    async def _stop(self) -> None:
        """Stop the parts in order: no new work, begun work is finished, ingest ends, a standby may take over."""
        _LOG.info("stopping")
        self.stopping = self.ingest.should_exit = self.probes.should_exit = True
        deadline = time.monotonic() + _STOP_S / 2
        while self.busy and time.monotonic() < deadline:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.02)
        with contextlib.suppress(OperatorError):
            await self.election.give_up()


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
