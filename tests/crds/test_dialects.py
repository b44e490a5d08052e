"""What a dialect cannot say is refused: the rules of the resource and those of requests, from a table of the tests'."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from evalkube_crds import dialects, problems
from evalkube_crds.dialects import DIALECTS, Dialect
from evalkube_crds.evalrun import EvalRunSpec, GenerationConfig, JudgeModel
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.requests import EvalRequest, PerfRequest, parse_request

TABLE: Mapping[str, Dialect] = {
    "openai": Dialect(),
    "narrow": Dialect(lacks=("top_k", "stop", "stop_seqs", "temperature", "seed", "max_tokens")),
    "ranking": Dialect(kind="rerank", streams=False, lacks=("top_k",)),
    "native": Dialect(elsewhere=(("/compatible/", "openai"),)),
}


def test_rules_of_a_load_test() -> None:
    """One for each field that some dialect lacks; one with a default must have it. The seed is the schedule's too."""
    assert {rule["message"].partition(":")[0]: rule["rule"] for rule in dialects.rules(PerfRunSpec, TABLE)} == {
        "topK": "!(self.api in ['narrow', 'ranking']) || !has(self.topK)",
        "stop": "!(self.api in ['narrow']) || !has(self.stop)",
        "temperature": "!(self.api in ['narrow']) || self.temperature == 0.0",
        "maxTokens": "!(self.api in ['narrow']) || self.maxTokens == [2048]",
        "stream": "!(self.api in ['ranking']) || !has(self.stream) || !self.stream",
        "url": "!(self.api == 'native' && self.url.contains('/compatible/'))",
    }


@pytest.mark.parametrize("model", [EvalRunSpec, JudgeModel])
def test_rules_of_an_evaluation_and_of_a_judge(model: type[BaseModel]) -> None:
    """They are of the generation_config, whose seed is the endpoint's alone."""
    found = {rule["message"].partition(":")[0]: rule["rule"] for rule in dialects.rules(model, TABLE)}
    assert found["generationConfig.topK"] == "!(self.api in ['narrow', 'ranking']) || !has(self.generationConfig.topK)"
    assert found["generationConfig.seed"] == "!(self.api in ['narrow']) || !has(self.generationConfig.seed)"
    assert found["generationConfig.stopSeqs"] == "!(self.api in ['narrow']) || !has(self.generationConfig.stopSeqs)"
    assert found["api"] == "!(self.api in ['ranking'])"
    assert found["apiUrl"] == "!(self.api == 'native' && self.apiUrl.contains('/compatible/'))"
    assert len(found) == 8


def test_a_dialect_that_lacks_nothing_has_no_rules() -> None:
    """As OpenAI's."""
    assert dialects.rules(PerfRunSpec, {"openai": Dialect()}) == ()


def load_test(**fields: Any) -> PerfRunSpec:
    return PerfRunSpec(model="m", url="http://h/v1", **fields)


def evaluation(**fields: Any) -> EvalRunSpec:
    config = GenerationConfig(**fields)
    return EvalRunSpec(model="m", api_url="http://h/v1", datasets=["gsm8k"], generation_config=config)


# name: dialect, spec, what is said (None: nothing)
CHECKS: dict[str, tuple[str, BaseModel, str | None]] = {
    "nothing is set": ("narrow", load_test(), None),
    "what it has": ("narrow", load_test(top_p=0.5, min_tokens=3), None),
    "what it lacks": ("narrow", load_test(top_k=3), "top_k: is not a parameter of narrow, ranking; leave it out"),
    "another default": (
        "narrow",
        load_test(temperature=1.0),
        "temperature: is not a parameter of narrow; leave it out",
    ),
    "the same default": ("narrow", load_test(temperature=0.0), None),
    "the schedule's seed": ("narrow", load_test(seed=7), None),
    "the user's own keys": ("narrow", load_test(extra_args={"top_k": 3}), None),
    "a stream": ("ranking", load_test(stream=True), "stream: ranking cannot stream; leave it out"),
    "a stream that nobody asked for": ("ranking", load_test(), None),
    "no stream": ("ranking", load_test(stream=False), None),
    "no words to score": ("ranking", evaluation(), "api: must be the dialect of a model that answers with text"),
    "of an evaluation": (
        "narrow",
        evaluation(stop_seqs=["x"]),
        "generation_config.stop_seqs: is not a parameter of narrow; leave it out",
    ),
    "a seed of an evaluation": (
        "narrow",
        evaluation(seed=7),
        "generation_config.seed: is not a parameter of narrow; leave it out",
    ),
    "of a judge": (
        "narrow",
        JudgeModel(model="m", api_url="http://h/v1", generation_config=GenerationConfig(top_k=3)),
        "generation_config.top_k: is not a parameter of narrow, ranking; leave it out",
    ),
    "an address of another API": (
        "native",
        PerfRunSpec(model="m", url="http://h/compatible/v1"),
        "url: /compatible/ is a URL of the openai API; set api to openai, or give the URL of this API",
    ),
    "a judge's address of another API": (
        "native",
        JudgeModel(model="m", api_url="http://h/compatible/v1"),
        "api_url: /compatible/ is a URL of the openai API; set api to openai, or give the URL of this API",
    ),
    "its own address": ("native", load_test(), None),
    "another dialect's": ("openai", load_test(top_k=3, temperature=1.0), None),
}


