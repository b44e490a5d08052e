"""What a request may say, and how a wrong one is answered."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from evalkube_crds import problems
from evalkube_crds.dialects import DIALECTS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.point_names import arrivals_words, point_name, point_names
from evalkube_crds.requests import EvalRequest, PerfRequest, parse_request, split_request

EVAL = {"model": "qwen", "api_url": "http://127.0.0.1:8000/v1", "datasets": ["gsm8k"]}
PERF = {"model": "qwen", "url": "http://127.0.0.1:8000/v1/chat/completions"}


def complaint(model: type[EvalRequest] | type[PerfRequest], body: Any) -> str:
    """What is said about ``body``."""
    with pytest.raises(ValidationError) as caught:
        parse_request(model, body)  # type: ignore[type-var]  # either of the two
    return problems.sentence(problems.problems_of(caught.value, model))


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
    ({"datasets": ["gsm8"]}, "datasets[0]: 'gsm8' is not one of ceval, general_mcq, general_qa, gsm8k, iquiz; did you"),
    ({"datasets": []}, "datasets: must not be empty"),
    ({"datasets": None}, "datasets: must be a list"),
    ({"datasets": "gsm9k"}, "datasets[0]: 'gsm9k' is not one of"),
    ({"datasets": []}, "datasets: must not be empty"),
    ({"datasets": ["gsm8k", "gsm8k"]}, "datasets: each benchmark once"),
    ({"limit": 0}, "limit: must be a whole number of samples"),
    ({"limit": 1.5}, "limit: must be a whole number of samples"),
    ({"limit": "5"}, "limit: must be a number"),
    ({"limit": True}, "limit: must be a number"),
    ({"eval_batch_size": 0}, "eval_batch_size: must be greater than or equal to 1"),
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
    ({"dataset_args": {"iquiz": {}}}, "dataset_args: only of the run's own datasets"),
    ({"api_url": "ftp://x"}, "api_url: must be an http:// or https:// URL"),
    ({"api_url": "http://user:secret@x/v1"}, "api_url: must not carry credentials; pass the key as api_key"),
    ({"api_url": "http://x/v1#a"}, "api_url: must not have a fragment"),
    ({"api_url": "http:///v1"}, "api_url: must name a host"),
    ({"api_url": "http://x:99999/v1"}, "api_url: is not a URL"),
    ({"api_url": "http://x /v1"}, "api_url: must not contain white space"),
    ({"judge": {"strategy": "llm"}}, "judge.models: this strategy needs at least one entry"),
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


SLA = {"sla_auto_tune": True, "sla_params": [{"p99_ttft": "<=0.5"}]}
EMBEDDING = {"api": "openai_embedding", "url": "http://h/v1"}
LENGTHS = {"input_len": {"distribution": "fixed", "value": 5}}
TRACE = {"dataset": "workload_trace", "dataset_path": "t.jsonl"}
STAGES = [{"rate": 5, "to": 50, "duration": 60}, {"rate": 50, "duration": 30}]
TOOL = {"type": "function", "function": {"name": "weather"}}
TALKS = {"dataset": "share_gpt_en_multi_turn"}
WRONG_PERF: list[tuple[dict[str, Any], str]] = [
    ({"numbr": 5}, "numbr: is not a known field; did you mean 'number'?"),
    ({"number": 0}, "must be greater than or equal to 1"),
    ({"number": "5"}, "must be a whole number"),
    ({"number": 5.5}, "must be a whole number"),
    ({"number": []}, "number: must not be empty"),
    ({"number": [1, 2]}, "parallel: give one value for each number"),
    ({"number": [1, 2], "parallel": [1, 2], "rate": [1, 2, 3]}, "rate: give one value, or one for each number"),
    ({"rate": 0}, "must be -1 (no limit) or more than 0 requests per second"),
    ({"open_loop": True}, "rate: open_loop needs rates above 0"),
    ({"open_loop": True, "rate": 5, "parallel": 4}, "parallel: has no meaning with open_loop"),
    ({"open_loop": True, "rate_stages": STAGES, "rate": 5}, "rate: has no meaning with rate_stages; leave it out"),
    ({"rate_stages": []}, "rate_stages: must not be empty"),
    ({"rate_stages": {"rate": 5, "to": 0, "duration": 1}}, "the last rate goes on until all requests are sent"),
    ({"rate_stages": {"rate": 0, "duration": 1}}, "the last rate goes on until all requests are sent"),
    ({"rate_stages": {"rate": 5, "duration": 0}}, "rate_stages[0].duration: must be greater than 0"),
    ({"rate_stages": {"rate": -1, "duration": 1}}, "rate_stages[0].rate: must be greater than or equal to 0"),
    ({"rate_stages": {"rate": 5, "target": 1, "duration": 1}}, "rate_stages[0].target: is not a known field"),
    ({"rate_stages": {"rate": 5, "duration": 1, "ramp": "exponential"}}, "exponential needs rate and to above 0"),
    (
        {"rate_stages": {"rate": 0, "to": 5, "duration": 1, "ramp": "exponential"}},
        "ramp: exponential needs rate and to above 0",
    ),
    ({**SLA, "rate_stages": STAGES}, "rate_stages: sla_auto_tune finds the loads itself"),
    ({"arrivals": "constant"}, "arrivals: needs a rate"),
    ({"arrivals": "uniform", "rate": 5}, "arrivals: 'uniform' is not one of poisson, constant, gamma"),
    ({"arrivals": "gamma", "rate": 5}, "burstiness: gamma arrivals need it"),
    ({"arrivals": "gamma", "rate": 5, "burstiness": 0}, "burstiness: must be greater than or equal to 0.01"),
    ({"rate": 5, "burstiness": 0.5}, "burstiness: is for gamma arrivals"),
    ({"ramp_up": 10, "rate": 5}, "ramp_up: is for the closed loop without a rate"),
    ({"ramp_up": 10, "rate": 5, "open_loop": True}, "ramp_up: is for the closed loop without a rate"),
    ({"ramp_up": 10, "rate_stages": STAGES}, "ramp_up: is for the closed loop without a rate"),
    ({**SLA, "sla_variable": "rate", "ramp_up": 10}, "ramp_up: is for the closed loop without a rate"),
    ({"ramp_up": 0}, "ramp_up: must be greater than 0"),
    ({"max_tokens": [5, 2]}, "max_tokens: the first of two values must not be the larger one"),
    ({"temperature": float("nan")}, "temperature: must be a finite number"),
    ({"stream": "yes"}, "stream: must be true or false"),
    ({"api": "openia"}, f"api: 'openia' is not one of {', '.join(DIALECTS)}; did you mean 'openai'?"),
    ({"dataset": "line_by_line"}, "dataset_path: line_by_line needs the file to read"),
    ({"dataset": "custom"}, "prompt: the custom dataset is one prompt of yours"),
    ({"dataset": "workload_trace"}, "dataset_path: workload_trace needs the file to read"),
    ({"dataset": "random", "trace_speed": 2}, "trace_speed: is for the workload_trace dataset"),
    ({**TRACE, "trace_speed": 0}, "trace_speed: must be greater than or equal to 0.001"),
    ({**TRACE, "trace_speed": float("nan")}, "trace_speed: must be a finite number"),
    ({**TRACE, "api": "openai_embedding"}, "dataset: workload_trace is for APIs of models that answer in words"),
    *(
        ({**TRACE, **more}, f"{next(iter(more))}: a workload_trace is sent by its own times; leave it out")
        for more in (
            {"rate": 5},
            {"rate": [5, 6], "number": [1, 2]},
            {"rate_stages": STAGES},
            {"arrivals": "constant"},
            {"arrivals": "gamma", "burstiness": 0.5},
            {"burstiness": 0.5},
            {"parallel": 4, "open_loop": True},
            {"parallel": [1, 1], "number": [1, 2]},
            {"ramp_up": 1},
        )
    ),
    ({**TRACE, "max_tokens": 5}, "max_tokens: a workload_trace says how long answers may be; leave it out"),
    ({**TRACE, "max_tokens": [5, 9]}, "max_tokens: a workload_trace says how long answers may be; leave it out"),
    ({**TRACE, "min_tokens": 5}, "min_tokens: a workload_trace says how long answers may be; leave it out"),
    ({**TRACE, "prompt": "a"}, "prompt: a workload_trace has its own prompts; leave it out"),
    (
        {**TRACE, "tokenizer_path": "t", "dataset_args": {"target_input_len": 5}},
        "dataset_args.target_input_len: a workload_trace says how long prompts are; leave it out",
    ),
    ({**TRACE, **SLA}, "sla_auto_tune: finds the loads itself, and a workload_trace is one; leave it out"),
    ({"tokenize_prompt": True}, "tokenize_prompt: needs tokenizer_path"),
    ({"prefix_length": 5}, "prefix_length: is for the random dataset"),
    ({"dataset": "random", "dataset_args": {"prefix_groups": 2}}, "dataset_args.prefix_groups: needs prefix_length"),
    (
        {"dataset": "random", "prefix_length": 5, "dataset_args": {"prefix_groups": 3, "prefix_shares": [1, 2]}},
        "prefix_shares: give one for each of prefix_groups",
    ),
    (
        {"dataset": "random", "tokenizer_path": "t", "dataset_args": {"target_input_len": 5}},
        "dataset_args.target_input_len: the random dataset makes its lengths; use input_len",
    ),
    ({"dataset_args": LENGTHS}, "dataset_args.input_len: is for the random dataset"),
    (
        {"dataset": "random", "min_prompt_length": 5, "dataset_args": LENGTHS},
        "dataset_args.input_len: has bounds of its own; leave min_prompt_length and max_prompt_length out",
    ),
    *(
        ({"dataset": "random", "dataset_args": {"input_len": lengths}}, f"dataset_args.input_len.{said}")
        for lengths, said in (
            ({"distribution": "fixed"}, "distribution: fixed needs value alone"),
            ({"distribution": "fixed", "value": 5, "max": 9}, "distribution: fixed needs value alone"),
            ({"distribution": "uniform", "max": 9}, "distribution: uniform needs min and max alone"),
            ({"distribution": "normal", "mean": 9}, "distribution: normal needs mean and std"),
            ({"distribution": "lognormal", "mean": 9, "sigma": 1}, "distribution: lognormal needs mean and std, or"),
            ({"distribution": "uniform", "min": 9, "max": 5}, "min: must not be larger than max"),
            (
                {"distribution": "normal", "mean": 9, "std": 1, "max": 5},
                "mean: must lie between min (1 unless set) and max",
            ),
            (
                {"distribution": "lognormal", "median": 2, "sigma": 1, "min": 3},
                "median: must lie between min (1 unless set) and",
            ),
        )
    ),
    ({"multi_turn": True}, "multi_turn: is as dataset says: share_gpt_en_multi_turn, "),
    ({**TALKS, "multi_turn": False}, "multi_turn: is as dataset says"),
    ({"min_turns": 2}, "min_turns: is for conversations; set dataset to one of share_gpt_en_multi_turn, "),
    ({"max_turns": 2}, "max_turns: is for conversations"),
    ({"think_time": 0}, "think_time: is for conversations"),
    ({"think_time": [1, 2]}, "think_time: is for conversations"),
    ({**TALKS, "think_time": [2, 1]}, "think_time: the first of two values must not be the larger one"),
    ({**TALKS, "think_time": -1}, "think_time[0]: must be greater than or equal to 0"),
    ({**TALKS, "think_time": [1, 2, 3]}, "think_time: must have at most 2 items"),
    ({**TALKS, "min_turns": 3, "max_turns": 2}, "min_turns: must not be larger than max_turns"),
    ({**TALKS, "max_turns": 0}, "max_turns: must be greater than or equal to 1"),
    ({**TALKS, "prompt": "x"}, "prompt: has no meaning with conversations; leave it out"),
    ({**TALKS, "query_template": "{}"}, "query_template: has no meaning with conversations"),
    ({**TALKS, "tokenizer_path": "t", "tokenize_prompt": True}, "tokenize_prompt: has no meaning with conversations"),
    ({**TALKS, "apply_chat_template": False}, "apply_chat_template: false has no meaning with conversations"),
    (
        {**TALKS, "tokenizer_path": "t", "dataset_args": {"target_input_len": 5}},
        "dataset_args.target_input_len: has no meaning with conversations",
    ),
    ({**TALKS, "dataset_args": LENGTHS}, "dataset_args.input_len: is for the random datasets"),
    ({**TALKS, "api": "openai_rerank"}, "dataset: conversations are for api openai, openai_responses, dashscope, "),
    ({"dataset": "custom_multi_turn"}, "dataset_path: custom_multi_turn needs the file to read"),
    ({"dataset": "random_multi_turn"}, "max_turns: random_multi_turn needs it"),
    ({"tools": []}, "tools: must not be empty"),
    ({"tools": [{}]}, "tools[0]: must not be empty"),
    ({"tools": ["weather"]}, "tools[0]: must be an object"),
    ({"tools": [TOOL], "apply_chat_template": False}, "tools: are for messages; leave apply_chat_template out"),
    ({"tools": [TOOL], "api": "openai_embedding"}, "tools: is no parameter of openai_embedding, openai_rerank"),
    ({"tools": [{"authorization": "x"}]}, "tools[0]: must not be empty"),
    ({"tool_choice": "auto"}, "tool_choice: needs tools"),
    (
        {"tools": [TOOL], "tool_choice": "time"},
        "tool_choice: must be auto, none, required or the name of a function in tools",
    ),
    ({"tools": [TOOL], "tool_choice": "required", "api": "dashscope"}, "tool_choice: dashscope has no 'required'"),
    ({"headers": {"bad name": "x"}}, "is not a header name"),
    ({"api_key_header": "Host"}, "api_key_header: Host has another meaning"),
    ({"api_key_header": "a b"}, "api_key_header: "),
    ({"ca_file": "ca.pem", "verify": False}, "ca_file: has no meaning with verify false"),
    ({"headers": {"x-a": "a\r\nb: c"}}, "must be printable ASCII on one line"),
    ({"sla_auto_tune": True}, "sla_params: sla_auto_tune needs at least one group of criteria"),
    ({"sla_params": [{"p98_ttft": "<=1"}]}, "'p98_ttft' is not one of avg_latency, "),
    ({"sla_params": [{"p99_ttft": "fast"}]}, "p99_ttft: 'fast' must be <=, <, >= or > and a number, or max, or min"),
    ({"sla_params": [{"rps": "max", "p99_ttft": "<=1"}]}, "max and min cannot be combined with other criteria"),
    ({"sla_params": [{}]}, "sla_params[0]"),
    ({**SLA, "number": [1, 2], "parallel": [1, 2]}, "sla_auto_tune: finds the loads itself"),
    ({**SLA, "shards": 2}, "shards: sla_auto_tune needs all the load in one place"),
    ({**SLA, "sla_lower_bound": 1.5}, "sla_lower_bound, sla_upper_bound: must be whole numbers for parallel"),
    ({**SLA, "open_loop": True, "rate": 5}, "sla_variable: with open_loop there is no parallel to find"),
    ({**SLA, "sla_fixed_parallel": 5}, "sla_fixed_parallel: is for sla_variable rate in closed loop"),
    ({**SLA, "stream": False}, "sla_params: TTFT, TPOT and ITL need stream"),
    ({"goodput": {}}, "goodput: needs ttft, tpot or latency"),
    ({"goodput": {"ttft": None}}, "goodput: needs ttft, tpot or latency"),
    ({"goodput": {"ttft": 0}}, "goodput.ttft: must be greater than 0"),
    ({"goodput": {"latency": "1s"}}, "goodput.latency: must be a number"),
    ({"goodput": {"e2el": 1}}, "goodput.e2el: is not a known field"),
    ({"goodput": "ttft:200"}, "goodput: "),
    ({"stream": False, "goodput": {"ttft": 1}}, "goodput: ttft and tpot need stream"),
    ({"stream": False, "goodput": {"tpot": 1, "latency": 1}}, "goodput: ttft and tpot need stream"),
    ({**EMBEDDING, "goodput": {"tpot": 1}}, "goodput: ttft and tpot need stream"),
    (
        {**SLA, "sla_params": [{"rps": "max"}, {"goodput": ">=0.95"}]},
        "sla_params: goodput and goodput_rps need goodput",
    ),
    ({**SLA, "sla_params": {"goodput_rps": "max"}}, "sla_params: goodput and goodput_rps need goodput"),
    ({"sla_lower_bound": 9, "sla_upper_bound": 8}, "sla_lower_bound: must not be larger than sla_upper_bound"),
    ({"warmup_num": -1}, "warmup_num: must be greater than or equal to 0"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_PERF, ids=[str(change) for change, _ in WRONG_PERF])
def test_a_wrong_perf_request_is_explained(change: dict[str, Any], said: str) -> None:
    """As for evaluations."""
    assert said in complaint(PerfRequest, {**PERF, **change})


SCHEDULES: dict[str, tuple[dict[str, Any], str | None]] = {
    "answers alone": ({}, None),
    "slots one after the other": ({"ramp_up": 10}, "requests in flight grow for 10 s"),
    "a rate": ({"rate": 5}, "Poisson"),
    "one rate of two": ({"rate": [-1, 5], "number": [1, 2], "parallel": [1, 2], "arrivals": "constant"}, "constant"),
    "bursts": ({"rate": 5, "arrivals": "gamma", "burstiness": 0.5, "open_loop": True}, "gamma, burstiness 0.5"),
    "stages of a closed loop": (
        {"rate_stages": STAGES},
        "Poisson; 5 to 50 requests/s in 60 s; 50 requests/s for 30 s",
    ),
    "stages of an open loop, for several numbers": (
        {"rate_stages": STAGES, "open_loop": True, "number": [10, 20], "arrivals": "constant"},
        "constant; 5 to 50 requests/s in 60 s; 50 requests/s for 30 s",
    ),
    "one stage needs no list": (
        {"rate_stages": {"rate": 1, "to": 8, "duration": 3, "ramp": "exponential"}},
        "Poisson; 1 to 8 requests/s in 3 s, exponentially",
    ),
    "a trace": (TRACE, "as recorded"),
    "a trace, in a sweep": (
        {**TRACE, "number": [10, 20], "open_loop": True, "trace_speed": 0.5},
        "as recorded, 0.5 times as fast",
    ),
    "a search for a rate": ({**SLA, "sla_variable": "rate", "arrivals": "constant"}, "constant"),
    "a search for slots": ({**SLA, "ramp_up": 1.5}, "requests in flight grow for 1.5 s"),
}


@pytest.mark.parametrize(("fields", "words"), SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_and_their_words(fields: dict[str, Any], words: str | None) -> None:
    """What may be asked for, and how results name it."""
    request = parse_request(PerfRequest, {**PERF, **fields})
    has_rate = words is not None and not words.startswith("requests in flight")
    assert arrivals_words(request, 5.0 if has_rate else None) == words


def test_a_search_may_be_written_briefly() -> None:
    """One group needs no list; a rate may be searched for in closed and in open loop."""
    request = parse_request(PerfRequest, {**PERF, **SLA, "sla_params": {"p99_ttft": "<=0.5", "rps": ">1"}})
    assert request.sla_params == [{"p99_ttft": "<=0.5", "rps": ">1"}]
    for more in ({}, {"sla_fixed_parallel": 8}, {"open_loop": True, "rate": 4}, {"sla_lower_bound": 0.5}):
        assert parse_request(PerfRequest, {**PERF, **SLA, "sla_variable": "rate", **more}).sla_variable == "rate"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"goodput": {"ttft": 0.2, "tpot": 0.05}}, "TTFT <= 0.2 s, TPOT <= 0.05 s"),
        ({"stream": False, "goodput": {"latency": 3}}, "latency <= 3 s"),
        ({**EMBEDDING, "goodput": {"latency": 0.1}}, "latency <= 0.1 s"),
        ({**SLA, "sla_params": {"goodput": ">=0.95"}, "goodput": {"ttft": 1}}, "TTFT <= 1 s"),
    ],
)
def test_what_makes_a_good_request(fields: dict[str, Any], words: str) -> None:
    """Of whole answers, and of models that embed or rank, the latency; and a search may ask for it."""
    request = parse_request(PerfRequest, {**PERF, **fields})
    assert request.goodput is not None
    assert request.goodput.words == words


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


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ({"number": 100, "parallel": 10}, "parallel_10_number_100"),
        ({"number": 100, "rate": 5.0}, "rate_5_number_100"),
        ({"number": 3, "rate": 2.5}, "rate_2.5_number_3"),
    ],
)
def test_points_are_named_as_evalscope_names_them(key: dict[str, Any], name: str) -> None:
    """The keys of the response's results."""
    assert point_name(**key) == name


