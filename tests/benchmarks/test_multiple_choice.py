"""How records of multiple-choice data sets become questions, and the figures of several right choices."""

from random import Random
from typing import Any

import pytest

from evalkube_benchmarks import multiple_choice
from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.metrics import several
from evalkube_benchmarks.multiple_choice import LISTED, Columns
from evalkube_benchmarks.scoring import measured
from evalkube_benchmarks.table import BENCHMARKS

_STRUCT = Columns(answer="answerKey")
_NUMBERED = Columns(choices=("a", "b", "c"), answer="label", first=1)


def _struct(labels: list[str], key: Any) -> dict[str, Any]:
    texts = ["red", "blue", "green"][: len(labels)]
    return {"question": "q", "choices": {"text": texts, "label": labels}, "answerKey": key}


READ = {
    "a list and a letter": (LISTED, {"question": "q", "choices": ["x", "y"], "answer": "B"}, "B"),
    "a letter in brackets": (LISTED, {"question": "q", "choices": ["x", "y"], "answer": "(b)"}, "B"),
    "numbers as choices": (LISTED, {"question": "q", "choices": [1.5, 2], "answer": "A"}, "A"),
    "a choice that is missing": (LISTED, {"question": "q", "choices": ["x", None, "z"], "answer": "C"}, "C"),
    "labels": (_STRUCT, _struct(["A", "B", "C"], "C"), "C"),
    "numbers as labels": (_STRUCT, _struct(["1", "2", "3"], "2"), "B"),
    "other letters as labels": (_STRUCT, _struct(["P", "Q"], "Q"), "B"),
    "labels beside each text": (
        _STRUCT,
        {"question": "q", "choices": [{"label": "1", "text": "x"}, {"label": "2", "text": "y"}], "answerKey": "1"},
        "A",
    ),
    "a number from 0": (Columns(first=0), {"question": "q", "choices": ["x", "y"], "answer": 1}, "B"),
    "a number from 1 in a text": (_NUMBERED, {"question": "q", "a": "x", "b": "y", "c": "", "label": "2\n"}, "B"),
}
REFUSED = {
    "no field": (LISTED, {"question": "q", "options": ["x"], "answer": "A"}, KeyError, "choices"),
    "no list": (LISTED, {"question": "q", "choices": "['x', 'y']", "answer": "A"}, ValueError, "is not a list"),
    "a letter too far": (LISTED, {"question": "q", "choices": ["x", "y"], "answer": "C"}, ValueError, "AB"),
    "no label": (_STRUCT, _struct(["A", "B"], ""), ValueError, "not one of the letters"),
    "an answer that is kept back": (
        Columns(first=0),
        {"question": "q", "choices": ["x"], "answer": -1},
        ValueError,
        "-1",
    ),
    "a number that is none": (
        _NUMBERED,
        {"question": "q", "a": "x", "b": "y", "label": "?"},
        ValueError,
        "number of a",
    ),
    "a number too far": (_NUMBERED, {"question": "q", "a": "x", "b": "y", "label": 3}, ValueError, "AB"),
    "an empty right choice": (
        LISTED,
        {"question": "q", "choices": ["", "y"], "answer": "A"},
        ValueError,
        "empty choice",
    ),
    "one choice": (_NUMBERED, {"question": "q", "a": "x", "b": "", "label": 1}, ValueError, "fewer than two"),
    "an object as a question": (LISTED, {"question": {}, "choices": ["x"], "answer": "A"}, ValueError, "an object"),
}


@pytest.mark.parametrize(("columns", "record", "letter"), READ.values(), ids=READ)
def test_the_right_choice_is_found(columns: Columns, record: dict[str, Any], letter: str) -> None:
    """However a record says it."""
    assert multiple_choice.reader(columns)(record, Random(0)).targets == (letter,)


