"""How long the results of a thousand shards take to add up, and how large they are: `python bench/merge.py`.

Each shard has its part of a point, 1,000 requests with the spread of times of a real server. The sum must be the same,
to the bit, in whatever order the shards come. The bars: 1 s for the sum, 64 KB for the document of a shard.
"""

import argparse
import random
import time

import perf_run  # noqa: F401  # the rooms on the path

from evalkube_crds.histogram import Histogram
from evalkube_crds.merge import merge_results
from evalkube_crds.perf_point import ClientHealth, PerfPoint, PerfSeries, SteadyWindow
from evalkube_crds.results import PerfResult

BAR_S = 1.0
BAR_BYTES = 64_000
_TIMES_MS = {
    "latency_ns": 2_000.0,
    "ttft_ns": 200.0,
    "tpot_ns": 20.0,
    "itl_ns": 20.0,
    "first_byte_ns": 190.0,
    "connect_ns": 0.3,
    "intended_latency_ns": 2_000.0,
    "intended_ttft_ns": 200.0,
}


def histogram(chance: random.Random, median: float, count: int) -> Histogram:
    """Values about `median`, a tenth to either side."""
    found = Histogram()
    for _ in range(count):
        found.add(int(chance.lognormvariate(0.0, 0.1) * median))
    return found


def point(chance: random.Random, name: str, count: int) -> PerfPoint:
    """One point's share of a shard."""
    figures = {figure: histogram(chance, median * 1e6, count) for figure, median in _TIMES_MS.items()}
    figures |= {"input_tokens": histogram(chance, 500, count), "output_tokens": histogram(chance, 128, count)}
    start = 1_700_000_000_000_000_000 + chance.randrange(20_000_000)
    return PerfPoint(
        name=name,
        number=1000 * count,
        parallel=1000,
        succeeded=count,
        output_tokens=128 * count,
        histograms=figures,
        started_at_ns=start,
        ended_at_ns=start + 60_000_000_000,
        series=PerfSeries(sent=[count // 60] * 60, succeeded=[count // 60] * 60),
        steady=steady(chance, start, count * 9 // 10),
        health=ClientHealth(processes=1, cpu_ns=10**9, wall_ns=6 * 10**10, offered=count, sent=count),
    )


def steady(chance: random.Random, start: int, count: int) -> SteadyWindow:
    """The steady part of one point's share, with so many requests."""
    names = ("latency_ns", "ttft_ns", "tpot_ns")
    return SteadyWindow(
        windows=1,
        started_at_ns=start + 3_000_000_000,
        ended_at_ns=start + 57_000_000_000,
        length_ns=54_000_000_000,
        run_ns=60_000_000_000,
        succeeded=count,
        rates={"requests": count * 10**9 // 54, "output_tokens": 128 * count * 10**9 // 54, "in_flight": 10**9},
        histograms={name: histogram(chance, _TIMES_MS[name] * 1e6, count) for name in names},
    )


def shard(number: int, options: argparse.Namespace) -> PerfResult:
    """The result of one shard."""
    chance = random.Random(number)
    points = [point(chance, f"parallel_{1000 + at}", options.requests) for at in range(options.points)]
    return PerfResult(run_id="bench", model="m", shards=[number], of_shards=options.shards, points=points)


def main() -> None:
    """Print the time, the size and whether the order made a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=1000, help="of a shard and point")
    parser.add_argument("--points", type=int, default=1)
    options = parser.parse_args()
    kinds = [shard(number, options) for number in range(min(20, options.shards))]
    parts = [
        kinds[number % len(kinds)].model_copy(update={"shards": [number]}, deep=True)
        for number in range(options.shards)
    ]
    documents = [part.model_dump_json(by_alias=True) for part in kinds]
    began = time.perf_counter()
    for number in range(options.shards):
        PerfResult.model_validate_json(documents[number % len(kinds)])
    read_s = time.perf_counter() - began
    began = time.perf_counter()
    merged = merge_results(parts)
    took_s = time.perf_counter() - began
    random.Random(0).shuffle(parts)
    same = merge_results(parts).model_dump_json() == merged.model_dump_json()
    largest = max(map(len, documents))
    print(f"{options.shards} shards: {took_s:.2f} s (bar {BAR_S:g} s); to read them {read_s:.2f} s")
    print(f"document of a shard: {largest / 1000:.1f} KB (bar {BAR_BYTES / 1000:g} KB)")
    print(f"in another order: {'the same to the bit' if same else 'DIFFERENT'}")
    raise SystemExit(took_s > BAR_S or largest > BAR_BYTES or not same)


if __name__ == "__main__":
    main()
