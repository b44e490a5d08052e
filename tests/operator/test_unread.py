"""Objects that nobody expected: read, or passed over with a word and a count; all others are as they were."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkube_crds.names import Kind
from evalkube_operator import plan, reading
from evalkube_operator.cache import Cache, Key
from evalkube_operator.cluster import Listed
from evalkube_operator.errors import Unreadable
from evalkube_operator.health import Health
from evalkube_operator.installer_rules import Rules
from evalkube_operator.line import Limits, Line
from evalkube_operator.memory import Memory
from evalkube_operator.metrics import Metrics
from evalkube_operator.telling import Telling
from evalkube_operator.unread import Unread
from evalkube_operator.watching import Watching
from fakes.chain import AT, Object, a_job, a_pod, a_run, a_secret, an_event, ended
from fakes.damage import damaged, each_damage
from fakes.small_cluster import EPOCH, SmallCluster, eval_spec
from fakes.small_operator import SmallOperator

ATTEMPTS = [{"number": 1, "startTime": AT}]
CONDITIONS = [
    {
        "type": name,
        "status": "True",
        "reason": "Started",
        "message": "",
        "lastTransitionTime": AT,
        "observedGeneration": 1,
    }
    for name in ("Accepted", "JobCreated", "Running")
]
RUN = a_run(attempts=ATTEMPTS, jobName="demo-e1", jobUID="j", phase="Running", conditions=CONDITIONS)
ENDED_RUN = a_run(
    phase="Failed", conditions=[{**CONDITIONS[0], "type": "Succeeded", "status": "False"}], completionTime=AT
)
ENDED_RUN["spec"]["ttlSecondsAfterFinished"] = 100
JOB = a_job(RUN, failed=1, conditions=[{"type": "Suspended", "status": "False", "lastTransitionTime": AT}])
POD = a_pod(JOB)


def _later(raw: Object) -> Object:
    """News to whoever knows the first of it."""
    return {**raw, "metadata": {**raw["metadata"], "resourceVersion": "50"}}


SOUND: dict[str, tuple[str, Object]] = {
    "EvalRun": ("evalruns", _later(RUN)),
    "EvalRun that has ended": ("evalruns", _later(ENDED_RUN)),
    "PerfRun": ("perfruns", a_run(kind=Kind.PERF_RUN, attempts=ATTEMPTS, jobUID="j", conditions=CONDITIONS)),
    "Job": ("jobs", _later(JOB)),
    "Pod": ("pods", _later(POD)),
    "Pod that has ended": ("pods", _later(ended(POD, 9, 1))),
    "Event": ("events", _later(an_event(JOB))),
}
READ: dict[str, Callable[[Any], object]] = {
    "evalruns": lambda raw: reading.opened(reading.kept(raw, Kind.EVAL_RUN)),
    "perfruns": lambda raw: reading.opened(reading.kept(raw, Kind.PERF_RUN)),
    "jobs": reading.job,
    "pods": reading.pod,
    "events": reading.event,
    "secrets": reading.named_object,
}
NEIGHBOUR = a_run("n", namespace="near")
NEIGHBOURS = {
    "evalruns": [NEIGHBOUR],
    "perfruns": [a_run("m", kind=Kind.PERF_RUN, namespace="near")],
    "jobs": [a_job(NEIGHBOUR, "nj")],
    "pods": [a_pod(a_job(NEIGHBOUR, "nj"), "np")],
    "events": [an_event(a_job(NEIGHBOUR, "nj"), "ne")],
}
FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", [*SOUND, "Secret"])
@FEW
@given(data=st.data())
def test_reading_gives_a_fact_or_says_that_it_cannot(kind: str, data: st.DataObject) -> None:
    """Nothing else is ever raised, and what is said can be written down."""
    plural, sound = SOUND.get(kind, ("secrets", a_secret(RUN)))
    READ[plural](sound)
    raw = data.draw(damaged(sound))
    said = ""
    try:
        READ[plural](raw)
    except Unreadable as problem:
        said = str(problem)
    assert len(said.encode()) < 2000


def _told(cache: Cache, telling: Telling) -> None:
    for plural, raws in NEIGHBOURS.items():
        for raw in raws:
            telling.told(plural, raw)
    for plural, raw in (("evalruns", RUN), ("jobs", JOB), ("pods", POD), ("events", an_event(JOB))):
        telling.told(plural, raw)


def _looked_at(cache: Cache, key: Key) -> None:
    """As the reconciler does."""
    try:
        run = cache.run(key)
    except Unreadable:
        return
    if run is not None:
        for now in (EPOCH, EPOCH + timedelta(days=900)):
            line = Line(Limits(), lambda _: None)
            seen = Memory().seen(run, cache, line, now, store_room=None, progress_interval_s=(3.0, 10.0))
            plan.next_actions(plan.PlanInput(run, seen, now, Rules()))


def _neighbours_are_there(cache: Cache) -> None:
    assert cache.run(("EvalRun", "near", "demo")) is not None
    assert cache.run(("PerfRun", "near", "demo")) is not None
    assert [job.uid for job in cache.jobs("n")] == ["nj"]
    assert [pod.uid for pod in cache.pods("n")] == ["np"]
    assert [event.uid for event in cache.failed_creates("near", ["nj"])] == ["ne"]
    pod = cache.pod("np")
    assert pod is not None
    assert cache.runner(pod) == pod


@pytest.mark.parametrize("kind", SOUND)
@FEW
@given(data=st.data())
def test_nothing_damaged_does_harm(kind: str, data: st.DataObject) -> None:
    """Told by a watch, listed, and deleted, among others: they stay, and every run can be looked at."""
    plural, sound = SOUND[kind]
    cache = Cache(lambda _: None)
    telling = Telling(cache, Unread())
    _told(cache, telling)
    raw = data.draw(damaged(sound))
    for tell in (
        lambda: telling.told(plural, raw),
        lambda: telling.listed(plural, [raw, *NEIGHBOURS[plural], raw], 99, lambda _: True),
        lambda: telling.told(plural, raw, deleted=True),
    ):
        tell()
        _neighbours_are_there(cache)
        for key in cache.run_keys():
            _looked_at(cache, key)
    for plural, raws in NEIGHBOURS.items():
        telling.listed(plural, raws, 1 << 62, lambda _: True)
    _neighbours_are_there(cache)
    assert len(cache) == 2


@pytest.mark.parametrize("kind", SOUND)
def test_every_field_may_be_missing_or_odd(kind: str) -> None:
    """One at a time, each by what is of its type: every run can be looked at all the same."""
    plural, sound = SOUND[kind]
    for what, raw in each_damage(sound):
        cache = Cache(lambda _: None)
        telling = Telling(cache, Unread())
        _told(cache, telling)
        telling.told(plural, raw)
        try:
            for key in cache.run_keys():
                _looked_at(cache, key)
        except Exception as problem:
            problem.add_note(what)
            raise


POISONED: dict[str, tuple[str, Object]] = {
    "an event about a Job without uid": ("events", {**an_event(JOB), "involvedObject": {"kind": "Job", "name": "x"}}),
    "an event about nothing": ("events", {**an_event(JOB), "involvedObject": None}),
    "an event about another namespace": (
        "events",
        {**an_event(JOB), "involvedObject": {"kind": "Job", "namespace": "far", "uid": "j"}},
    ),
    "an event of no time": ("events", an_event(JOB, lastTimestamp="yesterday")),
    "a pod of no time": ("pods", {**POD, "metadata": {**POD["metadata"], "creationTimestamp": None}}),
    "a Job with a count of text": ("jobs", {**JOB, "status": {"active": "many"}}),
}


@pytest.mark.parametrize("name", POISONED)
def test_what_cannot_be_read_is_said_once_and_counted_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is listed; and again when it has changed."""
    plural, raw = POISONED[name]
    counted: Counter[str] = Counter()
    telling = Telling(Cache(lambda _: None), Unread(lambda kind: counted.update([kind])))
    with caplog.at_level(logging.WARNING, "evalkube.operator"):
        for _ in range(3):
            telling.told(plural, raw)
            assert telling.listed(plural, [raw], 99, lambda _: True) == 0
    assert (counted.total(), len(caplog.records)) == (1, 1)
    assert raw["metadata"]["name"] in caplog.text
    telling.told(plural, {**raw, "metadata": {**raw["metadata"], "resourceVersion": "77"}})
    assert counted.total() == 2


