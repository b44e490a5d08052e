"""What a run asks for, and whether it may have it: its targets, paths, overrides, Secrets and data."""

from typing import Any

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from fakes.small_cluster import eval_spec, perf_spec
from fakes.story import Story

Object = dict[str, Any]


KEY: Object = {"apiKeySecretRef": {"name": "key"}, "apiUrl": "https://api.example.org/v1"}
JUDGE: Object = {
    "judge": {"apiKeySecretRef": {"name": "key"}, "models": [{"model": "j", "apiUrl": "http://j:8000/v1"}]}
}
OWN: Object = {
    "judge": {
        "models": [
            {"model": "j", "apiUrl": "http://j:8000/v1"},
            {"model": "k", "apiUrl": "http://k:8000/v1", "apiKeySecretRef": {"name": "key"}},
        ]
    }
}
HEADERS: Object = {"credentialsSecretRef": {"name": "key"}, "apiUrl": "https://api.example.org/v1"}
OPTED_IN: Object = {"labels": {"evalkube.io/api-key": "true"}}
JUDGE_WITH_FILE: Object = {"models": [{"model": "m", "apiUrl": "https://h/v1", "caFile": "/etc/passwd"}]}
DATA: list[Object] = [{"name": "d", "configMap": "numbers"}]
CLAIM: list[Object] = [{"name": "d", "persistentVolumeClaim": "disk"}]
MOUNTABLE: Object = {"labels": {"evalkube.io/data": "true"}}


def for_hosts(hosts: str) -> Object:
    """Metadata of a Secret that is opted in, for those hosts."""
    return {**OPTED_IN, "annotations": {"evalkube.io/hosts": hosts}}


WITHHELD: dict[str, tuple[Object, str, Object | None, Reason]] = {
    "no Secret": (KEY, "Secret", None, Reason.SECRET_MISSING),
    "a Secret without a label": (KEY, "Secret", {}, Reason.SECRET_NOT_OPTED_IN),
    "another label": (KEY, "Secret", {"labels": {"evalkube.io/api-key": "yes"}}, Reason.SECRET_NOT_OPTED_IN),
    "a Secret that names no hosts": (KEY, "Secret", OPTED_IN, Reason.KEY_HOST_FORBIDDEN),
    "a Secret for another host": (KEY, "Secret", for_hosts("api.example.com"), Reason.KEY_HOST_FORBIDDEN),
    "a Secret for another port": (KEY, "Secret", for_hosts("api.example.org:8443"), Reason.KEY_HOST_FORBIDDEN),
    "a Secret for nothing": (KEY, "Secret", for_hosts(""), Reason.KEY_HOST_FORBIDDEN),
    "no Secret of headers": (HEADERS, "Secret", None, Reason.SECRET_MISSING),
    "headers for another host": (HEADERS, "Secret", for_hosts("api.example.com"), Reason.KEY_HOST_FORBIDDEN),
    "a judge elsewhere": (JUDGE, "Secret", for_hosts("api.example.org"), Reason.KEY_HOST_FORBIDDEN),
    "a key for one of its two uses": ({**KEY, **JUDGE}, "Secret", for_hosts("j"), Reason.KEY_HOST_FORBIDDEN),
    "a judge's own key elsewhere": (OWN, "Secret", for_hosts("j:8000"), Reason.KEY_HOST_FORBIDDEN),
    "no ConfigMap": ({"data": DATA}, "ConfigMap", None, Reason.CONFIG_MAP_MISSING),
    "a ConfigMap without a label": ({"data": DATA}, "ConfigMap", {}, Reason.DATA_NOT_OPTED_IN),
    "a ConfigMap that is a key": ({"data": DATA}, "ConfigMap", OPTED_IN, Reason.DATA_NOT_OPTED_IN),
    "no claim": ({"data": CLAIM}, "PersistentVolumeClaim", None, Reason.CLAIM_MISSING),
    "a claim without a label": ({"data": CLAIM}, "PersistentVolumeClaim", {}, Reason.DATA_NOT_OPTED_IN),
}
NAMES = {"Secret": "key", "ConfigMap": "numbers", "PersistentVolumeClaim": "disk"}


@pytest.mark.parametrize(("fields", "kind", "metadata", "reason"), WITHHELD.values(), ids=WITHHELD.keys())
def test_what_a_run_names_must_be_meant_for_it(
    story: Story, fields: Object, kind: str, metadata: Object | None, reason: Reason
) -> None:
    """Nothing is mounted before that; a minute is left to mend it, then the run has failed."""
    if metadata is not None:
        story.cluster.new(kind, NAMES[kind], metadata=metadata)
    story.submit(eval_spec(**fields))
    assert story.reason(ConditionType.ACCEPTED) is reason
    story.turn(70)
    assert (story.phase(), story.reason()) == (Phase.FAILED, reason)
    assert not story.cluster.created_jobs


