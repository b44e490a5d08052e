"""A point of a load test: its load, and the documents of its result. Pure."""

from dataclasses import dataclass, field

import orjson

from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perf_trace import TRACE
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import NANO
from evalkube_crds.seed import load_test as load_test_figures
from evalkube_runner.perf.endpoint import url_of
from evalkube_runner.perf.rates import Stage, mean_rate, peak_rate, settled_s
from evalkube_runner.perf.schedule import Arrivals

__all__ = ["Point", "Recorded", "arrivals_of", "documents"]

_SLOT_STEP_NS = 100_000
"""All slots at once would queue at the server's socket behind each other, in step for as long as answers take equally
long, and the client's own burst would be measured as the server's TTFT.
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The course of a point's trace: the most requests of any second, and how long its warm-up takes."""

    peak_rate: float
    warmup_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """The load of one point. `parallel` None is the open loop. `first` is the place of its first request among the
    bodies, so that prompts go on where the load before ended. `run` numbers the runs of a point that is measured
    several times. `rate` is the mean where `arrivals` has stages, or is of a trace, of which `recorded` tells more.
    `ramp_up_s`: the time in which its slots begin.
    """

    name: str
    number: int
    parallel: int | None
    rate: float | None
    warmup: int
    first: int
    run: int | None = None
    arrivals: Arrivals = field(default_factory=Arrivals)
    ramp_up_s: float | None = None
    recorded: Recorded | None = None

    @property
    def total(self) -> int:
        """The number of requests of the point, warm-up included."""
        return self.warmup + self.number

    @property
    def load(self) -> str:
        """The load in words: `16 in flight`, `20 requests/s`."""
        slots = "" if self.parallel is None else f"{self.parallel} in flight"
        rate = "" if self.rate is None else f"{self.rate:g} requests/s"
        return ", ".join(part for part in (slots, rate) if part) or "all at once"

    @property
    def peak_rate(self) -> float | None:
        """The highest rate of the point, in requests per second."""
        if self.recorded is not None:
            return self.recorded.peak_rate
        return peak_rate(self.arrivals.stages) if self.arrivals.stages else self.rate

    @property
    def warmup_s(self) -> float | None:
        """The time of the warm-up, where its share of the requests does not tell it."""
        stages = self.arrivals.stages
        if self.recorded is not None:
            return self.recorded.warmup_s
        return self.warmup / mean_rate(stages, self.warmup) if stages and self.warmup else None

    @property
    def slot_step_ns(self) -> int:
        """The time between the first requests of two slots."""
        if self.ramp_up_s is None or self.parallel is None:
            return _SLOT_STEP_NS
        return int(self.ramp_up_s * NANO / self.parallel)

    @property
    def settled_ns(self) -> int:
        """How long after the start its load is the one that goes on: all slots have begun, the rate changes no more."""
        return max((self.parallel or 0) * self.slot_step_ns, int(settled_s(self.arrivals.stages) * NANO))


def arrivals_of(spec: PerfRunSpec) -> Arrivals:
    """The arrivals of the requests of all points."""
    stages = (Stage(each.rate, each.end, each.duration, each.ramp == "exponential") for each in spec.rate_stages or ())
    return Arrivals(spec.arrivals, spec.burstiness or 1.0, tuple(stages))


def documents(point: PerfPoint, spec: PerfRunSpec) -> dict[str, bytes]:
    """The documents of a point beside its rows: its arguments, summary and percentiles, by their paths."""
    load = {"url": url_of(spec), "number": point.number, "parallel": point.parallel}
    load |= {"rate": point.rate} if spec.rate_stages is None and spec.dataset != TRACE else {}
    return {
        f"{point.name}/benchmark_args.json": _json(spec.model_dump(mode="json") | load),
        f"{point.name}/benchmark_summary.json": _json(load_test_figures.metrics(point)),
        f"{point.name}/benchmark_percentile.json": _json(load_test_figures.percentiles(point)),
    }


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
