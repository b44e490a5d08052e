"""Whether memory is flat over 100,000 requests: ``python bench/perf_memory.py [--number N]``.

A real run against a mock that answers at once, with the resident memory of the runner and of each of its worker
processes sampled along the way. The bar: at the end no more than 10 % and 8 MiB above what it was at 10,000 requests.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import perf_run

MIB = 1 << 20


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def children_of(pid: int) -> list[int]:
    """Child processes, of all its threads."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def main() -> None:
    """Print memory by requests done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=100_000)
    options = parser.parse_args()
    samples: list[tuple[int, int, int]] = []

    def watch(pid: int, control: Path) -> None:
        done = json.loads((control / "progress.json").read_text())["done"]
        workers = sum(rss_bytes(child) for child in children_of(pid))
        if workers:
            samples.append((done, rss_bytes(pid), workers))

    load: dict[str, Any] = {"number": [options.number], "parallel": [32], "maxTokens": [16], "noTestConnection": True}
    with (
        perf_run.mock("--tokens", "16") as base,
        perf_run.run(base, watch=watch, **load) as ran,
    ):
        rows_bytes = next(ran.artifacts.glob("*/requests.jsonl*")).stat().st_size
        assert ran.result["points"][0]["succeeded"] == options.number, "the run failed"
    print(f"{'requests':>9} {'runner':>10} {'workers':>10}   (MiB)")
    shown = [min(samples, key=lambda one: abs(one[0] - options.number * tenth // 10)) for tenth in range(1, 11)]
    for done, runner, workers in dict.fromkeys(shown):
        print(f"{done:9} {runner / MIB:10.1f} {workers / MIB:10.1f}")
    first, last = sum(shown[0][1:]), sum(max(samples)[1:])
    flat = last <= first * 1.1 + 8 * MIB
    print(f"rows: {rows_bytes / options.number:.0f} bytes a request; {ran.wall_s:.1f} s, {ran.cpu_s:.1f} s of CPU")
    grown = f"from {shown[0][0]} to {max(samples)[0]} requests {(last - first) / MIB:+.1f} MiB"
    print(f"{grown}: {'flat' if flat else 'NOT FLAT'}")
    raise SystemExit(not flat)


if __name__ == "__main__":
    main()
