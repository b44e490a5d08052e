"""Bodies: what is refused, and in which words."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_api import bodies, errors

SAD = {
    "empty": (b"", "valid JSON"),
    "cut off": (b'{"a":', "valid JSON"),
    "two documents": (b"{} {}", "valid JSON"),
    "single quotes": (b"{'a': 1}", "valid JSON"),
    "a list": (b"[1]", "not a list"),
    "a string": (b'"x"', "not a string"),
    "a number": (b"3", "not a number"),
    "null": (b"null", "not null"),
    "a boolean": (b"true", "not true or false"),
    "NaN": (b'{"limit": NaN}', "valid JSON"),
    "Infinity": (b'{"limit": -Infinity}', "valid JSON"),
    "beyond float": (b'{"limit": 1e999}', "valid JSON"),
    "beyond reason": (b'{"limit": ' + b"9" * 5000 + b"}", "valid JSON"),
    "beyond 64 bits": (b'{"limit": 1000000000000000000000000}', "too large"),
    "twice": (b'{"model": "a", "model": "b"}', "'model' twice"),
    "twice inside": (b'{"a": [{"b": 1, "b": 1}]}', "'b' twice"),
    "not UTF-8": (b'{"model": "\xff"}', "valid JSON"),
    "latin-1": ('{"model": "ä"}'.encode("latin-1"), "valid JSON"),
    "half a surrogate pair": (b'{"model": "\\ud800"}', "valid JSON"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "valid JSON"),
    "deep": (b'{"a":' * 80 + b"1" + b"}" * 80, "64 levels"),
    "very deep": (b"[" * 200_000, "valid JSON"),
    "deep list": (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "64 levels"),
}


@pytest.mark.parametrize(("data", "words"), SAD.values(), ids=SAD.keys())
def test_a_bad_body_is_refused_in_words(data: bytes, words: str) -> None:
    """Each is an InvalidRequest that says what is wrong."""
    with pytest.raises(errors.InvalidRequest, match=words):
        bodies.parse_object(data)


def test_the_message_holds_nothing_of_the_body() -> None:
    """A key in a malformed body does not come back."""
    with pytest.raises(errors.InvalidRequest) as caught:
        bodies.parse_object(b'{"api_key": "sk-canary", }')
    assert "canary" not in str(caught.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_every_honest_object_is_read_as_it_is(value: dict[str, object]) -> None:
    """What a JSON library writes is read back the same."""
    assert bodies.parse_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_get_past_the_two_outcomes(data: bytes) -> None:
    """Any bytes are an object or an InvalidRequest."""
    with contextlib.suppress(errors.InvalidRequest):
        assert isinstance(bodies.parse_object(data), dict)
