"""Whole load tests: real worker processes against the mock model and against a server that sends any bytes."""

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from evalkube_crds import summary
from evalkube_crds.names import ErrorClass, Reason, Verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult, PromptData
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed, TargetFailed
from evalkube_runner.perf import bodies, schedule, sweep
from fakes import load_tests
from fakes.mock_model import running_mock
from fakes.raw_server import Close, Hang, Step, raw_server
from fakes.readable import ANYTHING

T = TypeVar("T")
MS = 1_000_000
KEY = "sk-very-secret-1234"


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model with a TTFT of 30 ms and 4 tokens in 9 ms."""
    with running_mock("--ttft-ms", "30", "--itl-ms", "3", "--tokens", "4") as url:
        yield url


@pytest.fixture(scope="module")
def fast_mock() -> Iterator[str]:
    """A mock model that answers at once, and has a key."""
    with running_mock("--tokens", "4", "--api-key", KEY) as url:
        yield url


def spec(url: str, **fields: Any) -> PerfRunSpec:
    return PerfRunSpec(
        model="mock-model", url=url, data_source="sample", sleep_interval=0, **{"target_grace": 0.0, **fields}
    )


def context(folder: Path, *, shard: int = 0, shards: int = 1, key: str | None = KEY) -> RunContext:
    home = folder / f"shard-{shard}"
    (home / "scratch").mkdir(parents=True)
    delivery = FileDelivery(home / "artifacts", home / "control", pipeline="perf")
    return RunContext(
        run_id="r",
        delivery=delivery,
        scratch=home / "scratch",
        cache=folder,
        shard=shard,
        shards=shards,
        api_key=key,
        readable=ANYTHING,
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(work)


def load(folder: Path, wanted: PerfRunSpec, **options: Any) -> PerfResult:
    return run(sweep.load_test(wanted, context(folder, **options)))


def rows(folder: Path, point: str, shard: int = 0) -> list[dict[str, Any]]:
    return load_tests.rows(folder / f"shard-{shard}/artifacts/{point}/requests.jsonl")


def test_closed_loop(tmp_path: Path, mock: str) -> None:
    """Every request once, never more than `parallel` at a time, with the server's own times and tokens."""
    result = load(tmp_path, spec(mock, number=12, parallel=4))
    assert result.data == PromptData(dataset="openqa", source="sample", prompts=24, length_basis="characters")
    point = result.points[0]
    found = rows(tmp_path, "parallel_4_number_12")
    assert (point.name, point.succeeded, point.failed) == ("parallel_4_number_12", 12, 0)
    assert [row["index"] for row in found] == list(range(12))
    assert max(_in_flight(found)) == 4
    # Never early; but a client that was held up reads the first token late, and the others with it.
    assert 29 * MS < (point.histograms["ttft_ns"].percentile(50) or 0) < 1_000 * MS
    assert 38 * MS < (point.histograms["latency_ns"].percentile(50) or 0) < 1_000 * MS
    assert (point.histograms["tpot_ns"].percentile(50) or 0) < 100 * MS
    assert point.histograms["tpot_ns"].count == 12
    assert (point.output_tokens, point.token_basis) == (48, {"usage": 12})
    assert point.histograms["connect_ns"].count == 4


def _in_flight(found: list[dict[str, Any]]) -> Iterator[int]:
    moments = [(row["sent_ns"], 1) for row in found] + [(row["end_ns"], -1) for row in found]
    now = 0
    for _, change in sorted(moments):
        now += change
        yield now


def test_artifacts(tmp_path: Path, mock: str) -> None:
    """Each point has its arguments, summary, percentiles and rows; no file holds the key."""
    load(tmp_path, spec(mock, number=[2, 3], parallel=[1, 3]))
    artifacts = tmp_path / "shard-0/artifacts"
    for point, number in (("parallel_1_number_2", 2), ("parallel_3_number_3", 3)):
        assert json.loads((artifacts / point / "benchmark_args.json").read_text())["number"] == number
        assert json.loads((artifacts / point / "benchmark_summary.json").read_text())["Succeed requests"] == number
        assert "TTFT (s)" in json.loads((artifacts / point / "benchmark_percentile.json").read_text())
        assert len(rows(tmp_path, point)) == number
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    progress = json.loads((tmp_path / "shard-0/control/progress.json").read_text())
    assert (progress["done"], progress["total"]) == (5, 5)


