"""A served namespace is deleted with a run at work in it: it goes, and the others are served as before."""

import pytest

from e2e.conftest import Release, namespace
from e2e.documents import MODEL_PORT, eval_run
from e2e.kube import Kube, condition


@pytest.mark.parametrize("replicas", [1, 0], ids=["with the operator", "without"])
def test_a_namespace_goes_with_a_running_evaluation(cluster: Kube, release: Release, replicas: int) -> None:
    """Within a minute."""
    doomed = Kube(f"{release.kube.namespace}-gone")
    cluster.apply(namespace(doomed.namespace))
    release.upgrade()  # its Role, where an earlier test has had it deleted
    release.kube.run("rollout", "restart", "deployment/evalkube-operator")
    release.kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=90s")
    slow = f"http://slow.{release.kube.namespace}:{MODEL_PORT}/v1"
    doomed.create(eval_run("doomed", "slow", apiUrl=slow, repeats=500, shards=2))
    doomed.in_phase("evalrun", "doomed", "Running")
    release.kube.run("scale", "deployment/evalkube-operator", f"--replicas={replicas}")
    try:
        cluster.run("delete", "namespace", doomed.namespace, "--timeout=60s")
    finally:
        release.kube.run("scale", "deployment/evalkube-operator", "--replicas=1")


def test_the_others_are_served_after_it(kube: Kube) -> None:
    """Also by an operator that starts without it."""
    kube.run("rollout", "restart", "deployment/evalkube-operator")
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=90s")
    kube.create(eval_run("bereaved", "model", limit=1))
    run = kube.ended("evalrun", "bereaved")
    assert run["status"]["phase"] == "Succeeded", condition(run)
