"""The chart as `helm template` renders it: strict values, least rights, restricted pods, the models' definitions."""

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkube_crds import targets
from fakes.service import running_service

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "evalkube"
HELM = shutil.which("helm")

needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed")

S3 = "store.kind=s3,store.s3.bucket=runs,store.s3.secretName=keys,store.s3.endpoint=http://s3:9000,store.s3.allowHttp=true"
VALUE_SETS = {
    "defaults": "",
    "named namespaces": "namespaces={team-a,team-b}",
    "a bucket and a standby": f"{S3},operator.replicas=2",
    "a shared claim and a standby": "store.volume.accessModes={ReadWriteMany},operator.replicas=2",
    "every namespace by REST": "api.namespaces={*}",
    "an ingress": "api.ingress.enabled=true,api.ingress.host=evals.example.org,api.ingress.tlsSecretName=tls",
    "an ingress of a domain, names": "api.ingress.enabled=true,api.ingress.host=*.example.org,"
    "api.ingress.tlsSecretName=tls,api.allowedHosts={lb.example.org,*.team.example}",
    "a token": "api.tokenSecretName=rest,api.replicas=1",
    "plain ingest": "operator.ingest.tls.enabled=false",
    "a certificate of one's own": "operator.ingest.tls.secretName=from-cert-manager",
    "monitoring": "metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.a=b",
    "user ids of the cluster's": ",".join(
        f"podSecurityContext.{name}=null" for name in ("runAsUser", "runAsGroup", "fsGroup")
    ),
    "overrides, data, a queue": "runner.allow={image},data.claimName=sets,kueue.queueName=evals",
    "policies in further namespaces": "networkPolicy.runner.namespaces={team-a,evals,team-b}",
    "targets": "targets.allow={*.example.org,10.1.0.0/16,fd00::/8},targets.deny={model,10.0.0.7}",
    "nothing extra": "networkPolicy.enabled=false,rbac.aggregate=false,crds.install=false,namespaces={a},"
    "runner.serviceAccount.create=false",
}
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
    "pods of root": ("podSecurityContext.runAsUser=0", "runAsUser"),
    "a word where a number is meant": ("api.replicas=many", "replicas"),
}


