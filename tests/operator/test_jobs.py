"""The Job of an attempt, as the cluster gets it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from evalkube_crds.names import Kind
from evalkube_crds.targets import TargetRules
from evalkube_operator import jobs, reading
from evalkube_operator.jobs import RunnerDefaults
from fakes.small_cluster import eval_spec, perf_spec

DEFAULTS = RunnerDefaults(image="evalkube:1", ingest_url="https://ingest:8443", resources={"limits": {"memory": "1Gi"}})
Object = dict[str, Any]


def made(spec: Object, defaults: RunnerDefaults = DEFAULTS, attempt: int = 1, labels: Object | None = None) -> Object:
    """The manifest for a run with this spec."""
    kind = Kind.PERF_RUN if "url" in spec else Kind.EVAL_RUN
    metadata = {
        "namespace": "ns",
        "name": "demo",
        "uid": "u",
        "creationTimestamp": datetime(2026, 11, 1, tzinfo=UTC).isoformat(),
        "labels": labels or {},
    }
    run = reading.run({"metadata": metadata, "spec": spec}, kind)
    assert run.spec is not None, run.invalid
    return jobs.manifest(run, run.spec, attempt, defaults)


def pod_of(manifest: Object) -> Object:
    """The pod's spec."""
    return manifest["spec"]["template"]["spec"]  # type: ignore[no-any-return]  # JSON


def test_it_is_the_runs_and_named_by_the_attempt() -> None:
    """Owned, so that it goes with the run; found by labels."""
    manifest = made(eval_spec(shards=4), attempt=3)
    assert manifest["metadata"]["name"] == "demo-e3"
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "evalkube.io/v1alpha1",
        "kind": "EvalRun",
        "name": "demo",
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert manifest["spec"]["completions"] == manifest["spec"]["parallelism"] == 4
    assert (
        reading.job(
            {**manifest, "metadata": {**manifest["metadata"], "uid": "j", "creationTimestamp": "2026-11-01T00:00:00Z"}}
        ).attempt
        == 3
    )


def test_no_two_attempts_want_one_job() -> None:
    """Whatever the runs are called: of both kinds, and with names that end as those of Jobs do."""
    names = ["demo", "demo-1", "demo-e1", "demo-e1-1", "demo-p1", "demo-p", "demo-e", "eval-demo", "perf-demo"]
    wanted = [jobs.job_name(kind, name, attempt) for kind in Kind for name in names for attempt in (1, 2, 11)]
    assert len(set(wanted)) == len(wanted)


def test_the_longest_name_leaves_room_for_a_pods() -> None:
    """The host name of the last pod of a hundredth attempt is a DNS label still."""
    longest = jobs.job_name(Kind.PERF_RUN, "x" * 52, 100)
    assert len(f"{longest}-{1024 - 1}") <= 63


def test_results_come_before_any_time_to_live() -> None:
    """The Job must not go before its results are on record."""
    assert "ttlSecondsAfterFinished" not in made(eval_spec())["spec"]


def test_an_evaluations_pods_are_replaced_and_a_load_tests_are_not() -> None:
    """Disruptions do not count for the one, and end the other."""
    evaluation, load = made(eval_spec(backoffLimit=2))["spec"], made(perf_spec(backoffLimit=2))["spec"]
    assert evaluation["backoffLimit"] == 2
    assert evaluation["podFailurePolicy"]["rules"][0]["action"] == "Ignore"
    assert evaluation["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"] == list(range(64, 81))
    assert load["backoffLimit"] == 0
    assert {rule["action"] for rule in load["podFailurePolicy"]["rules"]} == {"FailJob"}


def test_no_failed_pod_waits_for_its_replacement() -> None:
    """In a namespace that is being deleted none comes, and the namespace would wait for the pod."""
    many = made(eval_spec(backoffLimit=2, shards=3))["spec"]
    assert many["backoffLimit"] == 6
    assert not {"backoffLimitPerIndex", "maxFailedIndexes"} & set(many)


