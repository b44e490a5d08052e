"""Prints how long what is asked over REST takes on a cluster, beside the work itself.

    KUBECONFIG=... python bench/rest_on_cluster.py [--posts 200 --rate 10] [--evaluations 40]

Service, operator and mock model are processes of this machine, runners are pods of its one node. First with the node
cordoned: from POST to the sighting of the run's Job. Then evaluations of three samples, one after the other: from POST
to response, and from the runner's exit (its process, watched by its file descriptor) to the response.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from on_cluster import connected, cordoned, free_port, namespace, operator, spread, until, watched
from perf_run import mock

_HOST = "10.245.0.1"


@contextlib.asynccontextmanager
async def _service(place: str) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    process = _started("--backend", "kubernetes", "--namespace", place, "--host", "127.0.0.1", "--port", str(port))
    assert process.stdout is not None
    try:
        await asyncio.to_thread(process.stdout.readline)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=300, limits=limits, trust_env=False
        ) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _started(*options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "evalkube_api.main", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _body(url: str, **more: Any) -> dict[str, Any]:
    return {"model": "bench", "api_url": url, "datasets": ["gsm8k"], "dataset_hub": "sample", "limit": 3, **more}


async def _jobs(count: int, rate: float) -> None:
    async with connected() as cluster, namespace(cluster) as place, watched(cluster, place) as seen:
        with operator(place) as served:
            await served.ready()
            async with _service(place) as client:
                sent: dict[str, float] = {}
                accepted: dict[str, float] = {}

                async def post() -> None:
                    at = time.monotonic()
                    answer = await client.post(
                        "/api/v1/eval", json=_body("http://127.0.0.1:9/v1"), headers={"Prefer": "respond-async"}
                    )
                    assert answer.status_code == 202, answer.text
                    sent[answer.json()["id"]], accepted[answer.json()["id"]] = at, time.monotonic()

                for _ in range(5):
                    await post()
                began, tasks = time.monotonic(), []
                for number in range(count):
                    await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                    tasks.append(asyncio.create_task(post()))
                await asyncio.gather(*tasks)
                await until(lambda: len(seen.jobs) >= count + 5, timeout_s=60, what=f"{count} Jobs")
                names = list(sent)[5:]
        since_sent = [1000 * (seen.jobs[name] - sent[name]) for name in names]
        since_accepted = [max(1000 * (seen.jobs[name] - accepted[name]), 0.0) for name in names]
        print(f"{count} POSTs at {rate:g} a second: sent -> Job {spread(since_sent)};"
              f" accepted -> Job {spread(since_accepted)} (bar: p99 150 ms)", flush=True)  # fmt: skip


def _runner() -> int | None:
    """The runner's process, if there is one."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes().split(b"\0")
                if b"evalkube_runner" in command and b"--ingest" in command:
                    return int(folder.name)
    return None


async def _exit_of_runner() -> float:
    """When the next runner's process ends; its workers are others."""
    while (pid := _runner()) is None:  # noqa: ASYNC110 - a process table tells nobody
        await asyncio.sleep(0.05)
    handle, loop = os.pidfd_open(pid), asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
        return time.monotonic()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def _evaluations(count: int) -> None:
    with mock("--host", "0.0.0.0") as model:
        url = f"http://{_HOST}:{model.rsplit(':', 1)[1]}/v1"
        async with connected() as cluster, namespace(cluster) as place:
            with operator(place) as served:
                await served.ready()
                async with _service(place) as client:
                    took_ms, after_ms = [], []
                    for _ in range(count):
                        watching = asyncio.create_task(_exit_of_runner())
                        began = time.monotonic()
                        answer = await client.post("/api/v1/eval", json=_body(url))
                        at = time.monotonic()
                        assert answer.status_code == 200, answer.text
                        took_ms.append(1000 * (at - began))
                        after_ms.append(1000 * (at - await watching))
                        await asyncio.sleep(1.5)  # until the pod is gone from the kubelet's hands too
    print(f"{count} evaluations of 3 samples: POST -> response {spread(took_ms)} (bar: 6 s)")
    print(f"runner's exit -> response: {spread(after_ms)} (bar: p99 250 ms; below 0: the answer came first)")


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--evaluations", type=int, default=40)
    given = parser.parse_args()
    if given.evaluations:  # first: what the other leaves keeps the cluster busy for minutes
        asyncio.run(_evaluations(given.evaluations))
    if given.posts:
        with cordoned():
            asyncio.run(_jobs(given.posts, given.rate))


if __name__ == "__main__":
    main()
