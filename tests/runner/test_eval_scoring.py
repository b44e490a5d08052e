"""A reply's way through filters, extraction and comparison."""

import asyncio
from typing import Any

import pytest

from evalkube_benchmarks.benchmark import Question
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import plan, scoring
from evalkube_runner.eval.scorer_process import ScorerFailed, Scorers


def _score(name: str, question: Question, reply: str, **args: Any) -> scoring.Scored:
    body = {"model": "m", "api_url": "http://h/v1", "datasets": [name], "dataset_args": {name: args}}
    made = plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), name)

    async def score() -> scoring.Scored:
        async with Scorers() as scorers:
            return await scoring.by_rule(made, question, reply, scorers)

    return asyncio.run(score())


EIGHTEEN = Question(text="q", targets=("18",))
CAPITAL = Question(text="q", targets=("B",), choices=("Rome", "Paris"))


@pytest.mark.parametrize(
    ("name", "question", "reply", "args", "acc", "extracted"),
    [
        pytest.param("gsm8k", EIGHTEEN, r"so \boxed{18}", {}, 1, "18", id="number"),
        pytest.param("gsm8k", EIGHTEEN, r"\boxed{19}", {}, 0, "19", id="wrong number"),
        pytest.param("gsm8k", EIGHTEEN, r"\boxed{2\cdot 9}", {}, 1, r"2\cdot 9", id="by algebra"),
        pytest.param("gsm8k", EIGHTEEN, "", {}, 0, None, id="no answer is a wrong one"),
        pytest.param("gsm8k", EIGHTEEN, "<think>18</think>20", {}, 0, "20", id="a thought is no answer"),
        pytest.param(
            "gsm8k", EIGHTEEN, "20 FINAL 18", {"filters": {"remove_until": "FINAL"}}, 1, "18", id="remove_until"
        ),
        pytest.param("gsm8k", EIGHTEEN, "res=18; t=9", {"filters": {"extract": r"res=(\d+)"}}, 1, "18", id="extract"),
        pytest.param("gsm8k", EIGHTEEN, "18", {"filters": {"extract": "x(.)"}}, 0, None, id="extract finds nothing"),
        pytest.param("gsm8k", EIGHTEEN, "1 8", {"filters": {"remove_whitespace": True}}, 1, "18", id="white space"),
        pytest.param("general_mcq", CAPITAL, "答案：B", {}, 1, "B", id="letter"),
        pytest.param("general_mcq", CAPITAL, "A. Rome\nB. Paris", {}, 0, None, id="echo"),
        pytest.param("general_mcq", CAPITAL, "答案：C", {}, 0, None, id="no such choice"),
    ],
)
def test_accuracy(
    name: str, question: Question, reply: str, args: dict[str, Any], acc: float, extracted: str | None
) -> None:
    """Right is 1 and wrong is 0, and what was read out of the reply is kept."""
    scored = _score(name, question, reply, **args)
    assert scored.values == {"acc": acc}
    assert scored.extracted == extracted


def test_several_letters_must_all_be_right() -> None:
    """A part of the right letters is wrong."""
    question = Question(text="q", targets=("AC",), choices=("a", "b", "c"))
    several = {"extra_params": {"multiple_correct": True}}
    assert _score("general_mcq", question, "答案：CA", **several).values == {"acc": 1}
    assert _score("general_mcq", question, "答案：A", **several).values == {"acc": 0}


def test_free_answers_have_the_metrics_that_were_asked_for() -> None:
    """All of them by default, those of metric_list otherwise; long texts are scored too."""
    question = Question(text="q", targets=("the cat sat on the mat " * 300,))
    every = _score("general_qa", question, question.target)
    assert len(every.values) == 13
    assert list(every.values.values()) == pytest.approx([1] * 13)
    assert list(_score("general_qa", question, "a cat", metric_list=["bleu-1"]).values) == ["bleu-1"]


def test_the_best_of_several_references_counts() -> None:
    """Each figure is that of the reference for which it is highest."""
    question = Question(text="q", targets=("Paris, the capital of France", "Paris", "Lutetia"))
    assert set(_score("general_qa", question, "Paris", metric_list=["Rouge-L-R", "Rouge-L-F"]).values.values()) == {1.0}


def test_json_of_the_product_is_its_answer() -> None:
    """Where the whole reply is an object with an answer, that is compared; prose about JSON is prose."""
    question = Question(text="q", targets=("Paris",))
    reply = '{"answer": "Paris", "explanation": "the capital"}'
    assert _score("general_qa", question, reply, metric_list=["Rouge-L-P"]).values == {"Rouge-L-P": 1.0}
    assert _score("general_qa", question, f"See {reply}", metric_list=["Rouge-L-P"]).values["Rouge-L-P"] < 1


def test_a_scorer_that_hangs_fails() -> None:
    """review_timeout ends it, and the sample is errored by its caller, not wrong."""
    with pytest.raises(ScorerFailed):
        _score("gsm8k", EIGHTEEN, "a" * 60 + "b", filters={"extract": "(a+)+$"}, review_timeout=0.1)


# name: characters of a reply, review_timeout, how long scoring it may take
LONGEST = {
    "a usual one": (1_000, None, 10.002),
    "a book": (15_000_000, None, 40.0),
    "a given time": (15_000_000, 0.5, 0.5),
    "nothing": (0, None, 10.0),
}


@pytest.mark.parametrize(("length", "given", "longest_s"), LONGEST.values(), ids=LONGEST.keys())
def test_a_long_reply_may_take_longer(length: int, given: float | None, longest_s: float) -> None:
    """Reading takes time by the length of what is read; a time that is given holds for all."""
    assert scoring.longest_s("x" * length, given) == pytest.approx(longest_s)
