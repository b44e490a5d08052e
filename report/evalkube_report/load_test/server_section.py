"""The server's metrics at a point, for its page: tables and plots over time beside the client's figures. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from evalkube_crds import server_view
from evalkube_crds.perf_point import PerfPoint, ServerGauge, ServerHistogram, ServerView
from evalkube_crds.result_parts import NANO
from evalkube_report import formats
from evalkube_report.formats import Unit
from evalkube_report.plots.drawing import Shown, shown
from evalkube_report.plots.values import Axis, Plot, Series
from evalkube_report.table import Row, Table

__all__ = ["ServerSection", "plots", "section"]


@dataclass(frozen=True, slots=True)
class ServerSection:
    """The part of the page about a point's server."""

    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    series: tuple[Shown, ...]
    notes: tuple[str, ...]


def section(point: PerfPoint) -> ServerSection | None:
    """The section of a point; None if the run did not ask for server metrics."""
    view = point.server
    if view is None:
        return None
    tables = (_times(point, view), _gauges(view), _gpus(view))
    return ServerSection(
        facts=tuple(_facts(view)) if view.scrapes else (),
        tables=tuple(table for table in tables if table is not None),
        series=tuple(shown(plot) for plot in plots(point)),
        notes=tuple(server_view.notes(point)),
    )


_COUNTERS: Final = (
    ("requests", "Requests it finished"),
    ("prompt_tokens", "Prompt tokens"),
    ("generation_tokens", "Generated tokens"),
    ("preemptions", "Preemptions"),
)


def _facts(view: ServerView) -> Iterator[tuple[str, str]]:
    yield "Metrics of", ", ".join(view.servers)
    for name, label in _COUNTERS:
        if name in view.counters:
            yield label, formats.count(round(view.counters[name]))
    if (rate := server_view.hit_rate(view)) is not None:
        yield "Tokens found in the prefix cache", formats.percent(rate)
    yield "Scrapes", f"{formats.count(view.scrapes)}, {formats.timed(view.scrape_ns / view.scrapes)} each"
    if view.span_ns:
        yield "Counted over", formats.duration(view.span_ns / NANO)


_TIMES: Final = (
    ("ttft", "Time to first token (TTFT)"),
    ("itl", "Inter-token latency (ITL)"),
    ("tpot", "Time per output token (TPOT)"),
    ("latency", "Latency"),
    ("queue", "Time in the queue"),
)


def _times(point: PerfPoint, view: ServerView) -> Table | None:
    """Means of client and server, and the buckets that contain the server's percentiles."""
    found = {name: each for name, _ in _TIMES if (each := view.histograms.get(name)) is not None and each.count > 0}
    if not found:
        return None
    said = server_view.figures(point)
    unit = formats.time_unit((each.mean or 0.0) * NANO for each in found.values())
    rows = []
    for name, label in _TIMES:
        if name in found:
            mean, away = (said.get(f"server_{name}_{figure}_s") for figure in ("mean", "difference"))
            ours = None if mean is None or away is None else mean + away
            shown = (unit.show(None if value is None else value * NANO) for value in (mean, ours, away))
            ends = (_between(found[name], percent, unit) for percent in server_view.PERCENTS)
            rows.append(Row((label, *shown, *ends, formats.count(round(found[name].count)))))
    columns = ("Time", "Server's mean", "Client's mean", "Client minus server")
    percents = tuple(f"Server's p{percent}" for percent in server_view.PERCENTS)
    return Table(f"The server's times, in {unit.name}", (*columns, *percents, "Values"), tuple(rows))


def _between(histogram: ServerHistogram, percent: float, unit: Unit) -> str:
    ends = server_view.between(histogram, percent)
    if ends is None:
        return formats.DASH
    low, high = ends
    above = formats.significant(low * NANO / unit.size)
    return f"over {above}" if high is None else f"{above} to {formats.significant(high * NANO / unit.size)}"


_GAUGES: Final = (
    ("running", "Requests running", 1),
    ("waiting", "Requests waiting", 1),
    ("kv_cache", "KV cache in use, %", 100),
)


def _gauges(view: ServerView) -> Table | None:
    rows = [Row((label, *_spread(view.gauges[name], factor))) for name, label, factor in _GAUGES if name in view.gauges]
    return Table("At the server", ("Value", "Min", "Mean", "Max", "Scrapes"), tuple(rows)) if rows else None