def test_points_that_are_alike_have_a_folder_each(tmp_path: Path, fast_mock: str) -> None:
    """A point that is repeated, or differs in its rate alone, overwrites none: not in results, figures or artifacts."""
    wanted = spec(fast_mock, number=[3, 3, 2, 2], parallel=[1, 1, 2, 2], rate=[900.0, 800.0, 900.0, 900.0])
    result = load(tmp_path, wanted)
    names = [
        "parallel_1_number_3_rate_900",
        "parallel_1_number_3_rate_800",
        "parallel_2_number_2",
        "parallel_2_number_2_repeat_2",
    ]
    assert [point.name for point in result.points] == names
    assert [summary.summary(result)[f"{name}/success_rate"] for name in names] == [1.0] * 4
    assert [len(rows(tmp_path, name)) for name in names] == [3, 3, 2, 2]


def test_not_streamed(tmp_path: Path, mock: str) -> None:
    """There is a latency and no TTFT."""
    point = load(tmp_path, spec(mock, number=3, parallel=3, stream=False)).points[0]
    assert point.succeeded == 3
    assert point.output_tokens == 12
    assert "ttft_ns" not in point.histograms
    assert rows(tmp_path, point.name)[0]["first_token_ns"] is None


def test_completions(tmp_path: Path, mock: str) -> None:
    """A URL that names completions is sent plain prompts."""
    point = load(tmp_path, spec(f"{mock}/completions", number=2, parallel=2)).points[0]
    assert (point.succeeded, point.output_tokens) == (2, 8)


def test_warm_up_hands_over_without_draining(tmp_path: Path, mock: str) -> None:
    """Measured requests begin as warm-up slots free; warm-up is in the rows and in no figure."""
    point = load(tmp_path, spec(mock, number=8, parallel=4, warmup_num=6)).points[0]
    found = rows(tmp_path, point.name)
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
    found = rows(tmp_path, "rate_200_number_40")
    due = [int(at) for _, block in schedule.arrival_blocks(42, 200.0, 40) for at in block]
    assert [row["intended_ns"] for row in found] == due
    assert all(row["dispatched_ns"] >= row["intended_ns"] for row in found)
    assert (point.succeeded, point.parallel, point.rate) == (40, None, 200.0)
    assert max(_in_flight(found)) > 2


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
    points = [load(tmp_path, wanted, shard=shard, shards=2).points[0] for shard in range(2)]
    found = {row["index"]: row["intended_ns"] for shard in range(2) for row in rows(tmp_path, name, shard)}
    (point,) = sweep.points_of(wanted)
    blocks = schedule.arrival_blocks(42, point.rate, 40, point.arrivals)
    assert found == dict(enumerate(int(at) for _, block in blocks for at in block))
    assert [(each.name, each.arrivals, each.succeeded) for each in points] == [(name, words, 20)] * 2
    arguments = json.loads((tmp_path / f"shard-0/artifacts/{name}/benchmark_args.json").read_text())
    assert arguments["rate"] == (200.0 if "rate" in fields else [-1.0])
    assert points[0].rate == (200.0 if "rate" in fields else pytest.approx(point.rate))


def test_slots_that_begin_one_after_the_other(tmp_path: Path, mock: str) -> None:
    """A closed loop grows to its full width, and those that have begun go on meanwhile."""
    point = load(tmp_path, spec(mock, number=60, parallel=4, ramp_up=0.8)).points[0]
    found = sorted(rows(tmp_path, point.name), key=lambda row: row["sent_ns"])
    for slot in range(1, 4):
        before = [row for row in found if row["sent_ns"] < slot * 200 * MS]
        assert max(_in_flight(before)) <= slot
    assert len([row for row in found if row["sent_ns"] < 200 * MS]) > 1
    assert max(_in_flight(found)) == 4
    assert point.arrivals == "requests in flight grow for 0.8 s"


