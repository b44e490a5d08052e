"""What the watches told, in whatever order they told it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.cache import Cache, Key
from fakes.small_cluster import eval_spec

Object = dict[str, Any]
KEY: Key = ("EvalRun", "ns", "demo")


def an_object(kind: str, uid: str, version: int, owner: str = "", **parts: Any) -> Object:
    """An object of the run u."""
    metadata: Object = {
        "namespace": "ns",
        "name": "demo" if kind == "EvalRun" else uid,
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-01T00:00:00Z",
        "labels": {"evalkube.io/run-uid": "u"},
    }
    if owner:
        metadata["ownerReferences"] = [{"kind": "Job", "name": "", "uid": owner, "controller": True}]
    return {"kind": kind, "metadata": metadata, "spec": eval_spec(), "status": {}, **parts}


def new_cache() -> tuple[Cache, list[Key]]:
    """A cache, and what it wants looked at."""
    changed: list[Key] = []
    return Cache(changed.append), changed


def everywhere(_: str) -> bool:
    """A list of the whole cluster."""
    return True


@given(st.permutations([1, 2, 3, 4, 5]))
def test_older_news_never_replaces_newer(order: list[int]) -> None:
    """Own writes and watches overtake each other."""
    cache, _ = new_cache()
    for version in order:
        cache.apply_run(an_object("EvalRun", "u", version))
        cache.apply_job(an_object("Job", "j", version, "u", status={"active": version}))
    found = cache.run(KEY)
    assert found is not None
    assert found.resource_version == "5"
    assert [job.active for job in cache.jobs("u")] == [5]


def test_a_list_finds_what_vanished() -> None:
    """But not what came after it was made."""
    cache, changed = new_cache()
    cache.apply_run(an_object("EvalRun", "u", 1))
    for uid, version in (("old", 2), ("new", 9)):
        cache.apply_job(an_object("Job", uid, version, "u"))
    changed.clear()
    assert cache.replace_jobs([], 5, everywhere) == 1
    assert [job.uid for job in cache.jobs("u")] == ["new"]
    assert changed == [KEY]
    assert cache.replace_runs("EvalRun", [], 5, lambda namespace: namespace == "other") == 0
    assert cache.replace_runs("EvalRun", [], 5, everywhere) == 1
    assert cache.run(KEY) is None


def test_a_pods_end_outlives_the_pod() -> None:
    """Nothing else tells why an attempt failed."""
    cache, _ = new_cache()
    cache.apply_run(an_object("EvalRun", "u", 1))
    cache.apply_pod(an_object("Pod", "p", 2, "j", status={"phase": "Failed"}))
    cache.apply_pod(an_object("Pod", "q", 2, "j", status={"phase": "Pending"}))
    for uid in ("p", "q"):
        cache.apply_pod(an_object("Pod", uid, 3, "j", status={"phase": "Pending"}), deleted=True)
    assert [(pod.uid, pod.phase) for pod in cache.pods("u")] == [("p", "Failed")]
    assert cache.pod("p") is None


def test_only_the_runs_own_jobs_count() -> None:
    """A label is anybody's to write; the owner reference carries the UID."""
    cache, _ = new_cache()
    cache.apply_run(an_object("EvalRun", "u", 1))
    cache.apply_job(an_object("Job", "mine", 2, "u"))
    cache.apply_job(an_object("Job", "theirs", 2, "v"))
    cache.apply_job(an_object("Job", "nobodys", 2))
    assert [job.uid for job in cache.jobs("u")] == ["mine"]


def test_a_namesake_is_another_run() -> None:
    """Deleted and made again under one name: nothing of the first is the second's."""
    dropped: list[str] = []
    cache = Cache(lambda _: None, lambda _, uid: dropped.append(uid))
    cache.apply_run(an_object("EvalRun", "u", 1))
    cache.apply_run(an_object("EvalRun", "v", 2))
    assert dropped == ["u"]
    assert cache.key_of("u") is None
    cache.apply_run(an_object("EvalRun", "u", 3), deleted=True)  # told late
    assert cache.key_of("v") == KEY


def test_inline_results_are_not_kept() -> None:
    """32 KiB a run would be most of the operator's memory."""
    cache, _ = new_cache()
    cache.apply_run(an_object("EvalRun", "u", 1, status={"results": {"a": "b"}, "summary": {"score": 1.0}}))
    found = cache.run(KEY)
    assert found is not None
    assert (found.status.results, found.status.summary) == (None, {"score": 1.0})
