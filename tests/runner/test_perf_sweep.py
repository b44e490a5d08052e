"""Whole load tests of a mock model: what is sent and when, and what is written of it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds import summary
from evalkube_crds.results import PromptData
from evalkube_runner.perf import schedule, sweep
from fakes.load_tests import in_flight, load, point_rows, spec
from fakes.mock_model import running_mock

MS = 1_000_000
KEY = "sk-very-secret-1234"


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model with a TTFT of 30 ms and 4 tokens in 9 ms."""
    with running_mock("--ttft-ms", "30", "--itl-ms", "3", "--tokens", "4") as url:
        yield url


def test_closed_loop(tmp_path: Path, mock: str) -> None:
    """Every request once, never more than `parallel` at a time, with the server's own times and tokens."""
    result = load(tmp_path, spec(mock, number=12, parallel=4))
    assert result.data == PromptData(dataset="openqa", source="sample", prompts=24, length_basis="characters")
    point = result.points[0]
    found = point_rows(tmp_path, "parallel_4_number_12")
    assert (point.name, point.succeeded, point.failed) == ("parallel_4_number_12", 12, 0)
    assert [row["index"] for row in found] == list(range(12))
    assert max(in_flight(found)) == 4
    # Never early; but a client that was held up reads the first token late, and the others with it.
    assert 29 * MS < (point.histograms["ttft_ns"].percentile(50) or 0) < 1_000 * MS
    assert 38 * MS < (point.histograms["latency_ns"].percentile(50) or 0) < 1_000 * MS
    assert (point.histograms["tpot_ns"].percentile(50) or 0) < 100 * MS
    assert point.histograms["tpot_ns"].count == 12
    assert (point.output_tokens, point.token_basis) == (48, {"usage": 12})
    assert point.histograms["connect_ns"].count == 4


def test_artifacts(tmp_path: Path, mock: str) -> None:
    """Each point has its arguments, summary, percentiles and rows; no file holds the key."""
    load(tmp_path, spec(mock, number=[2, 3], parallel=[1, 3]), api_key=KEY)
    artifacts = tmp_path / "artifacts"
    for point, number in (("parallel_1_number_2", 2), ("parallel_3_number_3", 3)):
        assert json.loads((artifacts / point / "benchmark_args.json").read_text())["number"] == number
        assert json.loads((artifacts / point / "benchmark_summary.json").read_text())["Succeed requests"] == number
        assert "TTFT (s)" in json.loads((artifacts / point / "benchmark_percentile.json").read_text())
        assert len(point_rows(tmp_path, point)) == number
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    progress = json.loads((tmp_path / "control/progress.json").read_text())
    assert (progress["done"], progress["total"]) == (5, 5)


def test_points_that_are_alike_have_a_folder_each(tmp_path: Path, mock: str) -> None:
    """A point that is repeated, or differs in its rate alone, overwrites none: not in results, figures or artifacts."""
    wanted = spec(mock, number=[3, 3, 2, 2], parallel=[1, 1, 2, 2], rate=[900.0, 800.0, 900.0, 900.0])
    result = load(tmp_path, wanted)
    names = [
        "parallel_1_number_3_rate_900",
        "parallel_1_number_3_rate_800",
        "parallel_2_number_2",
        "parallel_2_number_2_repeat_2",
    ]
    assert [point.name for point in result.points] == names
    assert [summary.summary(result)[f"{name}/success_rate"] for name in names] == [1.0] * 4
    assert [len(point_rows(tmp_path, name)) for name in names] == [3, 3, 2, 2]


def test_not_streamed(tmp_path: Path, mock: str) -> None:
    """There is a latency and no TTFT."""
    point = load(tmp_path, spec(mock, number=3, parallel=3, stream=False)).points[0]
    assert point.succeeded == 3
    assert point.output_tokens == 12
    assert "ttft_ns" not in point.histograms
    assert point_rows(tmp_path, point.name)[0]["first_token_ns"] is None