def test_closed_loop_with_a_rate(tmp_path: Path, mock: str) -> None:
    """The cap holds; what it delays keeps its intended time and counts as late."""
    point = load(tmp_path, spec(mock, number=12, parallel=2, rate=300.0)).points[0]
    found = rows(tmp_path, point.name)
    assert max(_in_flight(found)) == 2
    assert point.late > 6
    intended, sent = point.histograms["intended_latency_ns"], point.histograms["latency_ns"]
    assert (intended.mean or 0) > 2 * (sent.mean or 0)
    assert (point.health.schedule_lag_ns.percentile(50) or 0) < 30 * MS  # waiting for a slot is not the client's lag


def test_duration_ends_the_sending(tmp_path: Path, mock: str) -> None:
    """Nothing leaves after the duration; what is in flight is finished."""
    point = load(tmp_path, spec(mock, number=10_000, parallel=2, duration=0.2)).points[0]
    found = rows(tmp_path, point.name)
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
    found = rows(tmp_path, point.name)
    assert [row["index"] for row in found] == list(range(700))
    assert max(_in_flight(found)) <= 600
    assert point.health.processes == min(2, len(os.sched_getaffinity(0)))


def test_shards_send_one_load(tmp_path: Path, mock: str) -> None:
    """Two shards send what one would have: the same indices at the same intended times."""
    wanted = spec(mock, number=30, rate=300.0, open_loop=True)
    for shard in range(2):
        load(tmp_path, wanted, shard=shard, shards=2)
    parts = [rows(tmp_path, "rate_300_number_30", shard) for shard in range(2)]
    assert [[row["index"] % 2 for row in part] for part in parts] == [[0] * 15, [1] * 15]
    progress = json.loads((tmp_path / "shard-1/control/progress.json").read_text())
    assert (progress["done"], progress["total"]) == (15, 15)
    due = [int(at) for _, block in schedule.arrival_blocks(42, 300.0, 30) for at in block]
    assert {row["index"]: row["intended_ns"] for part in parts for row in part} == dict(enumerate(due))


STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(STREAM), STREAM)


def refused(status: bytes, body: bytes) -> list[Step]:
    return [b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)]


def load_raw(folder: Path, steps: list[Step], **fields: Any) -> tuple[PerfResult, list[bytes]]:
    async def work() -> tuple[PerfResult, list[bytes]]:
        async with raw_server(lambda _connection, _request: steps) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", **fields)
            return await sweep.load_test(wanted, context(folder)), server.requests

    return run(work())


def test_prompts_go_on_where_the_last_point_ended(tmp_path: Path) -> None:
    """No point repeats prompts of the one before it, warm-up included; the offset is where the first one begins."""
    fields: dict[str, Any] = {"number": [3, 2], "parallel": [1, 1], "warmup_num": 1, "no_test_connection": True}
    _, sent = load_raw(tmp_path, [ANSWER], dataset="random", min_prompt_length=5, max_prompt_length=5, **fields)
    prompts = [json.loads(request.split(b"\r\n\r\n", 1)[1])["messages"][0]["content"] for request in sent]
    assert len(prompts) == len(set(prompts)) == 7
    _, later = load_raw(
        tmp_path / "later",
        [ANSWER],
        dataset="random",
        min_prompt_length=5,
        max_prompt_length=5,
        dataset_offset=2,
        **fields,
    )
    assert json.loads(later[0].split(b"\r\n\r\n", 1)[1])["messages"][0]["content"] == prompts[2]


