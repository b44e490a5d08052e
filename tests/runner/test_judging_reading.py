"""How a judge's words are read: what is a verdict, and what is none."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.evalrun import JudgeContract
from evalkube_runner.eval.judging.reading import read


def contract(score_type: str = "pattern", **fields: Any) -> JudgeContract:
    """A contract of that kind."""
    return JudgeContract.model_validate({"score_type": score_type, **fields})


AB = contract()
GRADES = contract(score_mapping={"CORRECT": 1.0, "PARTIAL": 0.5, "INCORRECT": 0.0, "NOT_ATTEMPTED": 0.25})
CHINESE = contract(score_mapping={"正确": 1.0, "错误": 0.0})
UNIT = contract("numeric")
TEN = contract("numeric", scale={"lowest": 0.0, "highest": 10.0})
FIVE = contract("numeric", scale={"lowest": 1.0, "highest": 5.0})
HUNDRED = contract("numeric", scale={"lowest": 0.0, "highest": 100.0})
SIGNED = contract("numeric", scale={"lowest": -2.0, "highest": 2.0})
RUBRIC = contract(
    "rubric",
    scale={"lowest": 1.0, "highest": 5.0},
    criteria=[
        {"name": "clarity", "weight": 3.0},
        {"name": "use_of_sources", "scale": {"lowest": 0.0, "highest": 10.0}},
    ],
)
PAIR = contract("pairwise")

Said = tuple[str, Any]
"""A judge's words, and what they come to; None: no verdict."""


def _rows(table: list[tuple[JudgeContract, dict[str, Said]]]) -> list[Any]:
    """A row for each of the words that judges under a contract may say, by name."""
    return [
        pytest.param(contract, said, verdict, id=f"{contract.score_type} {name}")
        for contract, words in table
        for name, (said, verdict) in words.items()
    ]


LABELS: list[tuple[JudgeContract, dict[str, Said]]] = [
    (
        AB,
        {
            "brackets": ("They agree. [[A]]", "A"),
            "last brackets": ("[[A]] would be wrong: [[B]]", "B"),
            "lower case in brackets": ("[[ a ]]", "A"),
            "bold in brackets": ("[[**B**]]", "B"),
            "announced in brackets": ("[[Grade: B]]", "B"),
            "last line": ("They agree.\n**A**", "A"),
            "last line in lower case": ("They agree.\nb.", "B"),
            "a thought is no verdict": ("<think>[[A]]</think>[[B]]", "B"),
            "a thought that was cut off": ("<think>It is [[A]]", None),
            "two grades": ("A or B?", None),
            "two announced": ("Verdict: A or B", None),
            "an article": ("A good answer, I'd say.", None),
            "a letter that ends a sentence": ("All in all I choose B.", "B"),
            "unknown grade": ("[[C]]", None),
            "unknown grade last": ("[[A]]\nNo, rather [[maybe]]", None),
            "silence": ("", None),
            "announced": ("Grade: B", "B"),
            "announced in bold": ("**Final grade:** **A**\nThank you.", "A"),
            "JSON": ('{"reason": "same", "grade": "A"}', "A"),
            "fenced JSON": ('Here:\n```json\n{"grade": "b"}\n```', "B"),
            "brackets behind JSON": ('{"grade": "A"} no, [[B]]', "B"),
            "JSON behind brackets": ('[[A]] {"grade": "B"}', "B"),
            "JSON of something else": ('{"question": "What is B?"}\nGrade: A', "A"),
            "JSON with a number beside": ('{"score": 5, "grade": "A"}', "A"),
            "JSON that says two": ('{"grade": "A", "verdict": "B"}', None),
            "JSON of another type": ('{"grade": true}', None),
            "JSON without its end": ('{"grade": "A"', "A"),
            "brackets of something else behind": ("[[A]] of a list [x]]", "A"),
            "brackets cut off": ("[[A]] and [[", "A"),
        },
    ),
    (
        GRADES,
        {
            "the only grade that is named": ("I would say PARTIAL here.", "PARTIAL"),
            "a grade within another is not named": ("This is INCORRECT", "INCORRECT"),
            "a grade within a word": ("PARTIALLY fine", None),
            "denied": ("This is not CORRECT.", None),
            "denied with a word between": ("It isn't really CORRECT.", None),
            "another case in a sentence is no grade": ("The answer is not correct.", None),
            "announced in lower case": ("Verdict: incorrect", "INCORRECT"),
            "announced and denied": ("Verdict: not correct", None),
            "in a sentence, bold": ("The verdict is **Partial**.", "PARTIAL"),
            "with a reason behind": ("Verdict: CORRECT. It says the same.", "CORRECT"),
            "with a dash behind": ("Verdict: INCORRECT - it is Lyon.", "INCORRECT"),
            "a space for a line": ("not attempted", "NOT_ATTEMPTED"),
            "a word with grade in it": ("Upgrade: CORRECT or INCORRECT", None),
        },
    ),
    (
        CHINESE,
        {
            "Chinese": ("理由充分。结论：正确", "正确"),
            "Chinese, denied": ("结论：不正确", None),
            "Chinese in brackets": ("[[错误]]", "错误"),
        },
    ),
]


