"""Resources from requests, run documents from resources."""

import base64
from typing import Any

import pytest

from evalkube_api.kubernetes import documents
from evalkube_api.kubernetes.ids import Key
from evalkube_crds import credentials
from evalkube_crds.names import Kind, Phase, Reason
from fakes.bodies import KEY
from fakes.cluster_runs import ENDED, applied, condition, eval_submission, perf_submission

METADATA = {"uid": "u", "namespace": "evals", "resourceVersion": "7", "creationTimestamp": "2026-11-23T20:00:00Z"}


def seen(name: str, kind: str = "EvalRun", **parts: Any) -> dict[str, Any]:
    """A resource as the API server gives it."""
    return {**applied(name, kind, **METADATA), **parts}


def test_only_what_was_asked_is_written() -> None:
    """In camelCase, without defaults, and without a key."""
    submission = eval_submission(generation_config={"max_tokens": 9}, shards=2)
    made = documents.manifest(submission, Key(Kind.EVAL_RUN, "evals", "e"), digest="d", secret="e-key")
    assert made["spec"] == {
        "model": "ok",
        "apiUrl": "http://127.0.0.1:9/v1",
        "datasets": ["gsm8k"],
        "limit": 5,
        "generationConfig": {"maxTokens": 9},
        "shards": 2,
        "apiKeySecretRef": {"name": "e-key", "key": "api-key"},
    }
    assert made["metadata"] == {"name": "e", "namespace": "evals", "annotations": {documents.REQUEST: "d"}}
    assert KEY not in str(made)


def test_scalars_become_lists() -> None:
    """A structural schema has no unions."""
    made = documents.manifest(perf_submission(), Key(Kind.PERF_RUN, "evals", "p"), digest="d", secret="s")
    assert (made["spec"]["number"], made["spec"]["parallel"]) == ([10], [2])


def test_the_judges_key_has_its_own_place() -> None:
    """Beside what else is said of judges."""
    judge = {"strategy": "auto", "repeats": 2}
    submission = eval_submission(api_key="EMPTY", judge_api_key="sk-judge", judge=judge)
    made = documents.manifest(submission, Key(Kind.EVAL_RUN, "evals", "e"), digest="d", secret="e-key")
    assert made["spec"]["judge"] == {**judge, "apiKeySecretRef": {"name": "e-key", "key": "judge-api-key"}}
    assert "apiKeySecretRef" not in made["spec"]
    secret = documents.secret({**made, "metadata": {**made["metadata"], "uid": "u"}}, submission.secrets)
    assert secret is not None
    assert secret["data"] == {"judge-api-key": base64.b64encode(b"sk-judge").decode()}


def test_the_key_of_one_judge_has_its_own_place() -> None:
    """At the judge that it is of, in the Secret of the run."""
    models = [{"model": "a", "api_url": "http://a/v1"}, {"model": "b", "api_url": "http://b/v1", "api_key": "sk-of-b"}]
    submission = eval_submission(api_key="EMPTY", judge={"models": models})
    made = documents.manifest(submission, Key(Kind.EVAL_RUN, "evals", "e"), digest="d", secret="e-key")
    first, second = made["spec"]["judge"]["models"]
    assert "apiKeySecretRef" not in first
    assert second["apiKeySecretRef"] == {"name": "e-key", "key": "judge-api-key-1"}
    assert "sk-of-b" not in str(made)
    secret = documents.secret({**made, "metadata": {**made["metadata"], "uid": "u"}}, submission.secrets)
    assert secret is not None
    assert secret["data"] == {"judge-api-key-1": base64.b64encode(b"sk-of-b").decode()}


def test_secret_headers_have_their_own_place() -> None:
    """In the run's Secret, as the runner reads them; the spec refers to them."""
    config = {"extra_headers": {"X-Auth-Token": "hush", "X-Team": "a"}, "extra_body": {"auth": "hush", "top_k": 3}}
    judge = {"models": [{"model": "j", "api_url": "http://j/v1?key=hush"}]}
    submission = eval_submission(api_key="EMPTY", generation_config=config, judge=judge)
    made = documents.manifest(submission, Key(Kind.EVAL_RUN, "evals", "e"), digest="d", secret="e-key")
    assert "hush" not in str(made)
    assert made["spec"]["generationConfig"] == {"extraHeaders": {"X-Team": "a"}, "extraBody": {"top_k": 3}}
    assert made["spec"]["credentialsSecretRef"] == {"name": "e-key", "key": "credentials"}
    assert made["spec"]["judge"]["credentialsSecretRef"] == {"name": "e-key", "key": "judge-credentials"}
    secret = documents.secret({**made, "metadata": {**made["metadata"], "uid": "u"}}, submission.secrets)
    assert secret is not None
    held = {name: credentials.parse(base64.b64decode(value).decode()) for name, value in secret["data"].items()}
    assert (held["credentials"].headers, held["judge-credentials"].query) == ({"X-Auth-Token": "hush"}, {"key": "hush"})
    assert held["credentials"].body == {"auth": "hush"}