def test_a_path_beyond_ascii(tmp_path: Path) -> None:
    """It is sent percent-encoded, by the connection test and by the load."""

    async def work() -> list[bytes]:
        async with raw_server(lambda _connection, _request: [ANSWER]) as server:
            await sweep.load_test(spec(f"http://127.0.0.1:{server.port}/模型/v1?q=ü", number=1), context(tmp_path))
            return server.requests

    sent = run(work())
    assert len(sent) == 2
    assert all(one.startswith(b"POST /%E6%A8%A1%E5%9E%8B/v1/chat/completions?q=%C3%BC HTTP/1.1\r\n") for one in sent)


def test_what_is_sent(tmp_path: Path) -> None:
    """The key as a bearer token, the user's headers, and drawn token limits."""
    _, sent = load_raw(
        tmp_path, [ANSWER], number=4, parallel=1, headers={"X-Trace": "1"}, max_tokens=[5, 9], no_test_connection=True
    )
    heads = [request.split(b"\r\n\r\n", 1)[0].decode() for request in sent]
    assert all(f"Authorization: Bearer {KEY}\r\n" in head and "X-Trace: 1\r\n" in head for head in heads)
    limits = [json.loads(request.split(b"\r\n\r\n", 1)[1])["max_tokens"] for request in sent]
    assert limits == [one.max_tokens for one in schedule.plan(42, schedule.Lane(0, 1), 4, rate=None, max_tokens=(5, 9))]


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        (
            refused(b"401 Unauthorized", b'{"error":{"message":"bad key"}}'),
            Reason.AUTHENTICATION_FAILED,
            "401: bad key",
        ),
        (refused(b"404 Not Found", b'{"detail":"no model x"}'), Reason.TARGET_REFUSED, "404: no model x"),
        (
            refused(b"404 Not Found", b'{"detail":"The model `x` does not exist"}'),
            Reason.MODEL_NOT_FOUND,
            "check model",
        ),
        (refused(b"422 No", b'{"error":{"message":"Invalid model: x"}}'), Reason.MODEL_NOT_FOUND, "422: Invalid"),
        (refused(b"200 OK", b'{"error":{"message":"Unknown model: x"}}'), Reason.MODEL_NOT_FOUND, "Unknown model: x"),
        (refused(b"503 Busy", b"later"), Reason.TARGET_REFUSED, "503: later"),
        ([Close()], Reason.TARGET_UNREACHABLE, "without an answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], Reason.TARGET_REFUSED, "without an event"),
    ],
    ids=["401", "404", "model, 404", "model, 422", "model, 200", "503", "closes", "empty"],
)
def test_the_connection_test_fails_soon(tmp_path: Path, steps: list[Step], reason: Reason, words: str) -> None:
    """One request, and the run ends with the server's own words."""
    with pytest.raises(RunFailed) as failed:
        load_raw(tmp_path, steps, number=1000)
    assert failed.value.reason is reason
    assert words in failed.value.message


def test_nobody_listens(tmp_path: Path) -> None:
    """An endpoint that cannot be reached ends the run soon."""
    with pytest.raises(RunFailed) as failed:
        load(tmp_path, spec("http://127.0.0.1:9/v1", number=1000))
    assert failed.value.reason is Reason.TARGET_UNREACHABLE
    assert "127.0.0.1:9" in failed.value.message


def test_an_endpoint_may_come_up_late(tmp_path: Path) -> None:
    """One that is made together with the run is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with ExitStack() as stack:
        starting = threading.Timer(0.2, lambda: stack.enter_context(running_mock("--port", str(port))))
        starting.start()
        result = load(tmp_path, spec(f"http://127.0.0.1:{port}/v1", number=2, target_grace=60.0), key=None)
        starting.join()
    assert result.points[0].succeeded == 2


def test_one_that_never_comes_up_ends_the_run_after_its_grace(tmp_path: Path) -> None:
    """With the server's words, and how long it was waited for."""
    with pytest.raises(RunFailed, match=r"503: loading.*waited for 0\.3 s: target_grace") as failed:
        load_raw(tmp_path, refused(b"503 Busy", b"loading"), number=1, target_grace=0.3)
    assert failed.value.reason is Reason.TARGET_REFUSED


