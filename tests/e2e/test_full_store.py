"""The operator's volume has no room left: runs at work keep what they have, new ones wait; with room all end well."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conftest import Release
from e2e.documents import eval_run, perf_run
from e2e.kube import Kube, condition
from fakes.waiting import until

SAMPLES = 8
"""Of gsm8k's sample data."""

MARGIN = 512 << 20
"""More than the node's disk changes by itself during the test."""

FREE = "import os; found = os.statvfs('/var/lib/evalkube'); print(found.f_bavail * found.f_frsize)"
FILL = f"import os; os.posix_fallocate(os.open('/var/lib/evalkube/filler', os.O_CREAT | os.O_RDWR), 0, {2 * MARGIN})"
EMPTY = "import os; os.unlink('/var/lib/evalkube/filler')"


def on_the_volume(kube: Kube, program: str) -> str:
    """What a program says that runs where the volume is mounted."""
    return kube.run("exec", "deployment/evalkube-operator", "--", "python3", "-c", program)


@pytest.fixture(scope="module")
def kube(release: Release) -> Iterator[Kube]:
    """The release, of whose volume little more is left than has to stay free."""
    reserve = int(on_the_volume(release.kube, FREE)) - MARGIN
    release.upgrade("--set", f"store.volume.reserveBytes={reserve}")
    yield release.kube
    release.kube.helm("rollback", "evalkube")  # who comes next waits for its own runs


def waits_for_room(run: dict[str, Any]) -> bool:
    """Whether the run says so."""
    return condition(run, "Running").get("reason") == "StoreFull"


def gauge(kube: Kube) -> float:
    """What the operator's metrics say of its store."""
    pod = kube.select("pods", "app.kubernetes.io/component=operator")[0]["metadata"]["name"]
    path = f"/api/v1/namespaces/{kube.namespace}/pods/{pod}:8081/proxy/metrics"
    found = re.search(r"^evalkube_store_full (\S+)$", kube.run("get", "--raw", path), re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_a_full_store(kube: Kube) -> None:
    """The first write that finds no room tells it; no run starts, runs at work keep what they have, nothing is lost."""
    kube.create(eval_run("at-work", "slow", limit=SAMPLES, repeats=6))
    kube.in_phase("evalrun", "at-work", "Running")
    on_the_volume(kube, FILL)
    try:
        until(lambda: gauge(kube) == 1)
        kube.create(eval_run("held", "model", limit=1), perf_run("held-too", "model"))
        for kind, name in (("evalrun", "held"), ("perfrun", "held-too")):
            run = kube.until(kind, name, waits_for_room)
            assert (run["status"]["phase"], "delete runs" in condition(run, "Running")["message"]) == ("Queued", True)
            assert kube.select("jobs", f"evalkube.io/run={name}") == []
        asked = ["events", "--field-selector", "reason=StoreFull", "-o", "json"]
        events = json.loads(kube.run("get", *asked))["items"]
        assert [event["involvedObject"]["kind"] for event in events] == ["Pod"]
    finally:
        on_the_volume(kube, EMPTY)
    for kind, name in (("evalrun", "held"), ("perfrun", "held-too"), ("evalrun", "at-work")):
        run = kube.ended(kind, name)
        assert run["status"]["phase"] == "Succeeded", condition(run)
        assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
    assert run["status"]["summary"]["gsm8k/scored"] == SAMPLES * 6
    assert gauge(kube) == 0
