"""The table of a dry run: the calls that an evaluation would make, as a value (`table.Table`). Pure."""

from collections.abc import Mapping
from typing import Any, Final

from evalkube_crds import cost
from evalkube_crds.results import Estimate
from evalkube_report import formats
from evalkube_report.table import Row, Table

__all__ = ["estimate_table"]

_COUNTS: Final = ("calls", "prompt_tokens", "most_output_tokens")


def estimate_table(estimate: Estimate) -> Table:
    """Calls and tokens of each data set and each model, and their highest cost if prices are known."""
    shown = cost.estimate_document(estimate)
    rows = [Row((name, *_counts(one), formats.count(one["kept"]))) for name, one in shown["datasets"].items()]
    models = [shown["model"], *shown["judges"]]
    rows += [Row((f"model {one['model']}", *_counts(one), "")) for one in models]
    sums = (formats.count(sum(one[name] for one in models)) for name in _COUNTS)
    rows.append(Row(("All", *sums, _money(shown["most_cost"]), ""), mark="total"))
    columns = ("What", "Calls", "Prompt tokens", "Output tokens at most", "Cost at most", "Kept of before")
    return Table(f"Dry run: nothing was asked; prompts counted by {shown['counted_by']}", columns, tuple(rows))


def _counts(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (*(formats.count(one[name]) for name in _COUNTS), _money(one.get("most_cost")))


def _money(value: float | None) -> str:
    return formats.DASH if value is None else f"{value:,.6g}"
