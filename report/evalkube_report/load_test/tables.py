"""The tables of a load test, as values (`table.Table`). Pure; numbers are formatted here and nowhere later."""

from collections.abc import Iterator, Sequence
from typing import Final

from evalkube_crds.figure import CHAT, Figure, Quantity
from evalkube_crds.figure import Unit as FigureUnit
from evalkube_crds.figures import (
    COMPLETED,
    DURATION,
    FIRST_TURN_TTFT,
    ITL,
    LATENCY,
    LATER_TURN_TTFT,
    QUANTITIES,
    RATES,
    START_SKEW,
    SUCCESS_RATE,
    TPOT,
    TTFT,
    applying,
)
from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import CONFIDENCE, values_needed
from evalkube_crds.names import TokenBasis, Verdict
from evalkube_crds.perf_point import Conversations, PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import formats
from evalkube_report.formats import Unit
from evalkube_report.table import Row, Table

__all__ = [
    "THROUGHPUT",
    "conversations_text",
    "error_table",
    "health_facts",
    "health_table",
    "load_text",
    "measured",
    "percentile_tables",
    "shown",
    "summary_table",
    "times_table",
    "token_basis_text",
]


def load_text(point: PerfPoint) -> str:
    """The load in words: "32 in flight", "open loop, 12.5 requests/s"; "8 conversations at once"."""
    unit = "requests" if point.conversations is None else "conversations"
    if point.open_loop:
        return f"open loop, {formats.amount(point.rate)} {unit}/s"
    limit = f", at most {formats.amount(point.rate)} {unit}/s" if point.rate is not None and point.rate > 0 else ""
    held = "in flight" if point.conversations is None else "conversations at once"
    return f"{formats.count(point.parallel)} {held}{limit}"


def conversations_text(conversations: Conversations) -> str:
    """The outcome of conversations: "58 of 60 completed, 2 failed (3 turns not sent)"."""
    said = [f"{formats.count(conversations.completed)} of {formats.count(conversations.over)} completed"]
    said += [f"{formats.count(conversations.failed)} ended by a turn that failed"] if conversations.failed else []
    said += [f"{formats.count(conversations.cut)} cut by the end of the load"] if conversations.cut else []
    unsent = f"; {formats.count(conversations.unsent_turns)} turns were not sent" if conversations.unsent_turns else ""
    return ", ".join(said) + unsent


def shown(figure: Figure, value: float | None) -> str:
    """The value of a `figure`, formatted for its unit."""
    if figure is DURATION:
        return formats.duration(value)
    match figure.unit:
        case FigureUnit.SHARE:
            return formats.percent(value)
        case FigureUnit.SECONDS:
            return formats.timed(None if value is None else value * NANO)
        case _:
            return formats.significant(value)


def measured(figure: Figure, value: float | None) -> str:
    """The value with its unit, unless the format contains the unit."""
    text = shown(figure, value)
    return text if figure.unit in (FigureUnit.SECONDS, FigureUnit.SHARE) or value is None else f"{text} {figure.unit}"


THROUGHPUT: Final = (SUCCESS_RATE, DURATION, *(figure for figure in RATES if figure not in (SUCCESS_RATE, COMPLETED)))
"""The figures of whole loads, in the order of tables."""
_TIMES = (LATENCY, TTFT, FIRST_TURN_TTFT, LATER_TURN_TTFT, TPOT, ITL)
_SHOWN_PERCENTS = (50, 90, 99)


def summary_table(result: PerfResult) -> Table:
    """The results of each point of the sweep, marked by its verdict."""
    figures = applying(THROUGHPUT, result.points)
    rows = [Row(_throughput(point, figures), mark=_mark(point)) for point in result.points]
    columns = ("Point", "Load", "Requests", "Failed", *(figure.title for figure in figures))
    return Table("Throughput", columns, tuple(rows), words=2)


