"""Words that others wrote, fit to be shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.wording import clip, in_json, printable

COMMANDS = {
    "colour": ("\x1b[31mred", "\ufffd[31mred"),
    "title of the window": ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
    "C1 control sequence": ("\x9b31mred", "\ufffd31mred"),
    "back over what was said": ("safe\x08\x08\x08\x08evil", "safe\ufffd\ufffd\ufffd\ufffdevil"),
    "over the line": ("evil\rgood", "evil\ufffdgood"),
    "line end of Windows": ("one\r\ntwo", "one\ntwo"),
    "right to left": ("abc\u202efdp.exe", "abc\ufffdfdp.exe"),
    "isolated": ("a\u2066b\u2069", "a\ufffdb\ufffd"),
    "half a pair": ("a\ud800b", "a\ufffdb"),
    "hidden tags": ("a\U000e0041", "a\ufffd"),
    "delete": ("a\x7f", "a\ufffd"),
}
PLAIN = ["a\tb\nc", "中文，答案", "naïve", "👩‍🔬", "नमस्ते", ""]


@pytest.mark.parametrize(("text", "shown"), COMMANDS.values(), ids=COMMANDS.keys())
def test_what_a_terminal_would_obey_is_not_shown(text: str, shown: str) -> None:
    """And what was there can be seen."""
    assert printable(text) == shown


@pytest.mark.parametrize("text", PLAIN)
def test_honest_words_stay(text: str) -> None:
    """In any language."""
    assert printable(text) == text


@given(st.text())
def test_a_message_is_one_short_line(text: str) -> None:
    """Whatever it was."""
    shown = clip(text)
    assert len(shown) <= 300
    assert printable(shown) == shown
    assert len(shown.splitlines()) <= 1


def test_where_a_message_was_cut_there_is_a_mark() -> None:
    """By which a reader, and whoever looks for the rest of a secret, knows."""
    assert clip("a" * 301) == "a" * 299 + "…"


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_is_printable_and_the_same(value: object) -> None:
    """Nothing is lost for a program, and nothing obeyed by a terminal."""
    shown = in_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert printable(shown) == shown
    assert json.loads(shown) == value
