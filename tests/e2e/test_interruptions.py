"""Runs that are interrupted in the middle: a pod killed, evicted or out of memory, a Job deleted, a run held back.

Nothing is lost, nothing is done twice, or the run says so. Several runs are interrupted at a time: each takes half a
minute, most of which Kubernetes waits before it makes another pod.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from e2e.documents import MODEL_PORT, eval_run, perf_run
from e2e.kube import Kube, condition

SAMPLES = 8
"""Of gsm8k's sample data."""
AT_ONCE = 5


def asked(kube: Kube, model: str) -> int:
    """Requests that the mock model has got so far."""
    path = f"/api/v1/namespaces/{kube.namespace}/services/{model}:{MODEL_PORT}/proxy/stats"
    stats: dict[str, Any] = json.loads(kube.run("get", "--raw", path))
    return int(stats["total"])


def an_evaluation_s_pod_is_killed(kube: Kube) -> None:
    """Another pod goes on from what was answered: few questions are asked twice, none is scored twice."""
    kube.create(eval_run("resumed", "counted", limit=SAMPLES, repeats=10))
    kube.well_begun("resumed", 12)
    kube.kill("evalkube.io/run=resumed")
    run = kube.ended("evalrun", "resumed")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 10
    assert asked(kube, "counted") <= SAMPLES * 10 + 2