def test_the_pod_is_restricted() -> None:
    """As Pod Security's level of that name wants it, with no credentials but ingest's token."""
    pod = pod_of(made(eval_spec()))
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    container = pod["containers"][0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    sources = [volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume]
    assert [source["serviceAccountToken"]["audience"] for source in sources[0]] == ["evalkube.io/ingest"]


def test_the_document_travels_as_an_annotation() -> None:
    """With the spec as the user wrote it, and the labels, which are the run's tags."""
    spec, labels = eval_spec(limit=3), {"tags.evalkube.io/team": "search"}
    annotations = made(spec, labels=labels)["spec"]["template"]["metadata"]["annotations"]
    document = json.loads(annotations["evalkube.io/run"])
    assert (document["spec"], document["metadata"]["labels"]) == (spec, labels)


def test_the_rules_for_targets_are_an_argument() -> None:
    """The runner reads back what the installer set; without any it gets the rules that hold by themselves."""
    rules = TargetRules(allow_link_local=True, allowed=("*.example.org",), denied=("10.0.0.0/8", "fd00::/8"))
    for wanted, defaults in ((rules, replace(DEFAULTS, targets=rules)), (TargetRules(), DEFAULTS)):
        arguments = pod_of(made(perf_spec(), defaults))["containers"][0]["args"]
        assert TargetRules.model_validate_json(arguments[arguments.index("--targets") + 1]) == wanted


def test_a_key_is_a_file_of_one_key_of_its_secret() -> None:
    """Never a variable, never a value."""
    manifest = made(eval_spec(apiKeySecretRef={"name": "s", "key": "k"}))
    arguments = pod_of(manifest)["containers"][0]["args"]
    assert arguments[-2:] == ["--api-key-file", "/etc/evalkube/api-key/k"]
    volume = next(volume for volume in pod_of(manifest)["volumes"] if volume["name"] == "api-key")
    assert volume["secret"]["items"] == [{"key": "k", "path": "k"}]


def test_secret_headers_are_files_too() -> None:
    """The endpoint's and the judges', each with an option of its own."""
    manifest = made(
        eval_spec(credentialsSecretRef={"name": "s"}, judge={"credentialsSecretRef": {"name": "s", "key": "j"}})
    )
    arguments = pod_of(manifest)["containers"][0]["args"]
    assert arguments[-4:] == [
        *("--credentials-file", "/etc/evalkube/credentials/credentials"),
        *("--judge-credentials-file", "/etc/evalkube/judge-credentials/j"),
    ]


def test_the_key_of_one_judge_is_a_file_too() -> None:
    """By the judge's place."""
    models: list[Object] = [{"model": name, "apiUrl": f"http://{name}/v1"} for name in "jk"]
    models[1]["apiKeySecretRef"] = {"name": "s", "key": "own"}
    manifest = made(eval_spec(judge={"models": models}))
    arguments = pod_of(manifest)["containers"][0]["args"]
    assert arguments[-2:] == ["--judge-api-key-1-file", "/etc/evalkube/judge-api-key-1/own"]
    volume = next(volume for volume in pod_of(manifest)["volumes"] if volume["name"] == "judge-api-key-1")
    assert volume["secret"]["items"] == [{"key": "own", "path": "own"}]


def test_data_is_mounted_read_only_by_name() -> None:
    """The run's own beside the installation's, and in its place where it is called the same."""
    data = [{"name": "a", "configMap": "c"}, {"name": "b", "persistentVolumeClaim": "p"}]
    defaults = RunnerDefaults(image="i", ingest_url="u", data_claim="all")
    mounts = {
        mount["mountPath"]: mount
        for mount in pod_of(made(eval_spec(data=data), defaults))["containers"][0]["volumeMounts"]
    }
    assert all(mounts[path]["readOnly"] for path in ("/data/a", "/data/b", "/data/shared"))
    own = pod_of(made(eval_spec(data=[{"name": "shared", "configMap": "c"}]), defaults))
    paths = [mount["mountPath"] for mount in own["containers"][0]["volumeMounts"]]
    assert paths.count("/data/shared") == 1


def test_a_runner_may_read_what_the_run_mounts_and_nothing_else_of_its_pod() -> None:
    """The token, the key and the document are files of the same pod."""

    def readable(data: list[Object], defaults: RunnerDefaults) -> list[str]:
        arguments = pod_of(made(eval_spec(data=data), defaults))["containers"][0]["args"]
        return [arguments[at + 1] for at, word in enumerate(arguments) if word == "--readable"]

    plain, shared = RunnerDefaults(image="i", ingest_url="u"), RunnerDefaults(image="i", ingest_url="u", data_claim="c")
    assert readable([], plain) == []
    assert readable([], shared) == ["/data/shared"]
    assert readable([{"name": "a", "configMap": "c"}], shared) == ["/data/shared", "/data/a"]
    assert readable([{"name": "shared", "configMap": "c"}], shared) == ["/data/shared"]


def test_a_queue_gets_the_job_suspended() -> None:
    """The run's label, or the installation's queue."""
    label = {"kueue.x-k8s.io/queue-name": "mine"}
    own = made(eval_spec(), labels=label)
    assert own["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "mine"
    assert own["spec"]["suspend"] is True
    assert made(eval_spec(), RunnerDefaults(image="i", ingest_url="u", queue="ours"))["spec"]["suspend"] is True
    assert made(eval_spec())["spec"]["suspend"] is False


@pytest.mark.parametrize(
    ("runner", "path", "value"),
    [
        ({"image": "mine"}, ("containers", 0, "image"), "mine"),
        ({"resources": {"limits": {"cpu": "1"}}}, ("containers", 0, "resources"), {"limits": {"cpu": "1"}}),
        ({"nodeSelector": {"a": "b"}}, ("nodeSelector",), {"a": "b"}),
        ({"serviceAccountName": "sa"}, ("serviceAccountName",), "sa"),
        ({"imagePullSecrets": ["p"]}, ("imagePullSecrets",), [{"name": "p"}]),
        ({"priorityClassName": "high"}, ("priorityClassName",), "high"),
    ],
)
def test_what_a_run_may_override(runner: Object, path: tuple[Any, ...], value: Any) -> None:
    """Whether it may is not decided here."""
    found: Any = pod_of(made(eval_spec(runner=runner)))
    for step in path:
        found = found[step]
    assert found == value


def test_a_run_does_not_turn_the_runners_own_switches() -> None:
    """Its variables come beside ours, never over them."""
    env = [{"name": "HOME", "value": "/x"}, {"name": "MINE", "value": "1"}]
    names = {
        entry["name"]: entry["value"] for entry in pod_of(made(eval_spec(runner={"env": env})))["containers"][0]["env"]
    }
    assert names["HOME"] == "/tmp"
    assert names["MINE"] == "1"