@pytest.mark.parametrize(
    ("key", "fields", "words"),
    [("k\r\nX: y", {}, "api_key"), (KEY, {"parallel": [99_999], "number": [1]}, "ulimit")],
    ids=["a key that is two headers", "more connections than possible"],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, key: str, fields: dict[str, Any], words: str) -> None:
    """Before any request, and without showing the key."""
    with pytest.raises(RunFailed) as failed:
        load(tmp_path, spec("http://127.0.0.1:9/v1", **fields), key=key)
    assert failed.value.reason is Reason.INVALID_SPEC
    assert words in failed.value.message
    assert key not in failed.value.message


def test_all_requests_failed(tmp_path: Path) -> None:
    """The artifacts are there; the run ends with the most frequent error."""
    with pytest.raises(RunFailed) as failed:
        load_raw(tmp_path, refused(b"500 Oops", b'{"error":"out of luck"}'), number=5, no_test_connection=True)
    assert failed.value.reason is Reason.ALL_REQUESTS_FAILED
    assert "out of luck" in failed.value.message
    assert [row["error"] for row in rows(tmp_path, "parallel_1_number_5")] == ["status_5xx"] * 5


def test_a_target_that_goes_away_is_no_success(tmp_path: Path) -> None:
    """Most requests found nobody to connect to: the run fails with their number and class, and has its result."""

    async def work() -> None:
        async with raw_server(lambda _connection, _request: [ANSWER, Close()]) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", number=60, parallel=1, rate=100.0, target_grace=60)
            running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
            while server.connections < 12:
                await asyncio.sleep(0.005)
            server.close()
            await running

    with pytest.raises(TargetFailed) as failed:
        run(work())
    assert failed.value.reason is Reason.TARGET_UNREACHABLE
    point = failed.value.result.points[0]
    assert point.succeeded > 5
    assert f"{point.failed} of 60 requests failed: connect" in failed.value.message
    assert "refused" in failed.value.message
    assert point.verdict is not Verdict.VALID
    assert f"{point.failed} of 60 requests failed: connect" in " ".join(point.verdict_reasons)
    assert len(rows(tmp_path, point.name)) == 60


def test_a_target_that_refuses_most_is_told(tmp_path: Path) -> None:
    """It is there, and what it does is the result: no failure of the run, and no good news."""
    busy = refused(b"429 Too Many", b'{"error":"slow down"}')

    async def work() -> PerfResult:
        async with raw_server(lambda connection, request: [ANSWER] if request % 4 == 0 else busy) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", number=40, no_test_connection=True)
            return await sweep.load_test(wanted, context(tmp_path))

    result = run(work())
    assert result.points[0].verdict is not Verdict.VALID
    assert "30 of 40 requests failed: status_429" in " ".join(result.points[0].verdict_reasons)
    assert summary.headline(result, {"rps": 2.0}) == "30 of 40 requests failed: status_429; rps 2"


def test_a_point_ends_early_by_its_error_rate(tmp_path: Path) -> None:
    """What was measured is reported, the reason is in the verdict, and the sweep goes on with the next point."""
    busy = [0.01, *refused(b"429 Too Many", b'{"error":"slow down"}')]

    async def work() -> PerfResult:
        async with raw_server(lambda connection, request: [ANSWER] if request % 2 else busy) as server:
            wanted = spec(
                f"http://127.0.0.1:{server.port}/v1",
                number=[5_000, 6_000],
                parallel=[4, 4],
                max_error_rate=0.1,
                no_test_connection=True,
            )
            return await sweep.load_test(wanted, context(tmp_path))

    points = run(work()).points
    for point, number in zip(points, (5_000, 6_000), strict=True):
        over = point.succeeded + point.failed
        assert 20 <= over < number
        (reason,) = point.stopped
        assert reason.startswith(f"stopped after {over} of {number} requests: ")
        assert "max_error_rate 10 %; the first of status_429: " in reason
        assert f"degraded: {reason}" in point.verdict_reasons
        assert len(rows(tmp_path, point.name)) == over + point.cancelled
        assert point.health.sent == over + point.cancelled


