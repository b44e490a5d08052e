"""The installed chart: what it put there, its own test, an upgrade and the way back, and leaving without a trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.conftest import CHART, Release, namespace, values_of
from e2e.documents import eval_run, perf_run
from e2e.kube import Kube, condition


def test_every_pod_is_ready(release: Release) -> None:
    """In a namespace whose Pod Security level is `restricted`."""
    pods = release.kube.select("pods", "app.kubernetes.io/instance=evalkube")
    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods} == {"api", "operator"}
    for pod in pods:
        assert all(each["ready"] and each["restartCount"] == 0 for each in pod["status"]["containerStatuses"])


def test_the_release_tests_itself(kube: Kube) -> None:
    """`helm test` evaluates a mock model through REST, and cleans up."""
    assert "Phase:          Succeeded" in kube.helm("test", "evalkube")
    assert kube.select("pods,services", "app.kubernetes.io/component=test") == []
    assert kube.select("evalruns") == []


def test_health(rest: httpx.Client) -> None:
    """As in the seed."""
    assert rest.get("/health").json()["status"] == "ok"


def test_names_and_columns_speak(kube: Kube) -> None:
    """`kubectl get` and `kubectl explain` are of use without any manual."""
    kube.create(eval_run("columns", "model", suspend=True), perf_run("columns-too", "model", suspend=True))
    table = kube.run("get", "er,pfr").splitlines()
    headings = [line.split() for line in table if line.startswith("NAME")]
    figures = (["SCORE"], ["RPS", "VERDICT"])
    assert headings == [["NAME", "PHASE", "REASON", "PROGRESS", *each, "GATE", "MODEL", "AGE"] for each in figures]
    assert "columns" in kube.run("get", "evals")
    assert "Names of the benchmarks" in kube.run("explain", "evalrun.spec.datasets")
    assert "Requests" in kube.run("explain", "perfrun.spec.rate")
    assert "columns" in kube.run("get", "evalruns", "--field-selector", "spec.model=mock-model")
    kube.delete("evalrun", "columns")
    kube.delete("perfrun", "columns-too")


@pytest.mark.parametrize("name", ["qwen2.5", "x" * 53])
def test_a_name_that_no_pod_can_have_is_refused(kube: Kube, name: str) -> None:
    """At admission, with words."""
    made = json.dumps(eval_run(name, "model"))
    assert "no dots" in kube.run("create", "--dry-run=server", "-f", "-", stdin=made, check=False)


def test_runners_may_do_nothing(kube: Kube) -> None:
    """Their service account may not even read what it is part of."""
    account = f"--as=system:serviceaccount:{kube.namespace}:evalkube-runner"
    for verb, resource in (("get", "pods"), ("get", "secrets"), ("patch", "evalruns"), ("create", "jobs")):
        assert kube.run("auth", "can-i", verb, resource, account, check=False).strip() == "no"


@pytest.mark.parametrize(
    ("account", "verb", "resource"),
    [
        ("api", "get", "secrets"),
        ("api", "list", "secrets"),
        ("api", "create", "jobs"),
        ("api", "create", "pods"),
        ("api", "patch", "evalruns/status"),
        ("operator", "list", "secrets"),
        ("operator", "create", "secrets"),
        ("operator", "create", "pods"),
        ("operator", "get", "pods/exec"),
        ("operator", "patch", "evalruns"),
    ],
)
def test_programs_may_not(kube: Kube, account: str, verb: str, resource: str) -> None:
    """What one of the two programs does not need it may not do, nor anything in other namespaces."""
    name = f"--as=system:serviceaccount:{kube.namespace}:evalkube-{account}"
    resource, _, part = resource.partition("/")
    asked = [verb, resource, *([f"--subresource={part}"] if part else []), name]
    assert kube.run("auth", "can-i", *asked, check=False).strip() == "no"
    elsewhere = Kube("kube-system").run("auth", "can-i", "list", "evalruns", name, check=False)
    assert elsewhere.strip() == "no"


def test_upgrade_and_rollback(release: Release) -> None:
    """A value changes, the programs follow, the certificate of ingest stays; then the same backwards."""
    kube = release.kube

    def certificate() -> str:
        found = kube.get("secret", "evalkube-ingest-tls")
        assert found is not None
        return str(found["data"]["tls.crt"])

    def allowed() -> object:
        found = kube.get("configmap", "evalkube-operator")
        assert found is not None
        return json.loads(found["data"]["operator.json"])["targets"]["denied"]

    before = certificate()
    release.upgrade("--set", "targets.deny={denied.example.org}")
    assert (allowed(), certificate()) == (["denied.example.org"], before)
    kube.helm("rollback", "evalkube", "--wait")
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")
    assert (allowed(), certificate()) == ([], before)


def test_a_run_after_the_rollback(kube: Kube) -> None:
    """The operator of the earlier revision works."""
    kube.create(eval_run("after-rollback", "model", limit=1))
    assert kube.ended("evalrun", "after-rollback")["status"]["phase"] == "Succeeded"
    kube.delete("evalrun", "after-rollback")


def other_values(release: Release) -> Path:
    """The file with the values of the second release."""
    return release.values_file.parent / "other.yaml"


def until_other_is_ready(kube: Kube) -> None:
    """Returns when one replica of the second release's operator leads."""
    kube.run("wait", "--for=jsonpath={.status.readyReplicas}=1", "deployment/other-operator", "--timeout=90s")


