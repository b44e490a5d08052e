"""Exact match and F1 of spans, and the right answers of DROP's records in each form that hubs have."""

import itertools
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.metrics import spans
from evalkube_benchmarks.table import BENCHMARKS

F1, EM = spans.METRICS


def _scores(found: str, *golds: list[str]) -> tuple[float, float]:
    question = Question(text="q", targets=("x",), metadata={"golds": golds})
    exact, f1 = EM.score(found, question), F1.score(found, question)
    assert isinstance(exact, float)
    assert isinstance(f1, float)
    return exact, f1


@pytest.mark.parametrize(
    ("span", "normal"),
    [
        pytest.param("The Old Mill.", "old mill", id="article, case, full stop"),
        pytest.param("1,000", "1000.0", id="a comma in a number"),
        pytest.param("5.0", "5.0", id="a number"),
        pytest.param("-5", "5.0", id="a hyphen parts words"),
        pytest.param("forty-two", "forty two", id="hyphenated words"),
        pytest.param("46%", "46.0", id="percent"),
        pytest.param("O'Neil's  ship", "oneils ship", id="apostrophes and spaces"),
        pytest.param("a", "", id="an article alone"),
    ],
)
def test_normal(span: str, normal: str) -> None:
    """What does not count is taken away as the authors' script does."""
    assert spans.normal(span) == normal


@pytest.mark.parametrize(
    ("found", "golds", "scores"),
    [
        pytest.param("the Mill", [["mill"]], (1, 1), id="equal but for writing"),
        pytest.param("old mill", [["mill"]], (0, 0.67), id="a word more"),
        pytest.param("mill", [["old grey mill"]], (0, 0.5), id="two words less"),
        pytest.param("3 yards", [["3"]], (0, 0.67), id="a unit"),
        pytest.param("4 yards", [["3 yards"]], (0, 0), id="another number"),
        pytest.param("four in 1801", [["four"]], (0, 0.5), id="a number beside the words"),
        pytest.param("3 of 10", [["3"]], (0, 0.5), id="a number beside the number"),
        pytest.param("many", [["3"]], (0, 0), id="no number"),
        pytest.param("b", [["a1"], ["b"]], (1, 1), id="the second of two right answers"),
        pytest.param("Ann; Bo", [["Bo", "Ann"]], (1, 1), id="two spans in another order"),
        pytest.param("Ann and Bo", [["Bo", "Ann"]], (1, 1), id="joined by a word"),
        pytest.param("Ann, Bo, and Cal.", [["Cal", "Bo", "Ann"]], (1, 1), id="joined by commas"),
        pytest.param("Ann\nBo", [["Bo", "Ann"]], (1, 1), id="in lines"),
        pytest.param("1,250; 800", [["800", "1,250"]], (1, 1), id="numbers with commas"),
        pytest.param("Ann", [["Bo", "Ann"]], (0, 0.5), id="one of two"),
        pytest.param("Ann; Bo; Cal", [["Bo", "Ann"]], (0, 0.67), id="one too many"),
        pytest.param("Ann and Bo", [["Ann and Bo"]], (1, 1), id="one span with a word between"),
        pytest.param("Dan; Eve", [["Bo", "Ann"]], (0, 0), id="sad: neither"),
        pytest.param("", [["Bo"]], (0, 0), id="sad: nothing"),
    ],
)
def test_scores(found: str, golds: list[list[str]], scores: tuple[float, float]) -> None:
    """Exact match and F1 beside the best of the right answers."""
    assert _scores(found, *golds) == pytest.approx(scores, abs=0.005)


_WORDS = st.sampled_from(["ann", "bo", "cal", "ann bo", "bo cal", "dan 5", "dan", "5"])


@given(st.lists(_WORDS, min_size=2, max_size=5), st.lists(_WORDS, min_size=2, max_size=5))
def test_spans_are_aligned_at_their_best(mine: list[str], right: list[str]) -> None:
    """No other pairing of the spans has a higher sum."""
    bags = [[frozenset(spans.normal(one).split()) for one in side] for side in (mine, right)]
    table = [[spans._f1(one, other) for one in bags[0]] for other in bags[1]]
    if len(right) > len(mine):
        table = [list(column) for column in zip(*table, strict=True)]
    places = itertools.permutations(range(len(table[0])), len(table))
    best = max(sum(row[at] for row, at in zip(table, chosen, strict=True)) for chosen in places)
    assert spans._compared(mine, right)[1] == pytest.approx(best / len(table[0]), abs=0.006)


def _part(number: str = "", spans_of: tuple[str, ...] = (), date: tuple[str, ...] = ("", "", "")) -> dict[str, Any]:
    parts = dict(zip(("day", "month", "year"), date, strict=True))
    return {"number": number, "spans": list(spans_of), "date": parts}


def _lists(*answers: dict[str, Any]) -> dict[str, Any]:
    return {name: [answer[name] for answer in answers] for name in ("number", "spans", "date")}


@pytest.mark.parametrize(
    ("answers", "golds"),
    [
        pytest.param(
            {"answer": _part("4"), "validated_answers": _lists(_part("4"), _part("5"))}, ["4", "5"], id="lists"
        ),
        pytest.param(
            {"answer": _part("4"), "validated_answers": [_part(spans_of=("x", "y"))]}, ["4", "x; y"], id="rows"
        ),
        pytest.param({"answer": _part(date=("", "May", "1887"))}, ["May 1887"], id="a date"),
        pytest.param({"answer": _part(), "validated_answers": _lists(_part("7"))}, ["7"], id="one is empty"),
        pytest.param({"answers_spans": {"spans": ["x", "y"], "types": []}}, ["x", "y", "x; y"], id="Hugging Face"),
        pytest.param({"answers": ["a and b", "b and a"]}, ["a and b", "b and a"], id="plain answers"),
        pytest.param({"answer": _part()}, None, id="sad: none"),
    ],
)
def test_right_answers_of_a_record(answers: dict[str, Any], golds: list[str] | None) -> None:
    """Each once, the first one first."""
    record = {"passage": "p", "question": "q", **answers}
    if golds is None:
        with pytest.raises(ValueError, match="has no answer"):
            BENCHMARKS["drop"].read(record, Random(0))
    else:
        assert list(BENCHMARKS["drop"].read(record, Random(0)).targets) == golds
