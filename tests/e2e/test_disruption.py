"""Programs and pods killed in the middle of their work: nothing is lost, nothing is done twice, or the run says so."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from e2e.documents import MODEL_PORT, eval_run, mock_model, perf_run
from e2e.kube import Kube, condition

REQUEST = {"model": "m", "api_url": "http://slow:8000/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
SAMPLES = 8
"""Of gsm8k's sample data."""


def asked(kube: Kube, model: str) -> int:
    """Requests that the mock model has got so far."""
    path = f"/api/v1/namespaces/{kube.namespace}/services/{model}:{MODEL_PORT}/proxy/stats"
    stats: dict[str, Any] = json.loads(kube.run("get", "--raw", path))
    return int(stats["total"])


def kill(kube: Kube, selector: str) -> None:
    """The process dies at once, as in a crash of its node: no farewell."""
    kube.run("delete", "pod", "-l", selector, "--grace-period=0", "--force", "--wait=false")


def well_begun(kube: Kube, name: str, done: int) -> None:
    """Returns when that many samples are reported as done: some 3 s after its beginning, or 10 s later."""
    kube.until("evalrun", name, lambda run: run.get("status", {}).get("progress", {}).get("done", 0) >= done)


def test_the_operator_is_killed(kube: Kube) -> None:
    """The run ends as if nothing had been, in the Job that it had."""
    kube.create(eval_run("survivor", "slow", limit=SAMPLES, repeats=5))
    well_begun(kube, "survivor", 2)
    kill(kube, "app.kubernetes.io/component=operator")
    run = kube.ended("evalrun", "survivor")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 5
    assert len(run["status"]["attempts"]) == 1
    assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")


def test_the_operator_leads_again_soon(kube: Kube) -> None:
    """Within 5 s of its pod's end, however long its Lease had to go."""
    before = kube.get("lease", "evalkube-operator")
    assert before is not None
    began = time.monotonic()
    kill(kube, "app.kubernetes.io/component=operator")
    holder = before["spec"]["holderIdentity"]
    kube.until("lease", "evalkube-operator", lambda lease: lease["spec"]["holderIdentity"] != holder, timeout_s=30)
    assert time.monotonic() - began < 5
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")


def test_the_operator_is_killed_while_runs_are_made(kube: Kube) -> None:
    """Every run gets one Job and ends."""
    names = [f"burst-{number}" for number in range(8)]
    kube.create(*(eval_run(name, "model", limit=1) for name in names[:4]))
    kill(kube, "app.kubernetes.io/component=operator")
    kube.create(*(eval_run(name, "model", limit=1) for name in names[4:]))
    for name in names:
        run = kube.ended("evalrun", name, timeout_s=150)
        assert run["status"]["phase"] == "Succeeded", condition(run)
        assert len(kube.select("jobs", f"evalkube.io/run={name}")) == 1
    kube.run("delete", "evalrun", *names, "--wait=false")


def test_the_service_is_killed(rest: httpx.Client, kube: Kube) -> None:
    """A request that waited is cut off, the run goes on, and the next replica answers for it."""
    body = {**REQUEST, "repeats": 3}
    key = {"Idempotency-Key": "e2e-killed"}
    accepted = rest.post("/api/v1/eval", json=body, headers={**key, "Prefer": "respond-async"}).json()
    kube.in_phase("evalrun", accepted["id"], "Running")
    kill(kube, "app.kubernetes.io/component=api")
    assert kube.ended("evalrun", accepted["id"])["status"]["phase"] == "Succeeded"
    kube.run("rollout", "status", "deployment/evalkube-api", "--timeout=60s")