def test_the_last_good_fact_stays_as_long_as_the_object() -> None:
    """It has not vanished because it cannot be read; when it has, it goes."""
    cache = Cache(lambda _: None)
    telling = Telling(cache, Unread())
    _told(cache, telling)
    bad = {**POD, "metadata": {**POD["metadata"], "resourceVersion": "50"}, "status": {"phase": 7}}
    telling.told("pods", bad)
    assert telling.listed("pods", [bad, *NEIGHBOURS["pods"]], 99, lambda _: True) == 0
    assert [(pod.uid, pod.phase) for pod in cache.pods("u")] == [("p", "Running")]
    telling.told("pods", bad, deleted=True)
    assert cache.pod("p") is None


def test_a_run_that_cannot_be_read_rests() -> None:
    """Until it changes: it is not looked at again and again, and what it was decides nothing."""
    cluster = SmallCluster()
    operator = SmallOperator(cluster)
    key: Key = ("EvalRun", "ns", "demo")
    run = cluster.new("EvalRun", "demo", spec=eval_spec(), status={"phase": "Glowing"})
    operator.deliver()
    assert operator.wanted == {key}
    for _ in range(3):
        assert operator.work(key) is None
    assert operator.wanted == set()
    assert operator.unread == {"EvalRun": 1}
    assert not cluster.created_jobs
    cluster.objects[key]["status"] = {}
    cluster.change(cluster.objects[key])
    operator.deliver()
    operator.work(key)
    assert cluster.created_jobs
    assert run["metadata"]["uid"] in operator.cache.uids()
    operator.close()


