"""Comparisons of runs: load tests figure by figure, evaluations and specs as tables. Values in, values out."""

from evalkube_report.comparison.loads import Incomparable, load_tests
from evalkube_report.comparison.specs import differences
from evalkube_report.comparison.values import Delta, LoadComparison, LoadSide, Outcome, PointComparison, Versus

__all__ = [
    "Delta",
    "Incomparable",
    "LoadComparison",
    "LoadSide",
    "Outcome",
    "PointComparison",
    "Versus",
    "differences",
    "load_tests",
]
