"""The service's answers as tables for a terminal. Pure: an answer in, tables out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.markup import escape
from rich.table import Table

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
from evalkube_crds.wording import printable

__all__ = ["beside_tables", "eval_tables", "perf_tables", "sla_tables"]


def eval_tables(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """Scores by dataset and metric; the categories of a dataset that has several."""
    if not results:
        return
    troubled = [name for name in _TROUBLES if any(report.get(name) for report in results.values())]
    table = Table(title="Scores", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Dataset, metric", overflow="fold")
    for name in ("Score", "95 % interval", "Macro", "Samples"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in troubled:
        table.add_column(name.capitalize(), justify="right", overflow="fold")
    for dataset, report in results.items():
        for place, metric in enumerate(report["metrics"] or [{"name": "-", "score": None, "macro_score": None}]):
            counts = _counts(report, troubled) if place == 0 else ()
            scores = (_number(metric["score"], 4), _ends(metric), _number(metric["macro_score"], 4))
            name = f"{dataset} {metric['name']}" if place == 0 else f"  {metric['name']}"
            table.add_row(_shown(name), *scores, *counts)
    yield table
    yield from _precision(results)
    yield from _judgements(results)
    for dataset, report in results.items():
        if report["metrics"] and len(report["metrics"][0]["categories"]) > 1:
            yield _categories(dataset, report["metrics"][0])


def _ends(one: Mapping[str, Any], key: str = "interval") -> str:
    """An interval; none from a service that tells of none."""
    ends = one.get(key)
    return "-" if ends is None else "–".join(_number(end, 4) for end in ends)


def _precision(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """What evaluations that may end early asked and saved; nothing where none may."""
    table = Table(title="Precision", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Dataset", no_wrap=True, overflow="fold")
    for name in ("Wanted", "Score of\nall questions", "Questions\nasked", "Samples\nsaved"):
        table.add_column(name, justify="right")
    for dataset, report in results.items():
        found = report.get("precision")
        if found is not None:
            ends = f"{_number(found['low'], 4)}–{_number(found['high'], 4)}"
            asked = f"{found['asked_questions']:,} of {found['of_questions']:,}"
            table.add_row(_shown(dataset), f"±{found['wanted']:g}", ends, asked, f"{found['saved_samples']:,}")
            if found.get("note"):
                table.add_row("", "", _shown(found["note"]))
    if table.rows:
        yield table


def _judgements(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """What judges said, and what of it does not count; nothing where none was asked."""
    table = _columns("Judgements", "Dataset", "All", "Unreadable", "Failed", "Asked again", "Inconsistent")
    table.columns[0].min_width, table.columns[0].no_wrap = None, True
    for dataset, report in results.items():
        found = report.get("judge_summary")
        if found is not None:
            counts = ("judgements", "unreadable", "failed", "asked_again", "inconsistent")
            table.add_row(_shown(dataset), *(f"{found.get(count, 0):,}" for count in counts))
    if table.rows:
        yield table


def beside_tables(answer: Mapping[str, Any]) -> Iterator[Table]:
    """What is of an evaluation as a whole: the indices of its collections, its cost, what a dry run expects."""
    if collections := answer.get("collections"):
        table = _columns("Collections", "Collection", "Index", "Members (weight)")
        table.columns[2].justify, table.columns[2].overflow = "left", "fold"
        for name, one in collections.items():
            members = (
                f"{member} {_number(of['score'], 4)} ({of['weight']:g})" for member, of in one["members"].items()
            )
            table.add_row(_shown(name), _number(one["index"], 4), _shown(", ".join(members)))
        yield table
    if cost := answer.get("cost"):
        table = _columns("Cost", "What", "Cost")
        for name, value in cost["datasets"].items():
            table.add_row(_shown(name), _number(value, 6))
        for judge in cost["judges"]:
            table.add_row(_shown(f"judge {judge['model']}"), _number(judge["cost"], 6))
        table.add_row("total", _number(cost["total"], 6))
        yield table
    if estimate := answer.get("estimate"):
        yield _estimate(estimate)


def _estimate(estimate: Mapping[str, Any]) -> Table:
    title = f"Dry run: nothing was asked. Prompt tokens by {estimate['counted_by']}, output tokens at most"
    table = _columns(title, "What", "Calls", "Prompt tokens", "Output tokens", "Most cost", "Kept")
    counts = ("calls", "prompt_tokens", "most_output_tokens")
    for name, one in estimate["datasets"].items():
        costs = _number(one.get("most_cost"), 6)
        table.add_row(_shown(name), *(f"{one[count]:,}" for count in counts), costs, f"{one['kept']:,}")
    asked = [estimate["model"], *estimate["judges"]]
    for one in asked:
        costs = _number(one.get("most_cost"), 6)
        table.add_row(_shown(f"model {one['model']}"), *(f"{one[count]:,}" for count in counts), costs, "")
    sums = (f"{sum(one[count] for one in asked):,}" for count in counts)
    table.add_row("total", *sums, _number(estimate["most_cost"], 6), "")
    return table


_TROUBLES: Final = ("errored", "truncated", "empty")


def _counts(report: Mapping[str, Any], troubled: Sequence[str]) -> Iterator[str]:
    """Of a dataset: its samples, and those with each kind of trouble that there is in the run."""
    scored, requested = report.get("scored", 0), report.get("requested", 0)
    yield f"{scored:,}" if scored == requested else f"{scored:,} of {requested:,}"
    causes = ", ".join(f"{cause} {times}" for cause, times in (report.get("errors") or {}).items())
    for name in troubled:
        yield f"{report.get(name) or 0:,}" + (f" ({causes})" if causes and name == "errored" else "")


def _categories(dataset: str, metric: Mapping[str, Any]) -> Table:
    table = Table(title=f"{_shown(dataset)} by category", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Category", overflow="fold")
    for name in ("Score", "95 % interval", "Macro", "Samples"):
        table.add_column(name, justify="right")
    for one in metric["categories"]:
        scores = (_number(one["score"], 4), _ends(one), _number(one["macro_score"], 4))
        table.add_row(_shown(" / ".join(one["name"])), *scores, f"{one['num']:,}")
    return table


_FIGURES: Final = (RPS, GOODPUT, GOODPUT_RPS, OUTPUT_TPS, INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND, INPUT_TPS)
_TIMES: Final = (TTFT, TPOT, LATENCY)
_PERCENTS: Final = ("50%", "90%", "99%")


def perf_tables(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """Throughput and times of every point; then the failed requests and what speaks against the figures."""
    shown = _figures(results)
    spans = _TIMES if OUTPUT_TPS in shown else (LATENCY,)
    throughput = _columns("Throughput", "Point", "Success", *(figure.title for figure in shown), "Client")
    times = _columns(
        "Times in ms", "Point", *(f"{time.title}\np{percent[:-1]}" for time in spans for percent in _PERCENTS)
    )
    for name, point in results.items():
        metrics = point["metrics"]
        success = f"{metrics['Succeed requests']:,} of {metrics['Total requests']:,}"
        figures = (_value(figure, metrics.get(figure.seed_key)) for figure in shown)
        verdict = str(metrics.get("Client verdict", "-"))
        throughput.add_row(_shown(name), success, *figures, f"[{_STYLES.get(verdict, 'none')}]{_shown(verdict)}[/]")
        times.add_row(_shown(name), *_times(point["percentiles"], spans))
    yield throughput
    yield times
    yield from _steady(results, shown, spans)
    yield from _conversations(results)
    yield from _ranges(results)
    notes = list(_notes(results))
    if notes:
        table = Table("Point", "Note", title="To note", title_justify="left", box=box.SIMPLE_HEAD)
        for name, note in notes:
            table.add_row(_shown(name), _shown(note))
        yield table


def _conversations(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """How conversations ended, and the TTFT of first turns beside that of later ones; nothing where there were none."""
    times = [time.figure(MEAN) for time in (FIRST_TURN_TTFT, LATER_TURN_TTFT)]
    table = _columns(
        *("Conversations", "Point", "Completed", "Failed", "Cut", "Turns\nnot sent", "Turns\nmean"),
        *(f"{time.title.removesuffix(' mean')}\nmean, ms" for time in times),
    )
    for name, point in results.items():
        metrics = point["metrics"]
        counts = metrics.get("Conversations")
        if counts is not None:
            said = (f"{counts[kind]:,}" for kind in ("completed", "failed", "cut", "unsent_turns"))
            means = (metrics.get(time.seed_key) for time in times)
            shown = (_number(None if mean is None else mean * 1000) for mean in means)
            table.add_row(_shown(name), *said, _number(metrics[TURNS.figure(MEAN).seed_key]), *shown)
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
    table = _columns("While the load was steady, times in ms", "Point", "Of the\nrun", *heads)
    for name, point in results.items():
        found = point["metrics"].get("Steady state") or {}
        if "share" in found:
            rates = (_number(found.get(figure.name)) for figure in shown)
            ends = (found.get(figure.name) for figure in slowest)
            spans = (_number(None if end is None else end * 1000) for end in ends)
            table.add_row(_shown(name), f"{found['share']:.0%}", *rates, *spans)
    if table.rows:
        yield table


def sla_tables(found: Mapping[str, Any] | None) -> Iterator[Table]:
    """What a search for a service level found, and what it tried for each group of criteria."""
    if found is None:
        return
    answers = _columns("Service level", "Wanted", f"Highest {found['variable']}")
    answers.add_column("Why the search ended", overflow="fold")
    for group in found["groups"]:
        best = "[bold red]none[/]" if group["best"] is None else f"{group['best']:g}"
        answers.add_row(_shown(_wanted(group)), best, _shown(group["stopped"]))
    yield answers
    for group in found["groups"]:
        tried = _columns(
            f"Tried for {_shown(_wanted(group))}", "Point", found["variable"], *map(_shown, group["criteria"])
        )
        tried.add_column("Outcome")
        for probe in group["probes"]:
            figures = (_number(probe["figures"].get(name)) for name in group["criteria"])
            tried.add_row(_shown(probe["point"]), f"{probe['value']:g}", *figures, _shown(probe["outcome"]))
        yield tried


def _wanted(group: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {condition}" for name, condition in group["criteria"].items())


_POINT_WIDTH: Final = 22
"""Holds parallel_10_number_100: a name cut to pieces is worse than a number on two lines."""

_STYLES: Final = {"valid": "green", "degraded": "yellow", "invalid": "bold red"}


def _columns(title: str, first: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold", min_width=_POINT_WIDTH)
    for name in names:
        table.add_column(name, justify="right")
    return table


def _times(percentiles: Mapping[str, list[Any]], times: Sequence[Quantity]) -> Iterator[str]:
    rows = {label: index for index, label in enumerate(percentiles["Percentiles"])}
    for time in times:
        for percent in _PERCENTS:
            value = percentiles[time.seed_column][rows[percent]]
            yield _number(None if value is None else value * 1000)


def _ranges(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """The confidence intervals of the percentiles; nothing from a service that tells of none."""
    names = (f"p{percent[:-1]}" for percent in _PERCENTS)
    table = _columns(f"{CONFIDENCE * 100:g} % ranges of the percentiles in ms", "Point", "", *names)
    needed = ", ".join(f"p{percent[:-1]} {values_needed(float(percent[:-1]))}" for percent in _PERCENTS)
    table.caption, table.caption_justify = f"Requests that a range needs: {needed}", "left"
    for name, point in results.items():
        percentiles = point["percentiles"]
        measured = [time for time in _TIMES if any(end is not None for end in percentiles[time.seed_column])]
        told = [time for time in measured if time.seed_bounds()[0] in percentiles]
        for place, time in enumerate(told):
            table.add_row("" if place else _shown(name), time.title, *_ranges_of(percentiles, time))
    if table.rows:
        yield table


def _ranges_of(percentiles: Mapping[str, list[Any]], time: Quantity) -> Iterator[str]:
    for percent in _PERCENTS:
        at = percentiles["Percentiles"].index(percent)
        ends = [percentiles[column][at] for column in time.seed_bounds()]
        yield "too few" if None in ends else "–".join(dict.fromkeys(_number(end * 1000) for end in ends))


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


def _shown(text: str) -> str:
    """Words that others wrote, without what rich or a terminal would obey."""
    return escape(printable(text))


def _value(figure: Figure, value: float | None) -> str:
    return f"{value:.1%}" if figure.unit is Unit.SHARE and value is not None else _number(value)


def _number(value: float | None, decimals: int | None = None) -> str:
    if value is None:
        return "-"
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
