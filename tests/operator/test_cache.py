"""What the watches told, in whatever order they told it."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.cache import Cache, Key
from evalkube_operator.telling import Telling
from evalkube_operator.unread import Unread
from fakes.chain import Object, a_job, a_pod, a_run, an_event, ended

KEY: Key = ("EvalRun", "ns", "demo")


@dataclass
class Told:
    """A cache, what it is told, and what it wants looked at."""

    changed: list[Key] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cache = Cache(self.changed.append, lambda _, uid: self.dropped.append(uid))
        self.telling = Telling(self.cache, Unread())

    def run(self, *args: Any, deleted: bool = False, **more: Any) -> None:
        """Of a run."""
        self.telling.told("evalruns", a_run(*args, **more), deleted=deleted)

    def jobs(self, *raws: Object, deleted: bool = False) -> None:
        """Of Jobs."""
        for raw in raws:
            self.telling.told("jobs", raw, deleted=deleted)

    def pods(self, *raws: Object, deleted: bool = False) -> None:
        """Of pods."""
        for raw in raws:
            self.telling.told("pods", raw, deleted=deleted)

    def list(self, plural: str, *raws: Object, version: int, only: str | None = None) -> int:
        """A list of everything, or of one namespace."""
        return self.telling.listed(plural, raws, version, lambda namespace: only in (None, namespace))


def job(uid: str = "j", version: int = 2, **status: Any) -> Object:
    """A Job of the run u."""
    return a_job(a_run(), uid, version, **status)


@given(st.permutations([1, 2, 3, 4, 5]))
def test_older_news_never_replaces_newer(order: list[int]) -> None:
    """Own writes and watches overtake each other."""
    told = Told()
    for version in order:
        told.run("u", version)
        told.jobs(job(version=version, active=version))
        told.telling.told("events", an_event(job(), version=version, message=str(version)))
    found = told.cache.run(KEY)
    assert found is not None
    assert found.resource_version == "5"
    assert [job.active for job in told.cache.jobs("u")] == [5]
    assert [event.message for event in told.cache.failed_creates("ns", ["j"])] == ["5"]


def test_a_list_finds_what_vanished() -> None:
    """But not what came after it was made."""
    told = Told()
    told.run("u", 1)
    told.jobs(job("old", 2), job("new", 9))
    told.changed.clear()
    assert told.list("jobs", version=5) == 1
    assert [job.uid for job in told.cache.jobs("u")] == ["new"]
    assert told.changed == [KEY]
    assert told.list("evalruns", version=5, only="other") == 0
    assert told.list("evalruns", version=5) == 1
    assert told.cache.run(KEY) is None


def test_failed_creations_go_with_their_events() -> None:
    """Deleted, or missing in a list; four of a Job are kept."""
    told = Told()
    told.run("u", 1)
    told.jobs(job())
    for number in range(6):
        told.telling.told("events", an_event(job(), f"e{number}", 10 + number))
    told.telling.told("events", an_event(job(), "e5", 20), deleted=True)
    assert [event.uid for event in told.cache.failed_creates("ns", ["j"])] == ["e2", "e3", "e4"]
    assert told.list("events", an_event(job(), "e3", 13), version=99) == 2
    assert [event.uid for event in told.cache.failed_creates("ns", ["j"])] == ["e3"]


def test_a_pods_end_outlives_the_pod() -> None:
    """Nothing else tells why an attempt failed; also when its Job has gone before it."""
    told = Told()
    told.run("u", 1, jobUID="j")
    told.jobs(job())
    told.pods(a_pod(job(), "p"), a_pod(job(), "q", index=1, phase="Pending"))
    told.pods(ended(a_pod(job(), "p"), 4, 1))
    told.jobs(job(version=5), deleted=True)
    told.pods(a_pod(job(), "p", 6), a_pod(job(), "q", 6, phase="Pending"), deleted=True)
    assert [(pod.uid, pod.phase, pod.gone) for pod in told.cache.pods("u")] == [("p", "Failed", True)]
    assert told.cache.pod("p") is None


def test_a_pods_end_stays_true_when_it_has_been_counted() -> None:
    """The finalizer goes with the counting; after a restart of the operator the Job's status bears it out."""
    for first, status, uids in (
        (a_pod(job(), "p"), {}, ["p"]),
        (None, {}, []),
        (None, {"completedIndexes": "0-1,4"}, ["p"]),
        (None, {"completedIndexes": "1,x,3-"}, []),
        (None, {"failed": 3}, []),
    ):
        told = Told()
        told.run("u", 1)
        told.jobs(job(**status))
        told.pods(*([first] if first else []), ended(a_pod(job(), "p"), 4, counted=True))
        assert [pod.uid for pod in told.cache.pods("u")] == uids, (first, status)


def test_a_relative_that_names_another_run_leaves_the_first() -> None:
    """A label may be changed; nothing stays behind in two places."""
    told = Told()
    told.run("u", 1)
    told.run("v", 1, name="other")
    moved = job(version=3)
    moved["metadata"]["labels"] = {**moved["metadata"]["labels"], "evalkube.io/run-uid": "v"}
    told.jobs(job())
    told.changed.clear()
    told.jobs(moved)
    assert (told.cache.jobs("u"), told.cache.jobs("v"), told.changed) == ((), (), [])
    assert told.list("jobs", version=9) == 1


def test_a_namesake_is_another_run() -> None:
    """Deleted and made again under one name: nothing of the first is the second's."""
    told = Told()
    told.run("u", 1)
    told.run("v", 2)
    assert told.dropped == ["u"]
    assert told.cache.key_of("u") is None
    told.run("u", 3, deleted=True)  # told late
    assert told.cache.key_of("v") == KEY


def test_inline_results_are_not_kept() -> None:
    """32 KiB a run would be most of the operator's memory."""
    told = Told()
    told.run("u", 1, results={"a": "b"}, summary={"score": 1.0})
    found = told.cache.run(KEY)
    assert found is not None
    assert (found.status.results, found.status.summary) == (None, {"score": 1.0})


def test_nothing_is_kept_of_what_has_gone() -> None:
    """A run and all that ever belonged to it, and what strangers made in its name."""
    told = Told()
    stranger = a_pod(job(), "x", 3)
    stranger["metadata"]["namespace"] = "theirs"
    pod = a_pod(job(), "p", 3)
    told.run("u", 1)
    told.jobs(job())
    told.pods(pod, stranger)
    told.telling.told("events", an_event(job()))
    told.pods(ended(pod, 5), ended(stranger, 5))
    told.pods(ended(pod, 6), ended(stranger, 6), deleted=True)
    told.jobs(job(version=7), deleted=True)
    told.run("u", 8, deleted=True)
    kept = {name: value for name, value in vars(told.cache).items() if isinstance(value, dict) and value}
    assert kept == {}