@pytest.mark.parametrize(("contract", "said", "label"), _rows(LABELS))
def test_a_label(contract: JudgeContract, said: str, label: str | None) -> None:
    """One clear label is read; anything else is no verdict, and no zero."""
    verdict = read(contract, said)
    assert (verdict and verdict.label) == label
    assert verdict is None or verdict.score == contract.score_mapping[label or ""]


MARKS: list[tuple[JudgeContract, dict[str, Said]]] = [
    (
        UNIT,
        {
            "brackets": ("Mostly. [[0.75]]", 0.75),
            "bare number": ("0.5", 0.5),
            "without a zero": ("[[.5]]", 0.5),
            "percent of one": ("Score: 70%", 0.7),
            "out of range": ("[[7]]", None),
            "not a number": ("[[nan]]", None),
            "no number": ("good", None),
            "a number of something else": ("The answer names 1 city.", None),
        },
    ),
    (
        TEN,
        {
            "scaled": ("[[7]]", 0.7),
            "rating of ten": ("Rating: 7/10", 0.7),
            "rating in brackets": ("Rating: [[7]]", 0.7),
            "of ten in brackets": ("[[7/10]]", 0.7),
            "announced in brackets": ("[[Rating: 7]]", 0.7),
            "out of ten": ("**Score:** 7 out of 10. Good work.", 0.7),
            "its range beside it": ("Score (0-10): 8", 0.8),
            "of ten in a sentence": ("I'd give it 7/10, for it is clear.", 0.7),
            "two of ten": ("3/10 at first, 7/10 at last", None),
            "of another scale": ("Score: 3/5", None),
            "above the scale": ("Score: 11", None),
            "below the scale": ("Score: -3", None),
            "a range": ("Score: 7-8", None),
            "one of two": ("Score: 7 or 8", None),
            "the last one": ("Score: 7\nNo. Final score: 8", 0.8),
            "a comma, which could be anything": ("Rating: 7,5", None),
            "JSON": ('{"score": 7, "reason": "ok"}', 0.7),
            "JSON with a text": ('```json\n{"rating": "7/10"}\n```', 0.7),
            "JSON inside JSON": ('{"score": {"value": 7}}', 0.7),
            "JSON with a word beside": ('{"verdict": "good", "score": 7}', 0.7),
            "JSON that says two": ('{"rating": 7, "score": 8}', None),
            "JSON off the scale": ('About 7/10. {"score": 11}', None),
            "JSON of another type": ('{"score": true}', None),
            "JSON of nothing": ('{"score": null}', None),
            "Chinese": ("评分：7分", 0.7),
            "a thought is no mark": ("<think>[[2]]</think>It is fine. [[9]]", 0.9),
            "boxed": ("\\boxed{7}", 0.7),
        },
    ),
    (
        FIVE,
        {
            "the lowest is zero": ("[[1]]", 0.0),
            "the highest is one": ("[[5]]", 1.0),
            "the middle": ("[[3]]", 0.5),
            "below": ("[[0]]", None),
        },
    ),
    (
        HUNDRED,
        {
            "percent of a hundred": ("Score: 85%", 0.85),
        },
    ),
    (
        SIGNED,
        {
            "a sign": ("Score: -1", 0.25),
            "a plus": ("[[+2]]", 1.0),
        },
    ),
]


@pytest.mark.parametrize(("contract", "said", "score"), _rows(MARKS))
def test_a_mark(contract: JudgeContract, said: str, score: float | None) -> None:
    """Where it lies on the scale; what is not on it, or could be two, is none."""
    verdict = read(contract, said)
    assert (verdict and verdict.score) == (score if score is None else pytest.approx(score))


