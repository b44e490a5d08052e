"""What a spec may say about a benchmark, and what is refused, with the field and what it may be."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks import readers
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Reason
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import plan

JUDGED = {"strategy": "auto", "models": [{"model": "j", "api_url": "http://j/v1"}]}


def _plan(name: str, args: dict[str, Any] | None = None, **spec: Any) -> plan.DatasetPlan:
    body = {"model": "m", "api_url": "http://h/v1", "datasets": [name], "dataset_args": {name: args or {}}, **spec}
    return plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), name)


def test_a_benchmark_has_the_name_of_its_file() -> None:
    """By which the table finds it."""
    assert all(benchmark.name == name for name, benchmark in BENCHMARKS.items())


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_every_benchmark_plans_as_declared(name: str) -> None:
    """Without overrides the declaration holds, and its templates ask the question."""
    declared = BENCHMARKS[name]
    made = _plan(name, judge=JUDGED if declared.judge else {})
    assert (made.subsets, made.few_shot_num, made.metrics) == (
        declared.subsets,
        declared.few_shot_num,
        declared.metrics,
    )
    for subset in made.subsets:
        assert "{question}" in made.template(subset.name)
        assert ("{fewshot}" in made.template(subset.name)) == bool(made.few_shot_num)


def test_ceval_has_52_subjects_in_4_categories() -> None:
    """20 of STEM, 10 social, 11 of humanities, 11 others, as its paper counts them."""
    categories = [subset.category[0] for subset in BENCHMARKS["ceval"].subsets]
    counts = {name: categories.count(name) for name in dict.fromkeys(categories)}
    assert counts == {"STEM": 20, "Social Science": 10, "Humanities": 11, "Other": 11}


@pytest.mark.parametrize(
    ("name", "args", "spec", "field", "valid"),
    [
        pytest.param("ceval", {"subset_list": ["logik"]}, {}, "subset_list", "did you mean 'logic'", id="subset"),
        pytest.param("iquiz", {"subset_list": ["IQ", "IQ"]}, {}, "subset_list", "twice", id="subset twice"),
        pytest.param("general_qa", {"subset_list": ["../x"]}, {}, "subset_list", "cannot", id="subset that is a path"),
        pytest.param("gsm8k", {"prompt_template": "{qestion}"}, {}, "prompt_template", "question", id="placeholder"),
        pytest.param("gsm8k", {"prompt_template": "hello"}, {}, "prompt_template", "{question}", id="no question"),
        pytest.param(
            "gsm8k",
            {"few_shot_prompt_template": "{question}"},
            {},
            "few_shot_prompt_template",
            "{fewshot}",
            id="no shots",
        ),
        pytest.param("gsm8k", {"query_template": "hello"}, {}, "query_template", "placeholder", id="query template"),
        pytest.param("gsm8k", {"metric_list": ["bleu-1"]}, {}, "metric_list", "valid: acc", id="metric"),
        pytest.param("gsm8k", {"primary_metric": "bleu-1"}, {}, "primary_metric", "valid: acc", id="main metric"),
        pytest.param("gsm8k", {"extra_params": {"x": 1}}, {}, "extra_params.x", "has none", id="parameter of none"),
        pytest.param("general_mcq", {"extra_params": {"cot": True}}, {}, "extra_params.cot", "use_cot", id="parameter"),
        pytest.param("general_mcq", {"extra_params": {"use_cot": 1}}, {}, "use_cot", "bool", id="parameter's type"),
        pytest.param("iquiz", {"few_shot_num": 2}, {}, "few_shot_num", "train_split", id="no examples to take"),
        pytest.param("gsm8k", {"shuffle_choices": True}, {}, "shuffle_choices", "no choices", id="no choices"),
        pytest.param(
            "general_qa",
            {"aggregation": "mean_and_pass_at_k"},
            {"repeats": 2},
            "aggregation",
            "valid here: mean",
            id="pass@k of ROUGE",
        ),
    ],
)
def test_refused(name: str, args: dict[str, Any], spec: dict[str, Any], field: str, valid: str) -> None:
    """A wrong override fails the run as InvalidSpec, before anything is read or sent."""
    with pytest.raises(RunFailed) as failed:
        _plan(name, args, **spec)
    assert failed.value.reason is Reason.INVALID_SPEC
    assert field in failed.value.message
    assert valid in failed.value.message


def test_a_prompt_of_the_users_own_keeps_its_examples() -> None:
    """With shots and only a prompt_template, the examples go before it instead of replacing it."""
    own = {"prompt_template": "Q {question}"}
    assert _plan("gsm8k", own).template("main") == "{fewshot}\n\nQ {question}"
    assert _plan("gsm8k", {**own, "few_shot_num": 0}).template("main") == "Q {question}"


def test_a_judge_makes_accuracy_the_main_metric() -> None:
    """Judged free answers report the judges' accuracy first, and still the overlaps."""
    judge = {"strategy": "llm", "models": [{"model": "j", "api_url": "http://j/v1"}]}
    made = _plan("general_qa", judge=judge)
    assert made.main_metric == "mean_acc"
    assert "Rouge-L-R" in [metric.name for metric in made.metrics]