def times_table(result: PerfResult) -> Table:
    """The times of each point of the sweep, marked by its verdict."""
    times = [time for time in _TIMES if time is LATENCY or any(time.counted(point).count for point in result.points)]
    units = [formats.time_unit(time.counted(point).percentile(99) for point in result.points) for time in times]
    titles = [
        f"{time.figure(percent).title}, {unit.name}"
        for time, unit in zip(times, units, strict=True)
        for percent in _SHOWN_PERCENTS
    ]
    rows = [Row((point.name, *_summary_times(point, times, units)), mark=_mark(point)) for point in result.points]
    return Table(f"Times, with the {_RANGES}", ("Point", *titles), tuple(rows))


def _mark(point: PerfPoint) -> str:
    return "" if point.verdict is Verdict.VALID else str(point.verdict)


def _throughput(point: PerfPoint, figures: Sequence[Figure]) -> tuple[str, ...]:
    return (
        point.name,
        load_text(point),
        formats.count(point.succeeded + point.failed),
        formats.count(point.failed),
        *(shown(figure, figure.of(point)) for figure in figures),
    )


def _summary_times(point: PerfPoint, times: Sequence[Quantity], units: Sequence[Unit]) -> Iterator[str]:
    for time, unit in zip(times, units, strict=True):
        values = time.counted(point).percentiles(_SHOWN_PERCENTS)
        for value, spread in zip(values, _ranges(time, point, _SHOWN_PERCENTS, unit), strict=True):
            yield unit.show(value) + (f"\n({spread})" if value is not None and spread != formats.DASH else "")


_RANGES = f"{CONFIDENCE * 100:g} % ranges of the percentiles"


def _ranges(quantity: Quantity, point: PerfPoint, percents: Sequence[float], unit: Unit) -> Iterator[str]:
    """The confidence interval of each percentile in words: "too few" values, or a dash if there can be none."""
    count = quantity.counted(point).count
    for percent, found in zip(percents, quantity.intervals(point, percents), strict=True):
        if found is not None:
            low, high = (unit.show(end * quantity.scale) for end in found)
            yield f"{low}–{high}" if low != high else low
        else:
            yield "too few" if count < values_needed(percent) and not quantity.clustered else formats.DASH


_PERCENTS = (10, 25, 50, 75, 90, 95, 99, 99.9)


def percentile_tables(point: PerfPoint) -> list[Table]:
    """Tables of times and of amounts, each with mean, deviation and percentiles of successful requests. Figures that
    were not measured are left out.
    """
    measured = [quantity for quantity in QUANTITIES if quantity.counted(point).count]
    times = [quantity for quantity in measured if quantity.unit is FigureUnit.SECONDS]
    amounts = [quantity for quantity in measured if quantity.unit is not FigureUnit.SECONDS]
    unit = formats.time_unit(time.counted(point).percentile(99) for time in times)
    head = ("Mean", "Std dev", "Min", *(f"p{percent:g}" for percent in _PERCENTS), "Max")
    tables = []
    if times:
        rows = [Row((time.label, *_spread(time.counted(point), unit))) for time in times]
        tables.append(Table(f"Times, in {unit.name}", (f"Time ({unit.name})", *head), tuple(rows)))
        rows = [Row((time.label, *_ranges(time, point, _PERCENTS, unit))) for time in times if not time.clustered]
        columns = (f"Time ({unit.name})", *(f"p{percent:g}" for percent in _PERCENTS))
        tables.append(Table(_RANGES, columns, tuple(rows)))
    if amounts:
        rows = [Row((amount.label, *_amounts(amount, point))) for amount in amounts]
        title = "Tokens" if point.kind in CHAT else "Inputs and tokens"
        tables.append(Table(title, ("Amount", *head), tuple(rows)))
    return tables


def _amounts(amount: Quantity, point: PerfPoint) -> tuple[str, ...]:
    """As `_spread`, but whole numbers stay whole: a token count is 48, not 48.00."""
    counted, unit = amount.counted(point), Unit("", amount.scale)
    means = [unit.show(value) for value in (counted.mean, counted.deviation)]
    values = [counted.low, *counted.percentiles(_PERCENTS), counted.high]
    shown = (None if value is None else value / amount.scale for value in values)
    return (*means, *map(formats.amount, shown))


