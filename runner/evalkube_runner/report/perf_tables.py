"""The tables of a load test, as values (``grid.Table``). Pure; numbers are formatted here and nowhere later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalkube_crds import summary
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import TokenBasis, Verdict
from evalkube_crds.results import PerfPoint, PerfResult
from evalkube_runner.report import figures
from evalkube_runner.report.figures import Unit
from evalkube_runner.report.grid import Row, Table

__all__ = [
    "Rates",
    "error_table",
    "health_facts",
    "health_table",
    "histogram_of",
    "load_text",
    "percentile_tables",
    "rates",
    "summary_table",
    "times_table",
    "token_basis_text",
]


@dataclass(frozen=True, slots=True)
class Rates:
    """What a point achieved per second of its duration; None where nothing succeeded or no time passed."""

    duration_s: float | None
    requests: int
    success: float | None
    rps: float | None
    output_tps: float | None
    total_tps: float | None


def rates(point: PerfPoint) -> Rates:
    """Successes and their tokens over the time from the first measured send to the last end, failed ones included."""
    duration_s = summary.duration_s(point) or None
    requests = point.succeeded + point.failed

    def per_second(amount: int) -> float | None:
        return amount / duration_s if duration_s is not None and point.succeeded else None

    counted = _counts_tokens(point)
    return Rates(
        duration_s=duration_s,
        requests=requests,
        success=point.succeeded / requests if requests else None,
        rps=per_second(point.succeeded),
        output_tps=per_second(point.output_tokens) if counted else None,
        total_tps=per_second(point.input_tokens + point.output_tokens) if counted else None,
    )


def _counts_tokens(point: PerfPoint) -> bool:
    return any(times and basis is not TokenBasis.NONE for basis, times in point.token_basis.items())


def load_text(point: PerfPoint) -> str:
    """The load in words: "32 in flight", "open loop, 12.5 requests/s"."""
    if point.open_loop:
        return f"open loop, {figures.significant(point.rate)} requests/s"
    limit = (
        f", at most {figures.significant(point.rate)} requests/s" if point.rate is not None and point.rate > 0 else ""
    )
    return f"{figures.count(point.parallel)} in flight{limit}"


def histogram_of(point: PerfPoint, name: str) -> Histogram:
    """One of the point's histograms, empty where it was not measured."""
    return point.histograms.get(name) or Histogram()


def _percentile(point: PerfPoint, name: str, percent: float) -> float | None:
    return histogram_of(point, name).percentile(percent)


_SUMMARY_TIMES = (
    ("ttft_ns", "TTFT", (50, 90, 99)),
    ("tpot_ns", "TPOT", (50, 90, 99)),
    ("itl_ns", "ITL", (50, 90, 99)),
    ("latency_ns", "Latency", (50, 90, 99)),
)


def summary_table(result: PerfResult) -> Table:
    """What each point of the sweep achieved, marked by its verdict."""
    rows = [Row(_throughput(point), mark=_mark(point)) for point in result.points]
    columns = (
        "Point",
        "Load",
        "Requests",
        "Failed",
        "Success",
        "Duration",
        "Requests/s",
        "Output tok/s",
        "Total tok/s",
    )
    return Table("Throughput", columns, tuple(rows), words=2)


def times_table(result: PerfResult) -> Table:
    """The times of each point of the sweep, marked by its verdict."""
    shown = [
        (name, label, percents)
        for name, label, percents in _SUMMARY_TIMES
        if name == "latency_ns" or any(histogram_of(point, name).count for point in result.points)
    ]
    units = {name: _common_unit(result.points, name) for name, _, _ in shown}
    times = [f"{label} p{percent}, {units[name].name}" for name, label, percents in shown for percent in percents]
    rows = [Row((point.name, *_summary_times(point, shown, units)), mark=_mark(point)) for point in result.points]
    return Table("Times", ("Point", *times), tuple(rows))


def _common_unit(points: Iterable[PerfPoint], name: str) -> Unit:
    return figures.time_unit(_percentile(point, name, 99) for point in points)


def _mark(point: PerfPoint) -> str:
    return "" if point.verdict is Verdict.VALID else str(point.verdict)


def _throughput(point: PerfPoint) -> tuple[str, ...]:
    found = rates(point)
    return (
        point.name,
        load_text(point),
        figures.count(found.requests),
        figures.count(point.failed),
        figures.percent(found.success),
        figures.duration(found.duration_s),
        figures.significant(found.rps),
        figures.significant(found.output_tps),
        figures.significant(found.total_tps),
    )


