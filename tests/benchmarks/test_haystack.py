"""Needles in haystacks: how long the text is, where the needle stands, and what a user may ask of both."""

from typing import Any

import pytest

from evalkube_benchmarks import haystack
from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.haystack import Cell, Grid
from evalkube_benchmarks.scoring import measured
from evalkube_benchmarks.table import BENCHMARKS

TEXT = "One is here. Two is there. Three is far. Four is near. "
NEEDLE = "The key is blue."


class _Words:
    """A tokenizer of words."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def encode(self, text: str) -> list[int]:
        words = text.split()
        self._words += words
        return list(range(len(self._words) - len(words), len(self._words)))

    def decode(self, ids: Any) -> str:
        return " ".join(self._words[at] for at in ids)


@pytest.mark.parametrize(
    ("depth", "text"),
    [
        (0, "The key is blue. One is here. Two is there."),
        (40, "The key is blue. One is here. Two is there."),
        (60, "One is here. The key is blue. Two is there."),
        (100, "One is here. Two is there. The key is blue."),
    ],
)
def test_a_needle_stands_between_sentences(depth: int, text: str) -> None:
    """At the end of the last one before its depth; the whole has as many tokens as are asked for."""
    assert haystack.with_needles(TEXT, Cell(10, depth), [NEEDLE], _Words()) == text


def test_several_needles_are_spread_behind_the_first() -> None:
    """From the depth that is asked for to the end."""
    made = haystack.with_needles(TEXT * 20, Cell(200, 20), ["First!", "Second!", "Third!"], _Words())
    places = [made.index(needle) / len(made) for needle in ("First!", "Second!", "Third!")]
    assert places == pytest.approx([0.2, 0.47, 0.73], abs=0.05)


@pytest.mark.parametrize(("text", "per_token"), [(TEXT, 4), ("一只猫在河边走。", 1.5)])
@pytest.mark.parametrize("length", [100, 5_000])
def test_lengths_are_estimated_without_a_tokenizer(text: str, per_token: float, length: int) -> None:
    """From characters, by the script; a short text is repeated."""
    made = haystack.with_needles(text, Cell(length, 50), ["X."], None)
    assert len(made) == pytest.approx(length * per_token, rel=0.05)


def test_a_needle_longer_than_the_text_stands_alone() -> None:
    """Nothing else has room."""
    assert haystack.with_needles(TEXT, Cell(2, 50), [NEEDLE], _Words()) == NEEDLE


def test_a_grid_is_even() -> None:
    """Lengths and depths from end to end; those that round to the same are asked once."""
    made = haystack.cells(Grid(1000, 2000, 3, 0, 100, 5))
    assert sorted({cell.length for cell in made}) == [1000, 1500, 2000]
    assert sorted({cell.depth for cell in made}) == [0, 25, 50, 75, 100]
    assert len(made) == 15
    assert haystack.cells(Grid(10, 10, 4, 50, 50, 1)) == [Cell(10, 50)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"context_lengths_min": 0}, "context_lengths_min"),
        ({"context_lengths_min": 50_000}, "context_lengths_max"),
        ({"document_depth_percent_max": 101}, "between 0 and 100"),
        ({"document_depth_percent_intervals": 0}, "at least 1"),
        ({"needles": ["a"]}, "retrieval_question"),
        ({"needles": [" "], "retrieval_question": "q"}, "needles must be texts"),
        ({"answers": ["a"]}, "needles of your own"),
    ],
)
def test_what_cannot_be_asked(given: dict[str, Any], reason: str) -> None:
    """Refused with the parameter's name."""
    benchmark = BENCHMARKS["needle_haystack"]
    with pytest.raises(ValueError, match=reason):
        benchmark.variant(benchmark, {**benchmark.parameters, **given})


def test_needles_of_ones_own() -> None:
    """Their question, and what a right reply holds of each; the needles themselves where that is not said."""
    benchmark = BENCHMARKS["needle_haystack"]
    given = {
        "needles": ["Tea is at four.", "Cake is at five."],
        "retrieval_question": "When?",
        "answers": ["four", "five"],
    }
    record = {"text": TEXT, "context_length": 30, "depth_percent": 0}
    for answers, targets in ((["four", "five"], ["four", "five"]), ([], given["needles"])):
        made = benchmark.variant(benchmark, {**benchmark.parameters, **given, "answers": answers})
        (one,) = made.prepare([record])
        assert (one["question"], one["answers"]) == ("When?", targets)
        assert all(needle in one["context"] for needle in given["needles"])


@pytest.mark.parametrize(("said", "figures"), [("At FOUR, then five.", (1, 1)), ("at four", (0, 0.5)), ("no", (0, 0))])
def test_figures(said: str, figures: tuple[float, float]) -> None:
    """All needles, and the share of them."""
    question = Question(text="q", targets=("four", "five"))
    assert tuple(measured(said, question, BENCHMARKS["needle_haystack"].metrics).values.values()) == figures
