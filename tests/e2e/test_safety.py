"""What somebody with few rights of the cluster tries on the runs of others, and on the operator of all."""

import json
import re
from collections.abc import Iterator

import pytest

from e2e.conftest import Release, namespace
from e2e.documents import Document, eval_run
from e2e.kube import Kube, condition

SAMPLES = 8
"""Of gsm8k's sample data."""

INTRUDER = """
import base64, hashlib, json, signal, ssl, sys, time, urllib.error, urllib.request
signal.signal(signal.SIGTERM, lambda *_: None)
context = ssl._create_unverified_context()
base = sys.argv[1]
def call(method, path, body=None):
    headers = {"Authorization": "Bearer " + open("/token/token").read().strip(), "Content-Type": "application/json"}
    if body is not None:
        headers["Content-Digest"] = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
    request = urllib.request.Request(base + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
while True:
    answers = [call("GET", "artifacts/predictions/mock-model/gsm8k_main.jsonl"),
               call("PUT", "artifacts/foreign.txt", b"foreign"), call("PUT", "result", b"{}"),
               call("PUT", "receipt", b"{}"), call("POST", "progress", b'{"done": 1, "total": 1}')]
    print("answers", json.dumps(answers), flush=True)
    time.sleep(0.5)
"""


@pytest.fixture
def elsewhere(release: Release) -> Iterator[Kube]:
    """A namespace whose users have no rights in the release's."""
    name = f"{release.kube.namespace}-elsewhere"
    kube = Kube(name)
    kube.apply(namespace(name))
    yield kube
    kube.run("delete", "pod", "intruder", "--grace-period=0", "--force", "--ignore-not-found")
    kube.run("delete", "namespace", name, "--wait=false", check=False)


def intruder(release: Release, run: Document) -> Document:
    """A pod that looks like the runner of the run's first shard, and asks ingest for what only that one may have."""
    uid, status = run["metadata"]["uid"], run["status"]
    labels = {
        "app.kubernetes.io/managed-by": "evalkube",
        "app.kubernetes.io/component": "runner",
        "evalkube.io/run": run["metadata"]["name"],
        "evalkube.io/run-uid": uid,
        "evalkube.io/attempt": "1",
        "batch.kubernetes.io/controller-uid": status["jobUID"],
        "batch.kubernetes.io/job-completion-index": "0",
    }
    url = f"https://evalkube-operator.{release.kube.namespace}.svc:8443/v1/runs/{uid}/attempts/1/shards/0/"
    token = {"serviceAccountToken": {"audience": "evalkube.io/ingest", "path": "token"}}
    container = {
        "name": "runner",
        "image": release.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", INTRUDER, url],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "token", "mountPath": "/token"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "intruder",
            "labels": labels,
            "annotations": {"batch.kubernetes.io/job-completion-index": "0"},
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 120,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "token", "projected": {"sources": [token]}}],
        },
    }


def answers_of(kube: Kube) -> list[list[int]]:
    """The status codes that the intruder has got, for each of its rounds."""
    return [json.loads(found) for found in re.findall(r"answers (\[.*\])", kube.run("logs", "intruder"))]


def test_another_namespaces_pod_passes_for_no_runner(release: Release, kube: Kube, elsewhere: Kube) -> None:
    """With every label, and an owner reference to the very Job: it reads and writes nothing, and the run ends as if
    nothing had been."""
    kube.create(eval_run("victim", "slow", limit=SAMPLES, repeats=8))
    kube.until("evalrun", "victim", lambda run: run.get("status", {}).get("progress", {}).get("done", 0) >= 2)
    run = kube.get("evalrun", "victim")
    assert run is not None
    elsewhere.create(intruder(release, run))
    elsewhere.until("pod", "intruder", lambda pod: pod.get("status", {}).get("phase") == "Running")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "controller": True}
    owner |= {"name": run["status"]["jobName"], "uid": run["status"]["jobUID"]}
    elsewhere.patch("pod", "intruder", {"metadata": {"ownerReferences": [owner]}})
    before = len(answers_of(elsewhere))
    kube.until("evalrun", "victim", lambda seen: seen["status"]["progress"]["done"] >= SAMPLES * 4)
    answers = answers_of(elsewhere)
    assert len(answers) > before, "it asked with its owner reference, too"
    assert {code for codes in answers for code in codes} == {403}
    elsewhere.run("delete", "pod", "intruder", "--grace-period=0", "--force")  # its end decides nothing either
    ended = kube.ended("evalrun", "victim")
    assert (ended["status"]["phase"], len(ended["status"]["attempts"])) == ("Succeeded", 1), condition(ended)
    assert ended["status"]["summary"]["gsm8k/scored"] == SAMPLES * 8


POISONED: dict[str, Document] = {
    "no uid": {"kind": "Job", "name": "whatever"},
    "nothing at all": {"kind": "Job"},
    "a uid of blanks": {"kind": "Job", "name": "whatever", "uid": " "},
}


def test_a_poisoned_event_stops_nobody(kube: Kube) -> None:
    """The operator passes over what it cannot read, in its watch and in the list at its next start."""
    at = {"firstTimestamp": "2026-11-28T14:00:00Z", "lastTimestamp": "2026-11-28T14:00:00Z"}
    for number, about in enumerate(POISONED.values()):
        kube.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"poisoned-{number}"},
                "involvedObject": {**about, "namespace": kube.namespace},
                "reason": "FailedCreate",
                "type": "Warning",
                **at,
            }
        )
    kube.create(eval_run("watched", "model", limit=1))
    assert kube.ended("evalrun", "watched")["status"]["phase"] == "Succeeded"
    kube.run("delete", "pod", "-l", "app.kubernetes.io/component=operator", "--wait=false")
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")
    kube.create(eval_run("listed", "model", limit=1))
    assert kube.ended("evalrun", "listed")["status"]["phase"] == "Succeeded"
    log = kube.run("logs", "deployment/evalkube-operator")
    assert f"Event {kube.namespace}/poisoned-0 cannot be read: its involvedObject has no uid" in log
    pod = kube.select("pods", "app.kubernetes.io/component=operator")[0]["metadata"]["name"]
    metrics = kube.run("get", "--raw", f"/api/v1/namespaces/{kube.namespace}/pods/{pod}:8081/proxy/metrics")
    counted = re.search(r'^evalkube_unreadable_objects_total\{kind="Event"\} ([0-9.]+)$', metrics, re.MULTILINE)
    assert counted is not None
    assert float(counted[1]) >= 2
