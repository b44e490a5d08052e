"""What a request may say of its judges, and the words of a refusal."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evalkube_crds import problems
from evalkube_crds.requests import EvalRequest, parse_request, split_request

JUDGE = {"model": "j", "api_url": "http://judge/v1"}
CLARITY = {"name": "clarity"}


def asked_for(**judge: Any) -> EvalRequest:
    """A request with that judge."""
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "judge": {"models": [JUDGE], **judge}}
    return parse_request(EvalRequest, body)


@pytest.mark.parametrize(
    ("contract", "field", "said"),
    [
        pytest.param({"score_mapping": {}}, "score_mapping", "is empty", id="no words"),
        pytest.param({"score_mapping": {"A": 2.0}}, "score_mapping.A", "1", id="score above one"),
        pytest.param({"score_type": "stars"}, "score_type", "rubric", id="unknown kind"),
        pytest.param({"score_type": "rubric"}, "criteria", "at least one", id="rubric without criteria"),
        pytest.param({"criteria": [CLARITY]}, "criteria", "are only for score_type rubric", id="criteria of no rubric"),
        pytest.param(
            {"score_type": "rubric", "criteria": [CLARITY, {"name": "Clarity"}]}, "criteria", "same name", id="twice"
        ),
        pytest.param({"score_type": "rubric", "criteria": [{"name": "a b"}]}, "criteria[0].name", "", id="a space"),
        pytest.param(
            {"score_type": "rubric", "criteria": [CLARITY | {"weight": 0.0}]}, "criteria[0].weight", "0", id="no weight"
        ),
        pytest.param({"scale": {"highest": 10.0}}, "scale", "is only for", id="a scale of words"),
        pytest.param(
            {"score_type": "numeric", "scale": {"lowest": 5.0, "highest": 5.0}}, "scale.highest", "greater", id="empty"
        ),
        pytest.param({"reference": {"answers": "x"}}, "reference", "is only for", id="answers to compare a word with"),
        pytest.param({"prompt_template": "{question}"}, "prompt_template", "{prediction}", id="nothing to grade"),
        pytest.param(
            {"score_type": "pairwise", "prompt_template": "{answer_a}"},
            "prompt_template",
            "{answer_b}",
            id="one of two",
        ),
    ],
)
def test_a_contract_that_cannot_work_is_refused(contract: dict[str, Any], field: str, said: str) -> None:
    """With the field that is wrong, and why."""
    with pytest.raises(ValidationError) as refused:
        asked_for(contract=contract)
    (problem,) = problems.problems_of(refused.value, EvalRequest)
    assert problem.field == f"judge.contract.{field}"
    assert said in problem.reason


@pytest.mark.parametrize(
    ("judge", "field"),
    [
        ({"repeats": 2, "min_valid_judges": 3}, "min_valid_judges"),
        ({"strategy": "llm_recall", "contract": {"score_type": "pairwise"}}, "strategy"),
        ({"position_swap": "sometimes"}, "position_swap"),
        ({"aggregation": "max"}, "aggregation"),
    ],
)
def test_a_judge_that_cannot_work_is_refused(judge: dict[str, Any], field: str) -> None:
    """More verdicts than there are; a kind that no rule stands beside."""
    with pytest.raises(ValidationError) as refused:
        asked_for(**judge)
    assert problems.problems_of(refused.value, EvalRequest)[0].field == f"judge.{field}"


def test_the_example_of_the_page_is_taken() -> None:
    """As it stands in docs/judges.md."""
    page = (Path(__file__).parents[2] / "docs/judges.md").read_text()
    request = parse_request(EvalRequest, json.loads(page.partition("```json")[2].partition("```")[0]))
    assert [model.api for model in request.judge.models] == ["openai", "anthropic"]
    assert split_request(request)[1].keys() == {"judge_api_key_0", "judge_api_key_1"}


def test_every_kind_of_contract_is_taken() -> None:
    """One value where a list is meant is a list of one here as well."""
    rubric = {"score_type": "rubric", "criteria": CLARITY, "scale": {"lowest": 1.0, "highest": 5.0}}
    for contract in (
        {},
        {"score_type": "numeric", "scale": {"lowest": 1.0, "highest": 10.0}},
        rubric,
        {"score_type": "pairwise"},
        {"score_type": "pairwise", "reference": {"answers": "earlier"}},
    ):
        assert asked_for(contract=contract).judge.contract is not None


def test_the_key_of_one_judge_is_taken_out_of_a_request() -> None:
    """It is in no spec, and in the run's secrets under the judge's place; "EMPTY" is none."""
    models = [JUDGE | {"api_key": "EMPTY"}, JUDGE | {"api_key": "sk-of-the-second"}]
    request = asked_for(models=models)
    spec, secrets = split_request(request)
    assert secrets == {"judge_api_key_1": "sk-of-the-second"}
    assert "sk-of" not in spec.model_dump_json() + repr(request)


def test_a_key_that_is_no_text_is_refused() -> None:
    """With its place, and without its value."""
    with pytest.raises(ValidationError) as refused:
        asked_for(models=[JUDGE, JUDGE | {"api_key": ["sk-hidden"]}])
    (problem,) = problems.problems_of(refused.value, EvalRequest)
    assert problem.field == "judge.models[1].api_key"
    assert "sk-hidden" not in str(refused.value)


def test_the_schema_of_a_request_has_the_key_of_a_judge() -> None:
    """And that of a run has not."""
    schemas = [EvalRequest.model_json_schema(mode=mode, by_alias=False) for mode in ("validation", "serialization")]
    assert ["api_key" in schema["$defs"]["JudgeModel"]["properties"] for schema in schemas] == [True, False]