@pytest.mark.parametrize(("columns", "record", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_a_record_that_is_not_understood_is_refused(
    columns: Columns, record: dict[str, Any], kind: type[Exception], words: str
) -> None:
    """It says which field or letter is wrong."""
    with pytest.raises(kind, match=words):
        multiple_choice.reader(columns)(record, Random(0))


def test_the_layout_that_fits_is_read() -> None:
    """A passage stands before its question; of no layout the first one's field is missed."""
    read = multiple_choice.reader(Columns(question=("text", "query"), choices="options"), LISTED)
    made = read({"text": "T. ", "query": "q?", "options": ["x", "y"], "answer": "A"}, Random(0))
    assert made.text == "T.\n\nq?"
    assert read({"question": "q", "choices": ["x", "y"], "answer": "B"}, Random(0)).text == "q"
    with pytest.raises(KeyError, match="text"):
        read({"query": "q"}, Random(0))


def test_a_right_choice_apart_from_the_others_is_shuffled_among_them() -> None:
    """One seed gives one order; over many every place is taken about as often."""
    read = multiple_choice.reader(Columns(choices=("right", "w1", "w2", "w3"), answer=None))
    record = {"question": "q", "right": "r", "w1": "a", "w2": "b", "w3": "c"}
    made = [read(record, Random(seed)) for seed in range(400)]
    assert all(one.choices["ABCD".index(one.target)] == "r" for one in made)
    assert made[:9] == [read(record, Random(seed)) for seed in range(9)]
    places = [sum(one.target == letter for one in made) for letter in "ABCD"]
    assert min(places) > 70


# what was chosen of AC: part of the right ones, all of them exactly, F1
FIGURES = {
    "all": ("AC", (1, 1, 1)),
    "one of two": ("A", (0.5, 0, 2 / 3)),
    "one right and one wrong": ("AB", (0, 0, 0.5)),
    "all and one more": ("ABC", (0, 0, 0.8)),
    "wrong ones": ("BD", (0, 0, 0)),
    "nothing": (None, (0, 0, 0)),
}


@pytest.mark.parametrize(("chosen", "figures"), FIGURES.values(), ids=FIGURES)
def test_several_right_choices(chosen: str | None, figures: tuple[float, ...]) -> None:
    """Part of them counts in one figure, all and only they in another."""
    question = Question(text="q", targets=("AC",), choices=("a", "b", "c", "d"))
    assert tuple(measured(chosen, question, several.METRICS).values.values()) == pytest.approx(figures)


def _redux(error: str, correction: str | None, answer: int = 0) -> dict[str, Any]:
    return {
        "question": "q",
        "choices": ["w", "x", "y", "z"],
        "answer": answer,
        "error_type": error,
        "correct_answer": correction,
    }


REDUX = {
    "sound": (_redux("ok", None), "A"),
    "corrected by a number": (_redux("wrong_groundtruth", "2"), "C"),
    "corrected by a letter": (_redux("wrong_groundtruth", "(d)"), "D"),
    "corrected to the first": (_redux("wrong_groundtruth", "0", answer=3), "A"),
    "corrected to what is no choice": (_redux("wrong_groundtruth", "B and C"), None),
    "wrong and not corrected": (_redux("wrong_groundtruth", None), None),
    "unclear": (_redux("bad_question_clarity", None), None),
    "several": (_redux("multiple_correct_answers", "A, B"), None),
    "none": (_redux("no_correct_answer", "v"), None),
    "beyond the annotators": (_redux("expert", None), None),
}


@pytest.mark.parametrize(("record", "letter"), REDUX.values(), ids=REDUX)
def test_mmlu_redux_asks_what_people_found_sound_or_corrected(record: dict[str, Any], letter: str | None) -> None:
    """All else is left out."""
    benchmark = BENCHMARKS["mmlu_redux"]
    asked = benchmark.prepare([record])
    assert [benchmark.read(one, Random(0)).target for one in asked] == ([letter] if letter else [])


def test_hellaswag_is_put_without_the_marks_of_articles() -> None:
    """The scene is one text, its second part begins as a sentence, titles are sentences."""
    record = {
        "ctx_a": "[header] How to fold a map [title] Find the long creases. [step] Lay it on a table.",
        "ctx_b": "then you",
        "endings": ["[substeps] fold it.", "tear it."],
        "label": "0",
    }
    made = BENCHMARKS["hellaswag"].read(record, Random(0))
    assert made.text == "How to fold a map. Find the long creases. Lay it on a table. Then you"
    assert made.choices == ("fold it.", "tear it.")


def test_the_examples_of_mmlu_pro_reason_in_the_form_of_the_prompt() -> None:
    """Without the beginning and the end that the data set has for its own."""
    record = {
        "question": "q",
        "options": ["x", "y"],
        "answer": "B",
        "cot_content": "A: Let's think step by step. It is y. The answer is (B).",
    }
    assert BENCHMARKS["mmlu_pro"].read(record, Random(0)).solution == "Let's think step by step. It is y."


def test_the_questions_on_one_text_are_a_group() -> None:
    """RACE asks several of each article: their answers are no independent ones."""
    record = {"example_id": "high1.txt", "article": "T", "question": "q", "options": ["x", "y"], "answer": "A"}
    assert BENCHMARKS["race"].read(record, Random(0)).group == "high1.txt"
