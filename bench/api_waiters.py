"""Prints what requests cost that block on one replica of the service: watches, memory, and how late they wake.

    PYTHONPATH=tests python bench/api_waiters.py [--requests 1000 --per-second 100] [--kubeconfig FILE --namespace NAME]

Service, clients and API server are processes of their own. Without a kubeconfig the API server is the tests' one, which
answers over real HTTP; with one it is a cluster's, where the runs are suspended and this program plays the operator
(cordon the node, or have none there). Late is from the moment that the end of a run is sent to the API server, whose
own write is part of it, to the moment that its client has the whole answer. A cluster's watches are counted for all who
watch: have no other service there.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from evalkube_api.kubernetes import cluster
from evalkube_api.kubernetes.rejections import Rejected
from fakes.api_server import ApiServer, running_api_server
from fakes.cluster_runs import ENDED

_BODY = json.dumps(
    {"model": "bench", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "suspend": True}
).encode()


@dataclass(frozen=True, slots=True)
class Play:
    """The operator's part: which runs there are, their end, and how many watches the API server has."""

    names: Callable[[], Awaitable[list[str]]]
    end: Callable[[str], Awaitable[None]]
    watches: Callable[[], Awaitable[int]]


async def _blocked(port: int) -> tuple[str, float, int]:
    """Id, time of the answer and its status, of one request that blocks to the end of its run."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "POST /api/v1/eval HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(_BODY)}\r\n\r\n".encode() + _BODY)
    answer = await reader.read()
    at = time.monotonic()
    writer.close()
    head_bytes, _, body = answer.partition(b"\r\n\r\n")
    return json.loads(body).get("id", body.decode()), at, int(head_bytes.split()[1])


_ARRIVAL_S = 0.01


async def _clients(port: int, count: int) -> None:
    """Role of a process: blocks so many requests, then prints when each was answered."""
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(_blocked(port)))
        await asyncio.sleep(_ARRIVAL_S)  # what queues before the API server is another measurement
    print("sent", flush=True)
    print(json.dumps(await asyncio.gather(*tasks)), flush=True)


def _memory_mb(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) / 1024


def _started(command: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def _measure(kubeconfig: Path, namespace: str, count: int, per_s: float, play: "Play") -> None:
    names, end, watches = play.names, play.end, play.watches
    before_watches = await watches()
    command = [sys.executable, "-m", "evalkube_api.main", "--backend", "kubernetes", "--namespace", namespace]
    service = _started([*command, "--host", "127.0.0.1", "--port", "0"], KUBECONFIG=str(kubeconfig))
    try:
        port = int((await asyncio.to_thread(_line, service)).split()[3].rpartition(":")[2])
        warm = asyncio.create_task(_blocked(port))
        await _until(lambda: _count(names, 1))
        await end((await names())[0])
        await warm
        idle_mb = _memory_mb(service.pid)
        clients = _started([sys.executable, __file__, "--clients", str(count), "--port", str(port)])
        assert await asyncio.to_thread(_line, clients) == "sent"
        await _until(lambda: _count(names, count + 1))
        await asyncio.sleep(1)
        blocked_mb, open_watches = _memory_mb(service.pid), await watches() - before_watches
        written: dict[str, float] = {}
        writes_ms: list[float] = []
        for name in (await names())[1:]:
            written[name] = time.monotonic()
            await end(name)
            writes_ms.append(1000 * (time.monotonic() - written[name]))
            await asyncio.sleep(max(0.0, written[name] + 1 / per_s - time.monotonic()))
        answers = json.loads(await asyncio.to_thread(_line, clients))
        clients.wait()
        assert all(status == 200 for _, _, status in answers), answers[:3]
        late = [1000 * (at - written[name]) for name, at, _ in answers]
        print(f"{count} requests blocked on one replica: {open_watches} watches (2 kinds), {idle_mb:.0f} MB before,"
              f" {blocked_mb:.0f} MB blocked: {blocked_mb - idle_mb:.1f} MB extra")  # fmt: skip
        print(f"woken at {per_s:g} ends a second: {_spread(late)}; of it the write: {_spread(writes_ms)}")
    finally:
        service.terminate()
        service.wait(20)


def _spread(times_ms: list[float]) -> str:
    ordered = sorted(times_ms)
    middle, most = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return f"p50 {middle:.1f} ms, p99 {most:.1f} ms, max {ordered[-1]:.1f} ms"


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.2)


async def _count(names: Callable[[], Awaitable[list[str]]], wanted: int) -> bool:
    return len(await names()) >= wanted


async def _on_fake(server: ApiServer, count: int, per_s: float) -> None:
    async def names() -> list[str]:
        found = server.objects("evalruns")
        return [one["metadata"]["name"] for one in found]

    async def end(name: str) -> None:
        server.set_status("evalruns", name, **ENDED)

    async def watches() -> int:
        return server.watchers("evalruns") + server.watchers("perfruns")

    with tempfile.TemporaryDirectory() as folder:
        await _measure(server.kubeconfig(Path(folder) / "config"), "evals", count, per_s, Play(names, end, watches))


async def _on_cluster(kubeconfig: Path, namespace: str, count: int, per_s: float) -> None:
    server = await cluster.connect(kubeconfig)
    base = f"/apis/evalkube.io/v1alpha1/namespaces/{namespace}/evalruns"
    known: list[str] = []

    async def names() -> list[str]:
        page = await server._call("GET", base)
        ordered = sorted(page["items"], key=lambda one: one["metadata"]["creationTimestamp"])
        known.extend(name for one in ordered if (name := one["metadata"]["name"]) not in known)
        return known

    async def end(name: str) -> None:
        await server._call(
            "PATCH", f"{base}/{name}/status", body={"status": ENDED}, content_type="application/merge-patch+json"
        )

    async def watches() -> int:
        lines = b"".join([piece async for piece in server._stream("/metrics", {}, quiet_s=30)]).decode().splitlines()
        ours = [line for line in lines if line.startswith("apiserver_longrunning_requests{") and "evalkube.io" in line]
        return sum(int(line.rsplit(" ", 1)[1]) for line in ours if 'verb="WATCH"' in line)

    try:
        await _measure(kubeconfig, namespace, count, per_s, Play(names, end, watches))
    finally:
        for name in known:
            with contextlib.suppress(Rejected):
                await server._call("DELETE", f"{base}/{name}")
        await server.close()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--per-second", type=float, default=100.0)
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--clients", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.clients:
        asyncio.run(_clients(given.port, given.clients))
    elif given.kubeconfig:
        asyncio.run(_on_cluster(given.kubeconfig, given.namespace, given.requests, given.per_second))
    else:
        with running_api_server() as server:
            asyncio.run(_on_fake(server, given.requests, given.per_second))


if __name__ == "__main__":
    main()
