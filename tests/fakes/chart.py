"""The chart as `helm template` renders it, for its tests: all of them need helm on the path."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

__all__ = [
    "CHART",
    "HELM",
    "ROOT",
    "S3",
    "VALUE_SETS",
    "configuration",
    "helm",
    "named",
    "needs_helm",
    "notes",
    "pods",
    "rendered",
]

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
