"""Where the specs of runs differ, as a table. Pure."""

from collections.abc import Sequence

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_report.table import Table

__all__ = ["differences"]


def differences(runs: Sequence[tuple[str, EvalRunSpec | PerfRunSpec]]) -> Table | None:
    """A row for each field that is not the same in all runs, a column for each run (by its id); None where all are the
    same. No value in it can be a secret.
    """
    raise NotImplementedError
