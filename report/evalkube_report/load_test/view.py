"""What the page of a load test shows, as values for its template. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.figure import CHAT, MEAN, Better, Figure, Quantity, Unit
from evalkube_crds.figures import (
    DOCUMENTS_PER_SECOND,
    DURATION,
    FIRST_TURN_TTFT,
    GOODPUT,
    GOODPUT_RPS,
    INPUT_TPS,
    INPUTS_PER_SECOND,
    ITL,
    LATENCY,
    LATER_TURN_TTFT,
    OUTPUT_TOKENS,
    OUTPUT_TPS,
    RPS,
    SUCCESS_RATE,
    TPOT,
    TTFT,
    TURNS,
    applying,
)
from evalkube_crds.names import ANSWER_NOTES, AnswerNote, Verdict
from evalkube_crds.perf_point import PerfPoint, PerfSeries
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_report import configuration, formats, glossary
from evalkube_report.load_test import prompt_facts, server_section, service_levels, steady_section, tables
from evalkube_report.load_test.server_section import ServerSection
from evalkube_report.load_test.steady_section import SteadySection
from evalkube_report.plots import drawings
from evalkube_report.plots.drawings import Line, Svg
from evalkube_report.table import Table

__all__ = ["context"]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure to see first."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PointView:
    """One load of the sweep."""

    name: str
    load: str
    verdict: str
    reasons: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    percentiles: tuple[Table, ...]
    errors: Table | None
    steady: SteadySection | None
    distributions: tuple[Svg, ...]
    series: tuple[Svg, ...]
    server: ServerSection | None
    health: Table
    health_facts: tuple[tuple[str, str], ...]
    basis: str


def context(result: PerfResult, spec: PerfRunSpec) -> dict[str, Any]:
    """The names that ``perf.html.j2`` uses."""
    return {
        "title": result.title or spec.name or spec.model_id or result.model,
        "facts": _facts(result, spec),
        "missing": result.of_shards - len(result.shards),
        "tiles": _tiles(result.points),
        "doubts": [point for point in result.points if point.verdict is not Verdict.VALID],
        "none_succeeded": bool(result.points) and not any(point.succeeded for point in result.points),
        "answers": service_levels.answers_table(result),
        "probes": service_levels.probes_tables(result),
        "summary": tables.summary_table(result),
        "times": tables.times_table(result),
        "steady": steady_section.sweep_table(result) if len(result.points) > 1 else None,
        "sweep": _sweep(result.points) if len(result.points) > 1 else (),
        "points": [_point(point) for point in result.points],
        "settings": configuration.settings_of(spec),
        "terms": glossary.perf_terms(result.points),
    }


def _facts(result: PerfResult, spec: PerfRunSpec) -> list[tuple[str, str]]:
    span = (result.ended_at_ns - result.started_at_ns) / 1e9 if result.started_at_ns > 0 else None
    tokens = " to ".join(formats.count(limit) for limit in spec.max_tokens)
    return [
        ("Model", result.model),
        ("Endpoint", configuration.host_of(spec.url)),
        ("API", f"{spec.api}, {'streamed' if spec.streams else 'not streamed'}"),
        ("Started", formats.moment(result.started_at_ns)),
        ("Duration", formats.duration(span)),
        *prompt_facts.facts(result, spec),
        *([("Most tokens of an answer", tokens)] if DIALECTS[spec.api].kind in CHAT else []),
        *([("A good request has", spec.goodput.words)] if spec.goodput is not None else []),
        ("Seed", str(spec.seed)),
        ("Run", result.run_id),
    ]


def _tiles(points: Sequence[PerfPoint]) -> list[Tile]:
    """One point: its formats. Several: the best of those whose figures count."""
    if len(points) == 1:
        return _single_tiles(points[0])
    trusted = [point for point in points if point.verdict is not Verdict.INVALID and point.failed <= point.succeeded]
    succeeded = sum(point.succeeded for point in points)
    requests = succeeded + sum(point.failed for point in points)
    return [
        Tile(
            "Success",
            formats.percent(succeeded / requests if requests else None),
            f"{formats.count(requests)} requests in all",
        ),
        *(_best(trusted, _BEST[figure], figure) for figure in applying(_BEST, points)),
    ]


_BEST = {
    OUTPUT_TPS: "Highest output throughput",
    INPUTS_PER_SECOND: "Most inputs per second",
    DOCUMENTS_PER_SECOND: "Most documents per second",
    INPUT_TPS: "Highest input throughput",
    RPS: "Most requests per second",
    GOODPUT_RPS: "Most good requests per second",
    TTFT.figure(50): "Shortest TTFT p50",
    LATENCY.figure(50): "Shortest latency p50",
}


def _best(points: Sequence[PerfPoint], label: str, figure: Figure) -> Tile:
    found = [(value, point.name) for point in points if (value := figure.of(point)) is not None]
    if not found:
        return Tile(label, formats.DASH)
    value, name = min(found) if figure.better is Better.LOWER else max(found)
    unit = "" if figure.unit in (Unit.SECONDS, Unit.SHARE) else f" {figure.unit}"
    return Tile(label, tables.shown(figure, value) + unit, f"at {name}")


def _single_tiles(point: PerfPoint) -> list[Tile]:
    tiles = [
        Tile(
            "Success",
            tables.shown(SUCCESS_RATE, SUCCESS_RATE.of(point)),
            f"{formats.count(point.succeeded)} of {formats.count(point.succeeded + point.failed)} requests",
        ),
        Tile("Requests per second", tables.shown(RPS, RPS.of(point)), load_note(point)),
        *(
            Tile("Goodput", tables.shown(GOODPUT, GOODPUT.of(point)), f"{shown} good requests per second")
            for shown in [tables.shown(GOODPUT_RPS, GOODPUT_RPS.of(point))]
            if point.good is not None
        ),
        *(
            Tile(label, tables.shown(figure, figure.of(point)), note)
            for figure, label, note in _SINGLE
            if point.kind in figure.kinds
        ),
    ]
    for time in (TTFT, FIRST_TURN_TTFT, LATER_TURN_TTFT, TPOT, LATENCY):
        p50, p99 = time.counted(point).percentiles([50, 99])
        if p50 is not None:
            tiles.append(Tile(f"{time.title} p50", formats.timed(p50), f"p99 {formats.timed(p99)}"))
    return tiles


_SINGLE = (
    (OUTPUT_TPS, "Output throughput", "tokens per second"),
    (INPUTS_PER_SECOND, "Input throughput", "texts per second"),
    (DOCUMENTS_PER_SECOND, "Document throughput", "documents per second"),
    (INPUT_TPS, "Input token throughput", "tokens per second"),
)


def load_note(point: PerfPoint) -> str:
    """The load of a point, for a tile."""
    return tables.load_text(point)


def _sweep(points: Sequence[PerfPoint]) -> tuple[Svg, ...]:
    """Throughput and times against the load; points whose figures do not count are drawn hollow."""
    invalid = [point.verdict is Verdict.INVALID for point in points]
    open_loop = all(point.open_loop for point in points)
    names, axis = _loads(points, open_loop)

    def plot(title: str, y_label: str, series: dict[str, Sequence[float | None]]) -> Svg | None:
        drawn = [Line(name, values, invalid) for name, values in series.items()]
        return drawings.lines(drawn, range(len(points)), title=title, x_label=axis, y_label=y_label, x_names=names)

    drawn = [
        *(
            plot(f"{label} by load", str(figure.unit), {figure.title.lower(): [figure.of(point) for point in points]})
            for figure, label, _ in _SINGLE
            if applying([figure], points)
        ),
        plot(
            "Requests per second by load",
            "requests/s",
            {
                figure.title.lower(): [figure.of(point) for point in points]
                for figure in applying((RPS, GOODPUT_RPS), points)
            },
        ),
        *(_times_by_load(points, time, plot) for time in (TTFT, TPOT, LATENCY)),
    ]
    return tuple(svg for svg in drawn if svg is not None)


def _times_by_load(points: Sequence[PerfPoint], time: Quantity, plot: Any) -> Svg | None:
    spread = {percent: [time.counted(point).percentile(percent) for point in points] for percent in (50, 99)}
    unit = formats.time_unit(value for values in spread.values() for value in values)
    series = {
        f"p{percent}": [None if value is None else value / unit.size for value in values]
        for percent, values in spread.items()
    }
    found: Svg | None = plot(f"{time.title} by load", f"{time.title}, {unit.name}", series)
    return found


def _loads(points: Sequence[PerfPoint], open_loop: bool) -> tuple[list[str], str]:
    """A name per point for the axis: its parallel or rate where that tells points apart, else its own name."""
    if open_loop:
        names = [f"{point.rate:g}" if point.rate is not None else formats.DASH for point in points]
        unit = "requests" if all(point.conversations is None for point in points) else "conversations"
        axis = f"rate, {unit}/s (open loop)"
    else:
        unit = "requests in flight" if all(point.conversations is None for point in points) else "conversations"
        names, axis = [formats.count(point.parallel) for point in points], f"{unit} (parallel)"
    return (names, axis) if len(set(names)) == len(points) else ([point.name for point in points], "point")


def _point(point: PerfPoint) -> PointView:
    tokens = formats.Unit(OUTPUT_TOKENS.unit)
    distributions = [
        *(drawings.distribution(time.counted(point), time.title) for time in (LATENCY, TTFT, ITL)),
        drawings.distribution(OUTPUT_TOKENS.counted(point), OUTPUT_TOKENS.title, unit=tokens),
    ]
    return PointView(
        name=point.name,
        load=tables.load_text(point),
        verdict=str(point.verdict),
        reasons=tuple(point.verdict_reasons),
        facts=(
            ("Load", tables.load_text(point)),
            *([("Arrivals", point.arrivals)] if point.arrivals is not None else []),
            *([("Proxy, whose delay is in all times", point.proxy)] if point.proxy is not None else []),
            *_conversation_facts(point),
            ("Succeeded", f"{formats.count(point.succeeded)} of {formats.count(point.succeeded + point.failed)}"),
            *((figure.title, tables.shown(figure, figure.of(point))) for figure in applying(_FACTS, [point])),
            ("Input tokens", formats.count(point.input_tokens)),
            *(_words_facts(point) if point.kind in CHAT else [("Texts, or documents", formats.count(point.inputs))]),
            *((f"{formats.count(times)} answers", _note_text(note)) for note, times in point.answer_notes.items()),
        ),
        percentiles=tuple(tables.percentile_tables(point)),
        errors=tables.error_table(point),
        steady=steady_section.section(point),
        distributions=tuple(svg for svg in distributions if svg is not None),
        series=_series_plots(point),
        server=server_section.section(point),
        health=tables.health_table(point),
        health_facts=tuple(tables.health_facts(point)),
        basis=tables.token_basis_text(point),
    )


_FACTS = (DURATION, RPS, GOODPUT, GOODPUT_RPS, *(figure for figure, _, _ in _SINGLE))


def _conversation_facts(point: PerfPoint) -> list[tuple[str, str]]:
    if point.conversations is None:
        return []
    turns = formats.significant(TURNS.value(point, MEAN))
    return [
        ("Conversations", tables.conversations_text(point.conversations)),
        ("Turns sent of a conversation, mean", turns),
    ]


def _words_facts(point: PerfPoint) -> list[tuple[str, str]]:
    return [
        ("Output tokens", formats.count(point.output_tokens)),
        ("Finish reasons", _finish_text(point)),
        ("Cut off by a limit of tokens", formats.count(point.truncated)),
    ]


def _note_text(note: AnswerNote) -> str:
    return ANSWER_NOTES[note].removeprefix("answers ")


def _finish_text(point: PerfPoint) -> str:
    ordered = sorted(point.finish_reasons.items(), key=lambda item: (-item[1], item[0]))
    return (
        ", ".join(f"{formats.clipped(name, 40) or 'none'} {formats.count(times)}" for name, times in ordered if times)
        or formats.DASH
    )


def _series_plots(point: PerfPoint) -> tuple[Svg, ...]:
    """Requests, tokens and times over the time of the test; one interval alone is no course of time."""
    series = point.series
    size = max(len(series.sent), len(series.succeeded), len(series.failed), len(series.output_tokens))
    if size < 3:
        return ()
    starts = [index * series.interval_ns / 1e9 for index in range(size)]
    span = steady_section.span_s(point)
    lengths = _lengths_s(point, size)
    requests = [
        Line(name, [amount / length for amount, length in zip(_padded(values, size), lengths, strict=True)])
        for name, values in (("sent", series.sent), ("completed", series.succeeded), ("failed", series.failed))
        if name != "failed" or any(values)
    ]
    tokens = Line(
        "output tokens",
        [amount / length for amount, length in zip(_padded(series.output_tokens, size), lengths, strict=True)],
    )
    drawn = [
        _over_time(requests, starts, "Requests over time", "requests/s", span),
        _over_time([tokens], starts, "Output tokens over time", "tok/s", span) if any(series.output_tokens) else None,
        _times_over_time(series, starts, size, span),
    ]
    return tuple(svg for svg in drawn if svg is not None)


def _over_time(
    drawn: Sequence[Line], starts: Sequence[float], title: str, y_label: str, span: tuple[float, float] | None
) -> Svg | None:
    """A course over the time of the test; the steady part is shaded."""
    return drawings.lines(drawn, starts, title=title, x_label="time, s", y_label=y_label, dots=False, shaded=span)


def _times_over_time(
    series: PerfSeries, starts: Sequence[float], size: int, span: tuple[float, float] | None
) -> Svg | None:
    ended = _padded(series.succeeded, size)
    means = {
        name: [total / times if times else None for total, times in zip(_padded(values, size), ended, strict=True)]
        for name, values in (("mean latency", series.latency_ns_sum), ("mean TTFT", series.ttft_ns_sum))
        if any(values)
    }
    unit = formats.time_unit(value for values in means.values() for value in values)
    drawn = [Line(name, [None if v is None else v / unit.size for v in values]) for name, values in means.items()]
    return _over_time(drawn, starts, "Times over time", unit.name, span)


def _lengths_s(point: PerfPoint, size: int) -> list[float]:
    """The length of each interval in seconds: the last one ends with the test, not with the interval."""
    interval_s = point.series.interval_ns / 1e9
    rest = (point.ended_at_ns - point.started_at_ns) / 1e9 - (size - 1) * interval_s
    # half an interval at least: a few requests in the last millisecond are not a throughput of thousands
    last = min(interval_s, max(rest, interval_s / 2))
    return [interval_s] * (size - 1) + [last]


def _padded(values: Sequence[int], size: int) -> list[int]:
    return [*values, *[0] * (size - len(values))]
