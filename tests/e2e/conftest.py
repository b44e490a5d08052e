"""The suite's namespaces and release on the cluster of $KUBECONFIG: the chart as anyone would install it, restricted.

EVALKUBE_E2E_REQUIRED=1   no cluster is a failure rather than a skip (CI)
EVALKUBE_E2E_IMAGE        REPOSITORY:TAG that the cluster's nodes have; localhost/evalkube:dev unless set
EVALKUBE_E2E_KEEP=1       leaves everything there to be looked at
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from e2e.documents import CANARY, Document, claim, config_map, eval_run, mock_model, perf_run, secret, tagged
from e2e.kube import ROOT, TERMINAL, Kube, PortForward, condition, phase

CHART = str(ROOT / "charts" / "evalkube")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests wait for a cluster: two minutes would not always do."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


@dataclass(frozen=True, slots=True)
class Release:
    """An installed chart. `kube` is its namespace, `quota` another one that it serves, too small for any pod."""

    kube: Kube
    quota: Kube
    name: str
    image: str
    values: dict[str, Any]
    values_file: Path

    def upgrade(self, *options: str) -> str:
        """`helm upgrade` with the values of the installation and `options`."""
        return self.kube.helm("upgrade", self.name, CHART, "-f", str(self.values_file), "--wait", *options)


@pytest.fixture(scope="session")
def image() -> str:
    """The image under test."""
    return os.environ.get("EVALKUBE_E2E_IMAGE", "localhost/evalkube:dev")


@pytest.fixture(scope="session")
def cluster() -> Kube:
    """A cluster that answers; skips, or fails where one is required."""
    missing = [tool for tool in ("kubectl", "helm") if shutil.which(tool) is None]
    reason = ""
    if not os.environ.get("KUBECONFIG"):
        reason = "no cluster: set KUBECONFIG to run these tests on one"
    elif missing:
        reason = f"{' and '.join(missing)} must be installed to run these tests"
    if reason:
        if os.environ.get("EVALKUBE_E2E_REQUIRED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    kube = Kube("default")
    kube.run("get", "--raw", "/readyz")
    return kube


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """A namespace that takes restricted pods only."""
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**restricted, **labels}}}


def values_of(image: str, namespaces: list[str], *, crds: bool) -> dict[str, Any]:
    """Small pods, everything else as it comes."""
    repository, _, tag = image.rpartition(":")
    small = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "768Mi"}}
    return {
        "image": {"repository": repository, "tag": tag},
        "namespaces": namespaces,
        "crds": {"install": crds},
        "api": {"replicas": 1, "resources": small},
        "operator": {"resources": small},
        "runner": {"resources": small, "allow": ["image", "resources", "nodeSelector", "serviceAccountName"]},
        "store": {"volume": {"size": "1Gi", "keep": False}},
        "rbac": {"aggregate": False},
    }


@pytest.fixture(scope="session")
def release(cluster: Kube, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart in a namespace of its own, and the models that its runs ask."""
    name = f"evalkube-e2e-{secrets.token_hex(3)}"
    quota, gone = f"{name}-quota", f"{name}-gone"
    crds = not cluster.run("get", "crd", "evalruns.evalkube.io", "--ignore-not-found")
    if not crds:  # somebody else's: brought up to date, and left there
        cluster.run("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    values = values_of(image, [name, quota, gone], crds=crds)
    file = tmp_path_factory.mktemp("values") / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    cluster.apply(namespace(name), namespace(quota), namespace(gone))
    kube, small = Kube(name), Kube(quota)
    hard = {"spec": {"hard": {"pods": "0"}}}
    try:
        small.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, **hard})
        kube.apply(
            *mock_model("model", image),
            *mock_model("slow", image, "--latency-ms", "300", "--ttft-ms", "300"),
            *mock_model("counted", image, "--latency-ms", "300"),
            *mock_model("locked", image, environment={"EVALKUBE_MOCK_API_KEY": CANARY}),
            *mock_model("judge", image, environment={"EVALKUBE_MOCK_API_KEY": CANARY}, says="[[CORRECT]]"),
            secret("key", CANARY),
            secret("judges", CANARY, hosts="judge"),
            secret("private", CANARY, opted_in=False),
            secret("anywhere", CANARY, hosts=None),
            secret("elsewhere", CANARY, hosts="api.example.org"),
            config_map("numbers", {"none.txt": "1"}, opted_in=True),
            config_map("settings", {"own.jsonl": "{}"}, opted_in=False),
            claim("disk", opted_in=False),
        )
        said = kube.helm("install", "evalkube", CHART, "-f", str(file), "--wait", "--timeout", "3m", check=False)
        if "STATUS: deployed" not in said:
            pytest.exit(f"the chart cannot be installed: {said}\n{_state(kube)}", returncode=1)
        for each in ("model", "slow", "counted", "locked", "judge"):
            kube.run("rollout", "status", f"deployment/{each}", "--timeout=60s")
        yield Release(kube, small, "evalkube", image, values, file)
    finally:
        if os.environ.get("EVALKUBE_E2E_KEEP") != "1":
            kube.helm("uninstall", "evalkube", "--wait", check=False)
            cluster.run("delete", "namespace", name, quota, gone, "--wait=false", check=False)


