"""Load tests as a runner does them, in a folder of a test."""

import asyncio
import gzip
import os
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
import uvloop

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.perf import sweep
from fakes.readable import ANYTHING

__all__ = ["asked", "context", "in_flight", "load", "point_rows", "rows", "run", "spec", "workers", "written"]

T = TypeVar("T")


def spec(url: str, **fields: Any) -> PerfRunSpec:
    """A load test of `url` with our own prompts and no pauses; who is not there is not waited for."""
    return PerfRunSpec.model_validate(
        {"model": "mock-model", "url": url, "data_source": "sample", "sleep_interval": 0, "target_grace": 0, **fields}
    )


def context(folder: Path, **fields: Any) -> RunContext:
    """Artifacts go to `artifacts`, progress and results to `control`."""
    (folder / "scratch").mkdir(parents=True)
    delivery = FileDelivery(folder / "artifacts", folder / "control", pipeline="perf")
    scratch = folder / "scratch"
    return RunContext(run_id="r", delivery=delivery, scratch=scratch, cache=folder, readable=ANYTHING, **fields)


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the loop that the runner has."""
    return uvloop.run(work)


def load(folder: Path, wanted: PerfRunSpec, **fields: Any) -> PerfResult:
    """The whole test. `fields`: of its context."""
    return run(sweep.load_test(wanted, context(folder, **fields)))


def rows(file: Path) -> list[dict[str, Any]]:
    """What stands in a file of lines, in the order of `index` where there is one."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    found = [orjson.loads(line) for line in data.splitlines()]
    return sorted(found, key=lambda row: int(row.get("index", 0)))


def point_rows(folder: Path, point: str) -> list[dict[str, Any]]:
    """The rows of a point of a test in this folder."""
    return rows(folder / f"artifacts/{point}/requests.jsonl")


def in_flight(found: list[dict[str, Any]]) -> Iterator[int]:
    """How many requests are in flight after each send and each end."""
    now = 0
    for _, change in sorted([(row["sent_ns"], 1) for row in found] + [(row["end_ns"], -1) for row in found]):
        now += change
        yield now


def workers() -> list[int]:
    """This process' children that run a worker."""
    while True:
        try:
            tasks = list(Path(f"/proc/{os.getpid()}/task").iterdir())
            children = [child for task in tasks for child in (task / "children").read_text().split()]
        except OSError:  # a thread has just ended, and its children are another one's now: look again
            continue
        return [int(child) for child in children if _is_worker(child)]


def _is_worker(child: str) -> bool:
    with suppress(OSError):  # it has just ended
        return b"evalkube_runner.perf.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    return False


async def asked(url: str, more: int) -> None:
    """Wait until the mock model at `url` has got so many requests more than it has now."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):

        async def total() -> int:
            return int((await client.get(f"{url.removesuffix('/v1')}/stats")).json()["total"])

        wanted = await total() + more
        while await total() < wanted:  # another process counts
            await asyncio.sleep(0.02)


async def written(file: Path) -> None:
    """Wait until there is such a file."""
    async with asyncio.timeout(60):
        while not file.is_file():  # noqa: ASYNC240  # another process makes it
            await asyncio.sleep(0.01)
