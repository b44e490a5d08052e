"""Makes the server's view of one point from scrapes. Pure: scrapes and a window in, values out.

Gauges are of the scrapes within the measured part. Counters and histograms are differences, from the last scrape that
was over before the first measured send (so that the warm-up is left out as far as it can be) to the first that began
after the last end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from evalkube_crds import server_view
from evalkube_crds.perf_point import ServerGauge, ServerHistogram, ServerView
from evalkube_crds.result_parts import NANO
from evalkube_runner.server import names
from evalkube_runner.server.exposition import Cumulative, Reading

__all__ = ["MOST_SCRAPES", "Scrape", "Window", "row", "thinned", "view"]

MOST_SCRAPES: Final = 2048
"""Of a page and a point. Beyond it every second one goes and the interval doubles: memory and artifacts stay small."""

_SERIES: Final = 240
_SAME_START_S: Final = 1.0
"""Two starts of a process closer than this are one: some servers tell it in whole seconds."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One try at a page: when it was asked and had answered, monotonic, and what it said, or why it said nothing."""

    url: str
    sent_ns: int
    got_ns: int
    reading: Reading | None = None
    fault: str = ""

    @property
    def at_ns(self) -> int:
        """About when the server said it."""
        return (self.sent_ns + self.got_ns) // 2


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a point, on the clock of the scrapes."""

    start_ns: int
    end_ns: int


def thinned(scrapes: Sequence[Scrape]) -> list[Scrape]:
    """Every second scrape, the first and the last among them."""
    return [*scrapes[:-1:2], *scrapes[-1:]]


def view(pages: Sequence[Sequence[Scrape]], window: Window) -> ServerView:
    """The view of all `pages`, each with its scrapes in order. What several servers say is summed: replicas that
    share a load are one server to it.
    """
    found = ServerView()
    edges: list[tuple[Scrape, Scrape]] = []
    for scrapes in pages:
        found.notes += _faults(scrapes)
        good = [scrape for scrape in scrapes if scrape.reading is not None]
        found.scrapes += len(good)
        found.scrape_ns += sum(scrape.got_ns - scrape.sent_ns for scrape in good)
        if good:
            found.servers += [name for name in _reading(good[-1]).servers if name not in found.servers]
            _add_gpus(found, good, window)
        if any(map(_serves, good)):
            edges += _sound_edges(good, window, found.notes)
    for before, after in edges:
        _add_differences(found, _reading(before), _reading(after))
        found.span_ns = max(found.span_ns, after.at_ns - before.at_ns)
    serving = [scrapes for scrapes in pages if any(_serves(scrape) for scrape in scrapes)]
    _add_courses(found, serving, window)
    return found


def _reading(scrape: Scrape) -> Reading:
    assert scrape.reading is not None
    return scrape.reading


def _serves(scrape: Scrape) -> bool:
    return scrape.reading is not None and scrape.reading.servers != ("DCGM",)


def _faults(scrapes: Sequence[Scrape]) -> Iterator[str]:
    """The pages that could not be read, each reason once, and whose figures were read."""
    faults = [scrape for scrape in scrapes if scrape.fault]
    if not scrapes or len(faults) == len(scrapes):
        what = "no server metrics"
    else:
        what = f"{len(faults)} of {len(scrapes)} scrapes failed"
    for fault in list(dict.fromkeys(scrape.fault for scrape in faults))[:2]:
        yield f"{what}: {faults[0].url}: {fault}"
    for model in dict.fromkeys(scrape.reading.model for scrape in scrapes if scrape.reading is not None):
        if model is not None:
            yield f"{scrapes[0].url}: the figures are of its only model, {model[:100]!r}"


def _sound_edges(good: Sequence[Scrape], window: Window, notes: list[str]) -> list[tuple[Scrape, Scrape]]:
    """The scrapes to subtract, none where there are not two or the counters between them cannot be."""
    before = [scrape for scrape in good if scrape.got_ns <= window.start_ns]
    after = [scrape for scrape in good if scrape.sent_ns >= window.end_ns]
    if not before or not after:
        when = "before" if not before else "after"
        notes.append(f"{good[0].url}: no scrape {when} the load, so its counters and histograms are left out")
        return []
    between = [scrape for scrape in good if before[-1].sent_ns <= scrape.sent_ns <= after[0].sent_ns]
    for one, two in pairwise(between):
        if _fell(_reading(one), _reading(two)):
            notes.append(
                f"{good[0].url}: its counters fell during the load: the server was restarted, or several replicas "
                "answer there (name each in server_metrics.url); its counters and histograms are left out"
            )
            return []
    return [(before[-1], after[0])]


def _fell(one: Reading, two: Reading) -> bool:
    """Whether what can only grow has not, or the server's process is another one."""
    if one.started_s is not None and two.started_s is not None and abs(two.started_s - one.started_s) > _SAME_START_S:
        return True
    if any(two.counters.get(name, 0.0) < value for name, value in one.counters.items()):
        return True
    return any(two.histograms.get(name, Cumulative()).count < value.count for name, value in one.histograms.items())


def _add_differences(found: ServerView, one: Reading, two: Reading) -> None:
    for name, value in two.counters.items():
        grown = value - one.counters.get(name, 0.0)
        found.counters[name] = found.counters.get(name, 0.0) + grown
    for name, histogram in two.histograms.items():
        grown_to = _difference(one.histograms.get(name, Cumulative()), histogram)
        mine = found.histograms.get(name)
        found.histograms[name] = grown_to if mine is None else server_view.histograms_added(mine, grown_to)


