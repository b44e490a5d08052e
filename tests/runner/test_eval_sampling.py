"""Which questions are asked and in what form."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.benchmark import Question, Subset
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Reason
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import plan, sampling

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
MAIN, DEFAULT = Subset("main"), Subset("default")


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


def test_a_group_goes_to_one_shard() -> None:
    """The questions on one text have the number of the first of them; all others have their own."""
    made = _plan()
    items = [
        sampling.Item(made, subset, at, Question(text="?", targets=("1",), group=group), ())
        for at, (subset, group) in enumerate([(MAIN, ""), (MAIN, "t"), (MAIN, ""), (MAIN, "t"), (DEFAULT, "t")])
    ]
    assert sampling.places(items, 10) == [10, 11, 12, 11, 14]


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
        pytest.param("general_qa", {"answer": "a"}, "has no field", id="no question"),
        pytest.param("general_qa", {"question": "q"}, "no reference answer", id="nothing to compare with"),
        pytest.param("general_qa", {"messages": [{"role": "tool", "content": ""}]}, "role", id="strange role"),
        pytest.param("general_qa", {"messages": ["hi"]}, "message 1 is not an object", id="a message that is none"),
        pytest.param(
            "general_qa", {"messages": [{"role": "user", "content": None}]}, "message 1: content", id="no content"
        ),
        pytest.param("general_qa", {"messages": [{"role": "user", "content": [5]}]}, "part", id="a strange part"),
        pytest.param(
            "general_qa",
            {"messages": [{"role": "user", "content": [{"type": "image", "data": b"\0"}]}], "answer": "a"},
            "not JSON",
            id="a part of bytes",
        ),
        pytest.param("general_qa", {"question": ["q"], "answer": "a"}, "'question' has a list", id="a list asked"),
        pytest.param("general_qa", {"question": {"t": "q"}, "answer": "a"}, "an object", id="an object asked"),
        pytest.param("general_qa", {"question": "q", "answer": {"text": "a"}}, "'answer' has an object", id="object"),
        pytest.param("general_qa", {"question": "q", "answer": [{"text": "a"}]}, "an object", id="objects in a list"),
        pytest.param("general_qa", {"question": "q", "answer": []}, "no reference answer", id="an empty list"),
        pytest.param("general_qa", {"question": b"\xff", "answer": "a"}, "not UTF-8", id="bytes that are no text"),
        pytest.param("gsm8k", {"question": ["q"], "answer": "#### 4"}, "a list", id="GSM8K with a list"),
        pytest.param("gsm8k", {"question": "q", "answer": ["#### 4"]}, "a list", id="GSM8K with a list of answers"),
        pytest.param(
            "general_mcq",
            {"question": "q", "A": ["x"], "B": "y", "answer": "A"},
            "'A' has a list",
            id="list",
        ),
        pytest.param(
            "general_mcq", {"question": "q", "A": "x", "B": "", "C": "z", "answer": "B"}, "empty", id="an empty answer"
        ),
        pytest.param("general_mcq", {"question": "q", "A": "x", "B": "", "answer": "A"}, "fewer", id="one left"),
        pytest.param("general_mcq", {"question": "q", "A": "x", "B": "y", "answer": "Bad"}, "not one of", id="a word"),
        pytest.param("general_mcq", {"question": "q", "A": "x", "B": "y", "answer": None}, "answer", id="no answer"),
        pytest.param("iquiz", {"question": "q", "choices": "AB", "answer": "A"}, "not a list", id="choices in a text"),
        pytest.param("iquiz", {"question": "q", "choices": [["a"], "b"], "answer": "A"}, "a list", id="lists"),
    ],
)
def test_a_foreign_record_says_what_is_wrong(name: str, record: dict[str, Any], said: str) -> None:
    """A record of another data set fails the run with its place and its fields."""
    with pytest.raises(RunFailed, match="record 1") as failed:
        sampling.items_of(_plan(name, {"few_shot_num": 0}), MAIN, [record], [])
    assert failed.value.reason is Reason.DATASET_UNAVAILABLE
    assert said in failed.value.message


@pytest.mark.parametrize(
    ("record", "asked", "targets"),
    [
        pytest.param({"question": b"q\xc3\xa9", "answer": b"a"}, "qé", ("a",), id="bytes of a text"),
        pytest.param({"question": "q", "answer": ["Paris", "Paris, France"]}, "q", ("Paris", "Paris, France"), id="a"),
        pytest.param({"question": "q", "answer": 18}, "q", ("18",), id="a number"),
        pytest.param({"question": "q", "answer": 1.5}, "q", ("1.5",), id="a fraction"),
        pytest.param({"question": "q", "answer": True}, "q", ("true",), id="true"),
        pytest.param({"question": "q", "answer": None, "response": "r"}, "q", ("r",), id="the other name"),
        pytest.param({"question": "q", "answer": "", "response": "r"}, "q", ("r",), id="an empty one before it"),
        pytest.param({"question": 5, "answer": "a"}, "5", ("a",), id="a number asked"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}], "answer": "a"},
            "q",
            ("a",),
            id="one part of text",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": ["q", {"type": "text", "text": "r"}]}], "answer": "a"},
            "q\nr",
            ("a",),
            id="two parts of text",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}, IMAGE]}], "answer": "a"},
            [{"type": "text", "text": "q"}, IMAGE],
            ("a",),
            id="an image behind the text",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [IMAGE, {"type": "text", "text": "q"}]}], "answer": "a"},
            [IMAGE, {"type": "text", "text": "q"}],
            ("a",),
            id="an image before the text",
        ),
    ],
)
def test_values_that_are_no_text(record: dict[str, Any], asked: object, targets: tuple[str, ...]) -> None:
    """Parts are passed on, a list holds several references, and nothing is spelled as Python would."""
    item = sampling.items_of(_plan("general_qa"), DEFAULT, [record], [])[0]
    assert sampling.messages_of(item)[-1].content == asked
    assert item.question.targets == targets


@pytest.mark.parametrize(
    ("record", "choices", "target"),
    [
        pytest.param({"A": "x", "B": "y", "C": "", "D": "z", "answer": "B"}, ("x", "y", "", "z"), "B", id="empty"),
        pytest.param({"A": "x", "B": "y", "C": None, "D": "z", "answer": "D"}, ("x", "y", "", "z"), "D", id="null"),
        pytest.param({"A": "x", "B": math.nan, "C": "z", "answer": "C"}, ("x", "", "z"), "C", id="NaN"),
        pytest.param({"A": "x", "B": "y", "D": "z", "answer": "D"}, ("x", "y", "", "z"), "D", id="no such field"),
        pytest.param({"A": "", "B": "y", "C": "z", "answer": "C"}, ("", "y", "z"), "C", id="the first one"),
        pytest.param({"A": 0, "B": False, "C": 1.5, "answer": "A"}, ("0", "false", "1.5"), "A", id="numbers"),
        pytest.param({"A": "x", "B": "y", "C": "", "D": "", "answer": "(b)"}, ("x", "y"), "B", id="the last ones"),
        pytest.param({"A": b"x", "B": "y", "answer": ["B"]}, ("x", "y"), "B", id="bytes, and a list of one letter"),
    ],
)
def test_an_empty_choice_keeps_its_place(record: dict[str, Any], choices: tuple[str, ...], target: str) -> None:
    """The letters behind an empty choice do not move, and none is dropped."""
    question = sampling.items_of(_plan("general_mcq"), MAIN, [{"question": "q", **record}], [])[0].question
    assert (question.choices, question.target) == (choices, target)


def test_query_template_has_no_value_spelled_as_python_would() -> None:
    """A list where a text is meant is an error with its record; null is nothing."""
    wanted = {"query_template": "{context}|{question}"}
    record = {"question": "q", "answer": "a", "context": None, "unused": [1]}
    assert sampling.items_of(_plan("general_qa", wanted), MAIN, [record], [])[0].question.text == "|q"
    with pytest.raises(RunFailed, match=r"record 1: field 'context' has a list"):
        sampling.items_of(_plan("general_qa", wanted), MAIN, [record | {"context": ["x"]}], [])


def test_a_conversation_brings_its_own_reference() -> None:
    """Messages that end with an assistant's turn are asked without it, and compared with it."""
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    item = sampling.items_of(_plan("general_qa"), DEFAULT, [{"messages": turns}], [])[0]
    assert item.question.target == "hello"
    assert [message.content for message in sampling.messages_of(item)] == ["hi"]
