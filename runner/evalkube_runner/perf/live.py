"""What is seen of a point while it is measured, of what its workers told. Pure.

Rates are of the last seconds, by each worker's own times, so that when its news came makes no difference. Percentiles
are of the point so far. Requests of the warm-up count as in flight, and in nothing else.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from evalkube_crds.live import Live
from evalkube_crds.result_parts import NANO
from evalkube_crds.sketch import Sketch
from evalkube_runner.perf.task import Progress

__all__ = ["PointLive"]

_WINDOW_NS: Final = 5 * NANO
_LEAST_NS: Final = NANO // 5
"""Of a shorter time no rate is told."""
_SILENT_NS: Final = 2 * NANO
"""A worker tells twice a second. One that has told nothing for so long has ended its load, and answers nothing more."""


class PointLive:
    """The course of one point."""

    def __init__(self) -> None:
        self._told: list[deque[Progress]] = []

    def heard(self, told: Sequence[Progress]) -> None:
        """The last news of each worker."""
        while len(self._told) < len(told):
            self._told.append(deque())
        for news, one in zip(self._told, told, strict=False):
            if one.at_ns and (not news or one.at_ns > news[-1].at_ns):
                news.append(one)
                while len(news) > 1 and news[1].at_ns <= one.at_ns - _WINDOW_NS:
                    news.popleft()

    def now(self, now_ns: int) -> Live:
        """What is seen at that time, on the monotonic clock."""
        working = [news for news in self._told if news]
        rates = _rates(working, now_ns)
        rates["in_flight"] = float(sum(news[-1].in_flight for news in working))
        return Live(rates=rates, times=_times(working))

    def after(self) -> Live:
        """What was seen of the point once its load is over."""
        return Live(rates={"in_flight": 0.0}, times=_times([news for news in self._told if news]))


def _rates(working: Sequence[deque[Progress]], now_ns: int) -> dict[str, float]:
    """Requests and tokens per second. Those of workers add up, each over the time that it has told of."""
    found: dict[str, float] = {}
    counted = any(news[-1].output_tokens for news in working)
    for news in working:
        last = news[-1]
        ended_ns = last.at_ns if now_ns - last.at_ns < _SILENT_NS else now_ns
        first = _at(news, ended_ns - _WINDOW_NS)
        begun_ns = max(first.at_ns, last.since_ns)
        if last.since_ns and ended_ns - begun_ns >= _LEAST_NS:
            seconds = (ended_ns - begun_ns) / NANO
            found["rps"] = found.get("rps", 0.0) + (last.succeeded - first.succeeded) / seconds
            if counted:
                tokens = last.output_tokens - first.output_tokens
                found["output_tps"] = found.get("output_tps", 0.0) + tokens / seconds
    return found


def _at(news: Sequence[Progress], at_ns: int) -> Progress:
    """What was the last news then, or the first."""
    return next((one for one in reversed(news) if one.at_ns <= at_ns), news[0])


def _times(working: Sequence[deque[Progress]]) -> dict[str, Sketch]:
    """Times to first token, and latencies; only what was measured."""
    found = {
        "ttft": Sketch.merged(news[-1].ttft for news in working),
        "latency": Sketch.merged(news[-1].latency for news in working),
    }
    return {name: sketch for name, sketch in found.items() if sketch.counts}
