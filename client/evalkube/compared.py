"""Comparisons of runs as values. No I/O here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkube.tabled import Tabled
from evalkube_report import comparison
from evalkube_report.comparison import tables
from evalkube_report.csv_file import Cell
from evalkube_report.table import Table

__all__ = ["Comparison", "LoadComparison"]


@dataclass(frozen=True)
class Comparison(Tabled):
    """Two evaluations compared over the questions that both were asked. `document` is the service's answer."""

    document: Mapping[str, Any] = field(repr=False)

    @property
    def benchmarks(self) -> Mapping[str, Mapping[str, Any]]:
        """Scores, difference, interval and p-value of each benchmark that both runs have."""
        found: Mapping[str, Mapping[str, Any]] = self.document["benchmarks"]
        return found

    @property
    def warnings(self) -> list[str]:
        """Reasons to doubt the comparison."""
        own = [f"{name}: {warning}" for name, one in self.benchmarks.items() for warning in one["warnings"]]
        return [*self.document["warnings"], *own]

    def tables(self) -> list[Table]:
        """The table of scores and differences, then the questions that changed."""
        changed = (tables.changed_table(self.document, name) for name in self.benchmarks)
        return [tables.score_table(self.document), *(table for table in changed if table is not None)]

    def facts(self) -> Sequence[tuple[str, str]]:
        """The compared runs."""
        sides = (self.document["baseline"], self.document["candidate"])
        return _named((side["run"], side["model"]) for side in sides)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """A row for each benchmark, after the head."""
        kept = ("metric", "questions", "baseline_score", "candidate_score", "difference", "p_value", "p_value_holm")
        yield ("benchmark", *kept, "low", "high")
        for name, one in self.benchmarks.items():
            yield (name, *(one[key] for key in kept), *(one["interval"] or (None, None)))


@dataclass(frozen=True)
class LoadComparison(Tabled):
    """Load tests compared at the loads that all have: the first one with each of the others."""

    compared: comparison.LoadComparison = field(repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The figures by name, ready for JSON. An unknown figure is null."""
        return self.compared.document()

    @property
    def warnings(self) -> list[str]:
        """Reasons to doubt the comparison."""
        return [f"{one.candidate.run}: {warning}" for one in self.compared.candidates for warning in one.warnings]

    def tables(self) -> list[Table]:
        """A table for each load and candidate."""
        return tables.load_tables(self.compared)

    def facts(self) -> Sequence[tuple[str, str]]:
        """The compared runs."""
        sides = (self.compared.baseline, *(one.candidate for one in self.compared.candidates))
        return _named((side.run, side.model) for side in sides)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """A row for each candidate, load and figure, after the head."""
        yield ("candidate", "load", "figure", "baseline", "value", "difference", "ratio", "low", "high", "outcome")
        for one in self.compared.candidates:
            for point in one.points:
                for delta in point.deltas:
                    values = (delta.baseline, delta.candidate, delta.difference, delta.ratio)
                    name = delta.figure.name
                    yield (
                        one.candidate.run,
                        point.load,
                        name,
                        *values,
                        *(delta.interval or (None, None)),
                        delta.outcome,
                    )


def _named(sides: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Runs with their models; the first one is the baseline."""
    return [("Candidate" if at else "Baseline", f"{run} ({model})") for at, (run, model) in enumerate(sides)]