def test_completions(tmp_path: Path, mock: str) -> None:
    """A URL that names completions is sent plain prompts."""
    point = load(tmp_path, spec(f"{mock}/completions", number=2, parallel=2)).points[0]
    assert (point.succeeded, point.output_tokens) == (2, 8)


def test_warm_up_hands_over_without_draining(tmp_path: Path, mock: str) -> None:
    """Measured requests begin as warm-up slots free; warm-up is in the rows and in no figure."""
    point = load(tmp_path, spec(mock, number=8, parallel=4, warmup_num=6)).points[0]
    found = point_rows(tmp_path, point.name)
    assert (point.warmup, point.succeeded, point.histograms["latency_ns"].count) == (6, 8, 8)
    assert [row["warmup"] for row in found] == [True] * 6 + [False] * 8
    last_of_warm_up = max(row["end_ns"] for row in found[:6])
    assert min(row["sent_ns"] for row in found[6:]) < last_of_warm_up


@pytest.mark.parametrize(("asked", "count"), [(0.25, 2), (0.01, 1), (3.0, 3), (0.0, 0)])
def test_warm_up_counts(asked: float, count: int) -> None:
    """Below 1 it is a share of number, and at least one request."""
    (point,) = sweep.points_of(spec("http://h/v1", number=8, warmup_num=asked))
    assert (point.warmup, point.total) == (count, 8 + count)


def test_open_loop(tmp_path: Path, mock: str) -> None:
    """Requests leave by the schedule, however many are in flight, and are not re-anchored."""
    point = load(tmp_path, spec(mock, number=40, rate=200.0, open_loop=True)).points[0]
    found = point_rows(tmp_path, "rate_200_number_40")
    due = [int(at) for _, block in schedule.arrival_blocks(42, 200.0, 40) for at in block]
    assert [row["intended_ns"] for row in found] == due
    assert all(row["dispatched_ns"] >= row["intended_ns"] for row in found)
    assert (point.succeeded, point.parallel, point.rate) == (40, None, 200.0)
    assert max(in_flight(found)) > 2


SCHEDULES: dict[str, tuple[dict[str, Any], str, str]] = {
    "constant": (
        {"rate": 200.0, "arrivals": "constant"},
        "rate_200_number_40",
        "constant",
    ),
    "gamma": (
        {"rate": 200.0, "arrivals": "gamma", "burstiness": 0.2},
        "rate_200_number_40",
        "gamma, burstiness 0.2",
    ),
    "stages": (
        {"rate_stages": [{"rate": 0, "to": 400, "duration": 0.1}, {"rate": 300, "duration": 1}]},
        "stages_number_40",
        "Poisson; 0 to 400 requests/s in 0.1 s; 300 requests/s for 1 s",
    ),
}


