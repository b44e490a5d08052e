"""Whether what we report is what the server did: ``python bench/perf_truth.py [--parallel N] [--number N]``.

256 concurrent streams from a mock with a TTFT of 200 ms and 20 ms a token; our report beside the mock's own record of
every request (EvalScope reports a p99 of 578 ms here for a true 205). The bars: TTFT p50 within 2 ms, p99 within 10 ms.
"""

import argparse
from typing import Any

import numpy as np
import perf_run

BARS_MS = {50: 2.0, 99: 10.0}
MOST_LAG_MS = 0.5
"""A mock whose own writes are later than this on average shares its cores with too much else to be anybody's truth."""


def measured(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """One run: our point, and the mock's record."""
    load: dict[str, Any] = {"number": [options.number], "parallel": [options.parallel], "noTestConnection": True}
    with (
        perf_run.mock("--ttft-ms", "200", "--itl-ms", "20", "--tokens", str(options.tokens)) as base,
        perf_run.run(base, **load) as ran,
    ):
        record = perf_run.fetch(f"{base}/record")
        record["pacing_lag_ms"] = perf_run.fetch(f"{base}/stats")["pacing_lag_ms"]["mean"]
    point: dict[str, Any] = ran.result["points"][0]
    assert point["succeeded"] == record["count"] == options.number, "not every request was answered"
    return point, record


def compare(point: dict[str, Any], record: dict[str, Any]) -> bool:
    """Print both sides; whether the bars are met."""
    met = True
    print(f"{'ms':>12} {'reported':>10} {'server':>10} {'difference':>10}")
    for title, name, column in (("TTFT", "ttft_ns", "ttft_ms"), ("latency", "latency_ns", "latency_ms")):
        for percent in (10, 50, 90, 99):
            ours = perf_run.percentile_s(point, name, percent) * 1e3
            theirs = float(np.percentile(record[column], percent))
            print(f"{title:>8} p{percent:<2} {ours:10.2f} {theirs:10.2f} {ours - theirs:10.2f}")
            met = met and (title != "TTFT" or abs(ours - theirs) <= BARS_MS.get(percent, 10.0))
    gap = perf_run.percentile_s(point, "itl_ns", 50) * 1e3
    print(f"{'ITL':>8} p50 {gap:10.2f} {np.percentile(record['itl_ms'], 50):10.2f}")
    lag = perf_run.percentile_s({"histograms": {"lag": point["health"]["loopLagNs"]}}, "lag", 99) * 1e3
    print(f"client: {point['verdict']} {point['verdictReasons']}, receive lag p99 {lag:.2f} ms")
    print(f"server: its writes were {record['pacing_lag_ms']:.2f} ms late on average")
    return met


def main() -> None:
    """Measure until a run is valid by our own verdict: on a machine that is too busy no figure says anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parallel", type=int, default=256)
    parser.add_argument("--number", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--attempts", type=int, default=5)
    options = parser.parse_args()
    for attempt in range(options.attempts):
        point, record = measured(options)
        met = compare(point, record)
        if point["verdict"] == "valid" and record["pacing_lag_ms"] <= MOST_LAG_MS:
            bars = f"p50 within {BARS_MS[50]:g} ms, p99 within {BARS_MS[99]:g} ms"
            print(f"bars ({bars}): {'met' if met else 'MISSED'}")
            raise SystemExit(not met)
        print(f"attempt {attempt + 1}: the machine is too busy for a valid run\n")
    raise SystemExit("no valid run: stop what else is running here")


if __name__ == "__main__":
    main()
