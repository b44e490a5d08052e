"""A worker process on its own: what it shows of its secrets, and when it ends."""

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop

from evalkube_runner.perf import bodies
from fakes.raw_server import Hang, raw_server

KEY = "sk-very-secret-1234"


def task(port: int, folder: Path) -> bytes:
    bodies.write(bodies.Layout(folder, 1, 1).path(0), [(b"{}", None)])
    return json.dumps(
        {
            "kind": "task",
            "dialect": "openai",
            "url": f"http://127.0.0.1:{port}/v1/chat/completions",
            "headers": {"Authorization": f"Bearer {KEY}"},
            "addresses": ["127.0.0.1"],
            "bodies": str(folder),
            "items": 1,
            "block": 1,
            "first": 0,
            "rows": str(folder / "rows.jsonl"),
            "offset": 0,
            "seed": 1,
            "lane": 0,
            "lanes": 1,
            "count": 5,
            "warmup": 0,
            "slots": 1,
            "warm": 1,
            "rate": None,
            "max_tokens": None,
            "duration_ns": None,
            "tokenizer": None,
            "readable": [],
            "closed": [],
            "run": None,
            "stream": True,
            "choices": 1,
            "connect_s": None,
            "read_s": None,
            "total_s": 60,
        }
    ).encode()


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
            process.stdin.write(task(server.port, tmp_path) + b"\n")
            assert json.loads(await process.stdout.readline()) == {"kind": "ready", "connections": 1}
            process.stdin.write(b'{"start_ns": %d}\n' % time.monotonic_ns())
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
