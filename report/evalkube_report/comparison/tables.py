"""Comparisons as tables and plots. Pure.

A row's mark is its outcome: better, worse, noise or unknown. The second column has the outcome as a word.
"""

from collections.abc import Mapping
from typing import Any

from evalkube_crds.figure import Unit
from evalkube_crds.intervals import Interval
from evalkube_crds.result_parts import NANO
from evalkube_report import formats
from evalkube_report.comparison.values import Delta, LoadComparison, Outcome, PointComparison, Versus
from evalkube_report.plots.values import Axis, Entry, Intervals
from evalkube_report.table import Row, Table

__all__ = ["changed_table", "load_plots", "load_tables", "score_plot", "score_table"]

_LONGEST = 400
_SIGNIFICANT = 0.05


def load_tables(comparison: LoadComparison) -> list[Table]:
    """A table for each load and candidate: figure, outcome, both values, difference and its interval."""
    return [_load_table(comparison, versus, point) for versus in comparison.candidates for point in versus.points]


def _load_table(comparison: LoadComparison, versus: Versus, point: PointComparison) -> Table:
    rows = tuple(Row(_cells(delta), mark=delta.outcome) for delta in point.deltas)
    names = (comparison.baseline.run, versus.candidate.run)
    columns = ("Figure", "Outcome", *names, "Difference", "in %", "95 % interval of the difference")
    return Table(f"{point.load}: {names[1]} against {names[0]}", columns, rows, words=2)


def _cells(delta: Delta) -> tuple[str, ...]:
    unit = _unit(delta)
    ends = delta.interval
    return (
        f"{delta.figure.title}, {unit.name}" if unit.size != 1 else delta.figure.title,
        f"{delta.outcome}\n{delta.reason}" if delta.reason else delta.outcome,
        unit.show(_base(delta, delta.baseline)),
        unit.show(_base(delta, delta.candidate)),
        _signed(unit, _base(delta, delta.difference)),
        formats.change(delta.ratio),
        formats.DASH if ends is None else " to ".join(_signed(unit, _base(delta, end)) for end in ends),
    )


def _unit(delta: Delta) -> formats.Unit:
    """The unit for all values of a row."""
    match delta.figure.unit:
        case Unit.SECONDS:
            return formats.time_unit(_base(delta, value) for value in (delta.baseline, delta.candidate))
        case Unit.SHARE:
            return formats.Unit("%", 0.01)
        case unit:
            return formats.Unit(str(unit))


def _base(delta: Delta, value: float | None) -> float | None:
    return value * NANO if value is not None and delta.figure.unit is Unit.SECONDS else value


def _signed(unit: formats.Unit, value: float | None) -> str:
    if value is None:
        return formats.DASH
    shown = unit.show(abs(value))
    sign = "" if shown == "0" else "+" if value > 0 else "\N{MINUS SIGN}"
    return f"{sign}{shown}"


def load_plots(comparison: LoadComparison) -> list[Intervals]:
    """The differences at each load, in per cent of the baseline, with their intervals. Loads without any have none."""
    plots = (
        _load_plot(f"{versus.candidate.run} against {comparison.baseline.run}, {point.load}", point)
        for versus in comparison.candidates
        for point in versus.points
    )
    return [plot for plot in plots if plot.entries]


def _load_plot(title: str, point: PointComparison) -> Intervals:
    entries = []
    for delta in point.deltas:
        if delta.baseline and delta.difference is not None and delta.interval is not None:
            ends = Interval(*(100 * end / delta.baseline for end in delta.interval))
            value = 100 * delta.difference / delta.baseline
            entries.append(Entry(delta.figure.title, value, ends, delta.outcome))
    return Intervals(title, Axis("difference", "% of the baseline", zero=True), tuple(entries), middle=0.0)


def score_table(comparison: Mapping[str, Any]) -> Table:
    """A row for each benchmark. `comparison`: the answer of `benchmarks.statistics.comparison.compare`."""
    rows = []
    for name, one in comparison["benchmarks"].items():
        ends = one["interval"]
        flips = f"{formats.count(one['wrong_to_right'])} / {formats.count(one['right_to_wrong'])}"
        cells = (
            *(formats.score(one["baseline_score"]), formats.score(one["candidate_score"])),
            _plain_signed(one["difference"]),
            formats.DASH if ends is None else " to ".join(map(_plain_signed, ends)),
            formats.probability(one["p_value_holm"]),
            formats.count(one["questions"]),
            flips,
        )
        outcome = _score_outcome(one)
        rows.append(Row((name, outcome, one["metric"], *cells), mark=outcome))
    names = (comparison["baseline"]["run"], comparison["candidate"]["run"])
    columns = ("Benchmark", "Outcome", "Metric", *names, "Difference", "95 % interval of the difference", "p (Holm)")
    return Table("Scores compared", (*columns, "Questions", "Became right / wrong"), tuple(rows), words=3)


def _score_outcome(one: Mapping[str, Any]) -> Outcome:
    """The outcome of a difference of scores. It is noise if its p-value is above 5 %."""
    chance, difference = one["p_value_holm"], one["difference"]
    if chance is None or difference is None:
        return "unknown"
    if chance >= _SIGNIFICANT or not difference:
        return "noise"
    return "better" if difference > 0 else "worse"


def _plain_signed(value: float | None) -> str:
    if value is None:
        return formats.DASH
    return f"{value:+.4f}".replace("-", "\N{MINUS SIGN}") if value else "0.0000"


def score_plot(comparison: Mapping[str, Any]) -> Intervals | None:
    """The differences of scores with their intervals; None if no interval is known."""
    entries = tuple(
        Entry(name, one["difference"], Interval(*one["interval"]), _score_outcome(one))
        for name, one in comparison["benchmarks"].items()
        if one["interval"] is not None
    )
    names = f"{comparison['candidate']['run']} against {comparison['baseline']['run']}"
    return Intervals(f"Scores: {names}", Axis("difference of the score"), entries, middle=0.0) if entries else None


def changed_table(comparison: Mapping[str, Any], benchmark: str) -> Table | None:
    """The questions of a benchmark whose score changed; None if no score changed."""
    changed = comparison["benchmarks"][benchmark]["changed"]
    names = (comparison["baseline"]["run"], comparison["candidate"]["run"])
    rows = tuple(_change(one) for one in changed)
    columns = ("Question", "Change", "Subset", "Target", *(f"{name}: extracted" for name in names), *names)
    return Table(f"{benchmark}: questions whose score changed", columns, rows, words=6) if rows else None


def _change(one: Mapping[str, Any]) -> Row:
    before, after = one["baseline"], one["candidate"]
    outcome: Outcome = "better" if after["score"] > before["score"] else "worse"
    words = (one["question"], outcome, one["subset"], one["target"], before["extracted"], after["extracted"])
    texts = (formats.clipped(str(word), _LONGEST) if word not in (None, "") else formats.DASH for word in words)
    return Row((*texts, *(f"{side['score']:.4g}" for side in (before, after))), mark=outcome)