SWEEPS: dict[str, tuple[list[tuple[int, int | None, float | None]], list[str]]] = {
    "nothing is repeated": (
        [(100, 1, None), (200, 2, None)],
        ["parallel_1_number_100", "parallel_2_number_200"],
    ),
    "one rate for all is told nowhere": ([(6, 4, 5.0), (6, 8, 5.0)], ["parallel_4_number_6", "parallel_8_number_6"]),
    "rates that change with the load": ([(6, 4, 5.0), (6, 8, 10.0)], ["parallel_4_number_6", "parallel_8_number_6"]),
    "points that differ only in rate": (
        [(6, 4, 5.0), (6, 4, 10.0), (6, 4, 2.5), (6, 8, 5.0)],
        [
            "parallel_4_number_6_rate_5",
            "parallel_4_number_6_rate_10",
            "parallel_4_number_6_rate_2.5",
            "parallel_8_number_6",
        ],
    ),
    "with and without a rate": (
        [(6, 4, None), (6, 4, 5.0)],
        ["parallel_4_number_6_rate_unlimited", "parallel_4_number_6_rate_5"],
    ),
    "a point three times": (
        [(4, 2, None)] * 3,
        ["parallel_2_number_4", "parallel_2_number_4_repeat_2", "parallel_2_number_4_repeat_3"],
    ),
    "repeated, not in a row": (
        [(4, 2, None), (4, 3, None), (4, 2, None)],
        ["parallel_2_number_4", "parallel_3_number_4", "parallel_2_number_4_repeat_2"],
    ),
    "some differ in rate, some in nothing": (
        [(4, 2, 5.0), (4, 2, 9.0), (4, 2, 5.0)],
        ["parallel_2_number_4_rate_5", "parallel_2_number_4_rate_9", "parallel_2_number_4_rate_5_repeat_2"],
    ),
    "open loop": ([(4, None, 20.0), (4, None, 40.0)], ["rate_20_number_4", "rate_40_number_4"]),
    "stages, twice": ([(4, None, None), (4, None, None)], ["stages_number_4", "stages_number_4_repeat_2"]),
    "open loop, a rate twice": ([(4, None, 20.0), (4, None, 20.0)], ["rate_20_number_4", "rate_20_number_4_repeat_2"]),
}


@pytest.mark.parametrize(("points", "names"), SWEEPS.values(), ids=SWEEPS)
def test_each_point_of_a_sweep_has_a_name_of_its_own(
    points: list[tuple[int, int | None, float | None]], names: list[str]
) -> None:
    """What nothing else in the sweep is called keeps EvalScope's name; the others are told apart."""
    assert point_names(points) == names
    assert len(set(names)) == len(points)
