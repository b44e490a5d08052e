"""Prints how far apart the shards of load tests begin on a cluster.

    KUBECONFIG=... python bench/start_skew.py [--runs 10 --shards 8 --points 10]

Operator and mock model are processes of this machine, shards are pods. Each point has a start of its own. The skew is
the status', which is the most that it can have been; beside it stands how far apart the shards' first requests left by
the clocks of their nodes, which says as much as these clocks agree (on one node they are one).
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from on_cluster import Object, connected, namespace, operator, spread
from perf_run import mock

from evalkube_api.kubernetes import cluster as clusters

_RUNS = "/apis/evalkube.io/v1alpha1/namespaces/{}/perfruns"
_HOST = "10.245.0.1"
_BAR = "bar: p99 20 ms"


def _load_test(name: str, url: str, shards: int, points: int) -> Object:
    load = {"number": [20 * shards] * points, "parallel": [shards] * points, "sleepInterval": 0, "shards": shards}
    asked = {"model": "bench", "url": f"{url}/chat/completions", "dataSource": "sample", "maxTokens": [4], **load}
    metadata = {"name": name}
    return {"apiVersion": "evalkube.io/v1alpha1", "kind": "PerfRun", "metadata": metadata, "spec": asked}


async def _ended(cluster: clusters.Cluster, path: str, timeout_s: float = 600.0) -> Object:
    """The status of a run at its end."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        status: Object = (await cluster._call("GET", path)).get("status") or {}
        if status.get("completionTime"):
            return status
        await asyncio.sleep(0.5)
    raise SystemExit(f"{path} has not ended after {timeout_s:g} s")


def _shards(store: Path, name: str) -> Iterator[Object]:
    """The result of each shard of a run."""
    for path in store.rglob("*.json"):
        document: Any = orjson.loads(path.read_bytes())
        if isinstance(document, dict) and document.get("kind") == "PerfResult" and document.get("runId") == name:
            yield document


def _first_sends_ms(results: list[Object]) -> Iterator[float]:
    """Of each point, how far apart the shards' first measured requests left."""
    for points in zip(*(result["points"] for result in results), strict=True):
        times_ns = [point["startedAtNs"] for point in points if point["startedAtNs"]]
        yield (max(times_ns) - min(times_ns)) / 1e6


async def _measure(runs: int, shards: int, points: int) -> None:
    skews_ms: list[float] = []
    sends_ms: list[float] = []
    most_ms: list[float] = []
    with mock("--host", "0.0.0.0", "--tokens", "4") as model:
        url = f"http://{_HOST}:{model.rsplit(':', 1)[1]}/v1"
        async with connected() as cluster, namespace(cluster) as place:
            with operator(place) as served:
                await served.ready()
                for number in range(runs):
                    name, path = f"skew-{number}", _RUNS.format(place)
                    await cluster._call("POST", path, body=_load_test(name, url, shards, points))
                    status = await _ended(cluster, f"{path}/{name}")
                    if status["phase"] != "Succeeded":
                        raise SystemExit(f"{name} ended as {status['phase']}: {status['conditions']}")
                    told = [value for figure, value in status["summary"].items() if figure.endswith("/start_skew_s")]
                    skews_ms += [1000 * value for value in told]
                    most_ms.append(1000 * status["startSkewSeconds"])
                    sends_ms += _first_sends_ms(list(_shards(served.store, name)))
                    print(f"{name}: at most {most_ms[-1]:.1f} ms in {len(told)} points", flush=True)
    print(f"{shards} shards, {len(skews_ms)} starts: at most {spread(skews_ms)} apart ({_BAR})")
    print(f"startSkewSeconds of {runs} runs: {spread(most_ms)}")
    if sends_ms:
        print(f"first requests by the nodes' clocks: {spread(sends_ms)} apart")


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--points", type=int, default=10)
    given = parser.parse_args()
    asyncio.run(_measure(given.runs, given.shards, given.points))


if __name__ == "__main__":
    main()
