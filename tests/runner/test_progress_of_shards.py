"""What two shards of a real load tell of their progress, over a real ingest, and what the operator makes of it."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

from evalkube_crds import summary
from evalkube_crds.names import Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.progress import advanced, at_end
from evalkube_crds.results import PerfResult, Progress
from evalkube_operator import memory
from evalkube_runner.context import RunContext
from evalkube_runner.perf import sweep
from fakes import load_tests
from fakes.ingest import Ingest, delivering, pods, serving
from fakes.mock_model import running_mock
from fakes.stores import opened


async def _shards(ingest: Ingest, folder: Path, spec: PerfRunSpec) -> list[PerfResult]:
    async with AsyncExitStack() as stack:

        async def shard(at: int) -> PerfResult:
            delivery = await stack.enter_async_context(delivering(ingest.url, folder, shard=at))
            scratch = folder / str(at)
            scratch.mkdir()
            context = RunContext(
                *("r", delivery, scratch, folder, at, 2), start=delivery.start_together, share=delivery.share
            )
            result = await sweep.load_test(spec, context)
            await delivery.progress(at_end(None, summary.requested(result), summary.failed(result)), state="completed")
            return result

        return list(await asyncio.gather(shard(0), shard(1)))


def test_two_shards_are_one_run(tmp_path: Path) -> None:
    """Its rates are those of both, its percentiles those of all requests; neither done nor failed ever falls."""
    fields = {"parallel": 4, "number": 100_000, "duration": 4, "shards": 2, "no_test_connection": True}
    mock = running_mock("--ttft-ms", "50", "--itl-ms", "5", "--tokens", "4", "--fail-rate", "0.2")
    with mock as url, serving(opened("volume", tmp_path / "s"), pods(2, kind=Kind.PERF_RUN), lead_s=1) as ingest:
        spec = load_tests.spec(url, **fields)
        results = load_tests.run(_shards(ingest, tmp_path, spec))
        told = ingest.core.told
    parts: dict[int, Progress] = {}
    shown: list[Progress] = []
    most = {0: 0.0, 1: 0.0}
    for _, shard, progress in told:
        parts[shard] = progress
        most[shard] = max(most[shard], progress.figures.get("rps", 0.0))
        shown.append(advanced(shown[-1] if shown else None, memory.whole(parts.values(), spec)))
    for before, after in pairwise(shown):
        assert (after.done, after.failed) >= (before.done, before.failed)
        assert after.failed >= before.failed
    assert shown[-1].done == sum(map(summary.requested, results))
    assert shown[-1].failed == sum(map(summary.failed, results)) > 0
    assert max(one.figures.get("rps", 0.0) for one in shown) > max(most.values()) > 0
    assert max(one.figures.get("in_flight", 0.0) for one in shown) in (3.0, 4.0)
    of_both = [one.figures["ttft_p50_s"] for one in shown if "ttft_p50_s" in one.figures]
    assert min(of_both) >= 0.05 / 1.02
