"""A worker process on its own: what it shows of its secrets, and when it ends."""

import asyncio
import sys
import time
from pathlib import Path

import uvloop

from evalkube_runner.perf import payloads as files
from evalkube_runner.perf import task
from evalkube_runner.perf.pool import Limits
from evalkube_runner.perf.schedule import Arrivals, Lane
from evalkube_runner.trust import Trust
from fakes.raw_server import Hang, raw_server

KEY = "sk-very-secret-1234"


def order(port: int, folder: Path) -> task.Task:
    """Five requests, one after the other."""
    bodies = files.Layout(folder, 1, 1)
    files.write(bodies.path(0), [(b"{}", None)])
    options = task.LoadOptions(
        endpoint=task.Endpoint(
            api="openai",
            url=f"http://127.0.0.1:{port}/v1/chat/completions",
            headers={"Authorization": f"Bearer {KEY}"},
            trust=Trust(),
            proxy=None,
        ),
        limits=Limits(total_s=60),
        stream=True,
        choices=1,
        seed=1,
        max_tokens=None,
        duration_ns=None,
        counting=None,
    )
    point = task.PointLoad(
        *(("127.0.0.1",), bodies), first=0, count=5, warmup=0, rate=None, arrivals=Arrivals(), slot_step_ns=0, run=None
    )
    return task.Task(options, point, task.Share(Lane(0, 1), 1, 1, folder / "rows.jsonl"))


def test_no_key_in_sight_and_no_life_without_a_parent(tmp_path: Path) -> None:
    """The key is in no argument, environment or file; the end of stdin ends a worker in the middle of its work."""

    async def work() -> tuple[bytes, float, int]:
        async with raw_server(lambda _connection, _request: [Hang()]) as server:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "evalkube_runner.perf.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(task.encode(order(server.port, tmp_path)))
            assert task.decode(await process.stdout.readline()) == task.Ready(1)
            process.stdin.write(task.encode(task.Begin(time.monotonic_ns())))
            await asyncio.wait_for(server.asked.wait(), 60)
            assert KEY.encode() in server.requests[0]
            shown = await asyncio.to_thread(_shown, process.pid)
            began = time.monotonic()
            process.stdin.close()
            code = await asyncio.wait_for(process.wait(), 60)
            return shown, time.monotonic() - began, code

    shown, took_s, code = uvloop.run(work())
    assert b"perf.worker" in shown
    assert KEY.encode() not in shown + b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert code == 0
    assert took_s < 30


def _shown(pid: int) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
