"""Shards of a load test begin every point together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from evalkube_crds import merge, summary
from evalkube_crds.perf_point import Begun
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_runner.context import StartInstant
from evalkube_runner.perf.begun import begun_of
from fakes import load_tests
from fakes.meeting import DOUBT_NS, LEAD_NS, Meeting
from fakes.mock_model import running_mock


def test_shards_begin_each_point_at_one_instant_and_add_up(tmp_path: Path) -> None:
    """Two shards of a sweep: neither begins before the instant that both were told; their counts are those of one."""
    meeting = Meeting(2)

    async def both(url: str) -> list[PerfResult]:
        spec = PerfRunSpec.model_validate(
            {"model": "m", "url": url, "number": [9, 12, 3], "parallel": [2, 4, 1], "dataSource": "sample"}
            | {"sleepInterval": 0.0, "shards": 2}
        )
        return await meeting.all(tmp_path, spec, spec)

    with running_mock("--ttft-ms", "5", "--itl-ms", "1", "--tokens", "4") as url:
        results = asyncio.run(both(url))
    merged = merge.merge_results(results)
    assert [(point.succeeded, point.number) for point in merged.points] == [(9, 9), (12, 12), (3, 3)]
    for result in results:
        for point, start_at_ns in zip(result.points[:2], meeting.starts_at_ns[:2], strict=True):
            assert point.started_at_ns > start_at_ns - LEAD_NS // 2  # the clocks are read one after the other
    for point, start_at_ns in zip(merged.points[:2], meeting.starts_at_ns[:2], strict=True):
        assert point.begun is not None
        assert point.begun.first_ns >= start_at_ns - DOUBT_NS  # no worker begins early
        assert point.begun.skew_ns >= 2 * DOUBT_NS
    assert summary.start_skew_s(merged) == max(each.begun.skew_ns for each in merged.points if each.begun) / 1e9
    rows = load_tests.rows(tmp_path / "0/artifacts/parallel_2_number_9/requests.jsonl")
    assert all(row["index"] % 2 == 0 for row in rows)


AGREED = StartInstant(monotonic_ns=1_000, start_at_ns=50_000, doubt_ns=3)
# name: the instant that was agreed on, when each worker began, when that was
BEGINNINGS: dict[str, tuple[StartInstant | None, Sequence[int], Begun | None]] = {
    "at the instant": (AGREED, [1_000], Begun(first_ns=49_997, last_ns=50_003)),
    "two workers, late": (AGREED, [1_020, 1_010], Begun(first_ns=50_007, last_ns=50_023)),
    "one that sent nothing": (AGREED, [0, 1_010], Begun(first_ns=50_007, last_ns=50_013)),
    "none that sent anything": (AGREED, [0, 0], None),
    "a clock that was not told": (StartInstant(1_000, 50_000), [1_000], None),
    "no other shards": (None, [1_000], None),
}


@pytest.mark.parametrize(("instant", "workers", "begun"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_when_a_shard_began(instant: StartInstant | None, workers: Sequence[int], begun: Begun | None) -> None:
    """On the clock that all know, as far as this shard knows it."""
    assert begun_of(instant, workers) == begun
