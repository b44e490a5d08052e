"""Prints how fast runs become Jobs, and what a run costs the operator.

    KUBECONFIG=... python bench/operator_jobs.py paced [--runs 400 --rate 20]
    KUBECONFIG=... python bench/operator_jobs.py burst [--runs 1000]

The operator is a process of this machine with the chart's settings; the node is cordoned meanwhile, so that Jobs are
all there is to do. Times are from a run's first sighting to its Job's, by one watcher. Give each a cluster of its own:
removing so many pending pods keeps Kubernetes' controllers busy for minutes.
"""

import argparse
import asyncio
import time

from on_cluster import Operator, connected, cordoned, create, eval_run, namespace, operator, spread, until, watched

_AT_ONCE = 32


async def _paced(count: int, rate: float) -> None:
    async with connected() as cluster, namespace(cluster) as place, watched(cluster, place) as seen:
        with operator(place) as served:
            await served.ready()
            await _some(cluster, place, "warm", 20)
            await until(lambda: len(seen.jobs) >= 20, timeout_s=30, what="20 Jobs")
            names = [f"paced-{number}" for number in range(count)]
            cpu_s = served.cpu_s()
            began, tasks = time.monotonic(), []
            for number, name in enumerate(names):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                tasks.append(asyncio.create_task(create(cluster, place, eval_run(name))))
            await asyncio.gather(*tasks)
            await until(lambda: len(seen.jobs) >= count + 20, timeout_s=60, what=f"{count} Jobs")
            cpu_ms = 1000 * (served.cpu_s() - cpu_s) / count
            print(
                f"{count} runs at {rate:g} a second: CR -> Job {spread(seen.waits_ms(names))};"
                f" {cpu_ms:.1f} ms of CPU a run (bars: p50 15 ms, p99 75 ms)",
                flush=True,
            )


async def _some(cluster: object, place: str, word: str, count: int) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> None:
        async with gate:
            await create(cluster, place, eval_run(name))  # type: ignore[arg-type]

    await asyncio.gather(*(one(f"{word}-{number}") for number in range(count)))


async def _burst(count: int) -> None:
    async with connected() as cluster, namespace(cluster) as place, watched(cluster, place) as seen:
        with operator(place) as served:
            await served.ready()
            await _some(cluster, place, "warm", 20)
            await until(lambda: len(seen.jobs) >= 20, timeout_s=30, what="20 Jobs")
            await asyncio.sleep(3)
            before_kb, cpu_s, began = served.memory_kb(), served.cpu_s(), time.monotonic()
            await _some(cluster, place, "burst", count)
            made_s = time.monotonic() - began
            await until(lambda: len(seen.jobs) >= count + 20, timeout_s=180, what=f"{count} Jobs")
            took_s = max(seen.jobs.values()) - began
            cpu_ms = 1000 * (served.cpu_s() - cpu_s) / count
            print(
                f"a burst of {count} runs: all created after {made_s:.1f} s, all have their Job after {took_s:.1f} s:"
                f" {count / took_s:.0f} a second (bar: 120); {cpu_ms:.1f} ms of CPU a run",
                flush=True,
            )
            await _memory(served, before_kb, count)
            names = [name for name in seen.runs if name.startswith("burst")]
            assert all(len(seen.job_uids[name]) == 1 for name in names), "a run has two Jobs"


async def _memory(served: Operator, before_kb: int, count: int) -> None:
    await asyncio.sleep(20)  # the pods come, some 20 a second, and what passes through has passed
    peak_kb = served.memory_kb()
    print(
        f"operator memory: {before_kb / 1024:.0f} MiB before, {peak_kb / 1024:.0f} MiB with {count} runs, their Jobs"
        f" and pods: {(peak_kb - before_kb) / count:.1f} KB a run (bar: 25)",
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
        asyncio.run(_paced(given.runs or 400, given.rate) if given.what == "paced" else _burst(given.runs or 1000))


if __name__ == "__main__":
    main()
