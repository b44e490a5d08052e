"""Lines of answers and scores read back as what they were written from."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.benchmark import Message, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import plan, records, sampling
from evalkube_runner.eval.answer import Answer, Tokens
from evalkube_runner.eval.scoring import Scored

SPEC = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "dataset_args": {"gsm8k": {"few_shot_num": 0}}}
PLAN = plan.plan_of(EvalRunSpec.model_validate({**SPEC, "repeats": 3}, by_name=True), "gsm8k")
ITEM = sampling.items_of(PLAN, Subset("main"), [{"question": "q", "answer": "#### 4"}], [])[0]
TOKENS = st.builds(Tokens, *[st.integers(0, 10**6)] * 4)
ANSWERS = st.builds(
    Answer,
    text=st.text(),
    reasoning=st.text(),
    finish_reason=st.none() | st.sampled_from(["stop", "length"]),
    tokens=st.none() | TOKENS,
    latency_ns=st.integers(0, 10**13),
    ttft_ns=st.none() | st.integers(0, 10**13),
    attempts=st.integers(1, 9),
)


@given(ANSWERS)
def test_an_answer_survives_its_line(answer: Answer) -> None:
    """What is resumed is what was answered, to the nanosecond."""
    line = records.prediction("k", ITEM, 2, "m", (Message("user", "q"),), answer)
    assert line["index"] == 2
    assert records.answer_of(json.loads(json.dumps(line))) == answer


@given(st.dictionaries(st.text(), st.floats(0, 1)), st.none() | st.text())
def test_a_score_survives_its_line(values: dict[str, float], extracted: str | None) -> None:
    """Scores and what was read out of the answer come back."""
    scored = Scored(values, extracted, dict.fromkeys(values, 3))
    line = records.review("k", ITEM, 1, (), Answer("a"), scored)
    assert (line["sample_score"]["group_id"], line["sample_score"]["generation_index"]) == (0, 1)
    assert records.scored_of(json.loads(json.dumps(line))) == scored


@pytest.mark.parametrize("line", [{}, {"model_output": None}, {"model_output": {"choices": []}}, {"sample_score": 1}])
def test_a_foreign_line_is_nothing(line: dict[str, object]) -> None:
    """Lines of another program are asked and scored again."""
    assert records.answer_of(line) is None
    assert records.scored_of(line) is None


MINE = Answer("a", "r", "stop", Tokens(1, 2, 0, 0), 1_500, 700, 1)
LINE = records.prediction("k", ITEM, 0, "m", (Message("user", "q"),), MINE)
SCORE = records.review("k", ITEM, 0, (), MINE, Scored({"acc": 1.0}, "4"))
ODD = [
    None,
    True,
    [],
    {},
    [1],
    {"a": 1},
    -1,
    -0.5,
    2**53,
    2**63,
    2**70,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "x",
    "1",
]
# Where a line of an answer or a score may be damaged, and what is a good value there all the same.
ANSWER_PLACES: dict[tuple[Any, ...], list[Any]] = {
    ("model_output",): [],
    ("model_output", "choices"): [],
    ("model_output", "choices", 0): [],
    ("model_output", "choices", 0, "message"): [],
    ("model_output", "choices", 0, "message", "content"): ["", "x", "1"],
    ("model_output", "choices", 0, "message", "reasoning_content"): ["", "x", "1"],
    ("model_output", "choices", 0, "finish_reason"): [None, "", "x", "1"],
    ("model_output", "usage"): [None],
    ("model_output", "usage", "input_tokens"): [],
    ("model_output", "usage", "output_tokens"): [],
    ("model_output", "usage", "reasoning_tokens"): [],
    ("model_output", "usage", "cached_tokens"): [],
    ("model_output", "time"): [],
    ("model_output", "ttft"): [None],
    ("model_output", "attempts"): [],
}
SCORE_PLACES: dict[tuple[Any, ...], list[Any]] = {
    ("sample_score",): [],
    ("sample_score", "score"): [],
    ("sample_score", "score", "value"): [],
    ("sample_score", "score", "value", "acc"): [],
    ("sample_score", "score", "extracted_prediction"): [None, "", "x", "1"],
    ("sample_score", "score", "metadata"): [None, {}, {"a": 1}],
    ("sample_score", "score", "explanation"): [None, "", "x", "1"],
    ("sample_score", "score", "judge_summary"): [None, {}, {"a": 1}],
}


def _with(line: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    damaged = copy.deepcopy(line)
    inner: Any = damaged
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return damaged


@pytest.mark.parametrize("place", ANSWER_PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_damaged_answer_is_none(place: tuple[Any, ...]) -> None:
    """Any value that no answer has there makes the line none: its sample is asked again."""
    for value in ODD:
        good = any(type(value) is type(other) and value == other for other in ANSWER_PLACES[place])
        assert (records.answer_of(_with(LINE, place, value)) is not None) is good, value
    assert records.answer_of(_with(LINE, ("model_output", "choices", 0, "finish_reason"), "x" * 10**6)) is None


@pytest.mark.parametrize("place", SCORE_PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_damaged_score_is_none(place: tuple[Any, ...]) -> None:
    """Any value that no score has there makes the line none: its answer is scored again."""
    for value in ODD:
        good = any(type(value) is type(other) and value == other for other in SCORE_PLACES[place])
        assert (records.scored_of(_with(SCORE, place, value), [accuracy.VALUE]) is not None) is good, value


@pytest.mark.parametrize(
    ("model", "model_id", "name"),
    [
        ("Qwen/Qwen3-8B", None, "Qwen3-8B"),
        ("gpt 4/", None, "gpt_4"),
        ("..", None, "model"),
        ("/models/x:latest", None, "x:latest"),
        ("m", "..hidden name", "hidden_name"),
    ],
)
def test_display_name_is_one_safe_part_of_a_path(model: str, model_id: str | None, name: str) -> None:
    """Whatever a model is called, its files stay in the run's folder."""
    assert records.display_name(model, model_id) == name
