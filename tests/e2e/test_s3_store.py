"""A release that keeps everything in a bucket: artifacts, checkpoints that a new pod goes on from, uploads past ingest.

Against the S3 server of $AWS_ENDPOINT_URL (with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and S3_BUCKET),
which the cluster's pods have to reach under that very address.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import obstore.store
import pytest

from e2e.conftest import CHART, Release, namespace, values_of
from e2e.documents import MODEL_PORT, claim, eval_run, perf_run
from e2e.kube import Kube, PortForward, condition

SAMPLES = 8
"""Of gsm8k's sample data."""

ROWS_FROM_BYTES = 8 << 20
"""Artifacts of this size go to the bucket directly."""

TOKEN = "/var/run/secrets/evalkube/token"
"""Of the runner's pod, for ingest."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The release's bucket, looked at with a client of its own."""

    store: obstore.store.S3Store
    name: str
    prefix: str

    def sizes(self, run: dict[str, Any]) -> dict[str, int]:
        """What lies there of a run: sizes by key."""
        metadata = run["metadata"]
        below = f"{self.prefix}/{metadata['namespace']}/{metadata['name']}.{metadata['uid']}"
        return {one["path"]: one["size"] for page in self.store.list(below) for one in page}


@pytest.fixture(scope="module")
def kube(cluster: Kube, release: Release) -> Iterator[Kube]:
    """A second release beside the first, in a namespace of its own, over the bucket."""
    environment = os.environ
    if "AWS_ENDPOINT_URL" not in environment:
        reason = "no S3 server: set AWS_ENDPOINT_URL to one that the cluster's pods reach"
        (pytest.fail if environment.get("EVALKUBE_E2E_REQUIRED") == "1" else pytest.skip)(reason)
    name = f"{release.kube.namespace}-s3"
    cluster.apply(namespace(name))
    kube = Kube(name)
    keys = {each: environment[each] for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bucket"}, "stringData": keys})
    values = values_of(release.image, [name], crds=False)
    values["store"] = {
        "kind": "s3",
        "s3": {
            "bucket": environment["S3_BUCKET"],
            "prefix": name,
            "endpoint": environment["AWS_ENDPOINT_URL"],
            "region": environment["AWS_REGION"],
            "allowHttp": True,
            "secretName": "bucket",
        },
    }
    values["data"] = {"claimName": "everybodys"}
    kube.apply(*claim_with("everybodys", "How many legs has an ant?"), *claim_with("mine", "How many legs has a cow?"))
    for each in ("everybodys", "mine"):
        kube.run("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/fills-{each}", "--timeout=90s")
    file = release.values_file.parent / "s3.yaml"
    file.write_text(json.dumps(values))
    try:
        kube.helm("install", "evalkube", CHART, "-f", str(file), "--wait", "--timeout", "2m")
        yield kube
    finally:
        kube.helm("uninstall", "evalkube", check=False)
        cluster.run("delete", "namespace", name, "--wait=false", check=False)


def claim_with(name: str, question: str) -> list[dict[str, Any]]:
    """A claim, and a pod that puts a data set of one question there, and links out of it."""
    row = json.dumps({"query": question, "response": "six"})
    container = {
        "name": "fills",
        "image": os.environ.get("EVALKUBE_E2E_IMAGE", "localhost/evalkube:dev"),
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", f"echo '{row}' > /to/own.jsonl; ln -s {TOKEN} /to/token.txt; ln -s /etc /to/etc"],
        "volumeMounts": [{"name": "to", "mountPath": "/to"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    user = {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    volumes = [{"name": "to", "persistentVolumeClaim": {"claimName": name}}]
    spec = {"restartPolicy": "Never", "securityContext": user, "containers": [container], "volumes": volumes}
    return [
        claim(name, opted_in=name == "mine"),
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"fills-{name}"}, "spec": spec},
    ]


@pytest.fixture(scope="module")
def bucket(kube: Kube) -> Bucket:
    """The same bucket from here."""
    environment = os.environ
    store = obstore.store.S3Store(
        environment["S3_BUCKET"],
        endpoint=environment["AWS_ENDPOINT_URL"],
        region=environment["AWS_REGION"],
        access_key_id=environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
    )
    return Bucket(store, environment["S3_BUCKET"], kube.namespace)


@pytest.fixture(scope="module")
def rest(kube: Kube) -> Iterator[httpx.Client]:
    """The REST API of this release."""
    forward = PortForward(kube.namespace, "service/evalkube-api", 9000).start()
    with httpx.Client(base_url=forward.url, timeout=180) as client:
        yield client
    forward.stop()


def model(release: Release, name: str) -> str:
    """A mock model of the first release's namespace, as seen from this one."""
    return f"{name}.{release.kube.namespace}"


def test_a_run_lies_in_the_bucket(kube: Kube, bucket: Bucket, rest: httpx.Client, release: Release) -> None:
    """Its place is the response's output_dir, the API serves it, and it goes with the run."""
    body = {"model": "m", "api_url": f"http://{model(release, 'model')}:{MODEL_PORT}/v1", "datasets": ["gsm8k"]}
    answer = rest.post("/api/v1/eval", json={**body, "dataset_hub": "sample", "limit": 4}).json()
    assert answer["status"] == "success", answer
    assert answer["output_dir"].startswith(f"s3://{bucket.name}/{bucket.prefix}/")
    run = kube.get("evalrun", answer["id"])
    assert run is not None
    listed = {each["path"]: each for each in rest.get(f"/api/v1/runs/{answer['id']}/artifacts").json()["artifacts"]}
    assert "reports/report.html" in listed
    predictions = next(path for path in listed if path.startswith("predictions/"))
    assert len(rest.get(f"/api/v1/runs/{answer['id']}/artifacts/{predictions}").text.splitlines()) == 4
    assert bucket.sizes(run)
    assert rest.delete(f"/api/v1/runs/{answer['id']}").status_code == 200
    kube.gone("evalrun", answer["id"])
    wait_until_empty(bucket, run)


def wait_until_empty(bucket: Bucket, run: dict[str, Any]) -> None:
    """The operator removes what a run left right after it has seen it go."""
    end = time.monotonic() + 30
    while left := bucket.sizes(run):
        assert time.monotonic() < end, f"still there: {left}"
        time.sleep(0.2)


def test_a_killed_evaluation_resumes_from_the_bucket(kube: Kube, release: Release) -> None:
    """Another pod goes on from the checkpoints, which no volume holds."""
    kube.create(eval_run("resumed", model(release, "slow"), limit=SAMPLES, repeats=12))
    kube.until("evalrun", "resumed", lambda run: run.get("status", {}).get("progress", {}).get("done", 0) >= 10)
    kube.run("delete", "pod", "-l", "evalkube.io/run=resumed", "--grace-period=0", "--force", "--wait=false")
    run = kube.ended("evalrun", "resumed")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 12
    assert run["status"]["results"]["gsm8k"]["reused"] >= 10


@pytest.mark.parametrize(
    ("name", "path", "mounts", "word"),
    [
        ("claim-of-its-own", "/data/own", [{"name": "own", "persistentVolumeClaim": "mine"}], "cow"),
        ("everybodys-claim", "/data/shared", [], "ant"),
    ],
)
def test_own_data_from_claims(
    kube: Kube, bucket: Bucket, release: Release, name: str, path: str, mounts: list[dict[str, str]], word: str
) -> None:
    """One that the run mounts, and the one that the chart gives to every run."""
    arguments = {"general_qa": {"localPath": path, "subsetList": ["own"]}}
    asked = {"datasets": ["general_qa"], "datasetHub": "local", "datasetArgs": arguments, "data": mounts, "limit": 1}
    kube.create(eval_run(name, model(release, "model"), **asked))
    run = kube.ended("evalrun", name)
    assert run["status"]["phase"] == "Succeeded", condition(run)
    key = next(key for key in bucket.sizes(run) if "/predictions/" in key)
    assert word in bytes(bucket.store.get(key).bytes()).decode()


@pytest.mark.parametrize("path", ["token.txt", "etc/passwd"])
def test_a_link_in_a_claim_leads_nowhere(kube: Kube, release: Release, path: str) -> None:
    """Whoever may write to a claim cannot have a runner send what is in its pod."""
    name = f"linked-{path.partition('.')[0].replace('/', '-')}"
    asked = {"dataset": "line_by_line", "datasetPath": f"/data/own/{path}", "maxTokens": [1]}
    mount = {"name": "own", "persistentVolumeClaim": "mine"}
    kube.create(perf_run(name, model(release, "model"), data=[mount], number=[1], parallel=[1], **asked))
    ending = condition(kube.ended("perfrun", name))
    assert ending["reason"] == "PathForbidden", ending
    assert "it leads to" in ending["message"]


def test_large_artifacts_go_past_the_operator(kube: Kube, bucket: Bucket, release: Release) -> None:
    """By a presigned URL that ingest gave out."""
    number = 250_000  # rows of 36 bytes each
    kube.create(perf_run("rows", model(release, "model"), number=[number], parallel=[32], maxTokens=[1], stream=False))
    run = kube.ended("perfrun", "rows", timeout_s=360)
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
    rows = [size for key, size in bucket.sizes(run).items() if key.endswith("requests.jsonl.gz")]
    assert rows
    assert rows[0] > ROWS_FROM_BYTES
    assert uploads(kube) >= 2, "asked for, and reported as done"


def uploads(kube: Kube) -> int:
    """Requests about direct uploads that ingest has answered with success."""
    pod = kube.select("pods", "app.kubernetes.io/component=operator")[0]["metadata"]["name"]
    metrics = kube.run("get", "--raw", f"/api/v1/namespaces/{kube.namespace}/pods/{pod}:8081/proxy/metrics")
    counts = re.findall(
        r'^evalkube_ingest_request_seconds_count\{route="upload(?:ed)?",status="20\d"\} (\S+)$', metrics, re.MULTILINE
    )
    return int(sum(map(float, counts)))
