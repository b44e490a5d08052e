"""What judges are asked, how their words are read, how verdicts add up."""

import asyncio
from typing import Any

import pytest

from evalkube_benchmarks.declaration import Question
from evalkube_crds.evalrun import GenerationConfig, Judge, JudgeContract, JudgeModel
from evalkube_crds.targets import TargetRules
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import judge
from evalkube_runner.gate import Gate
from fakes import scripted_endpoint
from fakes.names import Names
from fakes.scripted_endpoint import Says, Script, says

QUESTION = Question(text="capital of {France}?", targets=("Paris",))
GRADES = JudgeContract(score_mapping={"CORRECT": 1.0, "PARTIAL": 0.5, "INCORRECT": 0.0})
NUMBER = JudgeContract(score_type="numeric")


@pytest.mark.parametrize(
    ("contract", "said", "score"),
    [
        pytest.param(JudgeContract(), "They agree. [[A]]", 1.0, id="brackets"),
        pytest.param(JudgeContract(), "[[A]] would be wrong: [[B]]", 0.0, id="last brackets"),
        pytest.param(JudgeContract(), "They agree.\n**A**", 1.0, id="last line"),
        pytest.param(JudgeContract(), "<think>[[A]]</think>[[B]]", 0.0, id="a thought is no verdict"),
        pytest.param(JudgeContract(), "A or B?", None, id="two grades"),
        pytest.param(JudgeContract(), "[[C]]", None, id="unknown grade"),
        pytest.param(JudgeContract(), "", None, id="silence"),
        pytest.param(GRADES, "I would say PARTIAL here.", 0.5, id="the only grade that is named"),
        pytest.param(GRADES, "This is INCORRECT", 0.0, id="a grade within another is not named"),
        pytest.param(JudgeContract(), "[[A]] of a list [x]]", 1.0, id="brackets of something else behind"),
        pytest.param(JudgeContract(), "[[A]] and [[", 1.0, id="brackets cut off"),
        pytest.param(JudgeContract(), "[[" * 200_000 + "x", None, id="brackets without end"),
        pytest.param(NUMBER, "Mostly. [[0.75]]", 0.75, id="number"),
        pytest.param(NUMBER, "0.5", 0.5, id="bare number"),
        pytest.param(NUMBER, "[[7]]", None, id="out of range"),
        pytest.param(NUMBER, "[[nan]]", None, id="not a number"),
        pytest.param(NUMBER, "good", None, id="no number"),
    ],
)
def test_verdict(contract: JudgeContract, said: str, score: float | None) -> None:
    """One clear grade is read; anything else is no verdict, and no zero."""
    assert judge.verdict(contract, said) == score


@pytest.mark.parametrize(
    ("verdicts", "how", "score"),
    [
        ([1.0, 0.0, 1.0], "mean", 2 / 3),
        ([1.0, 0.0, 1.0], "median", 1.0),
        ([1.0, 0.0, 0.5, 0.5], "majority_vote", 0.5),
        ([1.0, 0.0], "majority_vote", 0.0),
    ],
)
def test_aggregate(verdicts: list[float], how: str, score: float) -> None:
    """Mean, median, or the most frequent; among equals the lower."""
    assert judge.aggregate(verdicts, how) == pytest.approx(score)


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (["CORRECT", "PARTIAL", "CORRECT"], "CORRECT"),
        (["CORRECT", "INCORRECT"], "INCORRECT"),
        (["PARTIAL"], "PARTIAL"),
        ([], None),
    ],
)
def test_the_most_frequent_label_is_elected(labels: list[str], label: str | None) -> None:
    """Among equals that of the lower score."""
    assert judge.elected(GRADES, labels) == label


def test_the_judge_is_shown_everything_as_it_stands() -> None:
    """Question, reference and reply reach it unchanged, the reply without its thoughts; grades are named."""
    system, user = judge.messages(GRADES, QUESTION, "<think>hm</think>It is {Paris}.")
    assert system.role == "system"
    for part in ("capital of {France}?", "Reference answer:\nParis", "It is {Paris}.", "CORRECT, PARTIAL, INCORRECT"):
        assert part in user.content
    assert "hm" not in user.content


def test_a_contract_that_cannot_be_filled_in_is_refused() -> None:
    """Before anything is sent."""
    contract = JudgeContract(prompt_template="{prediction} {answer}")
    with pytest.raises(RunFailed, match=r"judge\.contract\.prompt_template.*\{answer\}"):
        judge.check(contract)


def _grade(*scripts: Script, rules: TargetRules | None = None, **options: Any) -> judge.Grade:
    async def grade() -> judge.Grade:
        config = GenerationConfig(retries=1)
        async with scripted_endpoint.running(scripts[0]) as one, scripted_endpoint.running(scripts[-1]) as other:
            models = [
                JudgeModel(model="j", api_url=endpoint.url, generation_config=config) for endpoint in (one, other)
            ]
            made = Judge(strategy="llm", models=models[: len(scripts)], **options)
            gate = Gate(rules, Names(["127.0.0.1"]))
            async with judge.Judges(made, api_key=None, connections=4, gate=gate) as judges:
                return await judges.grade(made.contract, QUESTION, "Paris")

    return asyncio.run(grade())


def _yes(_body: dict[str, Any], _number: int) -> Says:
    return says("[[A]]")


def _no(_body: dict[str, Any], _number: int) -> Says:
    return says("[[B]]")


def _down(_body: dict[str, Any], _number: int) -> Says:
    return Says(500, b"down")


def test_several_judges_and_repeats_add_up() -> None:
    """Each judge is asked as often as `repeats` says."""
    grade = _grade(_yes, _no, repeats=2)
    assert grade.score == 0.5
    assert sorted(grade.words["verdicts"]) == [0, 0, 1, 1]


def test_a_judge_that_fails_has_no_vote() -> None:
    """Its silence is no zero, as long as enough others speak."""
    grade = _grade(_yes, _down)
    assert (grade.score, grade.label) == (1, "A")
    assert grade.words["failures"] == ["status_5xx: HTTP 500: down"]


def test_a_forbidden_judge_is_not_asked() -> None:
    """Its address is judged for each connection, as the endpoint's is."""

    def ask(_body: dict[str, Any], _number: int) -> Says:
        raise AssertionError("it was asked")

    with pytest.raises(judge.JudgeFailed, match=r"forbidden_target: 127\.0\.0\.1 is a target that this installation"):
        _grade(ask, rules=TargetRules(denied=("127.0.0.0/8",)))


def test_too_few_verdicts_are_none() -> None:
    """Then the sample has no score, and the cause is told."""
    with pytest.raises(judge.JudgeFailed, match=r"1 of 2 verdicts.*HTTP 500"):
        _grade(_yes, _down, min_valid_judges=2)
    with pytest.raises(judge.JudgeFailed, match="unreadable"):
        _grade(lambda _body, _number: says("well"))
