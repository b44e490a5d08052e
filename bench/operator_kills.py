"""Prints what 200 runs come to whose operator is killed ten times meanwhile: none lost, none done twice.

    KUBECONFIG=... python bench/operator_kills.py [--runs 200 --kills 10]

Real pods, one for each run, of an evaluation with one question to a mock model on this machine, which counts them. The
operator is killed with SIGKILL at random moments while runs are created and while they run, and started again at once.
"""

import argparse
import asyncio
import contextlib
import random
import time
from collections import Counter

from on_cluster import Operator, Sightings, connected, create, eval_run, namespace, operator, until, watched
from perf_run import fetch, mock

_AT_ONCE = 8
"""Runs that have not ended: pods are what takes the time here, and two cores start about one a second."""

_HOST = "10.245.0.1"


async def _killed(served: Operator, seen: Sightings, runs: int, kills: int, seed: int) -> None:
    """At random moments, spread over all of the work."""
    chance = random.Random(seed)
    for kill in range(kills):
        wanted = int(runs * (kill + chance.random()) / kills)
        while len(seen.ended) < wanted:  # noqa: ASYNC110 - what is waited for is told by a watch
            await asyncio.sleep(0.05)
        await asyncio.sleep(chance.random())
        served.kill()
        served.start()


async def _run(runs: int, kills: int, seed: int) -> None:
    with mock("--host", "0.0.0.0") as model:
        url = f"http://{_HOST}:{model.rsplit(':', 1)[1]}/v1"
        async with connected() as cluster, namespace(cluster) as place, watched(cluster, place) as seen:
            with operator(place) as served:
                await served.ready()
                names, began = [f"killed-{number}" for number in range(runs)], time.monotonic()
                killing = asyncio.create_task(_killed(served, seen, runs, kills, seed))
                for number, name in enumerate(names):
                    await until(lambda n=number: n - len(seen.ended) < _AT_ONCE, timeout_s=300, what="ends")
                    await create(cluster, place, eval_run(name, url))
                await killing
                with contextlib.suppress(SystemExit):  # what has not ended is counted below
                    await until(lambda: len(seen.ended) >= runs, timeout_s=900, what=f"{runs} ends")
                took_s = time.monotonic() - began
                await asyncio.sleep(2)
        phases = Counter(seen.ended[name][1]["phase"] if name in seen.ended else "lost" for name in names)
        jobs = Counter(len(seen.job_uids.get(name, ())) for name in names)
        attempts = Counter(len(status.get("attempts") or ()) for _, status in seen.ended.values())
        asked = fetch(f"{model}/stats")["total"]
    print(
        f"{runs} runs in {took_s:.0f} s, the operator killed {kills} times: {dict(phases)};"
        f" Jobs of a run: {dict(jobs)}; attempts: {dict(attempts)}; questions asked: {asked}",
        flush=True,
    )
    lost, doubled = runs - phases["Succeeded"], sum(count for number, count in jobs.items() if number != 1)
    print(f"lost: {lost}, duplicated: {doubled} (bars: 0, 0)")
    raise SystemExit(1 if lost or doubled else 0)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(_run(given.runs, given.kills, given.seed))


if __name__ == "__main__":
    main()
