"""The steady part of a point beside the whole point, for its page: tables of values. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from evalkube_crds import steady
from evalkube_crds.figure import STATISTICS, Figure, Quantity
from evalkube_crds.figures import DURATION, LATENCY, SUCCESS_RATE, TTFT, applying
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import formats
from evalkube_report.load_test import tables
from evalkube_report.table import Row, Table

__all__ = ["SteadySection", "section", "span_s", "sweep_table"]


@dataclass(frozen=True, slots=True)
class SteadySection:
    """The part of the page about a point's steady part. With `why_none` the other fields are empty."""

    why_none: str | None
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


def section(point: PerfPoint) -> SteadySection | None:
    """The section of a point; None if its steady part was not determined."""
    seen = steady.view(point)
    if seen is None:
        why = steady.why_none(point)
        return None if why is None else SteadySection(why)
    return SteadySection(None, tuple(_facts(point)), (_rates(point, seen), _times(point, seen)))


def span_s(point: PerfPoint) -> tuple[float, float] | None:
    """Start and end of the steady part, in seconds after the first measured request; None if there is none."""
    window = point.steady
    if window is None or steady.view(point) is None:
        return None
    return steady.begins_s(point), (window.ended_at_ns - point.started_at_ns) / NANO


def _facts(point: PerfPoint) -> Iterator[tuple[str, str]]:
    found, window = steady.figures(point), point.steady
    yield "Begins after", formats.duration(steady.begins_s(point))
    yield "Length", formats.duration(found["steady_duration_s"])
    yield "Share of the run", formats.percent(found.get("steady_share"))
    yield "Requests sent in it", formats.count(int(found["steady_requests"]))
    if window is not None and window.windows > 1:
        yield "Shards, each with its own", formats.count(window.windows)


def _rates(point: PerfPoint, seen: PerfPoint) -> Table:
    figures = applying(steady.RATES, [point])
    rates = [tables.shown(figure, steady.rate(point, figure)) for figure in figures]
    whole = [tables.shown(figure, figure.of(point)) for figure in (*figures, SUCCESS_RATE)]
    flying = formats.significant(steady.figures(point)["steady_in_flight"])
    rows = (
        Row(("Steady part", *rates, tables.shown(SUCCESS_RATE, SUCCESS_RATE.of(seen)), flying)),
        Row(("Whole run", *whole, formats.significant(_flying(point)))),
    )
    columns = (*(figure.title for figure in figures), SUCCESS_RATE.title, "In flight, mean")
    return Table("The steady part and the whole run", ("Part", *columns), rows)


def _flying(point: PerfPoint) -> float | None:
    """The mean number of requests in flight over the whole run (Little's law); None if requests failed, because their
    times are not counted.
    """
    seconds = DURATION.of(point)
    latency = LATENCY.counted(point)
    return latency.total / NANO / seconds if seconds and latency.count and not point.failed else None


def _times(point: PerfPoint, seen: PerfPoint) -> Table:
    times = [time for time in steady.TIMES if time.counted(seen).count]
    unit = formats.time_unit(time.counted(point).percentile(99) for time in times)
    rows = []
    for time in times:
        for part, of in (("steady part", seen), ("whole run", point)):
            values = (unit.show(None if value is None else value * NANO) for value in time.values(of, STATISTICS))
            rows.append(Row((f"{time.title}, {part}", *values)))
    names = ("Mean" if statistic is None else f"p{statistic:g}" for statistic in STATISTICS)
    return Table(f"Times of the steady part, in {unit.name}", (f"Time ({unit.name})", *names), tuple(rows))


_SWEPT: Final = tuple((time, percent) for time in (TTFT, LATENCY) for percent in (50, 99))


def sweep_table(result: PerfResult) -> Table | None:
    """The steady part of each point of a sweep; None if no point has one."""
    seen = [(point, part) for point in result.points if (part := steady.view(point)) is not None]
    if not seen:
        return None
    figures = applying(steady.RATES, [point for point, _ in seen])
    times = [(time, percent) for time, percent in _SWEPT if any(time.counted(part).count for _, part in seen)]
    rows = [
        Row(tuple(_swept(point, part, figures, times)), mark="" if point.verdict is Verdict.VALID else point.verdict)
        for point, part in seen
    ]
    columns = ("Point", "Of the run", "In flight", *(figure.title for figure in figures))
    return Table(
        "While the load was steady", (*columns, *(time.figure(percent).title for time, percent in times)), tuple(rows)
    )


def _swept(
    point: PerfPoint, seen: PerfPoint, figures: list[Figure], times: list[tuple[Quantity, int]]
) -> Iterator[str]:
    found = steady.figures(point)
    yield point.name
    yield formats.percent(found.get("steady_share"))
    yield formats.significant(found["steady_in_flight"])
    yield from (tables.shown(figure, steady.rate(point, figure)) for figure in figures)
    yield from (formats.timed(time.counted(seen).percentile(percent)) for time, percent in times)
