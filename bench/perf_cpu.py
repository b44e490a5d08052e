"""CPU of the whole tool by kind of load: `python bench/perf_cpu.py [--only KIND] [--rounds N] [--core N]`.

The runner program with all its processes, real runs of two sizes against a mock model; the difference is free of
start-up. Peers for a stream of 128 tokens that comes at once, measured the same way: EvalScope 3.4 ms, the fastest
0.60 ms. `--core` pins the runner and the mock to one core, so that what else runs disturbs the figures less. What of
an event is the kernel's, `perf_floor.py` says.
"""

import argparse
import os
import statistics
from dataclasses import dataclass, field
from typing import Any

import perf_run


@dataclass(frozen=True)
class Kind:
    """A load, and what the CPU of one unit of it may be. Sizes are numbers of requests."""

    title: str
    bar_us: float
    small: int
    big: int
    tokens: int = 128
    units: int = 1  # to a request
    parallel: int = 32
    mock: tuple[str, ...] = ()
    load: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "stream": Kind("a 128-token stream that comes at once", 100.0, 1_000, 10_000),
    "event": Kind(
        "an event, one to a read", 6.5, 512, 5_120, units=128, parallel=256, mock=("--ttft-ms", "200", "--itl-ms", "5")
    ),
    "token": Kind("a one-token stream", 60.0, 2_000, 20_000, tokens=1),
    "whole": Kind("a whole answer", 30.0, 2_000, 30_000, tokens=1, load={"stream": False}),
}


def cpu_s(base: str, kind: Kind, number: int) -> tuple[float, dict[str, Any]]:
    """CPU seconds of one whole run, and its point."""
    load: dict[str, Any] = {"number": [number], "parallel": [kind.parallel], "noTestConnection": True} | kind.load
    with perf_run.run(base, maxTokens=[kind.tokens], **load) as ran:
        point: dict[str, Any] = ran.result["points"][0]
        assert (point["succeeded"], point["outputTokens"]) == (number, number * kind.tokens), "the run failed"
        return ran.cpu_s, point


def measured(kind: Kind, rounds: int) -> bool:
    """Print the cost of a unit, median of the rounds; whether it is within its bar."""
    each = []
    with perf_run.mock("--tokens", str(kind.tokens), *kind.mock) as base:
        cpu_s(base, kind, kind.small)  # byte code is compiled, caches are warm
        for _ in range(rounds):
            small, _ = cpu_s(base, kind, kind.small)
            big, point = cpu_s(base, kind, kind.big)
            each.append((big - small) / ((kind.big - kind.small) * kind.units) * 1e6)
    cost = statistics.median(each)
    reads = sum(point["histograms"].get("chunks_per_read", {}).get("counts", []))
    more = f", {point['outputTokens'] / reads:.2f} tokens to a read" if reads else ""
    print(
        f"{kind.title}: {cost:.2f} us (bar {kind.bar_us:g}; rounds {', '.join(f'{one:.2f}' for one in each)}){more}, "
        f"times by {point.get('clocks')}",
        flush=True,
    )
    return cost <= kind.bar_us


def main() -> None:
    """Print each kind's cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=KINDS, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int)
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    met = [measured(KINDS[name], options.rounds) for name in options.only or KINDS]
    raise SystemExit(not all(met))


if __name__ == "__main__":
    main()
