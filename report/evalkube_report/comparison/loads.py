"""Load tests compared, figure by figure. Pure."""

from collections.abc import Sequence

from evalkube_crds.results import PerfResult
from evalkube_report.comparison.values import LoadComparison

__all__ = ["Incomparable", "load_tests"]


class Incomparable(Exception):
    """The runs have no load in common; the message says what to do."""


def load_tests(runs: Sequence[tuple[str, PerfResult]]) -> LoadComparison:
    """The first of the runs, each with its id, compared with all others. Raises Incomparable, and ValueError for fewer
    than two runs.
    """
    raise NotImplementedError