@pytest.mark.parametrize(("fields", "name", "words"), SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_of_open_loops(tmp_path: Path, mock: str, fields: dict[str, Any], name: str, words: str) -> None:
    """Two shards send what the schedule says, and the result tells which it was."""
    wanted = spec(mock, number=40, open_loop=True, **fields)
    folders = [tmp_path / "0", tmp_path / "1"]
    points = [load(folder, wanted, shard=at, shards=2).points[0] for at, folder in enumerate(folders)]
    found = {row["index"]: row["intended_ns"] for folder in folders for row in point_rows(folder, name)}
    (point,) = sweep.points_of(wanted)
    blocks = schedule.arrival_blocks(42, point.rate, 40, point.arrivals)
    assert found == dict(enumerate(int(at) for _, block in blocks for at in block))
    assert [(each.name, each.arrivals, each.succeeded) for each in points] == [(name, words, 20)] * 2
    arguments = json.loads((tmp_path / f"0/artifacts/{name}/benchmark_args.json").read_text())
    assert arguments["rate"] == (200.0 if "rate" in fields else [-1.0])
    assert points[0].rate == (200.0 if "rate" in fields else pytest.approx(point.rate))


def test_slots_that_begin_one_after_the_other(tmp_path: Path, mock: str) -> None:
    """A closed loop grows to its full width, and those that have begun go on meanwhile."""
    point = load(tmp_path, spec(mock, number=60, parallel=4, ramp_up=0.8)).points[0]
    found = sorted(point_rows(tmp_path, point.name), key=lambda row: row["sent_ns"])
    for slot in range(1, 4):
        before = [row for row in found if row["sent_ns"] < slot * 200 * MS]
        assert max(in_flight(before)) <= slot
    assert len([row for row in found if row["sent_ns"] < 200 * MS]) > 1
    assert max(in_flight(found)) == 4
    assert point.arrivals == "requests in flight grow for 0.8 s"


def test_closed_loop_with_a_rate(tmp_path: Path, mock: str) -> None:
    """The cap holds; what it delays keeps its intended time and counts as late."""
    point = load(tmp_path, spec(mock, number=12, parallel=2, rate=300.0)).points[0]
    found = point_rows(tmp_path, point.name)
    assert max(in_flight(found)) == 2
    assert point.late > 6
    intended, sent = point.histograms["intended_latency_ns"], point.histograms["latency_ns"]
    assert (intended.mean or 0) > 2 * (sent.mean or 0)
    assert (point.health.schedule_lag_ns.percentile(50) or 0) < 30 * MS  # waiting for a slot is not the client's lag


def test_duration_ends_the_sending(tmp_path: Path, mock: str) -> None:
    """Nothing leaves after the duration; what is in flight is finished."""
    point = load(tmp_path, spec(mock, number=10_000, parallel=2, duration=0.2)).points[0]
    found = point_rows(tmp_path, point.name)
    assert 2 <= len(found) <= 14
    assert max(row["dispatched_ns"] for row in found) - found[0]["dispatched_ns"] < 200 * MS
    assert point.failed == 0


@pytest.mark.parametrize("fields", [{"parallel": 1}, {"open_loop": True}])
def test_a_slow_server_is_not_held_against_the_client(tmp_path: Path, mock: str, fields: dict[str, Any]) -> None:
    """What slots held back was never due; in open loop all that was due by the end was sent, but for what fell into
    the client's own lag when the time was up.
    """
    point = load(tmp_path, spec(mock, number=1000, rate=100.0, duration=0.2, **fields)).points[0]
    lag_s = max(point.health.schedule_lag_ns.high, point.health.loop_lag_ns.high) / 1e9
    unsent = point.health.offered - point.health.sent
    assert 0 <= unsent <= (3 * 100.0 * lag_s if "open_loop" in fields else 0)
    assert point.health.sent == point.succeeded < 60


def test_two_worker_processes(tmp_path: Path, mock: str) -> None:
    """A load for several processes is still sent exactly once, and within its cap."""
    point = load(tmp_path, spec(mock, number=700, parallel=600)).points[0]
    found = point_rows(tmp_path, point.name)
    assert [row["index"] for row in found] == list(range(700))
    assert max(in_flight(found)) <= 600
    assert point.health.processes == min(2, len(os.sched_getaffinity(0)))


def test_shards_send_one_load(tmp_path: Path, mock: str) -> None:
    """Two shards send what one would have: the same indices at the same intended times."""
    wanted = spec(mock, number=30, rate=300.0, open_loop=True)
    folders = [tmp_path / "0", tmp_path / "1"]
    for shard, folder in enumerate(folders):
        load(folder, wanted, shard=shard, shards=2)
    parts = [point_rows(folder, "rate_300_number_30") for folder in folders]
    assert [[row["index"] % 2 for row in part] for part in parts] == [[0] * 15, [1] * 15]
    progress = json.loads((tmp_path / "1/control/progress.json").read_text())
    assert (progress["done"], progress["total"]) == (15, 15)
    due = [int(at) for _, block in schedule.arrival_blocks(42, 300.0, 30) for at in block]
    assert {row["index"]: row["intended_ns"] for part in parts for row in part} == dict(enumerate(due))
