"""The values that the template of a load test's page uses. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.figure import CHAT, MEAN, Better, Figure, Unit
from evalkube_crds.figures import (
    DOCUMENTS_PER_SECOND,
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
from evalkube_crds.names import ANSWER_NOTES, AnswerNote
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_report import configuration, formats, glossary, sentences
from evalkube_report.load_test import (
    courses,
    levels,
    prompt_facts,
    saturation,
    server_section,
    service_levels,
    steady_section,
    sweep,
    tables,
)
from evalkube_report.load_test.levels import Level
from evalkube_report.load_test.server_section import ServerSection
from evalkube_report.load_test.steady_section import SteadySection
from evalkube_report.plots.distributions import distribution
from evalkube_report.plots.drawing import Shown, shown
from evalkube_report.requests.series import Series as RequestSeries
from evalkube_report.table import Table

__all__ = ["PointView", "Tile", "context", "facts", "point_view", "tiles"]


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure."""

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
    offered: sentences.Statement | None
    facts: tuple[tuple[str, str], ...]
    percentiles: tuple[Table, ...]
    errors: Table | None
    steady: SteadySection | None
    distributions: tuple[Shown, ...]
    series: tuple[Shown, ...]
    server: ServerSection | None
    health: Table
    health_facts: tuple[tuple[str, str], ...]
    basis: str


def context(
    result: PerfResult, spec: PerfRunSpec, requests: Mapping[str, RequestSeries] = MappingProxyType({})
) -> dict[str, Any]:
    """The names that the template `perf.html.j2` uses. `requests`: the requests of each point over time, by the point's
    name.
    """
    wanted = levels.of(result, spec)
    several = len(result.points) > 1
    return {
        "title": result.title or spec.name or spec.model_id or result.model,
        "facts": facts(result, spec),
        "missing": result.of_shards - len(result.shards),
        "statements": sentences.of_load_test(result, spec.thresholds),
        "tiles": tiles(result.points),
        "answers": service_levels.answers_table(result),
        "probes": service_levels.probes_tables(result),
        "summary": tables.summary_table(result),
        "times": tables.times_table(result),
        "steady": steady_section.sweep_table(result) if several else None,
        "prices": [shown(plot) for plot in sweep.prices(result.points, wanted)],
        "by_load": [shown(plot) for plot in sweep.by_load(result.points, wanted)],
        "cumulatives": [shown(plot) for plot in sweep.cumulatives(result.points, wanted)] if several else [],
        "points": [point_view(point, requests.get(point.name), wanted) for point in result.points],
        "settings": configuration.settings_of(spec),
        "terms": glossary.perf_terms(result.points),
    }


def facts(result: PerfResult, spec: PerfRunSpec) -> list[tuple[str, str]]:
    """Facts about the test as pairs of name and value: endpoint, load, prompts."""
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


def tiles(points: Sequence[PerfPoint]) -> list[Tile]:
    """The headline figures: of the only point, or the best of those points whose figures count."""
    if len(points) == 1:
        return _single_tiles(points[0])
    trusted = [point for point in points if saturation.counts(point)]
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
    found = [
        Tile(
            "Success",
            tables.shown(SUCCESS_RATE, SUCCESS_RATE.of(point)),
            f"{formats.count(point.succeeded)} of {formats.count(point.succeeded + point.failed)} requests",
        ),
        Tile("Requests/s", tables.shown(RPS, RPS.of(point)), tables.load_text(point)),
        *(
            Tile("Goodput", tables.shown(GOODPUT, GOODPUT.of(point)), f"{rate} good requests/s")
            for rate in [tables.shown(GOODPUT_RPS, GOODPUT_RPS.of(point))]
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
            found.append(Tile(f"{time.title} p50", formats.timed(p50), f"p99 {formats.timed(p99)}"))
    return found


_SINGLE = (
    (OUTPUT_TPS, "Output throughput", "tokens per second"),
    (INPUTS_PER_SECOND, "Input throughput", "texts per second"),
    (DOCUMENTS_PER_SECOND, "Document throughput", "documents per second"),
    (INPUT_TPS, "Input token throughput", "tokens per second"),
)


def point_view(point: PerfPoint, requests: RequestSeries | None = None, wanted: Sequence[Level] = ()) -> PointView:
    """All tables and plots of a point."""
    tokens = formats.Unit(OUTPUT_TOKENS.unit)
    drawn = [
        *(
            distribution(time.counted(point), time.title, limits=levels.along(wanted, time))
            for time in (LATENCY, TTFT, TPOT, ITL)
        ),
        distribution(OUTPUT_TOKENS.counted(point), OUTPUT_TOKENS.title, unit=tokens),
    ]
    return PointView(
        name=point.name,
        load=tables.load_text(point),
        verdict=str(point.verdict),
        reasons=tuple(point.verdict_reasons),
        offered=sentences.offered(point),
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
        distributions=tuple(shown(plot) for plot in drawn if plot is not None),
        series=tuple(shown(plot) for plot in courses.of(point, requests, wanted)),
        server=server_section.section(point),
        health=tables.health_table(point),
        health_facts=tuple(tables.health_facts(point)),
        basis=tables.token_basis_text(point),
    )


_FACTS = tuple(figure for figure in tables.THROUGHPUT if figure is not SUCCESS_RATE)


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