class Everything:
    """`watching.Lists` of a cluster in which somebody made one object of each kind that cannot be read."""

    def _listed(self, plural: str) -> Listed:
        metadata = {"namespace": "ns", "name": "bad", "uid": "b", "creationTimestamp": "never"}
        bad = {"metadata": metadata, "status": 1}
        return [bad, *NEIGHBOURS[plural], POISONED["an event about a Job without uid"][1]], 99

    async def list_runs(self, kind: Kind, namespace: str | None) -> Listed:
        """See `watching.Lists`."""
        return self._listed(f"{str(kind).lower()}s")

    async def list_jobs(self, namespace: str | None, selector: str) -> Listed:
        """See `watching.Lists`."""
        return self._listed("jobs")

    async def list_pods(self, namespace: str | None, selector: str) -> Listed:
        """See `watching.Lists`."""
        return self._listed("pods")

    async def list_events(self, namespace: str | None, selector: str) -> Listed:
        """See `watching.Lists`."""
        return self._listed("events")


def test_an_operator_starts_among_poisoned_objects() -> None:
    """Its first list takes over all others, and it is as healthy as ever."""
    metrics, health = Metrics(), Health(lambda: 1.0)
    health.beat(0.0)
    cache = Cache(lambda _: None)
    unread = Unread(lambda kind: metrics.unreadable.labels(kind).inc())
    watching = Watching(cluster=Everything(), cache=cache, namespaces=(), health=health, metrics=metrics, unread=unread)
    for _ in range(2):
        asyncio.run(watching.resync())
    _neighbours_are_there(cache)
    assert not health.complaints(0.0)
    assert b'evalkube_unreadable_objects_total{kind="Pod"} 1.0' in metrics.text()
    assert b'evalkube_unreadable_objects_total{kind="Event"} 2.0' in metrics.text()
