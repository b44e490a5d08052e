"""CPU that a runner spends on an item: `python bench/eval_cpu.py [--items N] [--batch N] [--rounds N]`.

The runner's own process over a GSM8K of sums, against an endpoint in another process that answers at once. Counted is
what the kernel says of the runner when it has ended: user and system time, its scoring processes included; wall time is
not, so that a busy machine changes little. The bar is 0.6 ms an item at batch 256.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

ROOMS = [str(Path(__file__).parents[1] / room) for room in ("crds", "benchmarks", "runner")]
BAR_MS = 0.6
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SUM = re.compile(rb"What is (\d+) plus (\d+)\?[^?]*$")


class _Instant(asyncio.Protocol):
    """Answers each request of a kept-alive connection with the sum that it asks for last."""

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if blank else None
        if length is None or len(body) < int(length[1]):
            return
        self._data = b""
        asked = _SUM.search(body)
        total = sum(map(int, asked.groups())) if asked else 0
        self._transport.write(_answer(f"Adding them up gives {total}.\n\nANSWER: {total}"))


def _answer(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 400, "completion_tokens": 20, "total_tokens": 420}
    said = {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    body = json.dumps(said).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _serve(told: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(_Instant, "127.0.0.1", 0, backlog=4096)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def write_data(folder: Path, items: int) -> None:
    """Sums in GSM8K's form, with four worked examples."""
    sums = [(at, at % 17) for at in range(items + 4)]
    rows = [{"question": f"What is {a} plus {b}?", "answer": f"{a} + {b} = {a + b}\n#### {a + b}"} for a, b in sums]
    for name, part in (("train", rows[:4]), ("test", rows[4:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))


def run_document(url: str, data: Path, batch: int) -> dict[str, object]:
    """The evaluation, as a runner reads it."""
    spec = {
        "model": "m",
        "apiUrl": url,
        "datasets": ["gsm8k"],
        "datasetArgs": {"gsm8k": {"localPath": str(data)}},
        "evalBatchSize": batch,
    }
    metadata = {"name": "r", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"apiVersion": "evalkube.io/v1alpha1", "kind": "EvalRun", "metadata": metadata, "spec": spec}


def measure(url: str, items: int, batch: int, rooms: list[str]) -> float:
    """Seconds of CPU of one runner and its children."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "data").mkdir()
        write_data(folder / "data", items)
        (folder / "run.json").write_text(json.dumps(run_document(url, folder / "data", batch)))
        command = [sys.executable, "-m", "evalkube_runner.main", "--run", str(folder / "run.json"), "--readable", made]
        command += ["--artifacts", str(folder / "artifacts"), "--control", str(folder / "control")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(rooms)}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, process.returncode
        report = json.loads((folder / "artifacts/reports/m/gsm8k.json").read_bytes())
        assert (report["scored"], report["score"]) == (items, 1.0), report
        return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the CPU of an item beside the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--other", type=Path, help="another working tree, measured in turns with this one")
    options = parser.parse_args()
    trees = {"this": ROOMS}
    if options.other is not None:
        trees["other"] = [str(options.other / room) for room in ("crds", "benchmarks", "runner")]
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}/v1"
    best = dict.fromkeys(trees, float("inf"))
    for turn in range(options.rounds):
        for name, rooms in trees.items():
            took_ms = measure(url, options.items, options.batch, rooms) / options.items * 1000
            best[name] = min(best[name], took_ms)
            print(f"round {turn + 1}, {name} tree: {took_ms:.3f} ms of CPU an item")
    server.terminate()
    for name, took_ms in best.items():
        print(f"{name} tree: {options.items} items at batch {options.batch}: {took_ms:.3f} ms an item (bar {BAR_MS})")
    raise SystemExit(best["this"] > BAR_MS)


if __name__ == "__main__":
    main()
