"""Searches for a service level against a mock of known capacity: `python bench/perf_search.py [--only rate]`.

The mock serves C requests at once, each for S seconds; what is beyond waits for its first token. So the most that keep
TTFT as it is are C in flight. What the answer is for a rate depends on the arrivals, which are a function of (seed,
index): a queue of C servers, worked through by hand, says which rate is the highest that meets the criteria. Prints
what was found, what is true, and the values tried.
"""

import argparse
import heapq
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from perf_run import mock, run

from evalkube_runner.perf.schedule import Arrivals, arrival_blocks

TTFT_MS, ITL_MS, TOKENS = 100.0, 5.0, 20
SERVICE_S = (TTFT_MS + (TOKENS - 1) * ITL_MS) / 1000
LONGEST_TTFT_S = 0.5
MOST_PROBES, MOST_OFF = 8, 0.05
SEED = 42
P95: dict[str, Any] = {"slaParams": [{"p95_ttft": f"<={LONGEST_TTFT_S}"}]}
GOODPUT: dict[str, Any] = {"slaParams": [{"goodput": ">=0.95"}], "goodput": {"ttft": LONGEST_TTFT_S}}


@dataclass(frozen=True)
class Case:
    """A search: what is varied, on how many slots of the server, from which value; how requests arrive."""

    variable: Literal["parallel", "rate"]
    slots: int
    start: float
    arrivals: Literal["poisson", "constant"] = "poisson"
    criteria: dict[str, Any] = field(default_factory=lambda: P95)

    @property
    def title(self) -> str:
        """It in words."""
        how = f", {self.arrivals}" if self.variable == "rate" else ""
        (wanted,) = self.criteria["slaParams"]
        return f"{self.variable} from {self.start:g} at {self.slots} slots{how}, {next(iter(wanted))}"

    def true(self, seconds: float) -> float:
        """The answer, where a value of a rate is measured for so many seconds."""
        if self.variable == "parallel":
            return self.slots
        capacity = self.slots / SERVICE_S
        rates = np.arange(0.75, 1.2, 0.0025) * capacity
        return float(max(rate for rate in rates if self._is_met(rate, max(20, round(rate * seconds)))))

    def _is_met(self, rate: float, number: int) -> bool:
        """Whether 95 % of the requests have their first token in time."""
        blocks = arrival_blocks(SEED, rate, number, Arrivals(self.arrivals))
        free_s = [0.0] * self.slots
        kept = 0
        for due_s in np.concatenate([offsets for _, offsets in blocks]) / 1e9:
            begins_s = max(due_s, heapq.heappop(free_s))
            heapq.heappush(free_s, begins_s + SERVICE_S)
            kept += begins_s - due_s + TTFT_MS / 1000 <= LONGEST_TTFT_S
        return kept >= 0.95 * number

    def spec(self, seconds: float) -> dict[str, Any]:
        """Its fields."""
        in_flight = {"slaParams": [{"p95_ttft": f"<={1.5 * TTFT_MS / 1000}"}], "slaNumberMultiplier": 4.0}
        at_a_rate = {"arrivals": self.arrivals, "slaNumberMultiplier": seconds, **self.criteria}
        return {
            "slaAutoTune": True,
            "slaVariable": self.variable,
            self.variable: [int(self.start) if self.variable == "parallel" else self.start],
            "slaNumRuns": 1,
            "sleepInterval": 0.5,
            "seed": SEED,
            **(in_flight if self.variable == "parallel" else at_a_rate),
        }


CASES = [
    Case("parallel", 6, 1),
    Case("parallel", 12, 1),
    Case("parallel", 12, 32),
    Case("rate", 8, 1.0, "constant"),
    Case("rate", 8, 60.0, "constant"),
    Case("rate", 8, 20.0),
    Case("rate", 8, 20.0, criteria=GOODPUT),
]


def main() -> None:
    """Run all cases; exits with 1 where one is over its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long a value of a rate is measured")
    parser.add_argument("--only", choices=["parallel", "rate"], help="leave out the other searches")
    given = parser.parse_args()
    cases = [case for case in CASES if given.only in (None, case.variable)]
    if sum(not _kept(case, given.seconds) for case in cases):
        raise SystemExit(1)


def _kept(case: Case, seconds: float) -> bool:
    """Run a search; whether it is within its bar."""
    options = ("--ttft-ms", TTFT_MS, "--itl-ms", ITL_MS, "--tokens", TOKENS, "--concurrency", case.slots)
    with (
        mock(*map(str, options), first=True) as base,
        run(base, first=True, timeout_s=3600, **case.spec(seconds)) as ran,
    ):
        (group,) = ran.result["sla"]["groups"]
    probes = [f"{probe['value']:g} {probe['outcome']}" for probe in group["probes"]]
    true = case.true(seconds)
    off = (group["best"] or 0) / true - 1
    kept = abs(off) <= MOST_OFF and len(probes) <= MOST_PROBES
    print(
        f"{case.title}: found {group['best']}, true {true:.4g} ({off:+.1%}), "
        f"{len(probes)} probes ({', '.join(probes)}), {ran.wall_s:.0f} s: {'kept' if kept else 'missed'}",
        flush=True,
    )
    return kept


if __name__ == "__main__":
    main()
