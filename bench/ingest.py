"""Prints what ingest takes: small appends of four shards at once, and the memory that a large artifact costs.

    python bench/ingest.py [volume|s3] [--gib 1]

Ingest runs in a process of its own over real sockets; the store is a folder under the temporary directory, or the S3
server of AWS_ENDPOINT_URL.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import httpx

from evalkube_runner.ingest.delivery import IngestDelivery
from fakes.ingest import Process

_SHARDS = 4
_LINE = b'{"key":"' + b"x" * 600 + b'"}\n'


def _delivery(url: str, folder: Path, shard: int) -> IngestDelivery:
    token = folder / f"token-{shard}"
    token.write_text(f"pod-{shard}")
    return IngestDelivery(url, token, run_uid="uid-1", attempt=0, shard=shard, patience_s=20)


async def _appends(url: str, folder: Path, seconds: float, lines: int) -> None:
    times: list[float] = []

    async def one(shard: int) -> None:
        async with _delivery(url, folder, shard) as delivery:
            await delivery.append(f"rows-{lines}.jsonl", _LINE)
            until = time.perf_counter() + seconds
            while (began := time.perf_counter()) < until:
                await delivery.append(f"rows-{lines}.jsonl", _LINE * lines)
                times.append(time.perf_counter() - began)
            assert delivery.complete

    await asyncio.gather(*(one(shard) for shard in range(_SHARDS)))
    times.sort()
    print(
        f"{_SHARDS} shards, {lines} lines of {len(_LINE)} bytes an append: {len(times) / seconds:.0f} appends/s, "
        f"{lines * len(times) / seconds:.0f} lines/s, p50 {times[len(times) // 2] * 1e3:.1f} ms, "
        f"p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms"
    )


def _resident_mib(pid: int, name: str = "VmHWM") -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


async def _large(url: str, pid: int, folder: Path, size_bytes: int) -> None:
    source = folder / "large"
    with source.open("wb") as file:
        block = os.urandom(1 << 20)
        for _ in range(size_bytes >> 20):
            file.write(block)
    before = _resident_mib(pid), _resident_mib(os.getpid())
    async with _delivery(url, folder, 0) as delivery:
        delivery._uploads._direct_offered = False  # through ingest, whatever the store
        began = time.perf_counter()
        await delivery.put_file("large.bin", source)
        took = time.perf_counter() - began
        assert delivery.complete
    print(f"put {size_bytes >> 20} MiB: {size_bytes / took / 2**20:.0f} MiB/s", end="; ")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        began, got = time.perf_counter(), 0
        headers = {"Authorization": "Bearer api"}
        async with client.stream("GET", f"{url}/v1/runs/uid-1/artifacts/shards/0/large.bin", headers=headers) as answer:
            async for chunk in answer.aiter_bytes():
                got += len(chunk)
    assert got == size_bytes
    print(f"read: {got / (time.perf_counter() - began) / 2**20:.0f} MiB/s")
    after = _resident_mib(pid), _resident_mib(os.getpid())
    print(f"peak memory: ingest {before[0]:.0f} -> {after[0]:.0f} MiB, runner {before[1]:.0f} -> {after[1]:.0f} MiB")


async def _measure(served: Process, folder: Path, gib: float) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                await client.get(served.url)
                break
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    for lines in (1, 20):
        await _appends(served.url, folder, 4, lines)
    await _large(served.url, served.pid, folder, int(gib * 2**30))


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", nargs="?", choices=("volume", "s3"), default="volume")
    parser.add_argument("--gib", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        served = Process(Path(name) / "store", kind=options.store)
        served.start()
        try:
            asyncio.run(_measure(served, Path(name), options.gib))
        finally:
            served.kill()


if __name__ == "__main__":
    main()
