"""Cancel and delete at every phase, deadlines, and runs that come again under the same name."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from e2e.documents import eval_run, perf_run
from e2e.kube import Kube, condition

Document = dict[str, Any]

NOWHERE = {"nodeSelector": {"evalkube.io/none": "such"}}
"""Of a run that no node takes: it stays Starting."""

PHASES: dict[str, tuple[str, Callable[[str], Document]]] = {
    "Pending": ("Pending", lambda name: eval_run(name, "model", apiKeySecretRef={"name": "not-there"})),
    "Suspended": ("Suspended", lambda name: eval_run(name, "model", suspend=True)),
    "Starting": ("Starting", lambda name: eval_run(name, "model", runner=NOWHERE)),
    "Running": ("Running", lambda name: eval_run(name, "slow", repeats=50)),
    "Running load": ("Running", lambda name: perf_run(name, "slow", number=[4000], parallel=[2])),
}
at_every_phase = pytest.mark.parametrize("phase", PHASES)


def begun(kube: Kube, verb: str, phase: str) -> tuple[str, str]:
    """A run in that phase: its kind and name."""
    wanted, make = PHASES[phase]
    run = make(f"{verb}-{phase.lower().replace(' ', '-')}")
    kind, name = run["kind"].lower(), run["metadata"]["name"]
    kube.create(run)
    kube.in_phase(kind, name, wanted)
    return kind, name


@at_every_phase
def test_cancel(kube: Kube, phase: str) -> None:
    """The run ends as Cancelled and its pods go; it does not come back."""
    kind, name = begun(kube, "cancel", phase)
    kube.patch(kind, name, {"spec": {"cancel": True}})
    run = kube.ended(kind, name, timeout_s=45)
    assert (run["status"]["phase"], condition(run)["reason"]) == ("Cancelled", "Cancelled")
    kube.gone("jobs", selector=f"evalkube.io/run={name}")
    kube.gone("pods", selector=f"evalkube.io/run={name}")
    refused = kube.patch(kind, name, {"spec": {"cancel": False}}, check=False)
    assert "cancel" in refused
    kube.delete(kind, name)


@at_every_phase
def test_delete(kube: Kube, phase: str) -> None:
    """At once, and everything of the run goes with it: a pod that works does not use up its grace period."""
    kind, name = begun(kube, "delete", phase)
    kube.run("delete", kind, name, "--timeout=10s")
    kube.gone("jobs", selector=f"evalkube.io/run={name}")
    kube.gone("pods", selector=f"evalkube.io/run={name}", timeout_s=20)


def test_delete_after_the_end(kube: Kube) -> None:
    """A finished run has no more hold than another."""
    kube.create(eval_run("finished", "model", limit=1))
    kube.ended("evalrun", "finished")
    kube.run("delete", "evalrun", "finished", "--timeout=10s")
    kube.gone("jobs", selector="evalkube.io/run=finished")


def test_cancel_after_the_end_changes_nothing(kube: Kube) -> None:
    """A terminal status is final."""
    kube.create(eval_run("over", "model", limit=1))
    before = kube.ended("evalrun", "over")["status"]
    kube.patch("evalrun", "over", {"spec": {"cancel": True}})
    kube.create(eval_run("later", "model", limit=1))
    kube.ended("evalrun", "later")  # the operator has been at work since
    after = kube.get("evalrun", "over")
    assert after is not None
    assert after["status"] == before


def test_cancel_through_rest(rest: httpx.Client, kube: Kube) -> None:
    """The waiting request is answered as the seed answers failures, with what happened."""
    body = {"model": "m", "api_url": "http://slow:8000/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
    accepted = rest.post("/api/v1/eval", json={**body, "repeats": 50}, headers={"Prefer": "respond-async"}).json()
    kube.in_phase("evalrun", accepted["id"], "Running")
    assert rest.post(f"/api/v1/runs/{accepted['id']}/cancel").status_code == 200
    answer = rest.get(f"/api/v1/runs/{accepted['id']}/result")
    assert answer.status_code == 500
    assert answer.json()["reason"] == "Cancelled"


def test_only_three_fields_may_change(kube: Kube) -> None:
    """The API server itself says so, and which ones."""
    kube.create(eval_run("fixed", "model", suspend=True))
    refused = kube.patch("evalrun", "fixed", {"spec": {"limit": 9}}, check=False)
    assert "limit" in refused
    kube.patch("evalrun", "fixed", {"spec": {"ttlSecondsAfterFinished": 5, "suspend": False}})
    kube.ended("evalrun", "fixed")
    kube.gone("evalrun", "fixed", timeout_s=30)  # its time to live was over


def test_the_same_name_again(kube: Kube) -> None:
    """A run that was deleted in the middle and made anew is a new run: its own Job, its own results."""
    kube.create(eval_run("again", "slow", repeats=50))
    first = kube.in_phase("evalrun", "again", "Running")
    kube.delete("evalrun", "again", wait=False)
    kube.create(eval_run("again", "model", limit=3))
    run = kube.ended("evalrun", "again")
    assert run["metadata"]["uid"] != first["metadata"]["uid"]
    assert (run["status"]["phase"], run["status"]["progress"]["total"]) == ("Succeeded", 3), condition(run)
    assert run["status"]["jobUID"] != first["status"]["jobUID"]


def test_no_run_carries_anything_of_ours(kube: Kube) -> None:
    """No finalizers on any run there is, and no annotations but those that the API itself puts there."""
    for run in kube.select("evalruns,perfruns"):
        assert "finalizers" not in run["metadata"]
        assert {name.partition("/")[0] for name in run["metadata"].get("annotations", {})} <= {"evalkube.io"}
