"""Prints how fast runs become Jobs and what a run costs the operator, beside the least that an operator can do.

    KUBECONFIG=... python bench/operator_jobs.py paced [--runs 200 --rate 20]
    KUBECONFIG=... python bench/operator_jobs.py burst [--runs 1000]

The operator is a process of this machine with the chart's settings; `least_operator` is measured in the same run, in
a namespace of its own, because most of each figure is the API server's and the machine's. The node is cordoned
meanwhile, so that Jobs are all there is to do. Times are from a run's first sighting to its Job's, by one watcher. Give
each a cluster of its own: removing so many pending pods keeps Kubernetes' controllers busy for minutes.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from on_cluster import (
    Operator,
    Sightings,
    connected,
    cordoned,
    create,
    eval_run,
    namespace,
    operator,
    percentile,
    spread,
    until,
    watched,
)

from evalkube_api.kubernetes.cluster import Cluster

_AT_ONCE = 32
_PODS_PER_S = 15
"""That the controller manager and the scheduler bring about here, at the least."""


@contextlib.asynccontextmanager
async def _least(place: str) -> AsyncIterator[None]:
    process = _started(place)
    assert process.stdout is not None
    try:
        await asyncio.to_thread(process.stdout.readline)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _started(place: str) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("least_operator.py")
    return subprocess.Popen([sys.executable, str(script), place], stdout=subprocess.PIPE)


@contextlib.asynccontextmanager
async def _ours(place: str) -> AsyncIterator[Operator]:
    with operator(place) as served:
        await served.ready()
        yield served


async def _some(cluster: Cluster, place: str, word: str, count: int) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> None:
        async with gate:
            await create(cluster, place, eval_run(name))

    await asyncio.gather(*(one(f"{word}-{number}") for number in range(count)))


async def _warm(cluster: Cluster, place: str, seen: Sightings) -> None:
    await _some(cluster, place, "warm", _WARM)
    await until(lambda: len(seen.jobs) >= _WARM, timeout_s=60, what=f"{_WARM} Jobs")
    await asyncio.sleep(_WARM / _PODS_PER_S)


_WARM = 20


async def _pace(cluster: Cluster, place: str, seen: Sightings, count: int, rate: float) -> list[float]:
    """Milliseconds from each run to its Job."""
    names = [f"paced-{number}" for number in range(count)]
    began, tasks = time.monotonic(), []
    for number, name in enumerate(names):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(create(cluster, place, eval_run(name))))
    await asyncio.gather(*tasks)
    await until(lambda: len(seen.jobs) >= count + _WARM, timeout_s=120, what=f"{count} Jobs")
    return seen.waits_ms(names)


async def _paced(count: int, rate: float) -> None:
    async with connected() as cluster, contextlib.AsyncExitStack() as places:
        for _ in range(2):
            place = await places.enter_async_context(namespace(cluster))
            async with watched(cluster, place) as seen, _least(place):
                await _warm(cluster, place, seen)
                least_ms = await _pace(cluster, place, seen, count, rate)
            await asyncio.sleep(count / _PODS_PER_S)
            place = await places.enter_async_context(namespace(cluster))
            async with watched(cluster, place) as seen, _ours(place) as served:
                await _warm(cluster, place, seen)
                cpu_s = served.cpu_s()
                ours_ms = await _pace(cluster, place, seen, count, rate)
                cpu_ms = 1000 * (served.cpu_s() - cpu_s) / count
            ratios = [percentile(ours_ms, share) / percentile(least_ms, share) for share in (0.5, 0.99)]
            print(f"{count} runs at {rate:g} a second: CR -> Job {spread(ours_ms)} (bars: p50 15 ms, p99 75 ms)")
            print(f"  the least operator: {spread(least_ms)}; ratios {ratios[0]:.2f}, {ratios[1]:.2f}")
            print(f"  {cpu_ms:.1f} ms of CPU a run", flush=True)
            await asyncio.sleep(count / _PODS_PER_S)


async def _burst_once(cluster: Cluster, place: str, seen: Sightings, count: int) -> float:
    """Runs a second, from the first creation to the last Job."""
    began = time.monotonic()
    await _some(cluster, place, "burst", count)
    made_s = time.monotonic() - began
    await until(lambda: len(seen.jobs) >= count + _WARM, timeout_s=300, what=f"{count} Jobs")
    took_s = max(seen.jobs.values()) - began
    print(f"  {count} runs created after {made_s:.1f} s, all with their Job after {took_s:.1f} s", flush=True)
    names = [name for name in seen.runs if name.startswith("burst")]
    assert all(len(seen.job_uids[name]) == 1 for name in names), "a run has two Jobs"
    return count / took_s


async def _burst(count: int) -> None:
    async with connected() as cluster, namespace(cluster) as first, namespace(cluster) as second:
        async with watched(cluster, first) as seen, _least(first):
            await _warm(cluster, first, seen)
            least_per_s = await _burst_once(cluster, first, seen, count)
        await asyncio.sleep(count / _PODS_PER_S)
        async with watched(cluster, second) as seen, _ours(second) as served:
            await _warm(cluster, second, seen)
            before_kb, cpu_s = served.memory_kb(), served.cpu_s()
            per_s = await _burst_once(cluster, second, seen, count)
            cpu_ms = 1000 * (served.cpu_s() - cpu_s) / count
            print(f"a burst of {count} runs: {per_s:.0f} a second (bar: 120), {cpu_ms:.1f} ms of CPU a run")
            print(f"  the least operator: {least_per_s:.0f} a second; ratio {per_s / least_per_s:.2f}", flush=True)
            await asyncio.sleep(count / _PODS_PER_S)  # the pods come, and what passes through has passed
            after_kb = served.memory_kb()
            print(
                f"operator memory: {before_kb / 1024:.0f} MiB before, {after_kb / 1024:.0f} MiB with {count} runs,"
                f" their Jobs and pods: {(after_kb - before_kb) / count:.1f} KB a run (bar: 25)",
                flush=True,
            )


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["paced", "burst"])
    parser.add_argument("--runs", type=int)
    parser.add_argument("--rate", type=float, default=20.0)
    given = parser.parse_args()
    with cordoned():
        asyncio.run(_paced(given.runs or 200, given.rate) if given.what == "paced" else _burst(given.runs or 1000))


if __name__ == "__main__":
    main()
