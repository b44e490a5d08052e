"""Whether memory is flat over 100,000 requests: `python bench/perf_memory.py [--number N]`.

Real runs against a mock that answers at once, with the resident memory of the runner and of its worker processes
sampled along the way. The bars, each of both together: under load no more than 10 % and 8 MiB above what it was at a
tenth of the requests; and at its highest, when results are made of them, no more than that above a run of 10,000.
"""

import argparse
import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Memory:
    """Resident memory, in bytes, by requests done: (done, runner, workers); and what the run made."""

    samples: list[tuple[int, int, int]]
    rows_bytes: int
    wall_s: float
    cpu_s: float

    @property
    def highest(self) -> int:
        """Of all processes together."""
        return max(runner + workers for _, runner, workers in self.samples)


def measured(number: int) -> Memory:
    """A run of so many requests."""
    samples: list[tuple[int, int, int]] = []

    def watch(pid: int, control: Path) -> None:
        done = json.loads((control / "progress.json").read_text())["done"]
        samples.append((done, rss_bytes(pid), sum(rss_bytes(child) for child in children_of(pid))))

    load: dict[str, Any] = {"number": [number], "parallel": [32], "maxTokens": [16], "noTestConnection": True}
    with (
        perf_run.mock("--tokens", "16") as base,
        perf_run.run(base, watch=watch, **load) as ran,
    ):
        rows_bytes = next(ran.artifacts.glob("*/requests.jsonl*")).stat().st_size
        assert ran.result["points"][0]["succeeded"] == number, "the run failed"
    return Memory(samples, rows_bytes, ran.wall_s, ran.cpu_s)


def main() -> None:
    """Print memory by requests done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=100_000)
    number = parser.parse_args().number
    short, long = measured(10_000), measured(number)
    print(f"{'requests':>9} {'runner':>10} {'workers':>10}   (MiB)")
    loaded = [sample for sample in long.samples if 0 < sample[0] < number and sample[2]]
    shown = [min(loaded, key=lambda one: abs(one[0] - number * tenth // 10)) for tenth in range(1, 11)]
    for done, runner, workers in dict.fromkeys(shown):
        print(f"{done:9} {runner / MIB:10.1f} {workers / MIB:10.1f}")
    print(f"rows: {long.rows_bytes / number:.0f} bytes a request; {long.wall_s:.1f} s, {long.cpu_s:.1f} s of CPU")
    bars = {
        f"from {shown[0][0]} to {shown[-1][0]} requests": (sum(shown[0][1:]), sum(shown[-1][1:])),
        f"highest, of {number} requests beside 10000": (short.highest, long.highest),
    }
    flat = {name: last <= first * 1.1 + 8 * MIB for name, (first, last) in bars.items()}
    for name, (first, last) in bars.items():
        change = f"{first / MIB:.1f} to {last / MIB:.1f} MiB"
        print(f"{name}: {change}: {'flat' if flat[name] else 'NOT FLAT'}")
    raise SystemExit(not all(flat.values()))


if __name__ == "__main__":
    main()
