"""What the benchmarks of mathematics make of records and replies."""

from random import Random
from typing import Any

import pytest

from evalkube_benchmarks import mathematics, prompts
from evalkube_benchmarks.benchmark import Question, Reply
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import plan, sampling

QUESTION = Question(text="q", targets=("2125",))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param("Ergebnis: \\boxed{2.125}", "2125", id="German groups"),
        pytest.param("Die Antwort ist 2.125 Dollar.", "2125", id="German groups in a sentence"),
        pytest.param("\\boxed{\\$1.002.125}", "\\$1002125", id="two groups and money"),
        pytest.param("Ответ: 2 125.", "2125", id="a space between groups"),
        pytest.param("ফলাফল: \\boxed{২,১২৫}", "2125", id="Bengali digits"),
        pytest.param("ตอบ ๒๑๒๕ บาท", "2125", id="Thai digits"),
        pytest.param("సమాధానం ౨౧౨౫.", "2125", id="Telugu digits"),
        pytest.param("\\boxed{２１２５}", "2125", id="wide digits"),
        pytest.param("It is 2.5 each.", "2.5", id="a decimal point"),
        pytest.param("\\boxed{0.1255}", "0.1255", id="four decimals"),
        pytest.param("No idea.", None, id="sad: none"),
    ],
)
def test_a_whole_number_in_any_language(said: str, found: str | None) -> None:
    """The digits and the groups of each language are read."""
    read = mathematics.whole_number(Reply(said), QUESTION)
    assert (read.replace(",", "").replace(" ", "") if read else read) == found


@pytest.mark.parametrize(
    ("record", "target"),
    [
        pytest.param({"problem": "p", "answer": "045"}, "45", id="zeros before it"),
        pytest.param({"problem": "p", "solution": "\\boxed{204}"}, "204", id="in a box"),
        pytest.param({"problem": "p", "answer": 7, "solution": "So it is \\boxed{8}"}, "7", id="a number"),
        pytest.param({"problem": "p", "answer": "1000"}, None, id="sad: too large"),
        pytest.param({"problem": "p", "answer": "1/2"}, None, id="sad: not whole"),
    ],
)
def test_an_answer_from_0_to_999(record: dict[str, Any], target: str | None) -> None:
    """The answer is read from the fields that the copies of AIME have; another data set is refused."""
    if target is None:
        with pytest.raises(ValueError, match="not a whole number from 0 to 999"):
            mathematics.olympiad(record, Random(0))
    else:
        assert mathematics.olympiad(record, Random(0)).targets == (target,)


@pytest.mark.parametrize("language", mathematics.BOXED)
def test_each_language_asks_for_a_box(language: str) -> None:
    """In its own words, with worked examples as without."""
    prompt = mathematics.BOXED[language]
    for template in (prompt.question, prompt.few_shot):
        asked = prompts.messages(QUESTION, subject="", prompt=prompt, template=template, examples=[QUESTION])
        assert "\\boxed{}" in str(asked[-1].content)
    assert prompts.worked_answer(prompt, QUESTION).endswith("\\boxed{2125}")
    assert len({other.question for other in mathematics.BOXED.values()}) == len(mathematics.BOXED)


@pytest.mark.parametrize("name", ["math_500", "competition_math"])
@pytest.mark.parametrize(("by_subject", "subset"), [(False, "Level 3"), (True, "Number Theory")])
def test_subsets_of_math(name: str, by_subject: bool, subset: str) -> None:
    """Its levels, whether these are numbers or words, or its subjects."""
    body = {"model": "m", "api_url": "http://h/v1", "datasets": [name]}
    args = {name: {"extra_params": {"by_subject": by_subject}}}
    made = plan.plan_of(EvalRunSpec.model_validate({**body, "dataset_args": args}, by_name=True), name)
    levels = {"math_500": 3, "competition_math": "Level 3"}
    record = {"level": levels[name], "subject" if name == "math_500" else "type": "Number Theory"}
    assert list(sampling.divided(made, [record])) == [subset]
    assert len(made.subsets) == (7 if by_subject else 5)


def test_labels_of_worked_examples_are_left_out() -> None:
    """MGSM's examples bring words of their own before question and answer."""
    record = {"question": "Question : Combien ?", "answer": "Réponse étape par étape : 1 + 1 = 2.", "answer_number": 2}
    question = BENCHMARKS["mgsm"].read(record, Random(0))
    assert (question.text, question.solution) == ("Combien ?", "1 + 1 = 2.")
    test = {"question": "At 5: 30, how many?", "answer": None, "answer_number": "1,000"}
    assert BENCHMARKS["mgsm"].read(test, Random(0)).text == "At 5: 30, how many?"


@pytest.mark.parametrize("language", mathematics.BOXED)
def test_a_next_problem_is_not_read(language: str) -> None:
    """A reply that goes on in the manner of the worked examples is read up to there."""
    prompt = mathematics.BOXED[language]
    asked = Question(text="12 + 5 * 9?", targets=("57",))
    own, other = (
        prompts.worked_answer(prompt, question) for question in (asked, Question(text="1 + 1?", targets=("2",)))
    )
    reply = Reply(f"{own}{prompt.stops[0]} 1 + 1?{other}", runs_on=True)
    assert mathematics.whole_number(reply, asked) == "57"
