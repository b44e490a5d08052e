"""What the benches of the operator share: a namespace of a real cluster, an operator as a process, and a stopwatch.

The stopwatch is a watch of runs and one of Jobs in this process: what is between two sightings is what the operator
and the API server took, with nothing of ours in it but the same way to the same eyes.
"""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from evalkube_api.kubernetes import cluster as clusters
from evalkube_api.kubernetes.rejections import Rejected

Object = dict[str, Any]

ROOT = Path(__file__).parents[1]
RUNS = "/apis/evalkube.io/v1alpha1/namespaces/{}/evalruns"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
IMAGE = "localhost/evalkube:dev"


def kubeconfig() -> Path:
    """$KUBECONFIG; ends the program with a sentence where it is not set."""
    path = os.environ.get("KUBECONFIG")
    if not path:
        raise SystemExit("set KUBECONFIG to a cluster that this may load")
    return Path(path)


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[clusters.Cluster]:
    """The cluster of $KUBECONFIG, with our definitions."""
    cluster = await clusters.connect(kubeconfig())
    try:
        _kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        _kubectl("wait", "--for=condition=Established", "-f", str(ROOT / "crds"), "--timeout=30s")
        yield cluster
    finally:
        await cluster.close()


@contextlib.asynccontextmanager
async def namespace(cluster: clusters.Cluster) -> AsyncIterator[str]:
    """A new namespace, which goes at the end with everything in it."""
    name = f"evalkube-bench-{secrets.token_hex(3)}"
    await cluster._call("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    try:
        yield name
    finally:
        with contextlib.suppress(Rejected):
            await cluster._call("DELETE", f"/api/v1/namespaces/{name}")


@contextlib.contextmanager
def cordoned() -> Iterator[None]:
    """No node takes pods meanwhile, so that only Jobs are measured."""
    names = _kubectl("get", "nodes", "-o", "name").split()
    _kubectl("cordon", *names)
    try:
        yield
    finally:
        _kubectl("uncordon", *names)


def _kubectl(*arguments: str) -> str:
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout


def eval_run(name: str, api_url: str = "http://127.0.0.1:9/v1", **spec: Any) -> Object:
    """A small evaluation."""
    asked = {"model": "bench", "apiUrl": api_url, "datasets": ["gsm8k"], "datasetHub": "sample", "limit": 1, **spec}
    return {"apiVersion": "evalkube.io/v1alpha1", "kind": "EvalRun", "metadata": {"name": name}, "spec": asked}


async def create(cluster: clusters.Cluster, place: str, run: Object) -> None:
    """POST a run."""
    await cluster._call("POST", RUNS.format(place), body=run)


@dataclass(slots=True)
class Sightings:
    """When what was first seen, by name, on the monotonic clock; and every Job's owner by UID."""

    runs: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, float] = field(default_factory=dict)
    """By the name of the run that owns it."""
    job_uids: dict[str, set[str]] = field(default_factory=dict)
    ended: dict[str, tuple[float, Object]] = field(default_factory=dict)
    """Runs at their end: when, and their status."""

    def waits_ms(self, names: Sequence[str]) -> list[float]:
        """From run to Job."""
        return [1000 * (self.jobs[name] - self.runs[name]) for name in names]

    def saw_run(self, kind: str, raw: Object) -> None:
        """One event of the watch of runs."""
        if kind == "DELETED":
            return
        name, status = raw["metadata"]["name"], raw.get("status") or {}
        self.runs.setdefault(name, time.monotonic())
        if status.get("completionTime") and name not in self.ended:
            self.ended[name] = (time.monotonic(), status)

    def saw_job(self, kind: str, raw: Object) -> None:
        """One event of the watch of Jobs."""
        for owner in raw["metadata"].get("ownerReferences") or ():
            self.jobs.setdefault(owner["name"], time.monotonic())
            self.job_uids.setdefault(owner["name"], set()).add(raw["metadata"]["uid"])


