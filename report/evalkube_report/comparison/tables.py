"""Comparisons as tables and plots. Pure.

A row's mark is the outcome of its figure: better, worse, noise or unknown.
"""

from collections.abc import Mapping
from typing import Any

from evalkube_report.comparison.values import LoadComparison
from evalkube_report.plots.values import Intervals
from evalkube_report.table import Table

__all__ = ["changed_table", "load_plots", "load_tables", "score_plot", "score_table"]


def load_tables(comparison: LoadComparison) -> list[Table]:
    """A table for each load and candidate: figure, baseline, candidate, difference, interval, outcome."""
    raise NotImplementedError


def load_plots(comparison: LoadComparison) -> list[Intervals]:
    """The differences of each load in per cent of the baseline, with their intervals."""
    raise NotImplementedError


def score_table(comparison: Mapping[str, Any]) -> Table:
    """A row for each benchmark. `comparison`: as `benchmarks.statistics.comparison.compare` answers it."""
    raise NotImplementedError


def score_plot(comparison: Mapping[str, Any]) -> Intervals | None:
    """The differences of the scores with their intervals; None without an interval."""
    raise NotImplementedError


def changed_table(comparison: Mapping[str, Any], benchmark: str) -> Table | None:
    """The questions of a benchmark whose score changed; None where none did."""
    raise NotImplementedError