def test_the_next_replica_answers(rest: httpx.Client) -> None:
    """The same key leads to the run that the killed replica had made."""
    body = {**REQUEST, "repeats": 3}
    answer = rest.post("/api/v1/eval", json=body, headers={"Idempotency-Key": "e2e-killed"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"


def test_a_request_waits_through_a_rollout(rest: httpx.Client, kube: Kube) -> None:
    """A replica that is told to stop answers those who wait with 202 and the run's place."""
    body = {**REQUEST, "repeats": 8}
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(rest.post("/api/v1/eval", json=body)))
    waiting.start()
    time.sleep(2)  # until it waits, which nothing shows from outside
    kube.run("rollout", "restart", "deployment/evalkube-api")
    waiting.join(timeout=90)
    assert answers, "the request was not answered"
    assert answers[0].status_code == 202, answers[0].text
    assert answers[0].headers["Location"].startswith("/api/v1/runs/")
    kube.run("rollout", "status", "deployment/evalkube-api", "--timeout=60s")


def test_an_evaluation_s_pod_is_killed(kube: Kube) -> None:
    """Another pod goes on from what was answered: few questions are asked twice, none is scored twice."""
    kube.create(eval_run("resumed", "counted", limit=SAMPLES, repeats=10))
    well_begun(kube, "resumed", 12)
    kill(kube, "evalkube.io/run=resumed")
    run = kube.ended("evalrun", "resumed")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 10
    assert asked(kube, "counted") <= SAMPLES * 10 + 2


def test_a_load_test_s_pod_is_killed(kube: Kube) -> None:
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


def test_an_evaluation_s_pod_is_evicted(kube: Kube) -> None:
    """That is nobody's fault: another pod goes on, and no try is used up."""
    kube.create(eval_run("evicted", "slow", limit=SAMPLES, repeats=10, backoffLimit=0))
    well_begun(kube, "evicted", 4)
    evict(kube, "evicted")
    run = kube.ended("evalrun", "evicted")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["results"]["gsm8k"]["reused"] >= 4


def test_a_load_test_s_pod_is_evicted(kube: Kube) -> None:
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


def test_an_evaluation_runs_out_of_memory_at_work(kube: Kube) -> None:
    """It says so, and how far it had come."""
    kube.create(eval_run("hungry", "slow", limit=SAMPLES, repeats=5, backoffLimit=0))
    well_begun(kube, "hungry", 2)
    exhaust_memory(kube, "hungry")
    run = kube.ended("evalrun", "hungry")
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Failed", "OOMKilled"), condition(run)
    assert "memory" in condition(run)["message"]
    assert run["status"]["progress"]["done"] >= 2


def test_an_evaluation_goes_on_after_running_out_of_memory(kube: Kube) -> None:
    """Its Job's next pod has its answers."""
    kube.create(eval_run("fed", "slow", limit=SAMPLES, repeats=10, backoffLimit=1))
    well_begun(kube, "fed", 4)
    exhaust_memory(kube, "fed")
    run = kube.ended("evalrun", "fed")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["results"]["gsm8k"]["reused"] >= 4


def test_a_load_test_runs_out_of_memory(kube: Kube) -> None:
    """It fails at once, and is not tried again: half of its load is on record already."""
    kube.create(perf_run("overfull", "slow", number=[4000], parallel=[2], backoffLimit=2))
    kube.in_phase("perfrun", "overfull", "Running")
    exhaust_memory(kube, "overfull")
    run = kube.ended("perfrun", "overfull")
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Failed", "OOMKilled"), condition(run)
    assert len(run["status"]["attempts"]) == 1


PLACE = "example.com/place"


@pytest.fixture(scope="module")
def one_place(cluster: Kube) -> Iterator[dict[str, Any]]:
    """What a run asks for to need the only place of its kind on the nodes, and a class of pods that may take it."""
    nodes = [node["metadata"]["name"] for node in cluster.select("nodes")]
    where = f"/status/capacity/{PLACE.replace('/', '~1')}"
    change = json.dumps([{"op": "add", "path": where, "value": "1"}])
    cluster.run("patch", "node", nodes[0], "--subresource=status", "--type=json", "-p", change)
    urgent = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1000}
    cluster.apply({**urgent, "metadata": {"name": "evalkube-e2e-urgent"}})
    yield {"runner": {"resources": {"requests": {PLACE: "1"}, "limits": {PLACE: "1"}}}}
    cluster.delete("priorityclass", "evalkube-e2e-urgent")
    change = json.dumps([{"op": "remove", "path": where}])
    cluster.run("patch", "node", nodes[0], "--subresource=status", "--type=json", "-p", change)


