"""Secrets in texts and documents."""

import base64
import html
import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.names import WORDS
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.redaction import Redactor
from evalkube_crds.result_parts import Report
from evalkube_crds.results import EvalResult, PerfResult, Receipt

KEY = "sk-canary/0123+4567=="
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=64)

SPELT = {
    "as it is": KEY,
    "JSON": json.dumps(f"the key {KEY}"),
    "JSON of PHP": KEY.replace("/", "\\/"),
    "JSON in JSON": json.dumps(json.dumps({"key": KEY})),
    "URL": f"https://host/v1?api_key={quote(KEY, safe='')}",
    "URL, lower case": "?api_key=sk-canary%2f0123%2b4567%3d%3d",
    "URL, slashes kept": f"?api_key={quote(KEY)}",
    "URL, every character": "".join(f"%{ord(character):02x}" for character in KEY),
    "HTML": f"<b>{html.escape(KEY)}</b>",
    "Python": repr({"Authorization": f"Bearer {KEY}"}),
    "Basic, key as password": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "Basic, key as user": base64.b64encode(f"{KEY}:".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"me:{KEY}".encode()).decode(),
}


@pytest.mark.parametrize("text", SPELT.values(), ids=SPELT.keys())
def test_a_secret_is_found_in_every_spelling(text: str) -> None:
    """That a server may send it back in."""
    clean = Redactor([KEY]).text(text)
    assert "***" in clean
    assert not any(part in clean for part in ("canary", "0123", "NjYW5hcn", "c2stY2Fu", "2FuYX"))


@given(PRINTABLE, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_of_any_characters(secret: str, before: str, after: str) -> None:
    """As it is, as JSON has it, and as a URL has it."""
    redactor = Redactor([secret])
    for spelt in (secret, json.dumps(secret), quote(secret, safe="")):
        assert secret not in redactor.text(before + spelt + after).replace("***", "\0")


@pytest.mark.parametrize("kept", range(4, len(KEY)))
def test_half_a_secret_does_not_stay_where_a_text_was_cut(kept: int) -> None:
    """Wherever in the secret the cut was."""
    assert Redactor([KEY]).text(f"Incorrect API key: {KEY[:kept]}… (status 401)") == (
        "Incorrect API key: ***… (status 401)"
    )


@pytest.mark.parametrize("text", ["wait…", "sk-…", "…", f"{KEY[4:]}…"])
def test_a_cut_text_without_a_secret_is_left(text: str) -> None:
    """And one with less of it than tells anything."""
    assert Redactor([KEY]).text(text) == text


UNLUCKY = {
    "zeros": "00000000",
    "a key of the document": "succeeded",
    "a class of errors": "disconnected",
    "the kind of document": "PerfResult",
    "a field of the search": "parallel",
    "the name of the model": "my-model",
}


@pytest.mark.parametrize("secret", UNLUCKY.values(), ids=UNLUCKY.keys())
def test_no_secret_makes_a_document_unreadable(secret: str) -> None:
    """Keys, numbers and our own words are not looked at."""
    document = {
        "kind": "PerfResult",
        "model": "my-model",
        "succeeded": 100_000_000_000,
        "errors": {"disconnected": 3},
        "error": "disconnected",
        "variable": "parallel",
        "message": f"the server said {secret}",
    }
    clean = Redactor([secret], spared=["my-model"]).value(document)
    assert clean == document | {"message": "the server said ***"}


def test_a_servers_words_are_looked_at_as_keys() -> None:
    """And counts that come to be of the same word add up."""
    found = Redactor([KEY]).value({"finish_reasons": {f"a {KEY}": 1, "a ***": 2, "stop": 3}})
    assert found == {"finish_reasons": {"a ***": 3, "stop": 3}}


def _words(annotation: Any) -> set[Any]:
    """The words of the literals in an annotation, also of a literal among others, and of a dict's keys."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {word for inner in get_args(annotation) for word in _words(inner)}


def _parts(of: type[Report]) -> Iterator[type[Report]]:
    for part in of.__subclasses__():
        yield part
        yield from _parts(part)


def test_every_fixed_word_of_a_result_is_known() -> None:
    """Those that are long enough to be a secret."""
    parts = [part for part in _parts(Report) if part.__module__.startswith("evalkube_crds.")]
    assert {PerfResult, PerfPoint, EvalResult, Receipt} <= set(parts)
    words = {word for part in parts for field in part.model_fields.values() for word in _words(field.annotation)}
    assert {word for word in words if len(word) >= 8} <= WORDS


def test_a_placeholder_is_no_secret() -> None:
    """Replacing every 'EMPTY' or 'test' would mangle honest text."""
    assert Redactor(["EMPTY", "test"]).text("a test of EMPTY") == "a test of EMPTY"
