"""Whole load tests of targets that answer as they like: what they are sent, how a load fails, what ends it early."""

import asyncio
import json
import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds import summary
from evalkube_crds.names import ErrorClass, Reason, Verdict
from evalkube_crds.results import PerfResult
from evalkube_runner.errors import RunFailed, TargetFailed
from evalkube_runner.perf import schedule, sweep
from fakes.load_tests import context, load, point_rows, run, spec
from fakes.mock_model import running_mock
from fakes.raw_server import ANSWER, Close, Hang, Step, http_answer, raw_server

MS = 1_000_000
KEY = "sk-very-secret-1234"


def load_raw(folder: Path, steps: list[Step], **fields: Any) -> tuple[PerfResult, list[bytes]]:
    async def work() -> tuple[PerfResult, list[bytes]]:
        async with raw_server(lambda _connection, _request: steps) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", **fields)
            return await sweep.load_test(wanted, context(folder, api_key=KEY)), server.requests

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
            [http_answer(b'{"error":{"message":"bad key"}}', b"401 Unauthorized")],
            Reason.AUTHENTICATION_FAILED,
            "401: bad key",
        ),
        ([http_answer(b'{"detail":"no model x"}', b"404 Not Found")], Reason.TARGET_REFUSED, "404: no model x"),
        (
            [http_answer(b'{"detail":"The model `x` does not exist"}', b"404 Not Found")],
            Reason.MODEL_NOT_FOUND,
            "check model",
        ),
        ([http_answer(b'{"error":{"message":"Invalid model: x"}}', b"422 No")], Reason.MODEL_NOT_FOUND, "422: Invalid"),
        (
            [http_answer(b'{"error":{"message":"Unknown model: x"}}')],
            Reason.MODEL_NOT_FOUND,
            "Unknown model: x",
        ),
        ([http_answer(b"later", b"503 Busy")], Reason.TARGET_REFUSED, "503: later"),
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
        result = load(tmp_path, spec(f"http://127.0.0.1:{port}/v1", number=2, target_grace=60.0))
        starting.join()
    assert result.points[0].succeeded == 2


def test_one_that_never_comes_up_ends_the_run_after_its_grace(tmp_path: Path) -> None:
    """With the server's words, and how long it was waited for."""
    with pytest.raises(RunFailed, match=r"503: loading.*waited for 0\.3 s: target_grace") as failed:
        load_raw(tmp_path, [http_answer(b"loading", b"503 Busy")], number=1, target_grace=0.3)
    assert failed.value.reason is Reason.TARGET_REFUSED


@pytest.mark.parametrize(
    ("key", "fields", "words"),
    [("k\r\nX: y", {}, "api_key"), (KEY, {"parallel": [99_999], "number": [1]}, "ulimit")],
    ids=["a key that is two headers", "more connections than possible"],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, key: str, fields: dict[str, Any], words: str) -> None:
    """Before any request, and without showing the key."""
    with pytest.raises(RunFailed) as failed:
        load(tmp_path, spec("http://127.0.0.1:9/v1", **fields), api_key=key)
    assert failed.value.reason is Reason.INVALID_SPEC
    assert words in failed.value.message
    assert key not in failed.value.message


def test_all_requests_failed(tmp_path: Path) -> None:
    """The artifacts are there; the run ends with the most frequent error."""
    with pytest.raises(RunFailed) as failed:
        load_raw(tmp_path, [http_answer(b'{"error":"out of luck"}', b"500 Oops")], number=5, no_test_connection=True)
    assert failed.value.reason is Reason.ALL_REQUESTS_FAILED
    assert "out of luck" in failed.value.message
    assert [row["error"] for row in point_rows(tmp_path, "parallel_1_number_5")] == ["status_5xx"] * 5


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
    assert len(point_rows(tmp_path, point.name)) == 60


def test_a_target_that_refuses_most_is_told(tmp_path: Path) -> None:
    """It is there, and what it does is the result: no failure of the run, and no good news."""
    busy: list[Step] = [http_answer(b'{"error":"slow down"}', b"429 Too Many")]

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
    busy: list[Step] = [0.01, http_answer(b'{"error":"slow down"}', b"429 Too Many")]

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
        assert len(point_rows(tmp_path, point.name)) == over + point.cancelled
        assert point.health.sent == over + point.cancelled


def test_an_early_end_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A request that gets no answer is cancelled after a grace: a row, and neither a success nor a failure."""
    busy: list[Step] = [0.01, http_answer(b"{}", b"429 Too Many")]

    async def work() -> PerfResult:
        async with raw_server(
            lambda connection, request: [Hang()] if not connection else [ANSWER] if not request else busy
        ) as server:
            fields = {"number": 20_000, "parallel": 3, "max_error_rate": 0.0, "no_test_connection": True}
            return await sweep.load_test(spec(f"http://127.0.0.1:{server.port}/v1", **fields), context(tmp_path))

    (point,) = run(work()).points
    assert point.cancelled == 1
    assert "1 in flight were cancelled" in point.stopped[0]
    errors = [row["error"] for row in point_rows(tmp_path, point.name)]
    assert errors.count("cancelled") == 1
    assert len(errors) == point.succeeded + point.failed + 1
    assert ErrorClass.CANCELLED not in point.errors


def test_a_rate_that_is_kept_ends_nothing(tmp_path: Path) -> None:
    """Half of the requests may fail, and fewer do."""
    busy: list[Step] = [http_answer(b"{}", b"429 Too Many")]

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