def _difference(one: Cumulative, two: Cumulative) -> ServerHistogram:
    below = dict(one.buckets)
    known = bool(two.buckets) and (not one.count or below.keys() == dict(two.buckets).keys())
    upto = [count - below.get(bound, 0.0) for bound, count in two.buckets] if known else []
    return ServerHistogram(
        count=two.count - one.count,
        total=two.total - one.total,
        bounds=[bound for bound, _ in two.buckets if bound != float("inf")] if known else [],
        counts=[max(0.0, now - before) for before, now in zip([0.0, *upto], upto, strict=False)],
    )


def _add_gpus(found: ServerView, good: Sequence[Scrape], window: Window) -> None:
    for scrape in _within(good, window):
        for gpu, values in _reading(scrape).gpus.items():
            for name, value in values.items():
                _count(found.gpus.setdefault(gpu, {}), name, value)


def _within(scrapes: Iterable[Scrape], window: Window) -> list[Scrape]:
    return [scrape for scrape in scrapes if window.start_ns <= scrape.at_ns <= window.end_ns]


def _count(gauges: dict[str, ServerGauge], name: str, value: float) -> None:
    gauge = gauges.get(name)
    if gauge is None:
        gauges[name] = ServerGauge(samples=1, low=value, high=value, total=value)
        return
    gauge.samples += 1
    gauge.low, gauge.high, gauge.total = min(gauge.low, value), max(gauge.high, value), gauge.total + value


def _add_courses(found: ServerView, pages: Sequence[Sequence[Scrape]], window: Window) -> None:
    """The gauges, and their course over time, of scrapes that all servers have answered: a sum without one of them
    would be a dip that there was not.
    """
    rounds = [turn for turn in _rounds(pages) if window.start_ns <= turn[0].at_ns <= window.end_ns]
    wide_ns = NANO
    while (window.end_ns - window.start_ns) // wide_ns >= _SERIES:
        wide_ns *= 2
    found.interval_ns = wide_ns
    for name in dict.fromkeys(name for turn in rounds for scrape in turn for name in _reading(scrape).gauges):
        values = [(turn[0].at_ns, value) for turn in rounds if (value := _gauge(turn, name)) is not None]
        for _, value in values:
            _count(found.gauges, name, value)
        found.series[name] = _course([(at_ns - window.start_ns, value) for at_ns, value in values], wide_ns)
    for name, rate in _RATES.items():
        values = [
            (two[0].at_ns - window.start_ns, value)
            for one, two in pairwise(rounds)
            if (value := rate(one, two)) is not None
        ]
        if values:
            found.series[name] = _course(values, wide_ns)


def _rounds(pages: Sequence[Sequence[Scrape]]) -> list[tuple[Scrape, ...]]:
    """The scrapes of one turn of all pages together. A page that a turn left out has fewer: the shortest tells."""
    return [turn for turn in zip(*pages, strict=False) if all(scrape.reading is not None for scrape in turn)]


def _gauge(turn: Sequence[Scrape], name: str) -> float | None:
    values = [value for scrape in turn if (value := _reading(scrape).gauges.get(name)) is not None]
    if not values:
        return None
    return sum(values) / len(values) if name in names.SHARES else sum(values)


def _tokens_per_second(one: Sequence[Scrape], two: Sequence[Scrape]) -> float | None:
    before, after = (
        sum(_reading(scrape).counters.get("generation_tokens", 0.0) for scrape in turn) for turn in (one, two)
    )
    seconds = (two[0].at_ns - one[0].at_ns) / NANO
    return (after - before) / seconds if seconds > 0 and after >= before else None


def _mean_ttft(one: Sequence[Scrape], two: Sequence[Scrape]) -> float | None:
    nothing = Cumulative()
    before, after = ([_reading(scrape).histograms.get("ttft", nothing) for scrape in turn] for turn in (one, two))
    count = sum(each.count for each in after) - sum(each.count for each in before)
    total = sum(each.total for each in after) - sum(each.total for each in before)
    return total / count if count > 0 and total >= 0 else None


_RATES: Final[Mapping[str, Callable[[Sequence[Scrape], Sequence[Scrape]], float | None]]] = {
    "generation_tps": _tokens_per_second,
    "ttft": _mean_ttft,
}


def _course(values: Iterable[tuple[int, float]], wide_ns: int) -> list[float | None]:
    """The mean of each interval in six digits, None where nothing was scraped."""
    found: dict[int, list[float]] = {}
    for at_ns, value in values:
        found.setdefault(at_ns // wide_ns, []).append(value)
    means = {at: float(f"{sum(each) / len(each):.6g}") for at, each in found.items()}
    return [means.get(at) for at in range(max(means, default=-1) + 1)]


def row(scrape: Scrape, start_ns: int, run: int | None) -> dict[str, Any]:
    """A scrape as a row of an artifact; its times count from `start_ns`, as those of requests do."""
    told: dict[str, Any] = {"at_ns": scrape.at_ns - start_ns, "took_ns": scrape.got_ns - scrape.sent_ns}
    told |= {"url": scrape.url} | ({"run": run} if run is not None else {})
    reading = scrape.reading
    if reading is None:
        return told | {"error": scrape.fault}
    histograms = {name: {"count": each.count, "sum": each.total} for name, each in reading.histograms.items()}
    told |= {"servers": reading.servers, **reading.gauges, **reading.counters, "histograms": histograms}
    return told | ({"gpus": reading.gpus} if reading.gpus else {})
