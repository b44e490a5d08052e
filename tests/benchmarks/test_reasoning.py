"""What BIG-Bench Hard and MuSR make of records, and what they ask."""

from random import Random
from typing import Any

import pytest

from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.data import datasets
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.eval import plan, sampling

BBH, MUSR = BENCHMARKS["bbh"], BENCHMARKS["musr"]
STORY = {"narrative": "Long ago.", "question": "Who?", "answer_index": 1, "answer_choice": "Bo"}


@pytest.mark.parametrize(
    ("text", "target", "kind", "targets"),
    [
        pytest.param("Which?\nOptions:\n(A) x\n(B) y", "(B)", "choice", ("B",), id="a letter"),
        pytest.param("Which?\nOptions:\n(A) only", "(A)", "choice", ("A",), id="one option is left"),
        pytest.param(
            "Like it:\nOptions:\n(A) Oh\n(B) Ah\n(C) Eh", "Oh, Ah", "choice", ("A", "B"), id="a name in parts"
        ),
        pytest.param("Like it:\nOptions:\n(A) x\n(B) y\n(C) x\n(D) z", "x, z", "choice", ("D",), id="its own part"),
        pytest.param("Does it?\nOptions:\n- Yes\n- No", "No", "yes or no", ("No",), id="yes or no"),
        pytest.param("Is it plausible?", "yes", "yes or no", ("Yes",), id="in small letters"),
        pytest.param("not True is", "False", "true or false", ("False",), id="true or false"),
        pytest.param("Is it so?\nOptions:\n- valid \n- invalid", "invalid", "validity", ("Invalid",), id="validity"),
        pytest.param("(1 - 8) =", "-7", "number", ("-7",), id="a number"),
        pytest.param("Input: ( [", "] )", "brackets", ("] )",), id="brackets"),
        pytest.param("List: b a", "a b", "words", ("a b",), id="words"),
    ],
)
def test_a_record_tells_its_kind_of_answer(text: str, target: str, kind: str, targets: tuple[str, ...]) -> None:
    """All tasks have the same two fields."""
    question = BBH.read({"input": text, "target": target}, Random(0))
    assert (question.metadata["kind"], question.targets) == (kind, targets)


def test_a_target_that_is_no_option_is_refused() -> None:
    """Neither a letter of the options nor the text of some."""
    with pytest.raises(ValueError, match="not one of the options"):
        BBH.read({"input": "Which?\nOptions:\n(A) x\n(B) y", "target": "(C)"}, Random(0))


@pytest.mark.parametrize(
    ("choices", "target"),
    [
        pytest.param("['Ann', 'Bo']", "B", id="as Python writes a list"),
        pytest.param('["Ann\'s", "Bo"]', "B", id="with a quote inside"),
        pytest.param(["Ann", "Bo"], "B", id="a list"),
        pytest.param("['Ann']", None, id="sad: too few"),
        pytest.param("['Ann', ", None, id="sad: torn"),
        pytest.param("__import__('os')", None, id="sad: code"),
    ],
)
def test_choices_of_a_story(choices: Any, target: str | None) -> None:
    """A list, or its text; nothing of it is run."""
    if target is None:
        with pytest.raises(ValueError, match=r"choices|letters"):
            MUSR.read({**STORY, "choices": choices}, Random(0))
    else:
        assert MUSR.read({**STORY, "choices": choices}, Random(0)).targets == (target,)


def test_worked_examples_stand_before_the_question(tmp_path: Any) -> None:
    """Three of the task, each with its reasoning, in the form that is asked for."""
    context = RunContext("r", FileDelivery(tmp_path, tmp_path, pipeline="eval"), tmp_path, tmp_path)
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["bbh"]}
    made = plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), "bbh")
    subset = next(one for one in made.subsets if one.name == "word_sorting")
    source = datasets.Source(benchmark="bbh", hub="sample", own_examples=True)
    shown = datasets.load(source, subset.name, "train", context, few_shot=True)
    asked = [{"input": "List: b a", "target": "a b"}]
    item = sampling.items_of(made, subset, asked, shown)[0]
    content = str(sampling.messages_of(item)[-1].content)
    assert content.count("\n\nQuestion: ") == 4
    assert content.count("\nAnswer: ") == 3
    assert content.endswith("\n\nQuestion: List: b a")
