"""Load tests behind the gate: real worker processes and sockets on loopback, names from a resolver of the test."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.names import Reason
from evalkube_crds.results import PerfResult
from evalkube_crds.targets import TargetRules
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.gate import Gate
from evalkube_runner.perf import sweep
from fakes import load_tests
from fakes.names import Names, listening
from fakes.raw_server import RawServer, raw_server

ANSWER = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
RULES = TargetRules(denied=("127.0.0.2",))


def context(folder: Path, names: Names, rules: TargetRules | None = RULES) -> RunContext:
    """A run under the installer's rules."""
    return replace(load_tests.context(folder), gate=Gate(rules, names))


async def load(url: str, guarded: RunContext, **fields: Any) -> PerfResult:
    """A load test of six requests on two connections, whole answers."""
    wanted = {"number": [6], "parallel": [2], "stream": False, "no_test_connection": True, **fields}
    return await sweep.load_test(load_tests.spec(url, **wanted), guarded)


@pytest.mark.parametrize("tested", [True, False], ids=["with the connection test", "without"])
def test_the_permitted_one_of_two_addresses_is_connected_to(tmp_path: Path, tested: bool) -> None:
    """By all workers; the host's name is still what the server is asked for."""

    async def work() -> tuple[PerfResult, RawServer, int]:
        async with (
            raw_server(lambda _connection, _request: [WHOLE]) as server,
            listening("127.0.0.2", server.port) as other,
        ):
            guarded = context(tmp_path, Names(["127.0.0.2", "127.0.0.1"]))
            url = f"http://model.test:{server.port}/v1/chat/completions"
            return await load(url, guarded, no_test_connection=not tested), server, other.connections

    result, server, elsewhere = load_tests.run(work())
    assert (result.points[0].succeeded, result.points[0].failed, elsewhere) == (6, 0, 0)
    assert all(b"Host: model.test:" in request for request in server.requests)


@pytest.mark.parametrize("rules", [RULES, TargetRules(denied=("127.0.0.0/8",)), TargetRules(denied=("*.test",))])
@pytest.mark.parametrize("tested", [True, False], ids=["with the connection test", "without"])
@pytest.mark.parametrize("late", [True, False], ids=["known late", "known early"])
def test_nothing_reaches_a_denied_target(tmp_path: Path, rules: TargetRules, tested: bool, late: bool) -> None:
    """By its address, its network, its name; whether the name had an address when the run began or not."""

    async def work() -> tuple[RunFailed, int]:
        async with listening("127.0.0.2") as server:
            guarded = context(tmp_path, Names(*[[]] * late, ["127.0.0.2"]), rules)
            with pytest.raises(RunFailed) as failed:
                await load(f"http://model.test:{server.port}/v1", guarded, no_test_connection=not tested)
            return failed.value, server.connections

    failure, connections = load_tests.run(work())
    assert failure.reason is Reason.TARGET_FORBIDDEN
    assert "model.test" in failure.message
    assert "targets.allow" in failure.message
    assert connections == 0


def test_an_address_that_becomes_forbidden_ends_the_sweep(tmp_path: Path) -> None:
    """Each point is looked up and judged anew. What was measured before is delivered; nothing more is sent."""

    async def work() -> tuple[RunFailed, int, int]:
        async with (
            raw_server(lambda _connection, _request: [WHOLE]) as server,
            listening("127.0.0.2", server.port) as bad,
        ):
            guarded = context(tmp_path, Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"]))  # the first is the check
            with pytest.raises(RunFailed) as failed:
                await load(f"http://model.test:{server.port}/v1", guarded, number=[6, 7], parallel=[2, 2])
            return failed.value, len(server.requests), bad.connections

    failure, requests, elsewhere = load_tests.run(work())
    assert failure.reason is Reason.TARGET_FORBIDDEN
    assert (requests, elsewhere) == (6, 0)
    assert (tmp_path / "artifacts/parallel_2_number_6/benchmark_summary.json").is_file()


def test_on_ones_own_machine_nothing_is_refused(tmp_path: Path) -> None:
    """Without rules every address is connected to."""

    async def work() -> PerfResult:
        async with raw_server(lambda _connection, _request: [WHOLE]) as server:
            guarded = context(tmp_path, Names(["127.0.0.1"]), None)
            return await load(f"http://metadata.goog:{server.port}/v1", guarded)

    assert load_tests.run(work()).points[0].succeeded == 6