def helm(
    values: str, release: str = "evalkube", namespace: str = "evals", chart: Path = CHART
) -> subprocess.CompletedProcess[str]:
    """`helm template` with values as in --set."""
    assert HELM is not None
    options = ["--namespace", namespace, "--kube-version", "1.34.0", *(["--set", values] if values else [])]
    command = [HELM, "template", release, str(chart), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@cache
def rendered(values: str, release: str = "evalkube", namespace: str = "evals") -> tuple[dict[str, Any], ...]:
    """The objects of a release."""
    done = helm(values, release, namespace)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def notes(values: str, folder: Path, chart: Path = CHART) -> str:
    """What an installation says at its end. `helm template` leaves it out: a copy of the chart has it as an object."""
    changed = shutil.copytree(chart, folder / "noted")
    (changed / "templates/NOTES.txt").rename(changed / "notes.txt")
    (changed / "templates/notes.yaml").write_text('{kind: Notes, said: {{ tpl (.Files.Get "notes.txt") . | toJson }}}')
    done = helm(values, chart=changed)
    assert done.returncode == 0, done.stderr
    said: str = next(each["said"] for each in yaml.safe_load_all(done.stdout) if each and each["kind"] == "Notes")
    return said


def pods(objects: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """The pod specs among the objects."""
    specs = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"]
    return specs + [each["spec"] for each in objects if each["kind"] == "Pod"]


def named(objects: tuple[dict[str, Any], ...], kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name."""
    found = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(found) == 1, (kind, name)
    return found[0]


def configuration(objects: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """What the operator is told."""
    document = named(objects, "ConfigMap", "evalkube-operator")["data"]["operator.json"]
    told: dict[str, Any] = json.loads(document)
    return told


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


def chart_with(values: Any, folder: Path) -> Path:
    """A copy whose own values are these: what `helm upgrade --reuse-values` makes of the chart."""
    changed = shutil.copytree(CHART, folder / "chart")
    (changed / "values.yaml").write_text(yaml.safe_dump(values))
    return changed


def comparable(objects: Iterable[Any]) -> list[Any]:
    """The objects but the certificate, which is new each time."""
    kept = [each for each in objects if each and each["kind"] != "Secret"]
    assert kept
    return kept


def groups(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every group of values, and every value of the first level, by its path."""
    for key, value in values.items():
        inside = isinstance(value, dict) and key not in ("resources", "podSecurityContext")
        if inside or not path:
            yield (*path, key)
        if inside:
            yield from groups(value, (*path, key))


VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
EVERYTHING = (
    "namespaces={a},metrics.serviceMonitor.enabled=true,api.ingress.enabled=true,api.ingress.host=evals.example.org,"
    "image.repository=localhost/other"
)


def test_the_chart_can_read_its_own_values() -> None:
    """`make generate` copies them to where a template finds them."""
    assert (CHART / "files" / "values.yaml").read_text() == (CHART / "values.yaml").read_text()


@needs_helm
@pytest.mark.parametrize("missing", [(), *groups(VALUES)], ids=".".join)
def test_values_that_are_not_there_are_as_documented(missing: tuple[str, ...], tmp_path: Path) -> None:
    """An upgrade that reuses the values of an earlier release lacks whatever came since; () is all of them."""
    values = copy.deepcopy(VALUES)
    if missing:
        group = values
        for key in missing[:-1]:
            group = group[key]
        del group[missing[-1]]
    done = helm(EVERYTHING, chart=chart_with(values if missing else {}, tmp_path))
    assert done.returncode == 0, done.stderr
    assert comparable(yaml.safe_load_all(done.stdout)) == comparable(rendered(EVERYTHING))


@needs_helm
@pytest.mark.parametrize("values", ["", f"{EVERYTHING},{S3}"], ids=["defaults", "everything"])
@pytest.mark.parametrize("earlier", sorted((ROOT / "tests/chart/values").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_release_of_an_earlier_chart_is_upgraded(values: str, earlier: Path, tmp_path: Path) -> None:
    """`--reuse-values`: the schema still knows its values, the operator what comes of them; the notes are written."""
    chart = chart_with(yaml.safe_load(earlier.read_text()), tmp_path)
    done = helm(values, chart=chart)
    assert done.returncode == 0, done.stderr
    objects = tuple(each for each in yaml.safe_load_all(done.stdout) if each)
    settings = pytest.importorskip("evalkube_operator.settings")
    settings._File.model_validate(configuration(objects))
    assert configuration(objects)["keys"] == {"requireHosts": True}
    assert "serves runs of" in notes(values, tmp_path, chart)


@needs_helm
def test_what_is_switched_off_stays_off(tmp_path: Path) -> None:
    """False, nothing and none are values too."""
    off = "crds.keep=false,keys.requireHosts=false,store.volume.keep=false,operator.jobTtlSeconds=0"
    done = helm(off, chart=chart_with(VALUES, tmp_path))
    told = configuration(tuple(each for each in yaml.safe_load_all(done.stdout) if each))
    assert told["keys"] == {"requireHosts": False}
    assert told["jobTtlSeconds"] == 0
    assert done.stdout.count("helm.sh/resource-policy") == 1, "the certificate's alone"


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
def test_an_ingress_lets_requests_wait() -> None:
    """The chart's timeouts are there, and the installer's own win."""
    key = "nginx.ingress.kubernetes.io/proxy-read-timeout"
    escaped = key.replace(".", r"\.")
    ours = named(rendered(VALUE_SETS["an ingress"]), "Ingress", "evalkube-api")["metadata"]["annotations"]
    theirs = rendered(VALUE_SETS["an ingress"] + f",api.ingress.annotations.{escaped}=off")
    assert ours[key] == "3600"
    assert named(theirs, "Ingress", "evalkube-api")["metadata"]["annotations"][key] == "off"


def api_container(values: str, release: str = "evalkube", namespace: str = "evals") -> dict[str, Any]:
    """Of the API's Deployment."""
    objects = rendered(values, release, namespace)
    name = next(
        each["metadata"]["name"] for each in objects if each["kind"] == "Service" and "api" in each["metadata"]["name"]
    )
    found: dict[str, Any] = named(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]
    return found


def option(arguments: list[str], name: str) -> list[str]:
    """The values of an option."""
    return [one.partition("=")[2] for one in arguments if one.partition("=")[0] == name]


SERVICE = ["evalkube-api", "evalkube-api.evals", "evalkube-api.evals.svc", "evalkube-api.evals.svc.cluster.local"]
NAMES = {
    "defaults": ("", SERVICE),
    "a domain of the cluster's own": ("clusterDomain=corp", [*SERVICE[:3], "evalkube-api.evals.svc.corp"]),
    "an ingress": (VALUE_SETS["an ingress"], [*SERVICE, "evals.example.org"]),
    "an ingress that is switched off": ("api.ingress.host=evals.example.org", SERVICE),
    "an ingress of a domain, names": (
        VALUE_SETS["an ingress of a domain, names"],
        [*SERVICE, "*.example.org", "lb.example.org", "*.team.example"],
    ),
}


@needs_helm
@pytest.mark.parametrize(("values", "names"), NAMES.values(), ids=NAMES)
def test_the_api_knows_the_names_it_is_asked_under(values: str, names: list[str]) -> None:
    """Those of its Service and its Ingress, and what the installer adds; the service takes each of them."""
    hosts = pytest.importorskip("evalkube_api.access.hosts")
    given = option(api_container(values)["args"], "--allowed-host")
    assert given == names
    assert [hosts.pattern(name) for name in given] == names


@needs_helm
def test_the_check_asks_under_a_name_that_passes() -> None:
    """`helm test` reaches the API by its Service, whatever the release is called."""
    objects = rendered("", "prod", "team")
    (check,) = named(objects, "Pod", "prod-test")["spec"]["containers"]
    host = check["command"][2].removeprefix("http://").partition(":")[0]
    assert host in option(api_container("", "prod", "team")["args"], "--allowed-host")


@needs_helm
def test_a_token_is_a_secret_that_is_mounted() -> None:
    """In the API's pods and in that of `helm test`, which brings it; without one, nothing of it is there."""
    objects = rendered(VALUE_SETS["a token"])
    api = named(objects, "Deployment", "evalkube-api")["spec"]["template"]["spec"]
    (file,) = option(api["containers"][0]["args"], "--token-file")
    check = named(objects, "Pod", "evalkube-test")["spec"]
    for spec, path in ((api, file), (check, check["containers"][0]["command"][-1])):
        (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if one["mountPath"] == str(Path(path).parent)]
        (volume,) = [one for one in spec["volumes"] if one["name"] == mount["name"]]
        assert volume["secret"]["secretName"] == "rest"
        assert volume["secret"]["items"] == [{"key": "token", "path": Path(path).name}]
    assert option(api_container("")["args"], "--token-file") == []
    assert "rest-token" not in str(rendered(""))


@pytest.mark.parametrize("token", [None, "tok-0123456789abcdef"])
def test_the_check_of_helm_test(token: str | None, tmp_path: Path) -> None:
    """It evaluates through a service (whose runner is the stand-in), with its token where it asks for one."""
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    options: dict[str, Any] = {"token_file": str(file)} if token else {}
    with running_service(tmp_path / "outputs", **options) as service:
        check = [sys.executable, str(CHART / "files" / "check.py"), service.url, "http://127.0.0.1:9", "30"]
        done = subprocess.run([*check, *([str(file)] if token else [])], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if token:
            refused = subprocess.run(check, capture_output=True, text=True, check=False)
            assert refused.returncode != 0
            assert "401" in refused.stderr
            assert token not in done.stdout + done.stderr + refused.stderr


@needs_helm
@pytest.mark.parametrize("values", ["", "api.tokenSecretName=rest,nameOverride=other,api.port=80"])
def test_what_is_scraped_is_there(values: str) -> None:
    """Each ServiceMonitor finds one Service, its port, and behind that a port of the pods; with the API's token."""
    objects = rendered(f"metrics.serviceMonitor.enabled=true,{values}".rstrip(","))
    monitors = [each for each in objects if each["kind"] == "ServiceMonitor"]
    assert len(monitors) == 2
    for monitor in monitors:
        (service,) = [each for each in objects if each["kind"] == "Service" and chosen(monitor["spec"], each)]
        (endpoint,) = monitor["spec"]["endpoints"]
        (port,) = [each for each in service["spec"]["ports"] if each["name"] == endpoint["port"]]
        (pod,) = [
            each["spec"]["template"]
            for each in objects
            if each["kind"] == "Deployment"
            and service["spec"]["selector"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert port["targetPort"] in [each["name"] for each in pod["spec"]["containers"][0]["ports"]]
        assert endpoint["path"] == "/metrics"
        asks = "api" in monitor["metadata"]["name"] and "token" in values
        assert endpoint.get("authorization") == ({"credentials": {"name": "rest", "key": "token"}} if asks else None)


def chosen(spec: dict[str, Any], service: dict[str, Any]) -> bool:
    """Whether a ServiceMonitor's selector is of that Service."""
    wanted: dict[str, str] = spec["selector"]["matchLabels"]
    has: dict[str, str] = service["metadata"]["labels"]
    return wanted.items() <= has.items()


@needs_helm
def test_who_reads_metrics_reaches_the_api_where_others_may_not() -> None:
    """Only where both lists are set: an empty one is everybody."""
    both = "metrics.serviceMonitor.enabled=true,networkPolicy.apiFrom[0].podSelector.matchLabels.of=users"
    rules = [
        named(rendered(both + more), "NetworkPolicy", "evalkube-api")["spec"]["ingress"]
        for more in ("", ",networkPolicy.metricsFrom[0].podSelector.matchLabels.of=prometheus")
    ]
    asked = [[rule["from"][0]["podSelector"]["matchLabels"]["of"] for rule in each] for each in rules]
    assert asked == [["users"], ["users", "prometheus"]]


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
