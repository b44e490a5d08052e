"""Secrets in streams."""

from hypothesis import given
from hypothesis import strategies as st

from evalkube_api.local.redact import Redactor

SECRET = "sk-canary-0123456789"


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(0, 30))
def test_a_secret_is_found_however_the_stream_is_cut(cuts: list[int], padding: int) -> None:
    """Cut anywhere, the output is the same."""
    text = ("x" * padding + f" key {SECRET}\n no line end: {SECRET}").encode()
    redactor, out = Redactor([SECRET]), b""
    for size in cuts:
        out += redactor.feed(text[:size])
        text = text[size:]
    out += redactor.feed(text) + redactor.flush()
    assert out == b"x" * padding + b" key ***\n no line end: ***"


def test_a_secret_in_an_endless_line() -> None:
    """A line that never ends is passed on in parts, and still without it."""
    redactor = Redactor([SECRET])
    out = b"".join(redactor.feed(part) for part in [b"a" * 65_530 + SECRET[:9].encode(), SECRET[9:].encode() + b"b"])
    out += redactor.feed(b"c" * 70_000) + redactor.flush()
    assert SECRET.encode() not in out
    assert out.count(b"***") == 1
    assert len(out) == 65_530 + 3 + 1 + 70_000


def test_other_spellings() -> None:
    """As JSON and as URLs write it."""
    redactor = Redactor(['key"with/marks+'])
    assert redactor.text(r'{"k": "key\"with/marks+"}') == '{"k": "***"}'
    assert redactor.text("?k=key%22with%2Fmarks%2B") == "?k=***"


def test_a_placeholder_is_no_secret() -> None:
    """Replacing 'EMPTY' or 'test' would mangle honest text."""
    assert Redactor(["test"]).text("a test") == "a test"
