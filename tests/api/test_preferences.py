"""Prefer and Idempotency-Key."""

import pytest

from evalkube_api import errors
from evalkube_api.preferences import Preference, idempotency_key, preference

PREFER = {
    "nothing": ([], Preference()),
    "async": (["respond-async"], Preference(0, "respond-async")),
    "case and space": ([" Respond-Async "], Preference(0, "respond-async")),
    "wait": (["wait=5"], Preference(5, "wait=5")),
    "wait 0": (["wait=0"], Preference(0, "wait=0")),
    "both": (["respond-async, wait=10"], Preference(10, "respond-async, wait=10")),
    "two headers": (["respond-async", "wait=10"], Preference(10, "respond-async, wait=10")),
    "parameters": (["respond-async; x=1"], Preference(0, "respond-async")),
    "quoted": (['wait="7"'], Preference(7, "wait=7")),
    "bounded": (["wait=999999999"], Preference(86_400, "wait=86400")),
    "not a number": (["wait=soon"], Preference()),
    "negative": (["wait=-1"], Preference()),
    "unknown": (["handling=strict"], Preference()),
    "the first of two counts": (["wait=1, wait=2"], Preference(1, "wait=1")),
}


@pytest.mark.parametrize(("headers", "expected"), PREFER.values(), ids=PREFER.keys())
def test_preference(headers: list[str], expected: Preference) -> None:
    """What is understood is applied, the rest passed over."""
    assert preference(headers) == expected


def test_no_key_is_none() -> None:
    """Most requests have none."""
    assert idempotency_key([]) is None


@pytest.mark.parametrize("headers", [[""], ["a", "b"], ["x" * 256], ["tab\there"], ["\u00e4"]])
def test_a_key_that_cannot_be_told_apart_is_refused(headers: list[str]) -> None:
    """One line of printable ASCII, bounded, once."""
    with pytest.raises(errors.InvalidRequest, match="Idempotency-Key"):
        idempotency_key(headers)


def test_a_key_is_taken_as_it_is() -> None:
    """Inner spaces are kept, outer ones are HTTP's."""
    assert idempotency_key([" a b-1 "]) == "a b-1"
