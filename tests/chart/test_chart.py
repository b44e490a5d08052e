"""The chart as `helm template` renders it: strict values, least rights, restricted pods, the models' definitions."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkube_crds import targets
from fakes.chart import CHART, HELM, ROOT, VALUE_SETS, configuration, helm, named, needs_helm, notes, pods, rendered

REFUSED = {
    "a misspelt key": ("api.replica=3", "replica"),
    "a misspelt override": ("runner.allow={imgae}", "runner"),
    "an unknown store": ("store.kind=nfs", "kind"),
    "a bucket without a name": ("store.kind=s3", "store.s3.bucket"),
    "a standby without the store": ("operator.replicas=2", "ReadWriteMany"),
    "a namespace that is not served": ("namespaces={team-a},api.namespaces={team-b}", "team-b"),
    "a policy where nothing is served": (
        "namespaces={team-a},networkPolicy.runner.namespaces={team-b}",
        "networkPolicy.runner.namespaces: team-b",
    ),
    "a URL as a target": ("targets.allow={http://model:8000}", "allow"),
    "a port with a target": ("targets.deny={model:8000}", "deny"),
    "a URL for a name": ("api.allowedHosts={http://x}", "allowedHosts"),
    "every name": ("api.allowedHosts={*}", "allowedHosts"),
    "an origin with a path": ("api.corsOrigins={https://a.example/x}", "corsOrigins"),
    "a name for an origin": ("api.corsOrigins={a.example}", "corsOrigins"),
    "pods of root": ("podSecurityContext.runAsUser=0", "runAsUser"),
    "a word where a number is meant": ("api.replicas=many", "replicas"),
}


def test_the_definitions_are_those_that_the_models_generate() -> None:
    """The chart's copies are `make generate`'s."""
    ours = {path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")}
    assert ours == {path.name: path.read_text() for path in (CHART / "files" / "crds").glob("*.yaml")}


@needs_helm
def test_lint() -> None:
    """`helm lint --strict` has nothing to say."""
    assert HELM is not None
    done = subprocess.run([HELM, "lint", "--strict", str(CHART)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_helm
@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_it_renders(values: str) -> None:
    """Each set of values gives objects, each once, each in a namespace or of the cluster."""
    objects = rendered(values)
    keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects]
    assert len(keys) == len(set(keys))
    of_cluster = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass"}
    assert all((namespace is None) == (kind in of_cluster) for kind, namespace, _ in keys)


@needs_helm
@pytest.mark.parametrize(("values", "word"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(values: str, word: str) -> None:
    """The message names the value."""
    done = helm(values)
    assert done.returncode != 0
    assert word in done.stderr


@needs_helm
@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_pod_fits_the_restricted_level(values: str) -> None:
    """And has a read-only root file system, which that level does not ask for."""
    for spec in pods(rendered(values)):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert not any("hostPath" in volume for volume in spec["volumes"])
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


@needs_helm
@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_the_operator_understands_what_it_is_told(values: str) -> None:
    """Its settings take the rendered file as it is."""
    settings = pytest.importorskip("evalkube_operator.settings")
    settings._File.model_validate(configuration(rendered(values)))


@needs_helm
def test_definitions_outlive_the_release() -> None:
    """Uninstalling must not delete anybody's runs; otherwise they are what the file says."""
    for path in (CHART / "files" / "crds").glob("*.yaml"):
        wanted = yaml.safe_load(path.read_text())
        found = named(rendered(""), "CustomResourceDefinition", wanted["metadata"]["name"])
        assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert found["spec"] == wanted["spec"]