def test_an_early_end_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A request that gets no answer is cancelled after a grace: a row, and neither a success nor a failure."""
    busy = [0.01, *refused(b"429 Too Many", b"{}")]

    async def work() -> PerfResult:
        async with raw_server(
            lambda connection, request: [Hang()] if not connection else [ANSWER] if not request else busy
        ) as server:
            fields = {"number": 20_000, "parallel": 3, "max_error_rate": 0.0, "no_test_connection": True}
            return await sweep.load_test(spec(f"http://127.0.0.1:{server.port}/v1", **fields), context(tmp_path))

    (point,) = run(work()).points
    assert point.cancelled == 1
    assert "1 in flight were cancelled" in point.stopped[0]
    errors = [row["error"] for row in rows(tmp_path, point.name)]
    assert errors.count("cancelled") == 1
    assert len(errors) == point.succeeded + point.failed + 1
    assert ErrorClass.CANCELLED not in point.errors


def test_a_rate_that_is_kept_ends_nothing(tmp_path: Path) -> None:
    """Half of the requests may fail, and fewer do."""
    busy = refused(b"429 Too Many", b"{}")

    async def work() -> PerfResult:
        async with raw_server(lambda connection, request: busy if request % 4 == 3 else [ANSWER]) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", number=200, max_error_rate=0.5)
            return await sweep.load_test(wanted, context(tmp_path))

    (point,) = run(work()).points
    assert (point.succeeded + point.failed, point.stopped, point.cancelled) == (200, [], 0)


def test_a_target_that_is_gone_ends_the_test(tmp_path: Path) -> None:
    """Also without an error rate: nothing more is sent, the next point is left out, the run fails with its result."""

    async def work() -> None:
        async with raw_server(lambda _connection, _request: [ANSWER, Close()]) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            wanted = spec(url, number=[100_000, 500], parallel=[2, 2], rate=500.0, target_grace=0.5)
            running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
            while server.connections < 50:
                await asyncio.sleep(0.005)
            server.close()
            await running

    with pytest.raises(TargetFailed) as failed:
        run(work())
    assert failed.value.reason is Reason.TARGET_UNREACHABLE
    assert "connect: " in failed.value.message
    first, second = failed.value.result.points
    assert first.succeeded > 5
    assert first.failed >= 20
    assert first.succeeded + first.failed < 100_000
    assert "no connection in the last" in first.stopped[0]
    assert (second.succeeded, second.failed) == (0, 0)
    assert second.stopped == ["not measured: the target could not be reached any more"]


def test_failures_are_counted_by_class(tmp_path: Path) -> None:
    """What the mock broke is what is reported, request by request."""
    with running_mock(
        "--tokens", "4", "--fail-rate", "0.2", "--stream-error-rate", "0.2", "--truncate-rate", "0.2"
    ) as url:
        point = load(tmp_path, spec(url, number=100, parallel=4, no_test_connection=True)).points[0]
    assert set(point.errors) == {ErrorClass.STATUS_5XX, ErrorClass.ERROR_IN_STREAM, ErrorClass.TRUNCATED_STREAM}
    assert all(8 <= count <= 36 for count in point.errors.values())
    assert sum(point.errors.values()) == point.failed == 100 - point.succeeded
    assert point.histograms["latency_ns"].count == point.succeeded


def test_a_stalled_client_is_not_valid(tmp_path: Path, mock: str) -> None:
    """A worker that stood still for half a second does not blame the server."""

    async def work() -> PerfResult:
        running = asyncio.ensure_future(sweep.load_test(spec(mock, number=200, parallel=4), context(tmp_path)))
        await load_tests.asked(mock, 20)
        workers = load_tests.workers()
        os.kill(workers[0], signal.SIGSTOP)
        await asyncio.sleep(0.5)
        os.kill(workers[0], signal.SIGCONT)
        return await running

    point = run(work()).points[0]
    assert point.verdict is not Verdict.VALID
    assert "stall" in " ".join(point.verdict_reasons)
    assert point.health.loop_lag_ns.high > 400 * MS


def test_short_stalls_weigh_what_they_touched(tmp_path: Path, mock: str) -> None:
    """Of 90 ms, less than any stall that is held against a client by its length. The kernel tells when an answer came,
    and the pace of others when the first token of several did that one read brought: that the load was lower is what
    a stall still changes.
    """

    async def work() -> PerfResult:
        running = asyncio.ensure_future(sweep.load_test(spec(mock, number=200, parallel=4), context(tmp_path)))
        await load_tests.asked(mock, 8)
        workers = load_tests.workers()
        for _ in range(5):
            os.kill(workers[0], signal.SIGSTOP)
            await asyncio.sleep(0.09)
            os.kill(workers[0], signal.SIGCONT)
            await asyncio.sleep(0.06)
        return await running

    point = run(work()).points[0]
    assert point.verdict is not Verdict.VALID
    assert "the load was lower by as much" in " ".join(point.verdict_reasons)
    assert point.health.delayed["ttft_ns"].count >= 10
    assert point.health.loop_lag_ns.high > 80 * MS


def test_cancelling_ends_the_workers(tmp_path: Path) -> None:
    """Nothing goes on after a cancelled load test; what was in flight is on record."""

    async def work() -> None:
        async with raw_server(lambda _connection, _request: [Hang()]) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", number=10, no_test_connection=True)
            running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
            await server.asked.wait()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    run(work())
    assert not load_tests.workers()
    assert [row["error"] for row in rows(tmp_path, "parallel_1_number_10")] == ["cancelled"]


def test_a_load_without_end_is_not_rendered_to_its_end(tmp_path: Path, fast_mock: str) -> None:
    """A hundred million requests begin soon, need little disk, and are cancelled at once; nothing is left of them."""

    async def work() -> tuple[float, int]:
        wanted = spec(fast_mock, number=100_000_000, dataset="random", min_prompt_length=500, max_prompt_length=500)
        running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
        await load_tests.asked(fast_mock, 20)
        size = sum(path.stat().st_size for path in scratch.iterdir())
        began = time.monotonic()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return time.monotonic() - began, size

    scratch = tmp_path / "shard-0/scratch"
    took_s, size = run(work())
    assert took_s < 10
    assert size < 1.5 * bodies.AHEAD_BYTES
    assert not list(scratch.glob("bodies*"))


def test_a_cancelled_sweep_leaves_its_rows(tmp_path: Path, mock: str) -> None:
    """All of the points that are over, and of the running one those that were sent."""

    async def work() -> None:
        running = asyncio.ensure_future(
            sweep.load_test(spec(mock, number=[6, 500], parallel=[3, 5]), context(tmp_path))
        )
        await load_tests.written(tmp_path / "shard-0/artifacts/parallel_3_number_6/requests.jsonl")
        await load_tests.asked(mock, 20)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    run(work())
    assert len(rows(tmp_path, "parallel_3_number_6")) == 6
    errors = [row["error"] for row in rows(tmp_path, "parallel_5_number_500")]
    assert 5 < len(errors) < 500
    assert (errors.count("cancelled"), errors.count(None)) == (5, len(errors) - 5)


def test_a_signal_to_the_whole_group_leaves_the_rows_too(tmp_path: Path, mock: str) -> None:
    """As a service stops a run: the workers get the same SIGTERM as their parent."""

    async def work() -> None:
        running = asyncio.ensure_future(sweep.load_test(spec(mock, number=500, parallel=5), context(tmp_path)))
        await load_tests.asked(mock, 20)
        for worker in load_tests.workers():
            os.kill(worker, signal.SIGTERM)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    run(work())
    assert [row["error"] for row in rows(tmp_path, "parallel_5_number_500")].count("cancelled") == 5