def _spread(gauge: ServerGauge, factor: float) -> tuple[str, ...]:
    values = (gauge.low, gauge.mean, gauge.high)
    written = formats.amount if factor == 1 else formats.significant  # counts are whole numbers
    shown = (written(None if value is None else value * factor) for value in values)
    return *shown, formats.count(gauge.samples)


_GPU: Final = (
    ("utilization", "Utilization, %", 0.01),
    ("memory_used_bytes", "Memory, GiB", 1 << 30),
    ("power_w", "Power, W", 1),
    ("temperature_c", "Temperature, C", 1),
    ("sm_clock_hz", "SM clock, MHz", 1e6),
    ("tensor_active", "Tensor cores, %", 0.01),
    ("memory_active", "Memory bandwidth, %", 0.01),
)


def _gpus(view: ServerView) -> Table | None:
    shown = [column for column in _GPU if any(column[0] in gpu for gpu in view.gpus.values())]
    if not shown:
        return None
    rows = [
        Row((name, *(_mean_and_most(gpu, figure, size) for figure, _, size in shown)))
        for name, gpu in view.gpus.items()
    ]
    return Table("GPUs, mean (and most)", ("GPU", *(label for _, label, _ in shown)), tuple(rows))


def _mean_and_most(gpu: Mapping[str, ServerGauge], name: str, size: float) -> str:
    gauge = gpu.get(name)
    if gauge is None or gauge.mean is None:
        return formats.DASH
    return f"{formats.significant(gauge.mean / size)} ({formats.significant(gauge.high / size)})"


def plots(point: PerfPoint) -> list[Plot]:
    """Plots over time. The client's figures are beside the server's if their intervals match."""
    view = point.server
    size = max(map(len, view.series.values()), default=0) if view is not None else 0
    if view is None or size < 3:
        return []
    client, get = _client(point, view.interval_ns, size), view.series.get
    running = {"in flight (client)": client.get("in_flight"), "running": get("running"), "waiting": get("waiting")}
    times = {"server": get("ttft"), "client": client.get("ttft")}
    drawn = (
        ("Requests at the server", Axis("requests"), running, 1.0),
        ("KV cache in use", Axis("KV cache", "%"), {"KV cache": get("kv_cache")}, 100.0),
        ("Tokens generated by the server", Axis("generated", "tok/s"), {"generated": get("generation_tps")}, 1.0),
        ("Mean TTFT", Axis("mean TTFT", "ms"), times if times["server"] is not None else {}, 1000.0),
    )
    found = (_plot(title, axis, lines, factor, view, size) for title, axis, lines, factor in drawn)
    return [plot for plot in found if plot is not None]


def _plot(
    title: str,
    axis: Axis,
    lines: Mapping[str, Sequence[float | None] | None],
    factor: float,
    view: ServerView,
    size: int,
) -> Plot | None:
    starts = tuple(at * view.interval_ns / NANO for at in range(size))
    series = tuple(
        Series(name, starts, tuple(_joined(values, size, factor)))
        for name, values in lines.items()
        if values is not None and any(value is not None for value in values)
    )
    return Plot(title, Axis("time", "s"), axis, series) if series else None


def _joined(values: Sequence[float | None], size: int, factor: float) -> list[float | None]:
    """Values on the intervals of the plot. An interval without a scrape has the value before it."""
    found: list[float | None] = []
    for value in values[:size]:
        found.append(value * factor if value is not None else found[-1] if found else None)
    return [*found, *[None] * (size - len(found))]


def _client(point: PerfPoint, wide_ns: int, size: int) -> dict[str, list[float | None]]:
    """The client's counts on the server's intervals; empty if these are narrower than the client's."""
    series = point.series
    times = wide_ns // series.interval_ns
    if times < 1 or wide_ns % series.interval_ns:
        return {}

    def wide(values: Sequence[int]) -> list[int]:
        return [sum(values[at : at + times]) for at in range(0, size * times, times)]

    sent, succeeded, failed = wide(series.sent), wide(series.succeeded), wide(series.failed)
    ended = [one + two for one, two in zip(succeeded, failed, strict=True)]
    flying = accumulate(one - two for one, two in zip(sent, ended, strict=True))
    ttft = zip(wide(series.ttft_ns_sum), succeeded, strict=True)
    return {
        "in_flight": [float(max(0, count)) for count in flying],
        "ttft": [total / count / NANO if count and total else None for total, count in ttft],
    }
