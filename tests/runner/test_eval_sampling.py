"""Which questions are asked and in what form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Reason
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import plan, sampling
from evalkube_runner.eval.benchmarks.declaration import Subset

MAIN = Subset("main")


def _plan(name: str = "gsm8k", args: dict[str, Any] | None = None, **spec: Any) -> plan.DatasetPlan:
    body = {"model": "m", "api_url": "http://h/v1", "datasets": [name], "dataset_args": {name: args or {}}, **spec}
    return plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), name)


def _records(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"question": f"q{at}", "answer": f"because <<1+1=2>>so\n#### {at}"} for at in range(start, start + count)]


def _choices(count: int) -> list[dict[str, Any]]:
    return [
        {"question": f"q{at}", "A": "w", "B": "x", "C": "y", "D": f"right{at}", "answer": "D"} for at in range(count)
    ]


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [(None, 10), (3, 3), (99, 10), (0.25, 2), (0.3, 3), (0.01, 1)],
)
def test_limit(limit: float | None, chosen: int) -> None:
    """A count or a fraction (rounded down, but at least one) of each subset."""
    assert len(sampling.choose(_plan(limit=limit), MAIN, 10)) == chosen


@given(st.integers(1, 200), st.integers(0, 2**40))
def test_shuffle_is_a_permutation_by_seed(count: int, seed: int) -> None:
    """Shuffling loses and doubles nothing, and the same seed shuffles alike."""
    made = _plan(args={"shuffle": True}, seed=seed)
    order = sampling.choose(made, MAIN, count)
    assert sorted(order) == list(range(count))
    assert order == sampling.choose(made, MAIN, count)


def test_examples_are_the_first_ones_without_calculator_notes() -> None:
    """The first four of the training split, as every published GSM8K figure has them."""
    item = sampling.items_of(_plan(), MAIN, _records(1), _records(9, start=100))[0]
    assert [example.text for example in item.examples] == ["q100", "q101", "q102", "q103"]
    assert item.examples[0].solution == "because so"


def test_no_question_is_its_own_example() -> None:
    """Where the evaluated split feeds the examples, each question skips itself."""
    items = sampling.items_of(_plan(args={"few_shot_num": 2}), MAIN, _records(3), _records(3))
    assert [[example.text for example in item.examples] for item in items] == [["q1", "q2"], ["q0", "q2"], ["q0", "q1"]]


def test_random_examples_are_seeded() -> None:
    """few_shot_random draws others than the first, the same for the same seed, others for another."""

    def drawn(seed: int) -> list[str]:
        made = _plan(args={"few_shot_random": True}, seed=seed)
        return [example.text for example in sampling.items_of(made, MAIN, _records(1), _records(50, 100))[0].examples]

    assert drawn(1) == drawn(1) != drawn(2)


def test_too_few_examples_are_refused_when_asked_for() -> None:
    """A score with fewer shots than the user ordered would pass for another one."""
    with pytest.raises(RunFailed, match=r"few_shot_num: 3 examples are asked for.* has 2"):
        sampling.items_of(_plan(args={"few_shot_num": 3}), MAIN, _records(1), _records(2, 100))


@given(st.integers(0, 2**32))
def test_shuffled_choices_keep_the_right_one_right(seed: int) -> None:
    """The target's letter follows its text."""
    made = _plan("general_mcq", {"shuffle_choices": True}, seed=seed)
    for item in sampling.items_of(made, MAIN, _choices(5), []):
        assert item.question.choices["ABCD".index(item.question.target)].startswith("right")


def test_query_template_writes_the_question_from_any_field() -> None:
    """A record's own fields fill the query template, and the result is the question."""
    made = _plan("general_qa", {"query_template": "{context} -> {question}"})
    rows = [{"question": "q", "answer": "a", "context": "c"}]
    assert sampling.items_of(made, MAIN, rows, [])[0].question.text == "c -> q"
    with pytest.raises(RunFailed, match="no field 'context'"):
        sampling.items_of(made, MAIN, [{"question": "q", "answer": "a"}], [])


@pytest.mark.parametrize(
    ("name", "record", "said"),
    [
        pytest.param("gsm8k", {"query": "q"}, "no field 'answer'", id="field"),
        pytest.param("gsm8k", {"question": "q", "answer": "4"}, "####", id="GSM8K without its mark"),
        pytest.param("general_mcq", {"question": "q", "A": "x", "answer": "A"}, "fewer than two", id="one choice"),
        pytest.param("general_mcq", {"question": "q", "A": "x", "B": "y", "answer": "C"}, "not one of", id="letter"),
        pytest.param(
            "general_mcq", {"question": "q", "A": "x", "B": "y", "answer": "AB"}, "not one of", id="two letters"
        ),
        pytest.param("general_qa", {"answer": "a"}, "none of the fields", id="no question"),
        pytest.param("general_qa", {"question": "q"}, "no reference answer", id="nothing to compare with"),
        pytest.param("general_qa", {"messages": [{"role": "tool", "content": ""}]}, "role", id="strange role"),
    ],
)
def test_a_foreign_record_says_what_is_wrong(name: str, record: dict[str, Any], said: str) -> None:
    """A record of another data set fails the run with its place and its fields."""
    with pytest.raises(RunFailed, match="record 1") as failed:
        sampling.items_of(_plan(name, {"few_shot_num": 0}), MAIN, [record], [])
    assert failed.value.reason is Reason.DATASET_UNAVAILABLE
    assert said in failed.value.message


def test_a_conversation_brings_its_own_reference() -> None:
    """Messages that end with an assistant's turn are asked without it, and compared with it."""
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    item = sampling.items_of(_plan("general_qa"), MAIN, [{"messages": turns}], [])[0]
    assert item.question.target == "hello"
    assert [message.content for message in sampling.messages_of(item)] == ["hi"]