def _state(kube: Kube) -> str:
    """What there is to see of a namespace in which something does not come up."""
    logs = [kube.run("logs", f"deployment/evalkube-{each}", "--tail=20", check=False) for each in ("operator", "api")]
    return "\n".join([kube.run("get", "pods,events", "-o", "wide", check=False), *logs])


@pytest.fixture(scope="session")
def kube(release: Release) -> Kube:
    """The release's namespace."""
    return release.kube


@pytest.fixture(scope="session")
def _forward(kube: Kube) -> Iterator[PortForward]:
    forward = PortForward(kube.namespace, "service/evalkube-api", 9000)
    yield forward
    forward.stop()


@pytest.fixture
def rest(_forward: PortForward) -> Iterator[httpx.Client]:
    """The REST API through a port-forward; requests may block as long as runs do."""
    if not _answers(_forward.url):
        _forward.start()
    with httpx.Client(base_url=_forward.url, timeout=180) as client:
        yield client


@dataclass(frozen=True, slots=True)
class Looked:
    """Runs to look at, in two shards each, tagged `looked`. `live`: the load test while it was at work."""

    evaluation: Document
    other: Document
    load_test: Document
    live: Document


@pytest.fixture(scope="session")
def looked(kube: Kube) -> Looked:
    """Made once, by `kubectl apply`; they stay until the end. The load test takes 15 s: its progress is written each
    3 s twice, then each 10 s."""
    runs = [
        tagged(eval_run("looked-eval", "model", limit=8, shards=2), looked="", side="baseline"),
        tagged(eval_run("looked-other", "model", limit=8, shards=2, repeats=2), looked="", side="candidate"),
        tagged(
            perf_run("looked-perf", "slow", rate=[10], parallel=[8], number=[150], shards=2), looked="", nightly="yes"
        ),
    ]
    kube.apply_here(*runs)
    live = kube.until(
        "perfrun", "looked-perf", lambda run: _rps(run) > 0 or phase(run) in TERMINAL, what="seen at work"
    )
    evaluation, other = (kube.ended("evalrun", name) for name in ("looked-eval", "looked-other"))
    load_test = kube.ended("perfrun", "looked-perf")
    for run in (evaluation, other, load_test):
        assert phase(run) == "Succeeded", condition(run)
    return Looked(evaluation, other, load_test, live)


def _rps(run: Document) -> float:
    """Requests per second now, where that is told."""
    found: float = run.get("status", {}).get("progress", {}).get("figures", {}).get("rps", 0.0)
    return found


def _answers(url: str) -> bool:
    try:
        return bool(url) and httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
