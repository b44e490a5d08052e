"""Short answers beside all that they may be called, and TriviaQA's ways to say what these are."""

from random import Random
from typing import Any

import pytest

from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.metrics import names
from evalkube_benchmarks.scoring import measured
from evalkube_benchmarks.table import BENCHMARKS

QUESTION = Question(text="q", targets=("The River_Thames", "Thames"))
# answer: inclusion, exact match, F1
CASES = {
    "another name": ("thames", (1, 1, 1)),
    "article, case and punctuation": ("the river ‘Thames’.", (1, 1, 1)),
    "in a sentence": ("It is the Thames, of course", (1, 0, 2 / 6)),
    "a part of a word": ("Thamesmead", (0, 0, 0)),
    "a part of a name": ("A river", (0, 0, 2 / 3)),
    "nothing but marks": ("…?!", (0, 0, 0)),
    "nothing found": (None, (0, 0, 0)),
}


@pytest.mark.parametrize(("answer", "figures"), CASES.values(), ids=CASES)
def test_figures(answer: str | None, figures: tuple[float, ...]) -> None:
    """Of all names the one that is best for the figure counts."""
    scores = measured(answer, QUESTION, names.METRICS)
    assert tuple(scores.values.values()) == pytest.approx(figures)


def test_a_name_that_is_nothing_but_marks_is_in_no_answer() -> None:
    """Else it would be in every one."""
    assert measured("anything", Question(text="q", targets=("!",)), names.METRICS).values["acc"] == 0


@pytest.mark.parametrize(
    ("pages", "text"),
    [
        ({"title": ["t"], "wiki_context": [" a page "]}, "a page\n\nQuestion: q"),
        ([{"wiki_context": "one"}, {"wiki_context": "two"}], "one\n\ntwo\n\nQuestion: q"),
        ({"title": [], "wiki_context": []}, "Question: q"),
        (None, "Question: q"),
    ],
)
def test_pages_are_asked_along(pages: Any, text: str) -> None:
    """As hubs serve them, or none."""
    answer = {"value": "Zinc", "aliases": ["Zinc", "Zn"], "normalized_aliases": ["zinc", "zn"]}
    question = BENCHMARKS["trivia_qa"].read({"question": "q ", "entity_pages": pages, "answer": answer}, Random(0))
    assert (question.text, question.asked) == (text, "Question: q")
    assert question.targets == ("Zinc", "Zn", "zinc", "zn")