def _summary_times(
    point: PerfPoint, shown: Sequence[tuple[str, str, tuple[int, ...]]], units: dict[str, Unit]
) -> tuple[str, ...]:
    return tuple(
        units[name].show(_percentile(point, name, percent)) for name, _, percents in shown for percent in percents
    )


_TIMES = (
    ("latency_ns", "Latency"),
    ("ttft_ns", "Time to first token (TTFT)"),
    ("tpot_ns", "Time per output token (TPOT)"),
    ("itl_ns", "Inter-token latency (ITL)"),
    ("intended_latency_ns", "Latency from the intended send"),
    ("intended_ttft_ns", "TTFT from the intended send"),
    ("first_byte_ns", "First byte"),
    ("connect_ns", "Connect"),
)
_AMOUNTS = (
    ("input_tokens", "Input tokens", 1),
    ("output_tokens", "Output tokens", 1),
    ("output_tps_milli", "Output tok/s of a request", 1000),
    ("total_tps_milli", "Total tok/s of a request", 1000),
    ("chunks_per_read", "Chunks per socket read", 1),
)
_PERCENTS = (10, 25, 50, 75, 90, 95, 99, 99.9)


def percentile_tables(point: PerfPoint) -> list[Table]:
    """Times, and amounts, each with mean, deviation and percentiles, of successful requests; only what was measured."""
    times = [(name, label) for name, label in _TIMES if histogram_of(point, name).count]
    unit = figures.time_unit(_percentile(point, name, 99) for name, _ in times)
    head = ("Mean", "Std dev", "Min", *(f"p{percent:g}" for percent in _PERCENTS), "Max")
    tables = []
    if times:
        rows = [Row((label, *_spread(histogram_of(point, name), unit))) for name, label in times]
        tables.append(Table(f"Times, in {unit.name}", (f"Time ({unit.name})", *head), tuple(rows)))
    amounts = [
        Row((label, *_spread(histogram_of(point, name), Unit("", size))))
        for name, label, size in _AMOUNTS
        if histogram_of(point, name).count
    ]
    if amounts:
        tables.append(Table("Tokens", ("Amount", *head), tuple(amounts)))
    return tables


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
    """Failed requests by class with one message of each; None when none failed."""
    requests = point.succeeded + point.failed
    ordered = sorted(point.errors.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        Row(
            (
                str(cause),
                figures.clipped(point.error_samples.get(cause, figures.DASH), _LONGEST_MESSAGE),
                figures.count(times),
                figures.percent(times / requests),
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
    """How the load generator itself fared."""
    health = point.health
    lags = (health.schedule_lag_ns, health.loop_lag_ns, health.gc_pause_ns)
    unit = figures.time_unit(histogram.high for histogram in lags)
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
    """The rest of the client's health as pairs of what and how much."""
    health = point.health
    share = health.sent / health.offered if health.offered else None
    connections = figures.count(health.connections_peak)
    if health.connections_limit:
        connections += f" of {figures.count(health.connections_limit)} possible"
    return [
        ("CPU of one worker process", figures.percent(health.cpu_ns / health.wall_ns if health.wall_ns else None)),
        ("Worker processes", figures.count(health.processes)),
        (
            "Sent of what the schedule asked",
            f"{figures.count(health.sent)} of {figures.count(health.offered)} ({figures.percent(share)})",
        ),
        (
            "Clock of arrival times",
            ", ".join(f"{clock} ({figures.count(times)})" for clock, times in point.clocks.items()),
        ),
        ("Sent more than 1 ms late", figures.count(point.late)),
        ("Connections at once, at most", connections),
        ("Sent again after an idle close", figures.count(point.resent)),
        ("Warm-up requests before", figures.count(point.warmup)),
    ]


_BASIS_WORDS = {
    TokenBasis.USAGE: "taken from the usage that the server reported",
    TokenBasis.TOKENIZER: "counted with the given tokenizer",
    TokenBasis.CHUNKS: "counted as stream chunks, because the server reported no usage, or one that cannot be: real "
    "counts may be higher",
    TokenBasis.NONE: "not known",
}


def token_basis_text(point: PerfPoint) -> str:
    """Where the token counts come from, in a sentence."""
    bases = {basis: times for basis, times in point.token_basis.items() if times}
    if not bases:
        return "No request succeeded, so there are no token counts."
    if len(bases) == 1:
        return f"Token counts are {_BASIS_WORDS[next(iter(bases))]}."
    parts = [f"{_BASIS_WORDS[basis]} for {figures.count(times)} requests" for basis, times in bases.items()]
    return f"Token counts are {'; '.join(parts)}."
