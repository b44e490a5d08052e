"""Texts as word pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_mock import tokenizer


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    """Nothing of a text is lost or added, whatever its white space and script."""
    assert "".join(tokenizer.split(text)) == text


@given(st.text(alphabet=st.sampled_from("ab1 \n\t.,中文。ñ")))
def test_count_agrees_with_split(text: str) -> None:
    """The count that usage reports is the number of pieces (white space at the end is no token of a prompt)."""
    assert tokenizer.count(text) == len(tokenizer.split(text.rstrip()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("  ", ("  ",), id="only white space"),
        pytest.param("one two", ("one", " two"), id="words"),
        pytest.param("a\n\nb ", ("a", "\n\nb", " "), id="white space at the end is a piece"),
        pytest.param("答案是 B", ("答", "案", "是", " B"), id="Chinese by the character"),
        pytest.param("x=5，好", ("x=5", "，", "好"), id="mixed"),
    ],
)
def test_split(text: str, expected: tuple[str, ...]) -> None:
    """A piece is a word with the space before it; a CJK character stands alone."""
    assert tokenizer.split(text) == expected


@given(st.integers(0, 500), st.integers(0, 1000))
def test_filler_has_exactly_the_length(length: int, seed: int) -> None:
    """Filler has the asked number of pieces, and splitting its text finds the same ones."""
    filler = tokenizer.filler(length, seed)
    assert len(filler) == length
    assert tokenizer.split("".join(filler)) == filler
