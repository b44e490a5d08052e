"""The tables of a search for a service level, as values (`table.Table`). Pure."""

from evalkube_crds import sla
from evalkube_crds.figures import GOODPUT, GOODPUT_RPS, RPS, WORK, applying
from evalkube_crds.results import PerfResult, SlaGroup, SlaResult
from evalkube_report import formats, sentences
from evalkube_report.load_test import tables
from evalkube_report.table import Row, Table

__all__ = ["answers_table", "probes_tables"]

_SHOWN = (RPS, GOODPUT, GOODPUT_RPS, *WORK)
_NOUNS = {"parallel": "requests in flight", "rate": "requests/s"}


def answers_table(result: PerfResult) -> Table | None:
    """The answer for each group of criteria; None if there was no search."""
    if result.sla is None:
        return None
    noun = _NOUNS[result.sla.variable]
    shown = applying(_SHOWN, result.points)
    rows = [
        Row(
            (
                _wanted(group),
                group.point or formats.DASH,
                group.stopped,
                "none" if group.best is None else f"{group.best:g}",
                *(tables.shown(figure, group.figures.get(figure.criterion)) for figure in shown),
            )
        )
        for group in result.sla.groups
    ]
    columns = (
        "Wanted",
        "Measured at",
        "Why the search ended",
        f"Most {noun}",
        *(f"{figure.title} there" for figure in shown),
    )
    return Table("What the search found", columns, tuple(rows), words=3)


def probes_tables(result: PerfResult) -> list[Table]:
    """The loads that the search tried for each group, in the order of the load."""
    return [] if result.sla is None else [_probes(result.sla, group) for group in result.sla.groups]


def _probes(found: SlaResult, group: SlaGroup) -> Table:
    names = tuple(group.criteria)
    rows = [
        Row(
            (
                probe.point,
                probe.outcome,
                f"{probe.value:g}",
                *(tables.shown(sla.FIGURES[name], probe.figures.get(name)) for name in names),
            ),
            mark="invalid" if probe.outcome == "invalid" else "",
        )
        for probe in group.probes
    ]
    titles = (sla.FIGURES[name].title for name in names)
    columns = ("Point", "Criteria", _NOUNS[found.variable].capitalize(), *titles)
    return Table(f"Tried for {_wanted(group)}, {found.runs} runs each", columns, tuple(rows), words=2)


def _wanted(group: SlaGroup) -> str:
    return sentences.criteria(sla.group_of(group.criteria))
