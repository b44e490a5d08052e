"""Where the specs of runs differ, as a table. Pure."""

from collections.abc import Sequence

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_report import configuration, formats
from evalkube_report.table import Row, Table

__all__ = ["differences"]

_LONGEST = 300


def differences(runs: Sequence[tuple[str, EvalRunSpec | PerfRunSpec]]) -> Table | None:
    """A row for each field that is not the same in all runs, a column for each run (by its id); None where all are the
    same. No value in it can be a secret.
    """
    settings = [{one.name: one.value for one in configuration.settings_of(spec, longest=None)} for _, spec in runs]
    rows = []
    for name in sorted({name for known in settings for name in known}):
        values = [known.get(name) for known in settings]
        if len(set(values)) > 1:
            rows.append(Row((name, *_shown(values))))
    columns = ("Setting", *(name for name, _ in runs))
    return Table("Settings that differ", columns, tuple(rows), words=len(columns)) if rows else None


def _shown(values: Sequence[str | None]) -> list[str]:
    """Clipped; where that leaves out what differs, it is said."""
    clipped = [formats.DASH if value is None else formats.clipped(value, _LONGEST) for value in values]
    hidden = len(set(clipped)) < len(set(values))
    return [f"{text} (differs where it is left out)" for text in clipped] if hidden else clipped
