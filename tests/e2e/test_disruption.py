"""The operator and the service killed, runners that make room: nothing is lost or done twice, or the run says so."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from e2e.documents import eval_run, mock_model, perf_run
from e2e.kube import Kube, condition

REQUEST = {"model": "m", "api_url": "http://slow:8000/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
SAMPLES = 8
"""Of gsm8k's sample data."""


def test_the_operator_is_killed(kube: Kube) -> None:
    """The run ends as if nothing had been, in the Job that it had."""
    kube.create(eval_run("survivor", "slow", limit=SAMPLES, repeats=5))
    kube.well_begun("survivor", 2)
    kube.kill("app.kubernetes.io/component=operator")
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
    kube.kill("app.kubernetes.io/component=operator")
    holder = before["spec"]["holderIdentity"]
    kube.until("lease", "evalkube-operator", lambda lease: lease["spec"]["holderIdentity"] != holder, timeout_s=30)
    assert time.monotonic() - began < 5
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")


def test_the_operator_is_killed_while_runs_are_made(kube: Kube) -> None:
    """Every run gets one Job and ends."""
    names = [f"burst-{number}" for number in range(8)]
    kube.create(*(eval_run(name, "model", limit=1) for name in names[:4]))
    kube.kill("app.kubernetes.io/component=operator")
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
    kube.kill("app.kubernetes.io/component=api")
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
    kube.well_begun("outranked", 4)
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
    kube.kill("app.kubernetes.io/component=operator")


def test_the_operator_starts_anew_on_a_node_that_runners_fill(kube: Kube, one_place: dict[str, Any]) -> None:
    """A runner makes room for it, which alone can bring the runs to their end; and they go on when there is room."""
    kube.create(eval_run("filling", "slow", limit=SAMPLES, repeats=5, backoffLimit=0, **one_place))
    kube.well_begun("filling", 2)
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
    kube.well_begun("unheard", 2)
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