@needs_helm
def test_the_certificate_outlives_the_release(tmp_path: Path) -> None:
    """Runners that are at work trust it, and deliver to the release that is installed again; the notes name it."""
    made = named(rendered(""), "Secret", "evalkube-ingest-tls")
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    said = notes("namespaces={team-a}", tmp_path)
    assert "delete secret evalkube-ingest-tls" in said
    accounts = [each for each in rendered("namespaces={team-a}") if each["metadata"]["name"] == "evalkube-runner"]
    kept = [each["metadata"] for each in accounts if each["kind"] == "ServiceAccount"]
    assert [each["namespace"] for each in kept] == ["evals", "team-a"]
    for each in kept:  # the tokens of runners at work would end with it
        assert each["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert f"-n {each['namespace']} delete serviceaccount evalkube-runner" in said
    assert not [each for each in rendered(VALUE_SETS["a certificate of one's own"]) if each["kind"] == "Secret"]


@needs_helm
@pytest.mark.parametrize(("release", "service"), [("evalkube", "evalkube-api"), ("prod", "prod-api")])
def test_the_service_has_the_release_s_name(release: str, service: str) -> None:
    """As documented: port 9000."""
    ports = named(rendered("", release), "Service", service)["spec"]["ports"]
    assert [port["port"] for port in ports] == [9000]


@needs_helm
def test_named_namespaces_need_no_rights_elsewhere() -> None:
    """Roles there; of the cluster only the review of tokens (and what `rbac.aggregate` gives to people)."""
    objects = rendered("namespaces={team-a,team-b},rbac.aggregate=false")
    of_cluster = [each for each in objects if each["kind"] == "ClusterRole"]
    assert [each["rules"][0]["resources"] for each in of_cluster] == [["tokenreviews"]]
    roles = {each["metadata"]["namespace"] for each in objects if each["kind"] == "Role"}
    assert roles == {"evals", "team-a", "team-b"}
    assert configuration(objects)["namespaces"] == ["evals", "team-a", "team-b"]
    accounts = {each["metadata"]["namespace"] for each in objects if each["metadata"]["name"] == "evalkube-runner"}
    assert accounts == {"evals", "team-a", "team-b"}


@needs_helm
@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_nobody_may_do_everything(values: str) -> None:
    """No wildcards, no exec, no way to read Secrets in bulk, and none at all for the API."""
    for role in (each for each in rendered(values) if each["kind"] in ("Role", "ClusterRole")):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert "pods/exec" not in rule["resources"]
            if "secrets" in rule["resources"]:
                assert not {"list", "watch", "update", "patch"} & set(rule["verbs"])
                assert role["metadata"]["name"].endswith("-operator") or rule["verbs"] == ["create"]


@needs_helm
@pytest.mark.parametrize("values", ["", "namespaces={team-a}"])
@pytest.mark.parametrize("program", ["api", "operator"])
def test_what_is_owned_may_block_its_owners_deletion(program: str, values: str) -> None:
    """Where Kubernetes checks it (OwnerReferencesPermissionEnforcement), that takes a right of its own."""
    names = {f"evalkube-{program}", f"evalkube-evals-{program}"}
    roles = [each for each in rendered(values) if each["kind"].endswith("Role") and each["metadata"]["name"] in names]
    wanted = {"apiGroups": ["evalkube.io"], "resources": ["evalruns/finalizers", "perfruns/finalizers"]}
    assert roles
    assert all({**wanted, "verbs": ["update"]} in role["rules"] for role in roles)


@needs_helm
@pytest.mark.parametrize("values", ["", "namespaces={team-a}"])
def test_the_operator_may_claim_what_it_serves(values: str) -> None:
    """A Lease in each namespace, owned by a ClusterRole of the release that it may look up, and no other."""
    objects = rendered(values)
    role = named(objects, "ClusterRole", configuration(objects)["clusterRole"])
    assert {"resources": ["clusterroles"], "resourceNames": [role["metadata"]["name"]], "verbs": ["get"]}.items() <= (
        role["rules"][1].items()
    )
    writes = ["evalruns/status", "perfruns/status"]
    roles = [each for each in objects if each["kind"].endswith("Role")]
    serving = [each for each in roles if writes in [rule["resources"] for rule in each["rules"]]]
    assert serving
    for each in serving:
        leases = [rule for rule in each["rules"] if rule["resources"] == ["leases"]]
        assert [(rule["verbs"], rule.get("resourceNames")) for rule in leases] == [
            (["create"], None),
            (["get"], ["evalkube"]),
        ]


@needs_helm
def test_runners_have_a_service_account_without_rights() -> None:
    """No binding names it, and it has no token mounted."""
    objects = rendered("namespaces={team-a}")
    account = configuration(objects)["runner"]["serviceAccount"]
    subjects = [one["name"] for each in objects if each["kind"].endswith("Binding") for one in each["subjects"]]
    assert account not in subjects
    assert (
        named(tuple(x for x in objects if x["metadata"].get("namespace") == "team-a"), "ServiceAccount", account)[
            "automountServiceAccountToken"
        ]
        is False
    )


@needs_helm
def test_the_programs_have_accounts_of_their_own() -> None:
    """What the API may do the operator may not, and the other way round."""
    objects = rendered("")
    used = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["serviceAccountName"]
        for each in objects
        if each["kind"] == "Deployment"
    }
    assert used == {"evalkube-api": "evalkube-api", "evalkube-operator": "evalkube-operator"}
    assert configuration(objects)["readers"] == ["system:serviceaccount:evals:evalkube-api"]


@needs_helm
def test_a_changed_configuration_restarts_the_operator() -> None:
    """Its pods carry the file's digest."""

    def digest(values: str) -> str:
        pod = named(rendered(values), "Deployment", "evalkube-operator")["spec"]["template"]["metadata"]
        found: str = pod["annotations"]["checksum/config"]
        return found

    assert digest("runner.allow={image}") != digest("")
    assert digest("") == digest("api.replicas=3")