@pytest.mark.parametrize(("api", "spec", "said"), CHECKS.values(), ids=CHECKS)
def test_checks_of_a_spec(api: str, spec: BaseModel, said: str | None) -> None:
    """The same rules in Python, in the words of requests."""
    spec = spec.model_copy(update={"api": api})
    if said is None:
        dialects.check(spec, TABLE)
        return
    with pytest.raises(ValueError, match=r": ") as caught:
        dialects.check(spec, TABLE)
    assert str(caught.value) == said


def test_other_names_are_of_dialects() -> None:
    """And no dialect has the name of another one."""
    meant = {*dialects.ALIASES.values(), *dialects.EVAL_TYPES.values()}
    assert meant | {other for row in DIALECTS.values() for _, other in row.elsewhere} <= DIALECTS.keys()
    assert not dialects.ALIASES.keys() & DIALECTS.keys()


def test_what_a_row_lacks_is_a_field() -> None:
    """A misspelt one would refuse nothing."""
    fields = {*PerfRunSpec.model_fields, *GenerationConfig.model_fields}
    assert {name for row in DIALECTS.values() for name in row.lacks} <= fields


EVAL = {"model": "qwen", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
# name: request, its body, where and what is said
UNKNOWN: dict[str, tuple[type[EvalRequest] | type[PerfRequest], dict[str, Any], str]] = {
    "a load test": (PerfRequest, {"model": "m", "url": "http://h/v1", "api": "openia"}, "api: 'openia' is not one of"),
    "an evaluation": (EvalRequest, {**EVAL, "api": "smoke"}, "api: 'smoke' is not one of"),
    "a judge": (
        EvalRequest,
        {**EVAL, "judge": {"models": [{"model": "m", "api_url": "http://h", "api": "smoke"}]}},
        "judge.models[0].api: 'smoke' is not one of",
    ),
}


@pytest.mark.parametrize(("model", "body", "said"), UNKNOWN.values(), ids=UNKNOWN)
def test_dialects_that_nobody_speaks(
    model: type[EvalRequest] | type[PerfRequest], body: dict[str, Any], said: str
) -> None:
    """Those that there are stand in the answer."""
    with pytest.raises(ValidationError) as caught:
        parse_request(model, body)  # type: ignore[type-var]  # either of the two
    (problem,) = problems.problems_of(caught.value, model)
    assert str(problem).startswith(said)
    assert all(name in problem.reason for name in DIALECTS)


VALUES: Mapping[str, Dialect] = {
    "openai": Dialect(),
    "terse": Dialect(lacks_values=(("reasoning_effort", "minimal"), ("apply_chat_template", False))),
}


def test_values_that_a_dialect_has_no_word_for() -> None:
    """The field may be set, to another value; a rule for each, of the resource and of requests."""
    (rule,) = dialects.rules(PerfRunSpec, VALUES)
    assert rule["rule"] == "!(self.api in ['terse']) || !has(self.applyChatTemplate) || self.applyChatTemplate != false"
    (rule,) = dialects.rules(EvalRunSpec, VALUES)
    where = "self.generationConfig.reasoningEffort"
    assert rule["rule"] == f"!(self.api in ['terse']) || !has({where}) || {where} != 'minimal'"
    dialects.check(evaluation(reasoning_effort="low").model_copy(update={"api": "terse"}), VALUES)
    dialects.check(load_test(apply_chat_template=True).model_copy(update={"api": "terse"}), VALUES)
    for spec in (evaluation(reasoning_effort="minimal"), load_test(apply_chat_template=False)):
        dialects.check(spec, VALUES)
        with pytest.raises(
            ValueError, match=r": terse has no '?(minimal|false)'?; leave it out, or give another value"
        ):
            dialects.check(spec.model_copy(update={"api": "terse"}), VALUES)