def test_the_secret_goes_with_its_run() -> None:
    """Owned, immutable, opted in, and for the run's own endpoints: whoever else names it cannot send the key away."""
    run = seen("e")
    run["spec"]["apiKeySecretRef"] = {"name": "e-key", "key": "api-key"}
    secret = documents.secret(run, {"api_key": KEY})
    assert secret is not None
    assert (secret["immutable"], secret["metadata"]["labels"]) == (True, {"evalkube.io/api-key": "true"})
    run["spec"]["judge"] = {"models": [{"model": "j", "apiUrl": "https://judge.org/v1"}]}
    judged = documents.secret(run, {"api_key": KEY})
    assert judged is not None
    assert judged["metadata"]["annotations"] == {"evalkube.io/hosts": "127.0.0.1:9,judge.org:443"}
    owner = {
        "apiVersion": "evalkube.io/v1alpha1",
        "kind": "EvalRun",
        "name": "e",
        "uid": "u",
        "blockOwnerDeletion": True,
    }
    assert (secret["metadata"]["name"], secret["metadata"]["ownerReferences"]) == ("e-key", [owner])
    assert documents.secret(run, {}) is None
    assert documents.secret(seen("e"), {"api_key": KEY}) is None


def test_a_digest_tells_requests_apart_and_holds_no_key() -> None:
    """Another key is the same request."""
    digest = documents.request_digest(eval_submission())
    assert digest == documents.request_digest(eval_submission("k", api_key="another"))
    assert digest != documents.request_digest(eval_submission(limit=6))
    assert digest != documents.request_digest(perf_submission())


def test_a_whole_document() -> None:
    """Its name is the id."""
    run = documents.run_of(seen("e", status=ENDED), "team:e")
    assert (run.metadata.name, run.metadata.uid, run.status.phase) == ("team:e", "u", Phase.SUCCEEDED)
    assert (run.spec.model, run.status.results, run.status.output_dir) == (
        "ok",
        {"gsm8k": {"score": 1.0}},
        "volume://evals/x",
    )


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({**ENDED, "newField": {"x": 1}}, id="a field of a later version"),
        pytest.param(
            {**ENDED, "conditions": [*ENDED["conditions"], condition("Glowing", "True", "X")]}, id="its condition"
        ),
        pytest.param({**ENDED, "conditions": [*ENDED["conditions"], {"type": "Running"}]}, id="half a condition"),
        pytest.param({**ENDED, "startTime": "yesterday"}, id="a damaged time"),
        pytest.param({**ENDED, "phase": "Glowing"}, id="a phase of a later version"),
    ],
)
def test_a_status_is_read_as_far_as_it_is_understood(status: dict[str, Any]) -> None:
    """A waiting client must not fail because of one field."""
    run = documents.run_of(seen("e", status=status), "e")
    assert run.status.phase is Phase.SUCCEEDED
    assert [one.reason for one in run.status.conditions] == [Reason.ACCEPTED, Reason.COMPLETED]
    assert run.status.results == {"gsm8k": {"score": 1.0}}


@pytest.mark.parametrize(
    "spec",
    [
        {"model": "m"},
        {"model": "m", "apiUrl": "no url", "datasets": ["gsm8k"]},
        {"model": "m", "apiUrl": "http://x/v1", "datasets": ["gsm8k"], "later": 1},
        {"model": "m", "apiUrl": "http://x/v1", "datasets": ["gsm8k", "gsm8k"]},
    ],
)
def test_a_refused_spec_can_be_shown(spec: dict[str, Any]) -> None:
    """The operator says in its status what is wrong with it."""
    status = {"phase": "Failed", "conditions": [condition("Succeeded", "False", "InvalidSpec", "bad")]}
    run = documents.run_of(seen("e", spec=spec, status=status), "e")
    assert (run.spec.model, run.status.phase) == ("m", Phase.FAILED)
    assert run.spec.model_dump(mode="json")["model"] == "m"


def test_what_is_kept_in_memory() -> None:
    """Neither results nor what other people wrote."""
    marks = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x"}
    raw = seen("e", status=ENDED)
    raw["metadata"] |= {"managedFields": [{}], "annotations": marks}
    kept = documents.trimmed(raw)
    assert kept["metadata"]["annotations"] == {"mine": "x"}
    assert "managedFields" not in kept["metadata"]
    assert "results" not in kept["status"]
    assert raw["status"]["results"]