@pytest.mark.parametrize(
    ("said", "marks"),
    [
        pytest.param('Clear. {"clarity": 5, "use_of_sources": 5}', (1.0, 0.5), id="JSON"),
        pytest.param('```json\n{"Clarity": "5/5", "Use of sources": "5"}\n```', (1.0, 0.5), id="names as people write"),
        pytest.param('{"scores": {"clarity": 3, "use_of_sources": 10}}', (0.5, 1.0), id="inside"),
        pytest.param(
            '{"clarity": {"reason": "so", "score": 3}, "use_of_sources": {"score": 0}}', (0.5, 0.0), id="with reasons"
        ),
        pytest.param(
            '{"criteria": [{"name": "clarity", "score": 1}, {"name": "use_of_sources", "score": 10}]}',
            (0.0, 1.0),
            id="as a list",
        ),
        pytest.param("clarity: 4/5\nuse_of_sources: 5", (0.75, 0.5), id="lines"),
        pytest.param("- **Clarity** (how clear): 4\n- **Use of Sources**: [[5]]", (0.75, 0.5), id="a list in bold"),
        pytest.param("| clarity | 4 |\n| use of sources | 5 |", (0.75, 0.5), id="a table"),
        pytest.param("clarity: 4, use_of_sources: 5", (0.75, 0.5), id="one line"),
        pytest.param("clarity: 2\nuse_of_sources: 5\nclarity: 4", (0.75, 0.5), id="the last of a criterion"),
        pytest.param('{"clarity": 5}', None, id="one is missing"),
        pytest.param('{"clarity": 6, "use_of_sources": 5}', None, id="one is off its scale"),
        pytest.param("clarity: 4/10\nuse_of_sources: 5", None, id="one is of another scale"),
        pytest.param("[[4]]", None, id="one for all"),
        pytest.param("", None, id="silence"),
    ],
)
def test_the_marks_of_a_rubric(said: str, marks: tuple[float, float] | None) -> None:
    """Each criterion on its own scale, all of them or none; the score is their weighted mean."""
    verdict = read(RUBRIC, said)
    if marks is None:
        assert verdict is None
        return
    assert verdict is not None
    assert dict(verdict.parts) == {"clarity": marks[0], "use_of_sources": marks[1]}
    assert verdict.score == pytest.approx((3 * marks[0] + marks[1]) / 4)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("A is clearer. [[A]]", "win"),
        ("[[B]]", "loss"),
        ("[[C]]", "tie"),
        ("[[Tie]]", "tie"),
        ("[[A>>B]]", "win"),
        ("[[B > A]]", "loss"),
        ("[[A=B]]", "tie"),
        ("[[Answer B]]", "loss"),
        ("Winner: Answer A", "win"),
        ('{"winner": "model_b"}', "loss"),
        ('```json\n{"winner": "tie"}\n```', "tie"),
        ("<think>[[B]]</think>[[A]]", "win"),
        ("A and B are both good.", None),
        ("[[D]]", None),
        ("A better one could be thought of.", None),
        ("", None),
    ],
)
def test_which_of_two_is_better(said: str, label: str | None) -> None:
    """Of the model's point of view; the same words say the contrary where the answers stood the other way round."""
    verdict, turned = read(PAIR, said), read(PAIR, said, swapped=True)
    assert (verdict and verdict.label) == label
    assert (turned and turned.label) == {"win": "loss", "loss": "win"}.get(label or "", label)


@pytest.mark.parametrize("kind", [AB, GRADES, TEN, RUBRIC, PAIR])
@pytest.mark.parametrize(
    "piece", ["[[", "]]", '{"a":', "{", '{"clarity": ', "clarity ", "Score: ", "Verdict: ", " \n", "[[A]]", "7/10 "]
)
def test_words_without_end_are_read_in_no_time(kind: JudgeContract, piece: str) -> None:
    """A judge that repeats itself holds up nobody."""
    begun = time.process_time()
    read(kind, piece * 100_000)
    assert time.process_time() - begun < 2


@given(said=st.text() | st.text(alphabet='AB[]{}":7/10 clarityscore\n*'))
def test_any_words_are_read(said: str) -> None:
    """Whatever they are, the score is from 0 to 1, or there is none."""
    for kind in (AB, GRADES, TEN, SIGNED, RUBRIC, PAIR):
        verdict = read(kind, said)
        assert verdict is None or 0 <= verdict.score <= 1