@contextmanager
def preempted(kube: Kube, image: str) -> Iterator[None]:
    """A run's pod has to make room for a more important one, which stays meanwhile."""
    deployment = next(each for each in mock_model("urgent", image) if each["kind"] == "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    spec["priorityClassName"] = "evalkube-e2e-urgent"
    for bound in ("requests", "limits"):
        spec["containers"][0]["resources"][bound][PLACE] = "1"
    kube.apply(deployment)
    try:
        kube.run("rollout", "status", "deployment/urgent", "--timeout=90s")
        yield
    finally:
        kube.delete("deployment", "urgent")
        kube.gone("pods", selector="app=urgent")


def test_an_evaluation_is_preempted(kube: Kube, image: str, one_place: dict[str, Any]) -> None:
    """It waits until there is room again, and goes on; no try is used up."""
    kube.create(eval_run("outranked", "slow", limit=SAMPLES, repeats=10, backoffLimit=0, **one_place))
    well_begun(kube, "outranked", 4)
    with preempted(kube, image):
        assert all(pod["status"]["phase"] != "Running" for pod in kube.pods_of("outranked"))
    run = kube.ended("evalrun", "outranked")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["results"]["gsm8k"]["reused"] >= 4


def test_a_load_test_is_preempted(kube: Kube, image: str, one_place: dict[str, Any]) -> None:
    """It fails, and says that it had to make room."""
    kube.create(perf_run("displaced", "slow", number=[4000], parallel=[2], **one_place))
    kube.in_phase("perfrun", "displaced", "Running")
    with preempted(kube, image):
        run = kube.ended("perfrun", "displaced")
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Failed", "Preempted"), condition(run)


def operator_asks(kube: Kube, operation: str) -> None:
    """`add`: the operator is killed, and needs a place when it starts anew; `remove`: and needs none."""
    where = "/spec/template/spec/containers/0/resources"
    paths = [f"{where}/{bound}/{PLACE.replace('/', '~1')}" for bound in ("requests", "limits")]
    change = [{"op": operation, "path": path} | ({"value": "1"} if operation == "add" else {}) for path in paths]
    kube.run("patch", "deployment/evalkube-operator", "--type=json", "-p", json.dumps(change))
    kill(kube, "app.kubernetes.io/component=operator")


def test_the_operator_starts_anew_on_a_node_that_runners_fill(kube: Kube, one_place: dict[str, Any]) -> None:
    """A runner makes room for it, which alone can bring the runs to their end; and they go on when there is room."""
    kube.create(eval_run("filling", "slow", limit=SAMPLES, repeats=5, backoffLimit=0, **one_place))
    well_begun(kube, "filling", 2)
    began = time.monotonic()
    operator_asks(kube, "add")
    try:
        kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")
        assert time.monotonic() - began < 60
        assert all(pod["status"]["phase"] != "Running" for pod in kube.pods_of("filling"))
    finally:
        operator_asks(kube, "remove")
    run = kube.ended("evalrun", "filling")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["results"]["gsm8k"]["reused"] >= 2


def test_ingest_is_away_at_the_end(kube: Kube) -> None:
    """The receipt in the pod's termination message is enough to finish a run; what is missing is said."""
    deadlines = {"startup": 120, "collect": 5}
    kube.create(eval_run("unheard", "slow", limit=SAMPLES, repeats=6, deadlines=deadlines))
    well_begun(kube, "unheard", 2)
    kube.run("scale", "deployment/evalkube-operator", "--replicas=0")
    kube.gone("pods", selector="app.kubernetes.io/component=operator")
    assert kube.pods_of("unheard")[0]["status"]["phase"] == "Running", "it goes on without its ingest"
    kube.run(
        "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod", "-l", "evalkube.io/run=unheard", "--timeout=90s"
    )
    kube.run("scale", "deployment/evalkube-operator", "--replicas=1")
    run = kube.ended("evalrun", "unheard")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 6
    collected = condition(run, "ResultsCollected")
    assert (collected["status"], collected["reason"]) == ("False", "IngestUnavailable")
    assert "missing" in collected["message"]
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")


def test_a_job_is_deleted(kube: Kube) -> None:
    """It is never silently made again: the next attempt is counted, or the run fails."""
    kube.create(eval_run("robbed", "slow", limit=SAMPLES, repeats=3, backoffLimit=0))
    kube.in_phase("evalrun", "robbed", "Running")
    kube.run("delete", "job", "robbed-e1", "--wait=false")
    run = kube.ended("evalrun", "robbed")
    assert condition(run)["reason"] in ("JobDeleted", "JobLost"), condition(run)


def test_a_job_is_deleted_and_another_attempt_allowed(kube: Kube) -> None:
    """The second attempt goes on from the first one's answers."""
    kube.create(eval_run("second", "slow", limit=SAMPLES, repeats=10, backoffLimit=1))
    well_begun(kube, "second", 4)
    kube.run("delete", "job", "second-e1", "--wait=false")
    run = kube.ended("evalrun", "second")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert [attempt["number"] for attempt in run["status"]["attempts"]] == [1, 2]
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 10