def test_several_right_answers_change_the_question() -> None:
    """general_mcq with multiple_correct asks for all letters and reads several."""
    made = _plan("general_mcq", {"extra_params": {"multiple_correct": True}})
    assert made.benchmark.extract is readers.choices
    assert made.template("default") != _plan("general_mcq").template("default")


@given(st.integers(1, 1024))
def test_powers_up_to(repeats: int) -> None:
    """The reported k rise, begin with 1, end with the repeats, and at most double."""
    ks = plan.powers_up_to(repeats)
    assert ks[0] == 1
    assert ks[-1] == repeats
    assert all(low < high <= 2 * low for low, high in itertools.pairwise(ks))


def test_a_benchmark_that_is_graded_by_a_model_brings_its_contract() -> None:
    """What the run's own contract says of the words goes before it; its labels are the benchmark's."""
    assert _plan("simple_qa", judge=JUDGED).contract == BENCHMARKS["simple_qa"].judge
    own = _plan("simple_qa", judge={**JUDGED, "contract": {"system_prompt": "Be strict."}}).contract
    assert own is not None
    assert (own.system_prompt, list(own.score_mapping)) == ("Be strict.", ["CORRECT", "INCORRECT", "NOT_ATTEMPTED"])


RUBRIC = {"score_type": "rubric", "criteria": [{"name": "clarity"}, {"name": "depth"}]}


@pytest.mark.parametrize(
    ("contract", "figures"),
    [
        ({"score_type": "numeric"}, ["acc"]),
        (RUBRIC, ["rubric", "clarity", "depth", "acc"]),
        ({"score_type": "pairwise"}, ["win_rate", "win", "tie", "loss", "acc"]),
    ],
)
def test_the_figures_of_a_contract_come_first(contract: dict[str, Any], figures: list[str]) -> None:
    """What a rule tells stays beside them."""
    made = _plan("gsm8k", judge={**JUDGED, "strategy": "llm", "contract": contract})
    assert [metric.name for metric in made.metrics] == figures
    assert made.graded == figures[0]


def test_figures_of_a_contract_can_be_chosen() -> None:
    """By name, as those of the benchmark."""
    judge = {**JUDGED, "strategy": "llm", "contract": RUBRIC}
    made = _plan("gsm8k", {"metric_list": ["depth"]}, judge=judge)
    assert [metric.name for metric in made.metrics] == ["depth"]


@pytest.mark.parametrize(
    ("judge", "field", "words"),
    [
        pytest.param(
            {"contract": {"score_type": "rubric", "criteria": [{"name": "acc"}]}},
            "judge.contract.criteria",
            "'acc' is a figure of gsm8k",
            id="a figure of the benchmark",
        ),
        pytest.param(
            {"contract": {"score_type": "rubric", "criteria": [{"name": "rubric"}]}},
            "judge.contract.criteria",
            "rename",
            id="the figure of all criteria",
        ),
        pytest.param({"position_swap": "on"}, "judge.position_swap", "one answer at a time", id="nothing to swap"),
    ],
)
def test_a_contract_that_does_not_fit_is_refused(judge: dict[str, Any], field: str, words: str) -> None:
    """With what may be said instead."""
    with pytest.raises(RunFailed) as failed:
        _plan("gsm8k", judge={**JUDGED, "strategy": "llm", **judge})
    assert failed.value.message.startswith(f"{field}: ")
    assert words in failed.value.message


@pytest.mark.parametrize(
    ("judge", "field", "words"),
    [
        pytest.param({}, "judge.models", "only a language model grades simple_qa", id="no judge"),
        pytest.param({**JUDGED, "strategy": "rule"}, "judge.strategy", "only a language model grades", id="by rule"),
        pytest.param(
            {**JUDGED, "contract": {"score_type": "numeric"}}, "judge.contract.score_type", "labels", id="numbers"
        ),
        pytest.param(
            {**JUDGED, "contract": {"score_mapping": {"yes": 1}}},
            "judge.contract.score_mapping",
            "CORRECT",
            id="labels",
        ),
    ],
)
def test_a_judge_that_does_not_fit_is_refused(judge: dict[str, Any], field: str, words: str) -> None:
    """With the field, before anything is asked."""
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["simple_qa"], "judge": judge}
    with pytest.raises(RunFailed) as failed:
        plan.plans_of(EvalRunSpec.model_validate(body, by_name=True))
    assert failed.value.reason is Reason.INVALID_SPEC
    assert failed.value.message.startswith(field)
    assert words in failed.value.message


@pytest.mark.parametrize("primary", ["third", "mean_third"], ids=["by name", "as it is reported"])
def test_the_main_metric_is_the_users_choice(primary: str) -> None:
    """The others are still reported, in their order."""
    names = [metric.name for metric in _plan("general_qa").metrics]
    wanted = primary.replace("third", names[2])
    plan_ = _plan("general_qa", {"primary_metric": wanted})
    assert plan_.main_metric == f"mean_{names[2]}"
    assert [metric.name for metric in plan_.metrics[1:]] == [name for name in names if name != names[2]]


def test_a_clipped_mean_is_the_mean() -> None:
    """No score is below 0 or above 1."""
    assert _plan("gsm8k", {"aggregation": "clipped_mean"}).aggregation == "mean"
