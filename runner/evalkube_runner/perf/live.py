"""The live figures of a point, from its workers' reports. Pure.

Rates are of the last seconds, by each worker's own times, so that when its news came makes no difference. Percentiles
are of the point so far. Requests of the warm-up count as in flight, and in nothing else.
"""

from collections.abc import Sequence

from evalkube_crds.live import Live
from evalkube_crds.sketch import Sketch
from evalkube_runner.perf.task import Progress
from evalkube_runner.recent import Recent

__all__ = ["PointLive"]


class PointLive:
    """The live figures of one point, from its first report to its end."""

    def __init__(self) -> None:
        self._told: Sequence[Progress] = ()
        self._recent: list[Recent] = []

    def heard(self, told: Sequence[Progress]) -> None:
        """Take the last report of each worker."""
        self._told = told
        self._recent += [Recent() for _ in told[len(self._recent) :]]
        for recent, one in zip(self._recent, told, strict=True):
            if one.at_ns:
                recent.heard(one.at_ns, one.succeeded, one.output_tokens)

    def now(self, now_ns: int) -> Live:
        """The live figures at that time, on the monotonic clock."""
        in_flight = float(sum(one.in_flight for one in self._told))
        return Live(rates=self._rates(now_ns) | {"in_flight": in_flight}, times=self._times())

    def after(self) -> Live:
        """The figures of the point once its load is over."""
        return Live(rates={"in_flight": 0.0}, times=self._times())

    def _rates(self, now_ns: int) -> dict[str, float]:
        """Requests and tokens per second: those of all workers, each over the time that it has told of."""
        each = [
            recent.rates(now_ns, since_ns=one.since_ns)
            for recent, one in zip(self._recent, self._told, strict=True)
            if one.since_ns
        ]
        known = [rates for rates in each if rates is not None]
        if not known:
            return {}
        requests, tokens = map(sum, zip(*known, strict=True))
        counted = any(one.output_tokens for one in self._told)
        return {"rps": requests, "output_tps": tokens} if counted else {"rps": requests}

    def _times(self) -> dict[str, Sketch]:
        """Times to first token, and latencies; only what was measured."""
        found = {
            "ttft": Sketch.merged(one.ttft for one in self._told),
            "latency": Sketch.merged(one.latency for one in self._told),
        }
        return {name: sketch for name, sketch in found.items() if sketch.counts}
