"""The REST service of the chart: its names, its token, its ingress, its metrics."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.chart import CHART, VALUE_SETS, named, needs_helm, rendered
from fakes.service import running_service


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
def test_the_api_knows_whose_pages_may_ask() -> None:
    """None unless the installer says so; the service takes each of them."""
    cors = pytest.importorskip("evalkube_api.access.cors")
    assert option(api_container("")["args"], "--cors-origin") == []
    given = option(api_container("api.corsOrigins={https://a.example,http://b.example:8080}")["args"], "--cors-origin")
    assert given == ["https://a.example", "http://b.example:8080"]
    assert cors.origins(given, token=False) == set(given)


@needs_helm
def test_the_api_knows_how_much_memory_it_has() -> None:
    """By which it decides how large an index of samples or requests it reads."""
    (found,) = [one for one in api_container("")["env"] if one["name"] == "EVALKUBE_MEMORY_BYTES"]
    assert found["valueFrom"]["resourceFieldRef"] == {"containerName": "api", "resource": "limits.memory"}


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
