"""An evaluation's answer as tables for a terminal. Pure: an answer in, tables out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.table import Table

from evalkube_cli.table_parts import columns, number, safe

__all__ = ["beside_tables", "eval_tables"]


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
            scores = (number(metric["score"], 4), _ends(metric), number(metric["macro_score"], 4))
            name = f"{dataset} {metric['name']}" if place == 0 else f"  {metric['name']}"
            table.add_row(safe(name), *scores, *counts)
    yield table
    yield from _precision(results)
    yield from _judgements(results)
    for dataset, report in results.items():
        if report["metrics"] and len(report["metrics"][0]["categories"]) > 1:
            yield _categories(dataset, report["metrics"][0])


def _ends(one: Mapping[str, Any], key: str = "interval") -> str:
    """An interval; none from a service that tells of none."""
    ends = one.get(key)
    return "-" if ends is None else "–".join(number(end, 4) for end in ends)


def _precision(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """What evaluations that may end early asked and saved; nothing where none may."""
    table = Table(title="Precision", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Dataset", no_wrap=True, overflow="fold")
    for name in ("Wanted", "Score of\nall questions", "Questions\nasked", "Samples\nsaved"):
        table.add_column(name, justify="right")
    for dataset, report in results.items():
        found = report.get("precision")
        if found is not None:
            ends = f"{number(found['low'], 4)}–{number(found['high'], 4)}"
            asked = f"{found['asked_questions']:,} of {found['of_questions']:,}"
            table.add_row(safe(dataset), f"±{found['wanted']:g}", ends, asked, f"{found['saved_samples']:,}")
            if found.get("note"):
                table.add_row("", "", safe(found["note"]))
    if table.rows:
        yield table


def _judgements(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """What judges said, and what of it does not count; nothing where none was asked."""
    table = columns("Judgements", "Dataset", "All", "Unreadable", "Failed", "Asked again", "Inconsistent")
    table.columns[0].min_width, table.columns[0].no_wrap = None, True
    for dataset, report in results.items():
        found = report.get("judge_summary")
        if found is not None:
            counts = ("judgements", "unreadable", "failed", "asked_again", "inconsistent")
            table.add_row(safe(dataset), *(f"{found.get(count, 0):,}" for count in counts))
    if table.rows:
        yield table


def beside_tables(answer: Mapping[str, Any]) -> Iterator[Table]:
    """What is of an evaluation as a whole: the indices of its collections, its cost, what a dry run expects."""
    if collections := answer.get("collections"):
        table = columns("Collections", "Collection", "Index", "Members (weight)")
        table.columns[2].justify, table.columns[2].overflow = "left", "fold"
        for name, one in collections.items():
            members = (f"{member} {number(of['score'], 4)} ({of['weight']:g})" for member, of in one["members"].items())
            table.add_row(safe(name), number(one["index"], 4), safe(", ".join(members)))
        yield table
    if cost := answer.get("cost"):
        table = columns("Cost", "What", "Cost")
        for name, value in cost["datasets"].items():
            table.add_row(safe(name), number(value, 6))
        for judge in cost["judges"]:
            table.add_row(safe(f"judge {judge['model']}"), number(judge["cost"], 6))
        table.add_row("total", number(cost["total"], 6))
        yield table
    if estimate := answer.get("estimate"):
        yield _estimate(estimate)


def _estimate(estimate: Mapping[str, Any]) -> Table:
    title = f"Dry run: nothing was asked. Prompt tokens by {estimate['counted_by']}, output tokens at most"
    table = columns(title, "What", "Calls", "Prompt tokens", "Output tokens", "Most cost", "Kept")
    counts = ("calls", "prompt_tokens", "most_output_tokens")
    for name, one in estimate["datasets"].items():
        costs = number(one.get("most_cost"), 6)
        table.add_row(safe(name), *(f"{one[count]:,}" for count in counts), costs, f"{one['kept']:,}")
    asked = [estimate["model"], *estimate["judges"]]
    for one in asked:
        costs = number(one.get("most_cost"), 6)
        table.add_row(safe(f"model {one['model']}"), *(f"{one[count]:,}" for count in counts), costs, "")
    sums = (f"{sum(one[count] for one in asked):,}" for count in counts)
    table.add_row("total", *sums, number(estimate["most_cost"], 6), "")
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
    table = Table(title=f"{safe(dataset)} by category", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Category", overflow="fold")
    for name in ("Score", "95 % interval", "Macro", "Samples"):
        table.add_column(name, justify="right")
    for one in metric["categories"]:
        scores = (number(one["score"], 4), _ends(one), number(one["macro_score"], 4))
        table.add_row(safe(" / ".join(one["name"])), *scores, f"{one['num']:,}")
    return table
