"""Searches for a service level against a mock of known capacity: ``python bench/perf_search.py [--seconds N]``.

The mock serves C requests at once, each for S seconds; what is beyond waits for its first token. So the most that keep
TTFT as it is are C in flight, and C / S a second. Prints what was found, what is true, and the values tried.
"""

import argparse
from dataclasses import dataclass
from typing import Any

from perf_run import mock, run

TTFT_MS, ITL_MS, TOKENS = 100.0, 5.0, 20
SERVICE_S = (TTFT_MS + (TOKENS - 1) * ITL_MS) / 1000
MOST_PROBES, MOST_OFF = 8, 0.05


@dataclass(frozen=True)
class Case:
    """A search: what is varied, on how many slots of the server, from which value."""

    variable: str
    slots: int
    start: float

    @property
    def true(self) -> float:
        """The answer."""
        return self.slots if self.variable == "parallel" else self.slots / SERVICE_S

    def spec(self, seconds: float) -> dict[str, Any]:
        """Its fields; a value of a rate is measured for so many seconds."""
        start = int(self.start) if self.variable == "parallel" else self.start
        multiplier = 4.0 if self.variable == "parallel" else seconds
        return {
            "slaAutoTune": True,
            "slaVariable": self.variable,
            self.variable: [start],
            "slaParams": [{"p95_ttft": f"<={1.5 * TTFT_MS / 1000}" if self.variable == "parallel" else "<=0.5"}],
            "slaNumRuns": 1,
            "slaNumberMultiplier": multiplier,
            "sleepInterval": 0.5,
        }


CASES = [Case("parallel", 6, 1), Case("parallel", 12, 1), Case("parallel", 12, 32), Case("rate", 8, 20.0)]


def main() -> None:
    """Run all cases; exits with 1 where one is over its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="seconds of a rate: of fewer, the arrivals vary too much",
    )
    seconds = parser.parse_args().seconds
    missed = 0
    for case in CASES:
        options = ("--ttft-ms", TTFT_MS, "--itl-ms", ITL_MS, "--tokens", TOKENS, "--concurrency", case.slots)
        with mock(*map(str, options), first=True) as base, run(base, **case.spec(seconds)) as ran:
            (group,) = ran.result["sla"]["groups"]
        probes = [f"{probe['value']:g} {probe['outcome']}" for probe in group["probes"]]
        off = (group["best"] or 0) / case.true - 1
        kept = abs(off) <= MOST_OFF and len(probes) <= MOST_PROBES
        missed += not kept
        print(
            f"{case.variable} from {case.start:g}: found {group['best']}, true {case.true:.4g} ({off:+.1%}), "
            f"{len(probes)} probes ({', '.join(probes)}): {'kept' if kept else 'missed'}",
            flush=True,
        )
    if missed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