@needs_helm
def test_runners_reach_no_metadata_service() -> None:
    """What their NetworkPolicy leaves out, in both families."""
    policy = named(rendered(""), "NetworkPolicy", "evalkube-runner")["spec"]
    open_to = [block["ipBlock"] for rule in policy["egress"] for block in rule.get("to", []) if "ipBlock" in block]
    assert {block["cidr"] for block in open_to} == {"0.0.0.0/0", "::/0"}
    assert "169.254.0.0/16" in open_to[0]["except"]
    assert "fd00:ec2::254/128" in open_to[1]["except"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy


def test_the_network_policy_closes_what_the_runner_refuses() -> None:
    """One list, in both places: the code's, and the values that the installer sees."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values["networkPolicy"]["runner"]["except"]) == set(targets.CLOSED_NETWORKS)


POLICIES = {
    "every namespace is served": ("", {"evals"}),
    "and some are named": ("networkPolicy.runner.namespaces={team-a,evals}", {"evals", "team-a"}),
    "some are served": ("namespaces={team-a,team-b}", {"evals", "team-a", "team-b"}),
    "and named once more": (
        "namespaces={team-a,team-b},networkPolicy.runner.namespaces={team-b}",
        {"evals", "team-a", "team-b"},
    ),
    "none for runners": ("networkPolicy.runner.enabled=false,networkPolicy.runner.namespaces={team-a}", set()),
    "none at all": ("networkPolicy.enabled=false,networkPolicy.runner.namespaces={team-a}", set()),
}


@needs_helm
@pytest.mark.parametrize(("values", "where"), POLICIES.values(), ids=POLICIES)
def test_where_runners_have_a_network_policy(values: str, where: set[str], tmp_path: Path) -> None:
    """The same one in each of these namespaces; the notes name them, and say where there is none."""
    found = [each for each in rendered(values) if each["metadata"]["name"] == "evalkube-runner"]
    policies = [each for each in found if each["kind"] == "NetworkPolicy"]
    assert {each["metadata"]["namespace"] for each in policies} == where
    assert len(policies) == len(where)
    assert all(each["spec"] == policies[0]["spec"] for each in policies)
    said = notes(values, tmp_path)
    if not where:
        assert "NO NetworkPolicy" in said
    elif "namespaces={team-a,team-b}" not in values:
        assert "there is NONE" in said
        assert all(namespace in said for namespace in where)
        assert "networkPolicy.runner.namespaces" in said
    else:
        assert "NONE" not in said


@needs_helm
@pytest.mark.parametrize(
    ("values", "classes", "used"),
    [
        ("api.debug=false", ["evalkube-evals"], "evalkube-evals"),
        ("priorityClass.create=false", [], None),
        ("priorityClass.create=false,operator.priorityClassName=high", [], "high"),
        ("operator.priorityClassName=high", ["evalkube-evals"], "high"),
    ],
    ids=["as it comes", "none", "another's", "another's beside its own"],
)
def test_the_operator_stands_above_runners(values: str, classes: list[str], used: str | None) -> None:
    """Its place on a full node is a runner's, not the other way round."""
    objects = rendered(values)
    found = [each for each in objects if each["kind"] == "PriorityClass"]
    assert [each["metadata"]["name"] for each in found] == classes
    assert all(each["value"] > 0 and not each["globalDefault"] for each in found)
    pod = named(objects, "Deployment", "evalkube-operator")["spec"]["template"]["spec"]
    assert pod.get("priorityClassName") == used
    assert "priorityClass" not in configuration(objects)["runner"]


@needs_helm
def test_secrets_are_referred_to() -> None:
    """The bucket's keys come from the installer's Secret, and stand nowhere in what is rendered."""
    objects = rendered(VALUE_SETS["a bucket and a standby"])
    container = named(objects, "Deployment", "evalkube-operator")["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert not any(each["kind"] == "PersistentVolumeClaim" for each in objects)


def test_every_value_is_described() -> None:
    """The schema knows every key of values.yaml, and no others but `global`."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(described: dict[str, Any], given: dict[str, Any], path: str) -> None:
        if "properties" not in described or described.get("additionalProperties") is not False:
            return
        assert set(described["properties"]) - {"global"} == set(given) or path.endswith(".resources"), path
        for key, value in given.items():
            if isinstance(value, dict):
                compare(described["properties"][key], value, f"{path}.{key}")

    compare(schema, values, "")


def test_the_chart_has_the_project_s_version() -> None:
    """One version, in both places."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    assert chart["appVersion"] == found[1]
