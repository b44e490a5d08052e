"""Lines of answers and scores read back as what they were written from."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import plan, records, sampling
from evalkube_runner.eval.answer import Answer, Tokens
from evalkube_runner.eval.benchmarks.declaration import Message, Subset
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
    scored = Scored(values, extracted)
    line = records.review("k", ITEM, 1, (), Answer("a"), scored)
    assert (line["sample_score"]["group_id"], line["sample_score"]["generation_index"]) == (0, 1)
    assert records.scored_of(json.loads(json.dumps(line))) == scored


@pytest.mark.parametrize("line", [{}, {"model_output": None}, {"model_output": {"choices": []}}, {"sample_score": 1}])
def test_a_foreign_line_is_nothing(line: dict[str, object]) -> None:
    """Lines of another program are asked and scored again."""
    assert records.answer_of(line) is None
    assert records.scored_of(line) is None


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
