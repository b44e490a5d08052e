"""The differences between the specs of runs, as a table. Pure."""

from collections.abc import Sequence

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_report import configuration, formats
from evalkube_report.table import Row, Table

__all__ = ["differences"]

_LONGEST = 300


def differences(runs: Sequence[tuple[str, EvalRunSpec | PerfRunSpec]]) -> Table | None:
    """A row for each field that differs, a column for each run (by its id). None if all specs are the same.

    No value in the table can be a secret.
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
    """The clipped values, marked if they differ only in the parts that are left out."""
    clipped = [formats.DASH if value is None else formats.clipped(value, _LONGEST) for value in values]
    hidden = len(set(clipped)) < len(set(values))
    return [f"{text} (differs where it is left out)" for text in clipped] if hidden else clipped
