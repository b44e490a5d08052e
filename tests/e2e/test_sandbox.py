"""Programs of a model in a pod of the `restricted` level, with the runner's own security context and image."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import Release
from e2e.documents import Document
from fakes import attacks

ATTACKS = Path(attacks.__file__).read_text()


def _pod(image: str) -> Document:
    """A pod with a token of its service account, in which the attacks are tried."""
    context = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "attacked",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "/attacks/attacks.py"],
        "securityContext": context,
        "resources": {"limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": "attacks", "mountPath": "/attacks"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "attacked"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [
                {"name": "attacks", "configMap": {"name": "attacks"}},
                {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
            ],
        },
    }


@pytest.fixture
def attacked(release: Release) -> Iterator[str]:
    """What the pod in which the attacks were tried printed."""
    kube = release.kube
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "attacks"}, "data": {"attacks.py": ATTACKS}}
    kube.apply(config)
    kube.create(_pod(release.image))
    kube.until("pod", "attacked", lambda pod: pod["status"].get("phase") in ("Succeeded", "Failed"), timeout_s=240)
    yield kube.run("logs", "attacked")
    kube.delete("pod", "attacked", wait=False)
    kube.delete("configmap", "attacks", wait=False)


def test_attacks_are_contained_in_a_restricted_pod(attacked: str) -> None:
    """Each ends as on a machine; the token of the pod, which its own user may read, is not read."""
    told = json.loads(attacked.splitlines()[-1])
    assert told["complaints"] == []
    assert told["outcomes"]["token"].startswith("forbidden")
    assert {"landlock:files", "seccomp:sockets"} <= set(told["held"])