MEANT: dict[str, tuple[Object, str, Object]] = {
    "a key for its host": (KEY, "Secret", for_hosts("api.example.org")),
    "a key for its domain": (KEY, "Secret", for_hosts("a.org, *.example.org")),
    "a key for both uses": ({**KEY, **JUDGE}, "Secret", for_hosts("api.example.org:443 j:8000")),
    "a judge's own key for its host": (OWN, "Secret", for_hosts("k:8000")),
    "a ConfigMap": ({"data": DATA}, "ConfigMap", MOUNTABLE),
    "a claim": ({"data": CLAIM}, "PersistentVolumeClaim", MOUNTABLE),
}


@pytest.mark.parametrize(("fields", "kind", "metadata"), MEANT.values(), ids=MEANT.keys())
def test_what_is_meant_for_runs_is_mounted(story: Story, fields: Object, kind: str, metadata: Object) -> None:
    """By its label and, for a key, its hosts; also where they come after the run."""
    story.cluster.new(kind, NAMES[kind], metadata={})
    story.submit(eval_spec(**fields))
    assert not story.cluster.created_jobs
    story.cluster.delete(story.cluster.objects[kind, "ns", NAMES[kind]])
    story.cluster.new(kind, NAMES[kind], metadata=metadata)
    story.turn(3)
    assert story.cluster.created_jobs


@pytest.mark.parametrize(("metadata", "created"), [(OPTED_IN, True), (for_hosts("elsewhere.org"), False)])
def test_the_installer_may_let_keys_go_anywhere(metadata: Object, created: bool) -> None:
    """A Secret that names no hosts is for every host then; one that names some still is for those."""
    story = Story(require_key_hosts=False)
    story.cluster.new("Secret", "key", metadata=metadata)
    story.submit(eval_spec(**KEY))
    assert bool(story.cluster.created_jobs) is created
    story.operator.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: eval_spec(apiUrl="http://169.254.169.254/v1"), Reason.TARGET_FORBIDDEN),
        (lambda: eval_spec(runner={"image": "mine"}), Reason.FORBIDDEN),
        (lambda: eval_spec(datasets=["no such"]), Reason.INVALID_SPEC),
        (lambda: eval_spec(datasetArgs={"gsm8k": {"localPath": "/etc/passwd"}}), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(datasetPath="/var/run/secrets/evalkube/token"), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(prompt="@/etc/evalkube/api-key/api-key"), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(queryTemplate="@/data/d/../../etc/passwd", data=DATA), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(tokenizerPath="/data/other", data=DATA), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(datasetArgs={"prefixFile": "prefix.txt"}), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(caFile="/etc/evalkube/api-key/api-key"), Reason.PATH_FORBIDDEN),
        (lambda: eval_spec(judge=JUDGE_WITH_FILE), Reason.PATH_FORBIDDEN),
        (lambda: eval_spec(generationConfig={"extraBody": {"x": "y" * 300_000}}), Reason.INVALID_SPEC),
    ],
    ids=[
        *("target", "override", "contract"),
        *("a file of the image", "the token", "the key", "a detour", "data that is not mounted", "a relative path"),
        *("an authority", "a judge's authority"),
        "size",
    ],
)
def test_what_is_refused_has_no_job(story: Story, make: Any, reason: Reason) -> None:
    """And says why, at once."""
    story.submit(make())
    assert story.reason() is reason
    assert story.reason(ConditionType.ACCEPTED) is reason
    assert not story.cluster.created_jobs


SECRET_KEYS: dict[str, Object] = {
    "a load test's body": perf_spec(extraArgs={"auth": {"api_key": "hush-hush-42"}}),
    "a load test's template": perf_spec(queryTemplate='{"prompt": "%p", "api_key": "hush-hush-42"}'),
    "an evaluation's body": eval_spec(generationConfig={"extraBody": {"tools": [{"authorization": "hush-hush-42"}]}}),
}


@pytest.mark.parametrize("spec", SECRET_KEYS.values(), ids=SECRET_KEYS.keys())
def test_a_secret_in_a_body_is_refused(story: Story, spec: Object) -> None:
    """With words that say where it belongs; the API server sees nothing of such keys."""
    story.submit(spec)
    assert story.reason(ConditionType.ACCEPTED) is Reason.INVALID_SPEC
    said = str(story.status)
    assert "credentialsSecretRef" in said
    assert "hush-hush-42" not in said
    assert not story.cluster.created_jobs


@pytest.mark.parametrize("name", ["v1.2", "x" * 53])
def test_a_name_that_no_pod_can_have_is_refused(story: Story, name: str) -> None:
    """A run that was made before the API server refused such names says why it cannot be."""
    story.cluster.new("EvalRun", name, spec=eval_spec(), status={})
    story.operator.deliver()
    story.operator.work(("EvalRun", "ns", name))
    status = story.cluster.objects["EvalRun", "ns", name]["status"]
    assert status["phase"] == "Failed"
    assert status["columns"]["reason"] == "InvalidSpec"
    assert not story.cluster.created_jobs