@contextlib.asynccontextmanager
async def watched(cluster: clusters.Cluster, place: str) -> AsyncIterator[Sightings]:
    """Both watches, from now on."""
    seen = Sightings()
    tasks = [
        asyncio.create_task(_watch(cluster, RUNS.format(place), seen.saw_run)),
        asyncio.create_task(_watch(cluster, JOBS.format(place), seen.saw_job)),
    ]
    await asyncio.sleep(0.5)
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _watch(cluster: clusters.Cluster, path: str, saw: Any) -> None:
    version = ""
    while True:
        query: dict[str, str | int | bool] = {"watch": True, "timeoutSeconds": 3600}
        if version:
            query["resourceVersion"] = version
        with contextlib.suppress(clusters.Unreachable, Rejected):  # a definition that changes ends its watches
            async for line in clusters._lines(cluster._stream(path, query, quiet_s=None)):
                event = orjson.loads(line)
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    version = event["object"]["metadata"]["resourceVersion"]
                    saw(event["type"], event["object"])
                else:
                    version = ""
        await asyncio.sleep(0.1)


class Operator:
    """An operator as a process of this machine, which the cluster's pods reach at `host`."""

    def __init__(self, place: str, folder: Path, *, host: str = "10.245.0.1") -> None:
        self._folder = folder
        self._place = place
        self.probes_port, ingest_port = free_port(), free_port()
        small = {"requests": {"cpu": "10m", "memory": "32Mi"}}
        config = {
            "namespaces": [place],
            "store": {"kind": "volume", "root": str(folder / "store")},
            "ingest": {"port": ingest_port, "url": f"http://{host}:{ingest_port}"},
            "probes": {"port": self.probes_port},
            "runs": {"maxPods": 0},
            "runner": {"image": IMAGE, "resources": small},
            "logLevel": "WARNING",
        }
        (folder / "operator.json").write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns at once."""
        command = [sys.executable, "-m", "evalkube_operator.main", "--config", str(self._folder / "operator.json")]
        # one identity for all its lives, as a pod's container has that starts anew: it need not wait for its own Lease
        env = {**os.environ, "POD_NAMESPACE": self._place, "POD_NAME": "bench-operator"}
        log = (self._folder / "operator.log").open("ab")
        self._process = subprocess.Popen(command, env=env, stderr=log)

    async def ready(self) -> None:
        """Returns when it works."""
        url = f"http://127.0.0.1:{self.probes_port}/readyz"
        for _ in range(600):
            with contextlib.suppress(OSError, urllib.error.URLError):
                if (await asyncio.to_thread(urllib.request.urlopen, url)).status == 200:
                    return
            await asyncio.sleep(0.1)
        raise SystemExit(f"the operator does not come up: {self.log()}")

    def log(self) -> str:
        """What it said."""
        return (self._folder / "operator.log").read_text()[-4000:]

    @property
    def store(self) -> Path:
        """The folder of what runners left."""
        return self._folder / "store"

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def memory_kb(self) -> int:
        """Resident set."""
        fields = Path(f"/proc/{self.pid}/status").read_text().split("VmRSS:")[1]
        return int(fields.split()[0])

    def cpu_s(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)


@contextlib.contextmanager
def operator(place: str) -> Iterator[Operator]:
    """One that is started, and stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="evalkube-bench-") as folder:
        made = Operator(place, Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop()


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(holds: Any, *, timeout_s: float, what: str) -> None:
    """Returns as soon as `holds()`; ends the program where it does not come to that."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"after {timeout_s:g} s there are not {what}")
        await asyncio.sleep(0.02)


def percentile(times_ms: list[float], share: float) -> float:
    """The value that so much of them is at most."""
    ordered = sorted(times_ms)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def spread(times_ms: list[float]) -> str:
    """Percentiles in words."""
    return (
        f"p50 {percentile(times_ms, 0.5):.1f} ms, p99 {percentile(times_ms, 0.99):.1f} ms, max {max(times_ms):.1f} ms"
    )
