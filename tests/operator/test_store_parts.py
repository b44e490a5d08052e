"""Parts of an artifact: their order, what an append adds, and when they are merged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.store import parts
from evalkube_operator.store.interface import OffsetConflict, StoreCorrupt
from evalkube_operator.store.parts import Part


def _part(offset: int, size_bytes: int, name: str = "p") -> Part:
    return Part(name, offset, size_bytes)


@pytest.mark.parametrize(
    ("given_parts", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([_part(0, 0)], [0], id="an empty object is an artifact"),
        pytest.param([_part(5, 2), _part(0, 5)], [0, 5], id="in the order of their offsets"),
        pytest.param([_part(0, 7), _part(0, 5), _part(5, 2)], [0], id="a merged part covers those it was made of"),
        pytest.param([_part(0, 0), _part(0, 3)], [0], id="parts behind an empty object"),
        pytest.param([_part(0, 4, "whole"), _part(3, 5)], [0], id="what is left of replaced content is not read"),
    ],
)
def test_parts_stand_in_a_row(given_parts: list[Part], expected: list[int]) -> None:
    """The row begins at 0 and has no byte twice."""
    assert [part.offset for part in parts.chain(given_parts)] == expected


@pytest.mark.parametrize("given_parts", [[_part(1, 4)], [_part(0, 4), _part(5, 1)]])
def test_a_missing_part_is_never_passed_over(given_parts: list[Part]) -> None:
    """Bytes that are gone are an error, not a shorter artifact."""
    with pytest.raises(StoreCorrupt):
        parts.chain(given_parts)


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=20), st.integers(0, 60))
def test_an_append_continues_or_repeats_or_is_refused(there: bytes, data: bytes, offset: int) -> None:
    """Written or refused, what stood there before still stands there, and accepted data stands at its offset."""
    there_then = there[offset : offset + len(data)]
    if offset > len(there) or not data.startswith(there_then):
        with pytest.raises(OffsetConflict) as conflict:
            parts.missing(data, there[offset : parts.overlap_bytes(len(there), offset, len(data)) + offset], len(there))
        assert conflict.value.size_bytes == len(there)
        return
    assert parts.overlap_bytes(len(there), offset, len(data)) == len(there_then)
    rest = parts.missing(data, there_then, len(there))
    after = there + rest
    assert after[offset : offset + len(data)] == data


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=800))
def test_parts_stay_few_and_bytes_are_rewritten_seldom(sizes: list[int]) -> None:
    """However small the appends are: at most 31 small parts and 31 middling ones, whatever came before."""
    row: list[Part] = []
    end = 0
    for size in sizes:
        row.append(_part(end, size))
        end += size
        if merging := parts.to_merge(row):
            assert merging[-1].end == end
            row = [*row[: len(row) - len(merging)], _part(merging[0].offset, end - merging[0].offset)]
    assert parts.chain(row) == row
    assert len(row) <= 62 + end // (4 << 20)
