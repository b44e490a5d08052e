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


@pytest.mark.parametrize(
    ("contract", "said", "label"),
    [
        pytest.param(AB, "They agree. [[A]]", "A", id="brackets"),
        pytest.param(AB, "[[A]] would be wrong: [[B]]", "B", id="last brackets"),
        pytest.param(AB, "[[ a ]]", "A", id="lower case in brackets"),
        pytest.param(AB, "[[**B**]]", "B", id="bold in brackets"),
        pytest.param(AB, "[[Grade: B]]", "B", id="announced in brackets"),
        pytest.param(AB, "They agree.\n**A**", "A", id="last line"),
        pytest.param(AB, "They agree.\nb.", "B", id="last line in lower case"),
        pytest.param(AB, "<think>[[A]]</think>[[B]]", "B", id="a thought is no verdict"),
        pytest.param(AB, "<think>It is [[A]]", None, id="a thought that was cut off"),
        pytest.param(AB, "A or B?", None, id="two grades"),
        pytest.param(AB, "Verdict: A or B", None, id="two announced"),
        pytest.param(AB, "A good answer, I'd say.", None, id="an article"),
        pytest.param(AB, "All in all I choose B.", "B", id="a letter that ends a sentence"),
        pytest.param(AB, "[[C]]", None, id="unknown grade"),
        pytest.param(AB, "[[A]]\nNo, rather [[maybe]]", None, id="unknown grade last"),
        pytest.param(AB, "", None, id="silence"),
        pytest.param(AB, "Grade: B", "B", id="announced"),
        pytest.param(AB, "**Final grade:** **A**\nThank you.", "A", id="announced in bold"),
        pytest.param(AB, '{"reason": "same", "grade": "A"}', "A", id="JSON"),
        pytest.param(AB, 'Here:\n```json\n{"grade": "b"}\n```', "B", id="fenced JSON"),
        pytest.param(AB, '{"grade": "A"} no, [[B]]', "B", id="brackets behind JSON"),
        pytest.param(AB, '[[A]] {"grade": "B"}', "B", id="JSON behind brackets"),
        pytest.param(AB, '{"question": "What is B?"}\nGrade: A', "A", id="JSON of something else"),
        pytest.param(AB, '{"score": 5, "grade": "A"}', "A", id="JSON with a number beside"),
        pytest.param(AB, '{"grade": "A", "verdict": "B"}', None, id="JSON that says two"),
        pytest.param(AB, '{"grade": true}', None, id="JSON of another type"),
        pytest.param(AB, '{"grade": "A"', "A", id="JSON without its end"),
        pytest.param(AB, "[[A]] of a list [x]]", "A", id="brackets of something else behind"),
        pytest.param(AB, "[[A]] and [[", "A", id="brackets cut off"),
        pytest.param(GRADES, "I would say PARTIAL here.", "PARTIAL", id="the only grade that is named"),
        pytest.param(GRADES, "This is INCORRECT", "INCORRECT", id="a grade within another is not named"),
        pytest.param(GRADES, "PARTIALLY fine", None, id="a grade within a word"),
        pytest.param(GRADES, "This is not CORRECT.", None, id="denied"),
        pytest.param(GRADES, "It isn't really CORRECT.", None, id="denied with a word between"),
        pytest.param(GRADES, "The answer is not correct.", None, id="another case in a sentence is no grade"),
        pytest.param(GRADES, "Verdict: incorrect", "INCORRECT", id="announced in lower case"),
        pytest.param(GRADES, "Verdict: not correct", None, id="announced and denied"),
        pytest.param(GRADES, "The verdict is **Partial**.", "PARTIAL", id="in a sentence, bold"),
        pytest.param(GRADES, "Verdict: CORRECT. It says the same.", "CORRECT", id="with a reason behind"),
        pytest.param(GRADES, "Verdict: INCORRECT - it is Lyon.", "INCORRECT", id="with a dash behind"),
        pytest.param(GRADES, "not attempted", "NOT_ATTEMPTED", id="a space for a line"),
        pytest.param(GRADES, "Upgrade: CORRECT or INCORRECT", None, id="a word with grade in it"),
        pytest.param(CHINESE, "理由充分。结论：正确", "正确", id="Chinese"),
        pytest.param(CHINESE, "结论：不正确", None, id="Chinese, denied"),
        pytest.param(CHINESE, "[[错误]]", "错误", id="Chinese in brackets"),
    ],
)
def test_a_label(contract: JudgeContract, said: str, label: str | None) -> None:
    """One clear label is read; anything else is no verdict, and no zero."""
    verdict = read(contract, said)
    assert (verdict and verdict.label) == label
    assert verdict is None or verdict.score == contract.score_mapping[label or ""]