def a_load_test_s_pod_is_killed(kube: Kube) -> None:
    """It fails and says why: half a load measured twice is no measurement."""
    kube.create(perf_run("cut-short", "slow", number=[4000], parallel=[2], shards=2))
    kube.in_phase("perfrun", "cut-short", "Running")
    pod = kube.pods_of("cut-short")[0]["metadata"]["name"]
    kube.run("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
    run = kube.ended("perfrun", "cut-short")
    assert run["status"]["phase"] == "Failed"
    assert condition(run)["reason"] in ("PodDeleted", "RunnerKilled"), condition(run)
    assert condition(run)["message"]
    kube.gone("pods", selector="evalkube.io/run=cut-short")


def evict(kube: Kube, run: str) -> None:
    """As a drain of its node does."""
    name = kube.pods_of(run)[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": kube.namespace}}
    path = f"/api/v1/namespaces/{kube.namespace}/pods/{name}/eviction"
    kube.run("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))


def an_evaluation_s_pod_is_evicted(kube: Kube) -> None:
    """That is nobody's fault: another pod goes on, and no try is used up."""
    kube.create(eval_run("evicted", "slow", limit=SAMPLES, repeats=10, backoffLimit=0))
    kube.well_begun("evicted", 4)
    evict(kube, "evicted")
    run = kube.ended("evalrun", "evicted")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["results"]["gsm8k"]["reused"] >= 4


def a_load_test_s_pod_is_evicted(kube: Kube) -> None:
    """It fails, and says that it was evicted."""
    kube.create(perf_run("drained", "slow", number=[4000], parallel=[2]))
    kube.in_phase("perfrun", "drained", "Running")
    evict(kube, "drained")
    run = kube.ended("perfrun", "drained")
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Failed", "Evicted"), condition(run)


EXHAUST = """
import os, time
for _ in range(100):
    if not os.fork():
        held = os.urandom(1 << 24)
        time.sleep(60)
"""
"""Fills its container's memory with processes smaller than the runner, which is thus the one that the kernel ends."""


def exhaust_memory(kube: Kube, run: str) -> None:
    """As a runner does that holds more than its limit."""
    pod = kube.pods_of(run)[0]["metadata"]["name"]
    kube.run("exec", pod, "--", "python3", "-c", EXHAUST, check=False)


def an_evaluation_runs_out_of_memory_at_work(kube: Kube) -> None:
    """It says so, and how far it had come."""
    kube.create(eval_run("hungry", "slow", limit=SAMPLES, repeats=30, backoffLimit=0))
    kube.well_begun("hungry", 2)
    exhaust_memory(kube, "hungry")
    run = kube.ended("evalrun", "hungry")
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Failed", "OOMKilled"), condition(run)
    assert "memory" in condition(run)["message"]
    assert run["status"]["progress"]["done"] >= 2


def an_evaluation_goes_on_after_running_out_of_memory(kube: Kube) -> None:
    """Its Job's next pod has its answers."""
    kube.create(eval_run("fed", "slow", limit=SAMPLES, repeats=10, backoffLimit=1))
    kube.well_begun("fed", 4)
    exhaust_memory(kube, "fed")
    run = kube.ended("evalrun", "fed")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["results"]["gsm8k"]["reused"] >= 4


def a_load_test_runs_out_of_memory(kube: Kube) -> None:
    """It fails at once, and is not tried again: half of its load is on record already."""
    kube.create(perf_run("overfull", "slow", number=[4000], parallel=[2], backoffLimit=2))
    kube.in_phase("perfrun", "overfull", "Running")
    exhaust_memory(kube, "overfull")
    run = kube.ended("perfrun", "overfull")
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Failed", "OOMKilled"), condition(run)
    assert len(run["status"]["attempts"]) == 1


def a_job_is_deleted(kube: Kube) -> None:
    """It is never silently made again: the next attempt is counted, or the run fails."""
    kube.create(eval_run("robbed", "slow", limit=SAMPLES, repeats=30, backoffLimit=0))
    kube.in_phase("evalrun", "robbed", "Running")
    kube.run("delete", "job", "robbed-e1", "--wait=false")
    run = kube.ended("evalrun", "robbed")
    assert condition(run)["reason"] in ("JobDeleted", "JobLost"), condition(run)


def a_job_is_deleted_and_another_attempt_allowed(kube: Kube) -> None:
    """The second attempt goes on from the first one's answers."""
    kube.create(eval_run("second", "slow", limit=SAMPLES, repeats=10, backoffLimit=1))
    kube.well_begun("second", 4)
    kube.run("delete", "job", "second-e1", "--wait=false")
    run = kube.ended("evalrun", "second")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert [attempt["number"] for attempt in run["status"]["attempts"]] == [1, 2]
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 10


def an_evaluation_is_held_back(kube: Kube) -> None:
    """A run that is held back in the middle goes on, and answers nothing twice."""
    kube.create(eval_run("paused", "slow", repeats=20))
    kube.well_begun("paused", 2)
    kube.patch("evalrun", "paused", {"spec": {"suspend": True}})
    kube.gone("pods", selector="evalkube.io/run=paused")
    assert kube.in_phase("evalrun", "paused", "Suspended")
    kube.patch("evalrun", "paused", {"spec": {"suspend": False}})
    run = kube.ended("evalrun", "paused")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["summary"]["gsm8k/scored"] == 80


INTERRUPTIONS: tuple[Callable[[Kube], None], ...] = (
    an_evaluation_s_pod_is_killed,
    an_evaluation_s_pod_is_evicted,
    an_evaluation_goes_on_after_running_out_of_memory,
    a_job_is_deleted_and_another_attempt_allowed,
    an_evaluation_is_held_back,
    a_load_test_s_pod_is_killed,
    an_evaluation_runs_out_of_memory_at_work,
    a_load_test_s_pod_is_evicted,
    a_load_test_runs_out_of_memory,
    a_job_is_deleted,
)
"""The longest first."""


@pytest.fixture(scope="module")
def interrupted(kube: Kube) -> Iterator[Mapping[Callable[[Kube], None], Future[None]]]:
    """What becomes of each."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {one: pool.submit(one, kube) for one in INTERRUPTIONS}


@pytest.mark.parametrize("interruption", INTERRUPTIONS, ids=lambda one: one.__name__)
def test_an_interrupted_run(
    interrupted: Mapping[Callable[[Kube], None], Future[None]], interruption: Callable[[Kube], None]
) -> None:
    """Goes on or ends as the interruption's own words say."""
    interrupted[interruption].result()
