"""How late requests leave in open loop: `python bench/perf_lag.py [--seconds N] [--only CASE] [--core N]`.

Real runs against a mock model that answers with one token. For each rate: the p99 of the schedule lag (dispatch after
due, in the worker processes), the share of a core that a worker took, and the verdict. The bar: 1 ms up to 90 % of a
core. Beside other load a machine wakes no process in time; then the lag is the machine's. So with few cores, where
workers and mock are each other's load, give the runner one to itself: `--core N` (the mock gets the others).
"""

import argparse
import os
from typing import Any

import perf_run

BAR_MS = 1.0
MOST_CORE = 0.9
RATES = (1_000.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0)
SCHEDULES: dict[str, dict[str, Any]] = {
    "poisson": {},
    "constant": {"arrivals": "constant"},
    "gamma": {"arrivals": "gamma", "burstiness": 0.5},
    "ramp": {},
}


def spec_of(schedule: str, rate: float, seconds: float) -> dict[str, Any]:
    """The load fields of a run of a mean rate; a ramp goes from nothing to twice of it."""
    fields: dict[str, Any] = {"number": [int(rate * seconds)], "openLoop": True, **SCHEDULES[schedule]}
    if schedule == "ramp":
        return fields | {"rateStages": [{"rate": 0, "to": 2 * rate, "duration": seconds}]}
    return fields | {"rate": [rate]}


def measured(base: str, schedule: str, rate: float, seconds: float) -> bool:
    """Print one run; whether it is within the bar, or beyond what the bar speaks of."""
    with perf_run.run(base, maxTokens=[1], noTestConnection=True, **spec_of(schedule, rate, seconds)) as ran:
        point = ran.result["points"][0]
    from evalkube_crds.histogram import Histogram

    lag = Histogram.from_doc(point["health"]["scheduleLagNs"])
    p50_ms, p99_ms = ((lag.percentile(percent) or 0) / 1e6 for percent in (50, 99))
    core = point["health"]["cpuNs"] / point["health"]["wallNs"]
    told = "" if p99_ms <= BAR_MS else "  over the bar" if core <= MOST_CORE else "  (busier than the bar says)"
    print(
        f"{schedule:9} {rate:6.0f}/s  lag p50 {p50_ms:6.3f} p99 {p99_ms:7.3f} ms  {core:5.0%} of a core  "
        f"{point['verdict']}{told}",
        flush=True,
    )
    return p99_ms <= BAR_MS or core > MOST_CORE


def main() -> None:
    """Run all, or one schedule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", choices=SCHEDULES)
    parser.add_argument("--core", type=int)
    given = parser.parse_args()
    cores = os.sched_getaffinity(0)
    if given.core is not None:
        os.sched_setaffinity(0, cores - {given.core} or cores)
    with perf_run.mock("--tokens", "1", first=True) as base:
        if given.core is not None:
            os.sched_setaffinity(0, {given.core})
        fine = [
            measured(base, schedule, rate, given.seconds)
            for schedule in ([given.only] if given.only else SCHEDULES)
            for rate in RATES
        ]
    raise SystemExit(not all(fine))


if __name__ == "__main__":
    main()
