"""The least that an operator can do, as a yardstick: sees a run, creates its Job, writes its status once. A process.

    python bench/least_operator.py NAMESPACE

No queue, no cache, no policies, nothing survives it; what it takes is what Kubernetes takes on the machine of the day.
"""

import asyncio
import sys
from pathlib import Path

import orjson
import uvloop
from on_cluster import IMAGE, JOBS, RUNS, Object, kubeconfig

from evalkube_api.kubernetes import cluster as clusters
from evalkube_crds.names import Kind
from evalkube_operator import jobs, reading

_DEFAULTS = jobs.RunnerDefaults(
    image=IMAGE, ingest_url="http://127.0.0.1:9", resources={"requests": {"cpu": "10m", "memory": "32Mi"}}
)
_STAMP = "2026-01-01T00:00:00Z"


def _status(job: Object) -> Object:
    conditions = [
        {"type": kind, "status": "True", "reason": "Started", "message": "", "lastTransitionTime": _STAMP}
        for kind in ("Accepted", "JobCreated", "Running")
    ]
    metadata = job["metadata"]
    return {"phase": "Starting", "conditions": conditions, "jobName": metadata["name"], "jobUID": metadata["uid"]}


async def _serve(cluster: clusters.Cluster, place: str, raw: Object) -> None:
    run = reading.run(raw, Kind.EVAL_RUN)
    assert run.spec is not None
    job = await cluster._call("POST", JOBS.format(place), body=jobs.manifest(run, run.spec, 1, _DEFAULTS))
    path = f"{RUNS.format(place)}/{run.name}/status"
    await cluster._call("PATCH", path, body={"status": _status(job)}, content_type="application/merge-patch+json")


async def _run(place: str, path: Path) -> None:
    cluster = await clusters.connect(path)
    known: set[str] = set()
    working: set[asyncio.Task[None]] = set()
    print("ready", flush=True)
    async for line in clusters._lines(cluster._stream(RUNS.format(place), {"watch": True}, quiet_s=None)):
        event = orjson.loads(line)
        uid = event["object"]["metadata"]["uid"]
        if event["type"] == "ADDED" and uid not in known:
            known.add(uid)
            task = asyncio.create_task(_serve(cluster, place, event["object"]))
            working.add(task)
            task.add_done_callback(working.discard)


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], kubeconfig()))
