"""A load test's answer as tables for a terminal. Pure: an answer in, tables out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.table import Table

from evalkube_cli.table_parts import columns, number, safe
from evalkube_crds.figure import KINDS, MEAN, Figure, Quantity, Unit
from evalkube_crds.figures import (
    DOCUMENTS_PER_SECOND,
    FIRST_TURN_TTFT,
    GOODPUT,
    GOODPUT_RPS,
    INPUT_TPS,
    INPUTS_PER_SECOND,
    LATENCY,
    LATER_TURN_TTFT,
    OUTPUT_TPS,
    RPS,
    TPOT,
    TTFT,
    TURNS,
)
from evalkube_crds.intervals import CONFIDENCE, values_needed
from evalkube_crds.names import ANSWER_NOTES, SteadyAbsence

__all__ = ["perf_tables", "sla_tables"]

_STYLES: Final = {"valid": "green", "degraded": "yellow", "invalid": "bold red"}
_FIGURES: Final = (RPS, GOODPUT, GOODPUT_RPS, OUTPUT_TPS, INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND, INPUT_TPS)
_TIMES: Final = (TTFT, TPOT, LATENCY)
_PERCENTS: Final = ("50%", "90%", "99%")


def perf_tables(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """Throughput and times of every point; then the failed requests and what speaks against the figures."""
    shown = _figures(results)
    spans = _TIMES if OUTPUT_TPS in shown else (LATENCY,)
    throughput = columns("Throughput", "Point", "Success", *(figure.title for figure in shown), "Client")
    times = columns(
        "Times in ms", "Point", *(f"{time.title}\np{percent[:-1]}" for time in spans for percent in _PERCENTS)
    )
    for name, point in results.items():
        metrics = point["metrics"]
        success = f"{metrics['Succeed requests']:,} of {metrics['Total requests']:,}"
        figures = (_value(figure, metrics.get(figure.seed_key)) for figure in shown)
        verdict = str(metrics.get("Client verdict", "-"))
        throughput.add_row(safe(name), success, *figures, f"[{_STYLES.get(verdict, 'none')}]{safe(verdict)}[/]")
        times.add_row(safe(name), *_times(point["percentiles"], spans))
    yield throughput
    yield times
    yield from _steady(results, shown, spans)
    yield from _conversations(results)
    yield from _ranges(results)
    notes = list(_notes(results))
    if notes:
        table = Table("Point", "Note", title="To note", title_justify="left", box=box.SIMPLE_HEAD)
        for name, note in notes:
            table.add_row(safe(name), safe(note))
        yield table


def _conversations(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """How conversations ended, and the TTFT of first turns beside that of later ones; nothing where there were none."""
    times = [time.figure(MEAN) for time in (FIRST_TURN_TTFT, LATER_TURN_TTFT)]
    table = columns(
        *("Conversations", "Point", "Completed", "Failed", "Cut", "Turns\nnot sent", "Turns\nmean"),
        *(f"{time.title.removesuffix(' mean')}\nmean, ms" for time in times),
    )
    for name, point in results.items():
        metrics = point["metrics"]
        counts = metrics.get("Conversations")
        if counts is not None:
            said = (f"{counts[kind]:,}" for kind in ("completed", "failed", "cut", "unsent_turns"))
            means = (metrics.get(time.seed_key) for time in times)
            shown = (number(None if mean is None else mean * 1000) for mean in means)
            table.add_row(safe(name), *said, number(metrics[TURNS.figure(MEAN).seed_key]), *shown)
    if table.rows:
        yield table


def _figures(results: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Those that the points have, by their keys; of models that embed or rank none of words."""
    keys = {key for point in results.values() for key in point["metrics"]}
    kinds = KINDS if INPUT_TPS.seed_key not in keys else INPUT_TPS.kinds
    return [figure for figure in _FIGURES if figure.seed_key in keys and not set(figure.kinds).isdisjoint(kinds)]


