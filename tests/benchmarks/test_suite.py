"""What each benchmark makes of a record of its data set, and what it asks."""

import ast
from pathlib import Path
from typing import Any

import pytest

from evalkube_benchmarks import suite
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import plan, sampling

CHOICES = {"A": "红", "B": "黄", "C": "蓝", "D": "绿"}
CEVAL = {"id": 0, "question": "什么颜色？", **CHOICES, "answer": "C", "explanation": "天是蓝的。"}
IQUIZ = {"question": "几？", "choices": ["一", "二", "三"], "answer": "B", "level": 2}
MCQ = {"id": "7", "question": "q", "A": "x", "B": "y", "C": None, "answer": "a"}


def _asked(name: str, record: dict[str, Any], train: list[dict[str, Any]], **args: Any) -> tuple[str, str]:
    """The last message and the target of one record."""
    body = {"model": "m", "api_url": "http://h/v1", "datasets": [name], "dataset_args": {name: args}}
    made = plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), name)
    subset = next((one for one in made.subsets if one.name == "logic"), made.subsets[0])
    item = sampling.items_of(made, subset, [record], train)[0]
    content = sampling.messages_of(item)[-1].content
    assert isinstance(content, str)
    return content, item.question.target


@pytest.mark.parametrize(
    ("name", "record", "parts", "target"),
    [
        pytest.param("ceval", CEVAL, ["科目：逻辑学", "什么颜色？\nA. 红\nB. 黄\nC. 蓝\nD. 绿"], "C", id="ceval"),
        pytest.param("iquiz", IQUIZ, ["几？\nA. 一\nB. 二\nC. 三", "A、B、C。"], "B", id="iquiz"),
        pytest.param("general_mcq", MCQ, ["q\nA. x\nB. y", "A、B。"], "A", id="an empty choice ends them"),
        pytest.param("general_qa", {"query": "q", "response": "r"}, ["q"], "r", id="the other names of the fields"),
        pytest.param(
            "gsm8k", {"question": " q ", "answer": "x\n#### 1,000"}, [r"\boxed{}", "Problem: q"], "1,000", id="gsm8k"
        ),
    ],
)
def test_a_record_is_asked(name: str, record: dict[str, Any], parts: list[str], target: str) -> None:
    """Question, lettered choices and the letters to choose from stand in the prompt, and the target is read."""
    content, right = _asked(name, record, [], few_shot_num=0)
    assert all(part in content for part in parts), content
    assert right == target
    assert "{" not in content.replace(r"\boxed{}", "")


def test_ceval_examples_show_their_explanation_and_answer() -> None:
    """In the very form that the model is asked to answer in."""
    content, _ = _asked("ceval", {**CEVAL, "question": "另一题"}, [CEVAL], few_shot_num=1)
    assert "D. 绿\n天是蓝的。\n答案：C\n\n题目：另一题" in content


def test_general_mcq_without_reasoning() -> None:
    """use_cot false asks for the letter alone."""
    direct, _ = _asked("general_mcq", MCQ, [], extra_params={"use_cot": False})
    assert "不要解释" in direct
    assert "不要解释" not in _asked("general_mcq", MCQ, [])[0]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_what_ends_an_answer_begins_an_example(name: str) -> None:
    """Each benchmark stops where its own worked examples begin."""
    prompt = BENCHMARKS[name].prompt
    assert prompt.stops or not BENCHMARKS[name].few_shot_num
    assert all(prompt.example.startswith(stop.lstrip("\n")) for stop in prompt.stops)


_FILES = {path.stem: path for path in Path(*suite.__path__).glob("[a-z]*.py")}
_OF_A_KNOWN_TYPE = sorted(
    name
    for name, path in _FILES.items()
    if not any(isinstance(one, ast.FunctionDef) for one in ast.parse(path.read_text()).body)
)


def _lines_beside_tables(path: Path) -> int:
    """The lines of a benchmark's file but for its docstring, its prompts and its tables (of subsets)."""
    source = path.read_text()
    docstring, *rest = ast.parse(source).body
    declared = ("BENCHMARK", "__all__")
    tables = [one for one in rest if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) not in declared]
    keywords = [one for one in ast.walk(ast.Module(rest, [])) if isinstance(one, ast.keyword)]
    said = [one.value for one in keywords if one.arg in ("prompt", "prompts", "subsets")]
    parts: list[ast.stmt | ast.expr] = [docstring, *tables, *said]
    left_out = {line for one in parts for line in range(one.lineno, (one.end_lineno or 0) + 1)}
    return sum(bool(text.strip()) and at not in left_out for at, text in enumerate(source.splitlines(), start=1))


@pytest.mark.parametrize("name", _OF_A_KNOWN_TYPE)
def test_a_benchmark_of_a_known_type_is_a_short_file(name: str) -> None:
    """Where records need no reader of their own, its declaration takes at most 25 lines."""
    assert _lines_beside_tables(_FILES[name]) <= 25


def test_many_benchmarks_are_of_a_known_type() -> None:
    """So that the bar of their length says something."""
    assert len(_OF_A_KNOWN_TYPE) >= 19, _OF_A_KNOWN_TYPE
