"""What a request may say, and how a wrong one is answered."""

import json
from typing import Any

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.requests import EvalRequest, PerfRequest, parse_request, split_request
from fakes.requests import EVAL, PERF, complaint


def test_the_documents_eval_example_keeps_its_defaults() -> None:
    """EvalScope's example body, and the defaults its document promises."""
    body = {
        **EVAL,
        "api_key": "your-api-key",
        "datasets": ["gsm8k", "iquiz"],
        "limit": 10,
        "generation_config": {"temperature": 0.0, "max_tokens": 2048},
    }
    request = parse_request(EvalRequest, body)
    assert (request.limit, request.eval_batch_size, request.seed, request.debug) == (10, 1, 42, False)
    bare = parse_request(EvalRequest, EVAL)
    assert (bare.generation_config.temperature, bare.generation_config.max_tokens) == (0.0, 2048)
    assert bare.api_key.get_secret_value() == "EMPTY"


def test_the_documents_perf_example_keeps_its_defaults() -> None:
    """One value stands for a list of one, and what is left out is as documented."""
    request = parse_request(PerfRequest, {**PERF, "api": "openai", "number": 100, "parallel": 10, "dataset": "openqa"})
    assert (request.number, request.parallel) == ([100], [10])
    bare = parse_request(PerfRequest, PERF)
    assert (bare.numbers, bare.parallel, bare.rate, bare.max_tokens) == ([1000], [1], [-1], [2048])
    assert (bare.temperature, bare.streams, bare.dataset, bare.api) == (0.0, True, "openqa", "openai")


def test_a_key_among_the_headers_is_a_secret() -> None:
    """It goes where secrets go, and never into the spec."""
    request = parse_request(PerfRequest, {**PERF, "headers": {"API-Key": "sk-1", "x-team": "a"}})
    spec, secrets = split_request(request)
    assert isinstance(spec, PerfRunSpec)
    assert spec.headers == {"x-team": "a"}
    assert {name: json.loads(secret) for name, secret in secrets.items()} == {
        "credentials": {"headers": {"API-Key": "sk-1"}, "query": {}}
    }


# name: the model, a body with one value, what a list of it would be
ALONE: dict[str, tuple[type[EvalRequest] | type[PerfRequest], dict[str, Any], dict[str, Any]]] = {
    "datasets": (EvalRequest, {"datasets": "gsm8k"}, {"datasets": ["gsm8k"]}),
    "stop_seqs": (
        EvalRequest,
        {"generation_config": {"stop_seqs": "x"}},
        {"generation_config": {"stop_seqs": ["x"]}},
    ),
    "of a benchmark": (
        EvalRequest,
        {"dataset_args": {"gsm8k": {"subset_list": "main", "metric_list": "acc"}}},
        {"dataset_args": {"gsm8k": {"subset_list": ["main"], "metric_list": ["acc"]}}},
    ),
    "a judge": (
        EvalRequest,
        {"judge": {"models": {"model": "m", "api_url": "http://h/v1"}}},
        {"judge": {"models": [{"model": "m", "api_url": "http://h/v1"}]}},
    ),
    "loads": (
        PerfRequest,
        {"number": 10, "parallel": 2, "rate": 1.5, "max_tokens": 5},
        {"number": [10], "parallel": [2], "rate": [1.5], "max_tokens": [5]},
    ),
    "ends": (PerfRequest, {"stop": "x", "stop_token_ids": 5}, {"stop": ["x"], "stop_token_ids": [5]}),
    "criteria": (
        PerfRequest,
        {"sla_auto_tune": True, "sla_params": {"rps": "max"}},
        {"sla_auto_tune": True, "sla_params": [{"rps": "max"}]},
    ),
    "thresholds": (
        PerfRequest,
        {"thresholds": {"metric": "rps", "op": ">", "value": 1.0}},
        {"thresholds": [{"metric": "rps", "op": ">", "value": 1.0}]},
    ),
    "of the pod": (
        PerfRequest,
        {"data": {"name": "d", "config_map": "c"}, "runner": {"image_pull_secrets": "s", "env": {"name": "A"}}},
        {"data": [{"name": "d", "config_map": "c"}], "runner": {"image_pull_secrets": ["s"], "env": [{"name": "A"}]}},
    ),
}