def _steady(
    results: Mapping[str, Mapping[str, Any]], shown: Sequence[Figure], times: Sequence[Quantity]
) -> Iterator[Table]:
    """The figures of the points' steady parts; nothing where there are none."""
    slowest = [time.figure(99) for time in times if time is not TPOT]
    heads = (figure.title.replace(" ", "\n") for figure in (*shown, *slowest))
    table = columns("While the load was steady, times in ms", "Point", "Of the\nrun", *heads)
    for name, point in results.items():
        found = point["metrics"].get("Steady state") or {}
        if "share" in found:
            rates = (number(found.get(figure.name)) for figure in shown)
            ends = (found.get(figure.name) for figure in slowest)
            spans = (number(None if end is None else end * 1000) for end in ends)
            table.add_row(safe(name), f"{found['share']:.0%}", *rates, *spans)
    if table.rows:
        yield table


def sla_tables(found: Mapping[str, Any] | None) -> Iterator[Table]:
    """What a search for a service level found, and what it tried for each group of criteria."""
    if found is None:
        return
    answers = columns("Service level", "Wanted", f"Highest {found['variable']}")
    answers.add_column("Why the search ended", overflow="fold")
    for group in found["groups"]:
        best = "[bold red]none[/]" if group["best"] is None else f"{group['best']:g}"
        answers.add_row(safe(_wanted(group)), best, safe(group["stopped"]))
    yield answers
    for group in found["groups"]:
        tried = columns(f"Tried for {safe(_wanted(group))}", "Point", found["variable"], *map(safe, group["criteria"]))
        tried.add_column("Outcome")
        for probe in group["probes"]:
            figures = (number(probe["figures"].get(name)) for name in group["criteria"])
            tried.add_row(safe(probe["point"]), f"{probe['value']:g}", *figures, safe(probe["outcome"]))
        yield tried


def _wanted(group: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {condition}" for name, condition in group["criteria"].items())


def _times(percentiles: Mapping[str, list[Any]], times: Sequence[Quantity]) -> Iterator[str]:
    rows = {label: index for index, label in enumerate(percentiles["Percentiles"])}
    for time in times:
        for percent in _PERCENTS:
            value = percentiles[time.seed_column][rows[percent]]
            yield number(None if value is None else value * 1000)


def _ranges(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """The confidence intervals of the percentiles; nothing from a service that tells of none."""
    names = (f"p{percent[:-1]}" for percent in _PERCENTS)
    table = columns(f"{CONFIDENCE * 100:g} % ranges of the percentiles in ms", "Point", "", *names)
    needed = ", ".join(f"p{percent[:-1]} {values_needed(float(percent[:-1]))}" for percent in _PERCENTS)
    table.caption, table.caption_justify = f"Requests that a range needs: {needed}", "left"
    for name, point in results.items():
        percentiles = point["percentiles"]
        measured = [time for time in _TIMES if any(end is not None for end in percentiles[time.seed_column])]
        told = [time for time in measured if time.seed_bounds()[0] in percentiles]
        for place, time in enumerate(told):
            table.add_row("" if place else safe(name), time.title, *_ranges_of(percentiles, time))
    if table.rows:
        yield table


def _ranges_of(percentiles: Mapping[str, list[Any]], time: Quantity) -> Iterator[str]:
    for percent in _PERCENTS:
        at = percentiles["Percentiles"].index(percent)
        ends = [percentiles[column][at] for column in time.seed_bounds()]
        yield "too few" if None in ends else "–".join(dict.fromkeys(number(end * 1000) for end in ends))


def _notes(results: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, point in results.items():
        metrics = point["metrics"]
        for error, times in (metrics.get("Errors") or {}).items():
            yield name, f"{times:,} failed: {error}"
        for note, times in (metrics.get("Answer notes") or {}).items():
            yield name, f"{times:,} {ANSWER_NOTES.get(note, note)}"
        steady = metrics.get("Steady state") or {}
        if set(steady.get("absent", ())) - {SteadyAbsence.TOO_SHORT}:  # a short test is one by intent
            yield name, f"no steady part: {steady['message']}"
        for reason in metrics.get("Client verdict reasons") or ():
            yield name, reason
        if metrics.get("Proxy"):
            yield name, f"through the proxy {metrics['Proxy']}, whose delay is in all times"


def _value(figure: Figure, value: float | None) -> str:
    return f"{value:.1%}" if figure.unit is Unit.SHARE and value is not None else number(value)
