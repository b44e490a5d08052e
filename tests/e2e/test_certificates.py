"""Ingest's certificate is replaced while a run works, as cert-manager does: the run delivers under the new one."""

import base64
import ssl
import time
from pathlib import Path

import httpx

from e2e.conftest import Release
from e2e.documents import eval_run
from e2e.kube import Kube, PortForward, condition
from fakes.openssl import Mounted, needs_openssl

SAMPLES = 8
"""Of gsm8k's sample data."""

TLS = "evalkube-ingest-tls"


def replaced(kube: Kube, folder: Path) -> Mounted:
    """Another certificate of another authority, in the Secret that ingest's comes from."""
    host = "evalkube-operator"
    ends = ("", f".{kube.namespace}", f".{kube.namespace}.svc", f".{kube.namespace}.svc.cluster.local")
    new = Mounted(folder / "new").renew(*(f"DNS:{host}{end}" for end in ends))
    files = {"tls.crt": new.certificate, "tls.key": new.key, "ca.crt": new.ca}
    data = {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()}
    kube.patch("secret", TLS, {"data": data})
    return new


def look_now(kube: Kube) -> None:
    """The kubelet looks at the release's pods, and mounts what has changed: else it takes its time, up to a minute."""
    kube.run("annotate", "pods", "-l", "app.kubernetes.io/instance=evalkube", f"looked={time.time_ns()}", "--overwrite")


def until_served(kube: Kube, certificate: Path) -> None:
    """Returns when ingest shows it to who connects."""
    wanted = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    forward = PortForward(kube.namespace, "service/evalkube-operator", 8443).start()
    try:
        port = int(forward.url.rpartition(":")[2])
        end = time.monotonic() + 90
        while ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port))) != wanted:
            assert time.monotonic() < end, "the new certificate is not served"
            time.sleep(0.5)
    finally:
        forward.stop()


@needs_openssl
def test_the_certificate_is_replaced_while_a_run_works(release: Release, tmp_path: Path) -> None:
    """The runner trusts the new authority, also when it has to connect anew; so does what comes after."""
    kube = release.kube
    kube.create(eval_run("renewed", "slow", limit=SAMPLES, repeats=7))
    kube.in_phase("evalrun", "renewed", "Running")
    new = replaced(kube, tmp_path)
    look_now(kube)
    until_served(kube, new.certificate)
    pod = kube.pods_of("renewed")[0]["metadata"]["name"]
    authority = new.ca.read_text()
    kube.until("pod", pod, lambda found: authority in found["metadata"].get("annotations", {}).values())
    kube.run("delete", "pod", "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force")
    kube.in_phase("evalrun", "renewed", "Running")
    kube.create(eval_run("after-it", "model", limit=1))
    for name in ("renewed", "after-it"):
        run = kube.ended("evalrun", name)
        assert (run["status"]["phase"], len(run["status"]["attempts"])) == ("Succeeded", 1), condition(run)
        assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
    kube.run("rollout", "status", "deployment/evalkube-operator", "--timeout=60s")


def test_the_service_reads_under_the_new_certificate(rest: httpx.Client) -> None:
    """What it shows of a run comes from the operator."""
    answer = rest.get("/api/v1/runs/after-it/artifacts")
    assert answer.status_code == 200, answer.text
    assert "reports/report.html" in {each["path"] for each in answer.json()["artifacts"]}