@pytest.mark.parametrize(
    ("contract", "said", "score"),
    [
        pytest.param(UNIT, "Mostly. [[0.75]]", 0.75, id="brackets"),
        pytest.param(UNIT, "0.5", 0.5, id="bare number"),
        pytest.param(UNIT, "[[.5]]", 0.5, id="without a zero"),
        pytest.param(UNIT, "Score: 70%", 0.7, id="percent of one"),
        pytest.param(UNIT, "[[7]]", None, id="out of range"),
        pytest.param(UNIT, "[[nan]]", None, id="not a number"),
        pytest.param(UNIT, "good", None, id="no number"),
        pytest.param(UNIT, "The answer names 1 city.", None, id="a number of something else"),
        pytest.param(TEN, "[[7]]", 0.7, id="scaled"),
        pytest.param(TEN, "Rating: 7/10", 0.7, id="rating of ten"),
        pytest.param(TEN, "Rating: [[7]]", 0.7, id="rating in brackets"),
        pytest.param(TEN, "[[7/10]]", 0.7, id="of ten in brackets"),
        pytest.param(TEN, "[[Rating: 7]]", 0.7, id="announced in brackets"),
        pytest.param(TEN, "**Score:** 7 out of 10. Good work.", 0.7, id="out of ten"),
        pytest.param(TEN, "Score (0-10): 8", 0.8, id="its range beside it"),
        pytest.param(TEN, "I'd give it 7/10, for it is clear.", 0.7, id="of ten in a sentence"),
        pytest.param(TEN, "3/10 at first, 7/10 at last", None, id="two of ten"),
        pytest.param(TEN, "Score: 3/5", None, id="of another scale"),
        pytest.param(TEN, "Score: 11", None, id="above the scale"),
        pytest.param(TEN, "Score: -3", None, id="below the scale"),
        pytest.param(TEN, "Score: 7-8", None, id="a range"),
        pytest.param(TEN, "Score: 7 or 8", None, id="one of two"),
        pytest.param(TEN, "Score: 7\nNo. Final score: 8", 0.8, id="the last one"),
        pytest.param(TEN, "Rating: 7,5", None, id="a comma, which could be anything"),
        pytest.param(TEN, '{"score": 7, "reason": "ok"}', 0.7, id="JSON"),
        pytest.param(TEN, '```json\n{"rating": "7/10"}\n```', 0.7, id="JSON with a text"),
        pytest.param(TEN, '{"score": {"value": 7}}', 0.7, id="JSON inside JSON"),
        pytest.param(TEN, '{"verdict": "good", "score": 7}', 0.7, id="JSON with a word beside"),
        pytest.param(TEN, '{"rating": 7, "score": 8}', None, id="JSON that says two"),
        pytest.param(TEN, 'About 7/10. {"score": 11}', None, id="JSON off the scale"),
        pytest.param(TEN, '{"score": true}', None, id="JSON of another type"),
        pytest.param(TEN, '{"score": null}', None, id="JSON of nothing"),
        pytest.param(TEN, "评分：7分", 0.7, id="Chinese"),
        pytest.param(TEN, "<think>[[2]]</think>It is fine. [[9]]", 0.9, id="a thought is no mark"),
        pytest.param(TEN, "\\boxed{7}", 0.7, id="boxed"),
        pytest.param(FIVE, "[[1]]", 0.0, id="the lowest is zero"),
        pytest.param(FIVE, "[[5]]", 1.0, id="the highest is one"),
        pytest.param(FIVE, "[[3]]", 0.5, id="the middle"),
        pytest.param(FIVE, "[[0]]", None, id="below"),
        pytest.param(HUNDRED, "Score: 85%", 0.85, id="percent of a hundred"),
        pytest.param(SIGNED, "Score: -1", 0.25, id="a sign"),
        pytest.param(SIGNED, "[[+2]]", 1.0, id="a plus"),
    ],
)
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
