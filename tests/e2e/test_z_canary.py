"""An endpoint's key must be nowhere but in the Secrets that hold it: not in an object, a log, an event or an answer."""

import json

import httpx

from e2e.documents import CANARY, eval_run
from e2e.kube import Kube, condition


def test_a_key_by_reference(kube: Kube) -> None:
    """The locked model lets the run in that refers to its key."""
    kube.create(eval_run("with-key", "locked", apiKeySecretRef={"name": "key"}))
    run = kube.ended("evalrun", "with-key")
    assert run["status"]["phase"] == "Succeeded", condition(run)


def test_a_key_through_rest(rest: httpx.Client, kube: Kube) -> None:
    """The request's key becomes a Secret of the run, which is gone at the end."""
    body = {
        "model": "m",
        "api_url": "http://locked:8000/v1",
        "datasets": ["gsm8k"],
        "dataset_hub": "sample",
        "limit": 2,
    }
    answer = rest.post("/api/v1/eval", json={**body, "api_key": CANARY})
    assert answer.status_code == 200, answer.text
    assert CANARY not in answer.text
    name = answer.json()["id"]
    run = kube.get("evalrun", name)
    assert run is not None
    left = [each for each in kube.select("secrets") if _owner(each) == run["metadata"]["uid"]]
    if left:  # the operator deletes it right after the run's last status
        kube.gone("secret", left[0]["metadata"]["name"], timeout_s=15)
    for part in ("", "/logs", "/artifacts", "/result", "/progress"):
        assert CANARY not in rest.get(f"/api/v1/runs/{name}{part}").text


def _owner(thing: dict[str, object]) -> str | None:
    metadata = thing["metadata"]
    assert isinstance(metadata, dict)
    owners = metadata.get("ownerReferences") or [{}]
    uid: str | None = owners[0].get("uid")
    return uid


KEEPERS = ("locked", "judge")
"""The endpoints that are to know it."""


def test_the_key_is_nowhere(kube: Kube) -> None:
    """Every object of the namespace of every kind, and the log of every container."""
    kinds = kube.run("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
    kinds = [kind for kind in kinds if kind != "secrets" and not kind.startswith("events.events")]
    text = kube.run("get", ",".join(kinds), "-o", "json")
    items = [each for each in json.loads(text)["items"] if each["metadata"]["name"] not in KEEPERS]
    holding = [
        f"{each['kind']}/{each['metadata']['name']}"
        for each in items
        if CANARY in json.dumps(each) and not each["metadata"]["name"].startswith(tuple(f"{name}-" for name in KEEPERS))
    ]
    assert holding == []
    for pod in kube.select("pods"):
        assert CANARY not in kube.run("logs", pod["metadata"]["name"], "--all-containers", check=False)


def test_the_key_is_not_in_the_store(kube: Kube) -> None:
    """Nor in any file that the operator keeps."""
    found = kube.run(
        "exec", "deployment/evalkube-operator", "--", "grep", "-rl", CANARY, "/var/lib/evalkube", check=False
    )
    assert "/var/lib/evalkube" not in found
