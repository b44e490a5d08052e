"""The log of a run, from the pods of its last attempt."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkube_api.kubernetes.logs import Pod, last_pods
from evalkube_api.kubernetes.rejections import Forbidden
from fakes.api_server import ApiServer, running_api_server
from fakes.cluster_runs import ENDED, applied, backend, soon


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with a run at work."""
    with running_api_server() as running:
        running.put("evalruns", applied("e", uid="u") | {"status": {"phase": "Running"}})
        yield running


def pod(name: str, attempt: int = 1, shard: int = 0, phase: str = "Running") -> dict[str, Any]:
    """A runner of that run."""
    state: dict[str, Any] = {"Running": {"running": {}}, "Pending": {"waiting": {}}}.get(phase, {"terminated": {}})
    labels = {
        "evalkube.io/run-uid": "u",
        "evalkube.io/attempt": str(attempt),
        "batch.kubernetes.io/job-completion-index": str(shard),
    }
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "status": {"phase": phase, "containerStatuses": [{"name": "runner", "state": state}]},
    }


def test_the_newest_pod_of_each_shard_counts() -> None:
    """Of the last attempt; a retried shard has two."""

    def made(name: str, attempt: int, shard: int, created: str) -> Pod:
        return Pod("n", name, name, attempt, shard, created, started=True)

    pods = [made("b1", 2, 0, "2"), made("a0", 1, 0, "1"), made("b2", 2, 0, "3"), made("c", 2, 1, "2")]
    assert [one.name for one in last_pods(pods)] == ["b2", "c"]
    assert last_pods([]) == []


def read(server: ApiServer, folder: Path, **options: Any) -> bytes:
    """The whole log."""

    async def test() -> bytes:
        async with backend(server, folder) as runs:
            return b"".join(
                [chunk async for chunk in runs.log("e", **{"tail_lines": None, "follow": False, **options})]
            )

    return asyncio.run(test())


def test_what_is_there_is_read(server: ApiServer, tmp_path: Path) -> None:
    """All of it, its end, or nothing."""
    assert read(server, tmp_path) == b""
    server.put("pods", pod("old", attempt=1, phase="Failed"))
    server.write_log("old", b"attempt 1\n")
    server.put("pods", pod("new", attempt=2))
    server.write_log("new", b"one\ntwo\nthree\n")
    assert read(server, tmp_path) == b"one\ntwo\nthree\n"
    assert read(server, tmp_path, tail_lines=2) == b"two\nthree\n"


def test_lines_of_shards_are_told_apart(server: ApiServer, tmp_path: Path) -> None:
    """The last line of a shard may have no end."""
    for shard, data in enumerate((b"a\n\nb", b"c\n")):
        server.put("pods", pod(f"p-{shard}", shard=shard))
        server.write_log(f"p-{shard}", data)
    server.put("pods", pod("p-2", shard=2, phase="Pending"))
    assert read(server, tmp_path) == b"[0] a\n[0] \n[0] b\n[1] c\n"


def test_a_log_is_followed_to_the_end(server: ApiServer, tmp_path: Path) -> None:
    """Through pods that start late, and a second attempt."""
    seen: list[bytes] = []

    async def test() -> None:
        async with backend(server, tmp_path) as runs:

            async def follow() -> None:
                async for chunk in runs.log("e", tail_lines=None, follow=True):
                    seen.append(chunk)  # noqa: PERF401 - looked at while it grows

            following = asyncio.create_task(follow())
            await asyncio.sleep(0.05)
            server.put("pods", pod("first"))
            server.write_log("first", b"1\n")
            await soon(lambda: b"".join(seen) == b"1\n")
            server.write_log("first", b"2\n")
            await soon(lambda: b"".join(seen) == b"1\n2\n")
            server.put("pods", pod("first", phase="Failed"))
            server.put("pods", pod("second", attempt=2))
            server.write_log("second", b"3\n")
            server.write_log("first", b"")
            await soon(lambda: b"".join(seen) == b"1\n2\n3\n")
            server.set_status("evalruns", "e", **ENDED)
            server.put("pods", pod("second", attempt=2, phase="Succeeded"))
            server.write_log("second", b"4\n")
            await asyncio.wait_for(following, 60)
            assert b"".join(seen) == b"1\n2\n3\n4\n"

    asyncio.run(test())


def test_followers_do_not_hold_up_the_end_of_the_service(server: ApiServer, tmp_path: Path) -> None:
    """Their log just ends."""
    server.put("pods", pod("p"))
    server.write_log("p", b"1\n")

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            log = runs.log("e", tail_lines=None, follow=True)
            assert await anext(log) == b"1\n"
            rest = asyncio.ensure_future(asyncio.wait_for(anext(log, b"end"), 60))
            await asyncio.sleep(0.05)
        assert await rest == b"end"

    asyncio.run(test())


def test_a_permission_that_is_missing(server: ApiServer, tmp_path: Path) -> None:
    """Is named."""
    server.put("pods", pod("p"))
    server.deny("get", "pods/log")
    with pytest.raises(Forbidden, match="get pods/log in the namespace evals"):
        read(server, tmp_path)
    server.deny("list", "pods")
    with pytest.raises(Forbidden, match="list pods in the namespace evals"):
        read(server, tmp_path)
