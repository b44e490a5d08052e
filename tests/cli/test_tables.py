"""Tables on terminals of several widths: no number is cut or broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_cli.showing.tables import plain
from evalkube_report.table import Row, Table

_COLUMNS = (
    "Point",
    "Load",
    "Requests",
    "Requests/s",
    "Output tok/s",
    "TTFT p50, ms",
    "TTFT p99, ms",
    "Latency p99, ms",
)


def _table(rows: int) -> Table:
    cells = ("16 in flight", "1,234,567", "98.76", "12,345", "41.20\n(40.10–42.30)", "1,234.5\n(too few)", "98,765.4")
    return Table(
        "Throughput", _COLUMNS, tuple(Row((f"parallel_{at}_number_100", *cells)) for at in range(rows)), words=2
    )


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40])
@pytest.mark.parametrize("rows", [1, 2, 12])
def test_no_number_is_cut(width: int, rows: int) -> None:
    """Every number of every row stands there whole, within the width."""
    table = _table(rows)
    text = plain(table, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    words = text.replace("\n", " ").split()
    for cell in ("1,234,567", "98.76", "12,345", "41.20", "(40.10–42.30)", "1,234.5", "98,765.4"):
        assert words.count(cell) == rows
    assert all(words.count(row.cells[0]) == 1 for row in table.rows)


def test_it_lies_where_it_fits() -> None:
    """A row of the table is a line."""
    lines = [line.split() for line in plain(_table(2), 200).splitlines()]
    assert ["parallel_0_number_100", "16", "in", "flight", "1,234,567"] in [line[:5] for line in lines]


def test_it_stands_where_its_few_rows_fit_side_by_side() -> None:
    """A column of the table is a line."""
    lines = [line.split() for line in plain(_table(2), 80).splitlines()]
    assert ["Requests", "1,234,567", "1,234,567"] in lines


def test_it_is_stacked_where_nothing_else_fits() -> None:
    """What and how much, under the row's name; a range stands beside its value."""
    lines = plain(_table(12), 40).splitlines()
    at = lines.index("parallel_3_number_100")
    assert lines[at + 2].split() == ["Requests", "1,234,567"]
    assert lines[at + 5].split() == ["TTFT", "p50,", "ms", "41.20", "(40.10–42.30)"]


def test_what_others_wrote_is_no_command() -> None:
    """Neither of the terminal nor of rich."""
    text = plain(Table("[red]T[/]", ("A", "B"), (Row(("[b]x[/b]", "\x1b[31m1")),)), 80)
    assert "[red]T[/]" in text
    assert "[b]x[/b]" in text
    assert "\x1b" not in text


@given(st.integers(40, 200), st.lists(st.integers(0, 10**12), min_size=1, max_size=12))
def test_any_numbers_at_any_width(width: int, numbers: list[int]) -> None:
    """Whole, whatever the shape."""
    columns = ("Name", *(f"Figure {at}" for at in range(len(numbers))))
    row = Row(("a", *(f"{number:,}" for number in numbers)))
    words = plain(Table("Numbers", columns, (row,)), width).split()
    assert all(f"{number:,}" in words for number in numbers)