def _spread(histogram: Histogram, unit: Unit) -> tuple[str, ...]:
    values = [
        histogram.mean,
        histogram.deviation,
        histogram.low,
        *histogram.percentiles(_PERCENTS),
        histogram.high,
    ]
    return tuple(unit.show(value) for value in values)


_LONGEST_MESSAGE = 600


def error_table(point: PerfPoint) -> Table | None:
    """Failed requests by class, with one message of each class; None if no request failed."""
    requests = point.succeeded + point.failed
    ordered = sorted(point.errors.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        Row(
            (
                str(cause),
                formats.clipped(point.error_samples.get(cause, formats.DASH), _LONGEST_MESSAGE),
                formats.count(times),
                formats.percent(times / requests),
            )
        )
        for cause, times in ordered
        if times and requests
    ]
    return (
        Table("Failed requests, by cause", ("Cause", "One of the messages", "Requests", "Share"), tuple(rows), words=2)
        if rows
        else None
    )


def health_table(point: PerfPoint) -> Table:
    """The health of the load generator at each point."""
    health = point.health
    lags = (health.schedule_lag_ns, health.loop_lag_ns, health.gc_pause_ns)
    unit = formats.time_unit(histogram.high for histogram in lags)
    names = (
        "Schedule lag (the client's part of sending late)",
        "Loop lag (how late a read may be seen)",
        "Garbage collector pauses",
    )
    rows = [
        Row(
            (
                f"{name}, {unit.name}",
                *(unit.show(value) for value in [*times.percentiles([50, 99]), times.high if times.count else None]),
            )
        )
        for name, times in zip(names, lags, strict=True)
    ]
    return Table("The client's own lag", ("Lag", "p50", "p99", "Max"), tuple(rows))


def health_facts(point: PerfPoint) -> list[tuple[str, str]]:
    """Further facts about the client's health, as pairs of name and value."""
    health = point.health
    share, skew = health.sent / health.offered if health.offered else None, START_SKEW.of(point)
    connections = formats.count(health.connections_peak)
    if health.connections_limit:
        connections += f" of {formats.count(health.connections_limit)} possible"
    return [
        ("CPU of one worker process", formats.percent(health.cpu_ns / health.wall_ns if health.wall_ns else None)),
        ("Worker processes", formats.count(health.processes)),
        (
            "Sent of what the schedule asked",
            f"{formats.count(health.sent)} of {formats.count(health.offered)} ({formats.percent(share)})",
        ),
        (
            "Clock of arrival times",
            ", ".join(f"{clock} ({formats.count(times)})" for clock, times in point.clocks.items()),
        ),
        ("Sent more than 1 ms late", formats.count(point.late)),
        ("Connections at once, at most", connections),
        ("Sent again after an idle close", formats.count(point.resent)),
        ("Warm-up requests before", formats.count(point.warmup)),
        *([("Starts of the shards, at most apart by", shown(START_SKEW, skew))] if skew is not None else []),
    ]


_BASIS_WORDS = {
    TokenBasis.USAGE: "taken from the usage that the server reported",
    TokenBasis.TOKENIZER: "counted with the given tokenizer",
    TokenBasis.CHUNKS: "counted as stream chunks, because the server reported no usage, or one that cannot be: real "
    "counts may be higher",
    TokenBasis.NONE: "not known",
}


def token_basis_text(point: PerfPoint) -> str:
    """The source of the token counts, in a sentence."""
    bases = {basis: times for basis, times in point.token_basis.items() if times}
    if not bases:
        return "No request succeeded, so there are no token counts."
    if len(bases) == 1:
        return f"Token counts are {_BASIS_WORDS[next(iter(bases))]}."
    parts = [f"{_BASIS_WORDS[basis]} for {formats.count(times)} requests" for basis, times in bases.items()]
    return f"Token counts are {'; '.join(parts)}."