@pytest.fixture(scope="module")
def other(cluster: Kube, release: Release) -> Iterator[Kube]:
    """A second release beside the first, with a standby, in a namespace of its own."""
    name = f"{release.kube.namespace}-other"
    cluster.apply(namespace(name))
    kube = Kube(name)
    values = values_of(release.image, [name], crds=False)
    values["operator"]["replicas"] = 2
    values["store"]["volume"]["accessModes"] = ["ReadWriteMany"]
    other_values(release).write_text(json.dumps(values))
    try:
        kube.helm("install", "other", CHART, "-f", str(other_values(release)))
        until_other_is_ready(kube)
        yield kube
    finally:
        kube.helm("uninstall", "other", check=False)
        cluster.run("delete", "namespace", name, "--timeout=90s", timeout_s=100)


def leader(kube: Kube) -> str:
    """The pod whose name is in the Lease."""
    lease = kube.get("lease", "other-operator")
    return "" if lease is None else str(lease["spec"].get("holderIdentity") or "")


def test_a_standby_takes_over(other: Kube, release: Release) -> None:
    """The leader dies without a word in the middle of a run; the run ends in the Job that it had."""
    other.create(eval_run("handed-over", f"slow.{release.kube.namespace}", repeats=12))
    other.until("evalrun", "handed-over", lambda run: run.get("status", {}).get("progress", {}).get("done", 0) > 1)
    first = leader(other)
    other.run("delete", "pod", first, "--grace-period=0", "--force", "--wait=false")
    run = other.ended("evalrun", "handed-over")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert len(run["status"]["attempts"]) == 1
    assert leader(other) not in ("", first)


def test_uninstalled_with_the_operator_down_nothing_is_stuck(other: Kube, release: Release) -> None:
    """Runs of a release whose operator is gone can be deleted like anything else: nothing of ours holds them."""
    other.create(eval_run("running", f"slow.{release.kube.namespace}", repeats=50))
    other.in_phase("evalrun", "running", "Running")
    other.run("scale", "deployment/other-operator", "--replicas=0")
    other.gone("pods", selector="app.kubernetes.io/component=operator")
    other.helm("uninstall", "other", "--wait")
    run = other.get("evalrun", "running")
    assert run is not None
    assert "finalizers" not in run["metadata"]
    assert not any("kopf" in key for key in run["metadata"].get("annotations", {}))
    other.run("delete", "evalrun", "running", "--timeout=20s")
    other.gone("pods", selector="evalkube.io/run=running")
    assert other.get("crd", "evalruns.evalkube.io") is not None


def test_installed_again_it_has_its_certificate(other: Kube, release: Release) -> None:
    """The Secret has outlived the release, and runs made afterwards deliver under it."""
    before = other.get("secret", "other-ingest-tls")
    assert before is not None
    other.helm("install", "other", CHART, "-f", str(other_values(release)))
    until_other_is_ready(other)
    found = other.get("secret", "other-ingest-tls")
    assert found is not None
    assert (found["data"], found["metadata"]["uid"]) == (before["data"], before["metadata"]["uid"])
    other.create(eval_run("after-all", f"model.{release.kube.namespace}", limit=1))
    run = other.ended("evalrun", "after-all")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