@pytest.mark.parametrize(("model", "alone", "listed"), ALONE.values(), ids=ALONE.keys())
def test_one_value_is_a_list_of_one(
    model: type[EvalRequest] | type[PerfRequest], alone: dict[str, Any], listed: dict[str, Any]
) -> None:
    """Wherever a list is meant, however deep."""
    least = EVAL if model is EvalRequest else PERF
    assert parse_request(model, {**least, **alone}) == parse_request(model, {**least, **listed})  # type: ignore[type-var]  # either of the two


def test_the_schema_of_a_request_has_both() -> None:
    """A client that reads it may send one value; the resource's has lists alone."""
    schema = EvalRequest.model_json_schema(by_alias=False)
    one, many = schema["properties"]["datasets"]["anyOf"]
    assert (many["items"], many["minItems"]) == (one, 1)
    assert EvalRunSpec.model_json_schema(mode="serialization")["properties"]["datasets"]["type"] == "array"


WRONG_EVAL: list[tuple[dict[str, Any], str]] = [
    ({"eval-batch-size": 8}, "eval-batch-size: is not a known field; did you mean 'eval_batch_size'?"),
    ({"apiUrl": "http://x"}, "apiUrl: is not a known field; did you mean 'api_url'?"),
    ({"zzz": 1}, "zzz: is not a known field; valid here: "),
    ({"datasets": ["gsm8k/main"]}, "datasets[0]: "),
    ({"datasets": []}, "datasets: must not be empty"),
    ({"datasets": None}, "datasets: must be a list"),
    ({"datasets": "gsm 8k"}, "datasets[0]: "),
    ({"datasets": []}, "datasets: must not be empty"),
    ({"datasets": ["gsm8k", "gsm8k"]}, "datasets: name each benchmark only once"),
    ({"limit": 0}, "limit: must be a whole number of samples"),
    ({"limit": 1.5}, "limit: must be a whole number of samples"),
    ({"limit": "5"}, "limit: must be a number"),
    ({"limit": True}, "limit: must be a number"),
    *(
        ({"eval_batch_size": size}, "eval_batch_size: must be a whole number from 1 to 4096, or auto")
        for size in (0, 4097, "many", "8", 2.0, True, None)
    ),
    (
        {"generation_config": {"max_token": 5}},
        "generation_config.max_token: is not a known field; did you mean 'max_tokens'?",
    ),
    ({"generation_config": {"temperature": 3}}, "generation_config.temperature: must be less than or equal to 2"),
    ({"generation_config": {"top_p": 0}}, "generation_config.top_p: must be greater than 0"),
    ({"generation_config": {"max_tokens": 0}}, "generation_config.max_tokens: must be greater than or equal to 1"),
    ({"generation_config": []}, "generation_config: must be an object"),
    (
        {"dataset_args": {"gsm8k": {"few_shots": 3}}},
        "dataset_args.gsm8k.few_shots: is not a known field; did you mean 'few_shot_num'?",
    ),
    ({"collections": {"own": {"gsm8k": 1}}}, "collections: name each of them in datasets too"),
    ({"datasets": ["own"], "collections": {"own": {}}}, "collections.own: must not be empty"),
    ({"datasets": ["own"], "collections": {"own": {"gsm8k": 0}}}, "collections.own.gsm8k: must be greater than 0"),
    ({"prices": {"input": 1}}, "prices.output: is required"),
    ({"prices": {"input": -1, "output": 1}}, "prices.input: must be greater than or equal to 0"),
    (
        {"dry_run": True, "thresholds": [{"metric": "score", "op": ">", "value": 0.5}]},
        "thresholds: a dry run has no scores",
    ),
    *(
        (
            {"dataset_args": {"gsm8k": {"filters": {name: True}}}},
            f"dataset_args.gsm8k.filters.{name}: is not supported:",
        )
        for name in ("take_first", "take_first_k", "majority_vote", "regex_pos")
    ),
    (
        {"dataset_args": {"gsm8k": {"filters": {"regex": "a", "extract": "b"}}}},
        "dataset_args.gsm8k.filters.regex: means the same as extract",
    ),
    (
        {"dataset_args": {"gsm8k": {"sandbox_config": {}}}},
        "dataset_args.gsm8k.sandbox_config: is not supported: programs",
    ),
    ({"dataset_args": {"gsm8k": {"tags": ["Math"]}}}, "dataset_args.gsm8k.tags: is not supported: declared by"),
    ({"generation_config": {"do_sample": True}}, "generation_config.do_sample: is not supported: a parameter"),
    ({"generation_config": {"reasoning_history": 1}}, "generation_config.reasoning_history: is not supported: not a"),
    ({"generation_config": {"anthropic_cache_ttl": 1}}, "generation_config.anthropic_cache_ttl: is not supported:"),
    ({"generation_config": {"width": 1}}, "generation_config.width: is not supported: image generation"),
    ({"stream": True}, "stream: is not supported: deprecated in EvalScope"),
    ({"judge_worker_num": 1}, "judge_worker_num: is not supported: the older spelling of `judge`"),
    ({"api_url": "ftp://x"}, "api_url: must be an http:// or https:// URL"),
    ({"api_url": "http://user:secret@x/v1"}, "api_url: must not contain credentials; give the key as api_key"),
    ({"api_url": "http://x/v1#a"}, "api_url: must not have a fragment"),
    ({"api_url": "http:///v1"}, "api_url: must name a host"),
    ({"api_url": "http://x:99999/v1"}, "api_url: is not a URL"),
    ({"api_url": "http://x /v1"}, "api_url: must not contain white space"),
    ({"judge": {"strategy": "llm"}}, "judge.models: this strategy needs at least one judge"),
    (
        {"generation_config": {"extra_headers": {"Authorization": "Bearer \n"}}},
        "generation_config.extra_headers: the value of Authorization must be printable ASCII on one line",
    ),
    (
        {"generation_config": {"extra_headers": {"X-Token": 5}}},
        "generation_config.extra_headers.X-Token: must be a string",
    ),
    ({"model": ""}, "model: must not be empty"),
    ({"model": None}, "model: must be a string"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_EVAL, ids=[str(change) for change, _ in WRONG_EVAL])
def test_a_wrong_eval_request_is_explained(change: dict[str, Any], said: str) -> None:
    """The field's path, the reason, and the nearest valid name."""
    assert said in complaint(EvalRequest, {**EVAL, **change})


def test_what_is_missing_is_named() -> None:
    """All of it at once, not one at a time."""
    assert complaint(EvalRequest, {}) == "model: is required; api_url: is required; datasets: is required"


def test_a_complaint_never_repeats_the_key() -> None:
    """Not even a key of the wrong type."""
    assert "hunter2" not in complaint(EvalRequest, {**EVAL, "api_key": ["sk-hunter2"], "limit": 0})


def test_secrets_part_from_the_spec() -> None:
    """The spec is what the user sent, less the keys; a key that is not set is no key."""
    spec, secrets = split_request(parse_request(EvalRequest, {**EVAL, "api_key": "sk-1"}))
    assert type(spec) is EvalRunSpec
    assert secrets == {"api_key": "sk-1"}
    spec, secrets = split_request(parse_request(PerfRequest, {**PERF, "api_key": "EMPTY", "number": 7}))
    assert type(spec) is PerfRunSpec
    assert (spec.number, spec.model_fields_set, secrets) == ([7], {"model", "url", "number"}, {})
