"""Every failure that one node can show ends, within its time, with a typed reason and a message that says what to do.

All of the runs are made at once, when the first test asks; each test then looks at one of them.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from e2e.conftest import Release
from e2e.documents import address_by_name, eval_run, perf_run
from e2e.kube import Kube, condition

Document = dict[str, Any]

GIB = 1 << 30
SOON = {"startup": 20}
METADATA = "100.100.100.200"
"""An address of a cloud's metadata service that Kubernetes takes for an endpoint's, as it does no link-local one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A run that must fail: what it asks for, its reason at the end, and a word of its message."""

    spec: Document
    reason: str
    word: str
    kind: str = "EvalRun"
    model: str = "model"
    quota: bool = False


NUMBERS = [{"name": "a", "configMap": "numbers"}]
FAULTS = {
    "image-missing": Fault({"runner": {"image": "localhost/nowhere:1"}}, "ImagePullFailed", "localhost/nowhere"),
    "image-invalid": Fault({"runner": {"image": "NOT//valid"}}, "InvalidImage", "image"),
    "image-without-us": Fault({"runner": {"image": "localhost/pause:1"}}, "ContainerStartFailed", "python"),
    "secret-missing": Fault({"apiKeySecretRef": {"name": "nobody"}}, "SecretMissing", "nobody"),
    "secret-not-opted-in": Fault({"apiKeySecretRef": {"name": "private"}}, "SecretNotOptedIn", "kubectl label"),
    "secret-without-key": Fault({"apiKeySecretRef": {"name": "key", "key": "other"}}, "SecretMissing", "key"),
    "key-without-hosts": Fault({"apiKeySecretRef": {"name": "anywhere"}}, "KeyHostForbidden", "kubectl annotate"),
    "key-for-another": Fault({"apiKeySecretRef": {"name": "elsewhere"}}, "KeyHostForbidden", "api.example.org"),
    "claim-not-opted-in": Fault(
        {"data": [{"name": "a", "persistentVolumeClaim": "disk"}]}, "DataNotOptedIn", "kubectl label"
    ),
    "map-not-opted-in": Fault({"data": [{"name": "a", "configMap": "settings"}]}, "DataNotOptedIn", "kubectl label"),
    "claim-missing": Fault({"data": [{"name": "a", "persistentVolumeClaim": "no-claim"}]}, "ClaimMissing", "no-claim"),
    "map-missing": Fault({"data": [{"name": "a", "configMap": "no-map"}]}, "ConfigMapMissing", "no-map"),
    "no-node": Fault(
        {"runner": {"nodeSelector": {"none": "such"}}, "deadlines": SOON}, "Unschedulable", "no node takes the pod"
    ),
    "too-large": Fault(
        {"runner": {"resources": {"requests": {"memory": "9Ti"}}}, "deadlines": SOON}, "Unschedulable", "memory"
    ),
    "account-missing": Fault({"runner": {"serviceAccountName": "ghost"}}, "PodRejected", "ghost"),
    "quota": Fault({}, "QuotaExceeded", "never has room", quota=True),
    "resources-invalid": Fault(
        {"runner": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}},
        "InvalidSpec",
        "limit",
    ),
    "memory": Fault({"runner": {"resources": {"limits": {"memory": "24Mi"}}}}, "OOMKilled", "memory"),
    "override": Fault({"runner": {"env": [{"name": "A", "value": "b"}]}}, "Forbidden", "runner.allow=env"),
    "metadata-service": Fault({"apiUrl": "http://169.254.169.254/v1"}, "TargetForbidden", "targets.allow"),
    "metadata-in-hex": Fault({"apiUrl": "http://0xa9fea9fe/v1"}, "TargetForbidden", "169.254.169.254"),
    "metadata-by-pod-name": Fault(
        {"apiUrl": "http://169-254-169-254.default.pod.cluster.local/v1"}, "TargetForbidden", "169.254.169.254"
    ),
    "metadata-behind-a-name": Fault({}, "TargetForbidden", METADATA, model="disguised"),
    "metadata-under-load": Fault({}, "TargetForbidden", METADATA, kind="PerfRun", model="disguised"),
    "wrong-key": Fault({}, "AuthenticationFailed", "api_key", kind="PerfRun", model="locked"),
    "wrong-key-eval": Fault({}, "AuthenticationFailed", "401", model="locked"),
    "target-down": Fault({}, "TargetUnreachable", "nobody", kind="PerfRun", model="nobody"),
    "unknown-benchmark": Fault({"datasets": ["gsm9k"]}, "UnknownBenchmark", "did you mean 'gsm8k'?"),
    "data-missing": Fault(
        {"datasetHub": "local", "datasetArgs": {"gsm8k": {"localPath": "/data/a/none"}}, "data": NUMBERS},
        "DatasetUnavailable",
        "/data/a/none",
    ),
    "token-as-prompts": Fault(
        {"dataset": "line_by_line", "datasetPath": "/var/run/secrets/evalkube/token"},
        "PathForbidden",
        "/data/<name>",
        kind="PerfRun",
    ),
    "folder-of-another-run": Fault({"useCache": "eval-1"}, "PathForbidden", "spec.useCache"),
    "key-as-a-prompt": Fault(
        {"prompt": "@/etc/evalkube/api-key/api-key", "apiKeySecretRef": {"name": "key"}},
        "PathForbidden",
        "prompt",
        kind="PerfRun",
    ),
    "too-slow": Fault({"repeats": 100, "deadlines": {"active": 5}}, "ActiveDeadlineExceeded", "deadline", model="slow"),
}


@pytest.fixture(scope="module")
def faulty(release: Release) -> Release:
    """All of the runs, begun."""
    release.kube.apply(*address_by_name("disguised", METADATA))
    for where in (False, True):
        runs = []
        for name, fault in FAULTS.items():
            if fault.quota == where:
                make = perf_run if fault.kind == "PerfRun" else eval_run
                runs.append(make(name, fault.model, backoffLimit=0, **{"deadlines": {"startup": 90}, **fault.spec}))
        (release.quota if where else release.kube).create(*runs)
    return release


@pytest.mark.parametrize("name", FAULTS)
def test_failure(faulty: Release, name: str) -> None:
    """Its reason, its message, and an event about it."""
    fault = FAULTS[name]
    kube: Kube = faulty.quota if fault.quota else faulty.kube
    run = kube.ended(fault.kind.lower(), name, timeout_s=180)
    ending = condition(run)
    assert (run["status"]["phase"], ending["reason"]) == ("Failed", fault.reason), ending
    assert fault.word in ending["message"], ending
    uid = run["metadata"]["uid"]
    events = kube.run("get", "events", "--field-selector", f"involvedObject.uid={uid}", "-o", "jsonpath={..reason}")
    assert fault.reason in events.split()
    kube.delete(fault.kind.lower(), name, wait=False)


def test_the_api_says_why(faulty: Release, rest: Any) -> None:
    """A failure through REST has the seed's shape, with the reason beside it."""
    body = {"model": "m", "api_url": "http://169.254.169.254/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
    answer = rest.post("/api/v1/eval", json=body)
    assert answer.status_code in (400, 500), answer.text
    assert "169.254.169.254" in answer.text
