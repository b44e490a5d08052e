"""A point of a load test: the load that it asks for, and what is left of it. Pure."""

from dataclasses import dataclass, field

import orjson

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import NANO, PerfPoint
from evalkube_crds.seed import load_test as load_test_figures
from evalkube_runner.perf.endpoint import url_of
from evalkube_runner.perf.rates import Stage, peak_rate
from evalkube_runner.perf.schedule import Arrivals

__all__ = ["Point", "arrivals_of", "documents", "warmup_of"]

_SLOT_STEP_NS = 100_000
"""All slots at once would queue at the server's socket behind each other, in step for as long as answers take equally
long, and the client's own burst would be measured as the server's TTFT.
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One load. ``parallel`` None is the open loop. ``first`` is the place of its first request among the bodies, so
    that prompts go on where the load before ended. ``run`` numbers the runs of a point that is measured several times.
    ``rate`` is the mean where ``arrivals`` has stages. ``ramp_up_s``: the time in which its slots begin.
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

    @property
    def total(self) -> int:
        """Requests in all."""
        return self.warmup + self.number

    @property
    def peak_rate(self) -> float | None:
        """Its highest rate."""
        return peak_rate(self.arrivals.stages) if self.arrivals.stages else self.rate

    @property
    def slot_step_ns(self) -> int:
        """Between the first requests of two slots."""
        if self.ramp_up_s is None or self.parallel is None:
            return _SLOT_STEP_NS
        return int(self.ramp_up_s * NANO / self.parallel)


def arrivals_of(spec: PerfRunSpec) -> Arrivals:
    """How the requests of all points arrive."""
    stages = (Stage(each.rate, each.end, each.duration, each.ramp == "exponential") for each in spec.rate_stages or ())
    return Arrivals(spec.arrivals, spec.burstiness or 1.0, tuple(stages))


def warmup_of(asked: float, number: int) -> int:
    """Requests of warm-up: a count from 1 on, below it a share of ``number`` (at least one request), 0 for none."""
    if asked <= 0:
        return 0
    return int(asked) if asked >= 1 else max(1, int(asked * number))


def documents(point: PerfPoint, spec: PerfRunSpec) -> dict[str, bytes]:
    """What is delivered of a point but for its rows: its arguments, summary and percentiles, by their paths."""
    load = {"url": url_of(spec), "number": point.number, "parallel": point.parallel}
    load |= {"rate": point.rate} if spec.rate_stages is None else {}
    return {
        f"{point.name}/benchmark_args.json": _json(spec.model_dump(mode="json") | load),
        f"{point.name}/benchmark_summary.json": _json(load_test_figures.metrics(point)),
        f"{point.name}/benchmark_percentile.json": _json(load_test_figures.percentiles(point)),
    }


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
