"""Lines of CSV: what spreadsheets and programs make of them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_report import csv_file
from evalkube_report.csv_file import Cell


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        pytest.param("=1+1", "'=1+1", id="a formula"),
        pytest.param("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0", id="a command"),
        pytest.param("-2+3", "'-2+3", id="a sum"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="a function"),
        pytest.param(" =1", "' =1", id="behind a blank"),
        pytest.param("\t=1", "'\t=1", id="behind a tabulator"),
        pytest.param("\n=1", "'\n=1", id="behind a line break"),
        pytest.param("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1", id="in full width"),
        pytest.param("-5", "-5", id="a number"),
        pytest.param("+1.5e-3", "+1.5e-3", id="a number with an exponent"),
        pytest.param("-0.5%", "-0.5%", id="a share"),
        pytest.param("--5", "'--5", id="no number"),
        pytest.param("a=b", "a=b", id="a sign within"),
        pytest.param("a\x00b", "a\N{REPLACEMENT CHARACTER}b", id="a control character"),
        pytest.param(-5, -5, id="a number that is none of text"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_no_text_is_taken_for_a_formula(cell: Cell, safe: Cell) -> None:
    """And numbers stay numbers."""
    assert csv_file.safe(cell) == safe


def test_a_row_is_a_line() -> None:
    """Text with commas, quotes and line breaks is quoted; nothing is an empty cell."""
    (line,) = csv_file.encoded([["a,b", 'say "x"', "one\ntwo", None, 1.5, -3, True]])
    assert line == b'"a,b","say ""x""","one\ntwo",,1.5,-3,True\n'


def test_half_a_pair_of_surrogates_does_not_stop_a_table() -> None:
    """Models emit them, and UTF-8 has no place for them."""
    (line,) = csv_file.encoded([["a\ud800b"]])
    assert line == b"a?b\n"


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers()), max_size=5))
def test_programs_read_back_what_was_written(rows: list[tuple[str, float, int]]) -> None:
    """Texts as `safe` makes them, numbers in all their digits."""
    data = b"".join(csv_file.encoded(rows))
    read = list(csv.reader(io.StringIO(data.decode(), newline="")))
    texts = [str(csv_file.safe(text)).encode("utf-8", "replace").decode() for text, *_ in rows]
    assert [row[0] for row in read] == texts
    assert [(float(row[1]), int(row[2])) for row in read] == [(one, two) for _, one, two in rows]
