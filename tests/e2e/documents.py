"""The objects that the tests make: runs, mock models, Secrets. No I/O here."""

import secrets
from typing import Any, Final

__all__ = ["CANARY", "MODEL_PORT", "address_by_name", "eval_run", "mock_model", "perf_run", "secret", "tagged"]

MODEL_PORT: Final = 8000
CANARY: Final = f"canary-{secrets.token_hex(16)}"
"""The key of the model that asks for one. It must turn up nowhere but in the Secrets that hold it."""

API_VERSION: Final = "evalkube.io/v1alpha1"

Document = dict[str, Any]


def eval_run(name: str, model: str, **spec: Any) -> Document:
    """An evaluation of a mock model of the namespace, with sample data."""
    asked = {"model": "mock-model", "apiUrl": f"http://{model}:{MODEL_PORT}/v1", "datasets": ["gsm8k"]}
    return _run("EvalRun", name, {**asked, "datasetHub": "sample", "limit": 4, **spec})


def perf_run(name: str, model: str, **spec: Any) -> Document:
    """A load test of a mock model of the namespace, with sample data."""
    asked = {"model": "mock-model", "url": f"http://{model}:{MODEL_PORT}/v1/chat/completions", "dataSource": "sample"}
    return _run("PerfRun", name, {**asked, "number": [20], "parallel": [4], "maxTokens": [32], **spec})


def _run(kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def tagged(run: Document, **tags: str) -> Document:
    """The run with these tags."""
    labels = {f"tags.evalkube.io/{name}": value for name, value in tags.items()}
    return {**run, "metadata": {**run["metadata"], "labels": labels}}


def secret(name: str, key: str, *, opted_in: bool = True, hosts: str | None = "model, locked") -> Document:
    """A key for an endpoint. `hosts`: where it may be sent; None names none."""
    labels = {"evalkube.io/api-key": "true"} if opted_in else {}
    annotations = {} if hosts is None else {"evalkube.io/hosts": hosts}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": key}}


def config_map(name: str, data: dict[str, str], *, opted_in: bool) -> Document:
    """Files for runs to read."""
    metadata = {"name": name, "labels": {"evalkube.io/data": "true"} if opted_in else {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def claim(name: str, *, opted_in: bool) -> Document:
    """A disk for runs to read."""
    metadata = {"name": name, "labels": {"evalkube.io/data": "true"} if opted_in else {}}
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": wanted}


def address_by_name(name: str, address: str) -> list[Document]:
    """A name of the namespace's that resolves to `address`, whoever is there."""
    port = {"name": "http", "port": MODEL_PORT}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"clusterIP": "None", "ports": [port]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [port],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        },
    ]


def mock_model(
    name: str, image: str, *arguments: str, environment: dict[str, str] | None = None, says: str | None = None
) -> list[Document]:
    """A mock model: Deployment and Service. It knows the answers of the sample data, or `says` one thing to all."""
    labels = {"app": name}
    script = "python -m evalkube_benchmarks.samples >/tmp/answers.jsonl; exec evalkube mock-model"
    known = ["--answers", "/tmp/answers.jsonl"] if says is None else ["--default-answer", says]
    fixed = ["--host", "0.0.0.0", "--port", str(MODEL_PORT), *known]
    container = {
        "name": "model",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", f'{script} "$@"', "mock-model", *fixed, *arguments],
        "env": [{"name": key, "value": value} for key, value in (environment or {}).items()],
        "ports": [{"containerPort": MODEL_PORT}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": MODEL_PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    port = {"port": MODEL_PORT, "targetPort": MODEL_PORT}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [port]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
    ]
