"""What the request of a load test may say, and how a wrong one is answered."""

from typing import Any

import pytest

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.point_names import arrivals_words
from evalkube_crds.requests import PerfRequest, parse_request
from fakes.requests import PERF, complaint

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
    ({"rate": 0}, "must be -1 (no limit) or greater than 0 requests per second"),
    ({"open_loop": True}, "rate: open_loop needs rates greater than 0"),
    ({"open_loop": True, "rate": 5, "parallel": 4}, "parallel: has no meaning with open_loop"),
    ({"open_loop": True, "rate_stages": STAGES, "rate": 5}, "rate: has no meaning with rate_stages; leave it out"),
    ({"rate_stages": []}, "rate_stages: must not be empty"),
    ({"rate_stages": {"rate": 5, "to": 0, "duration": 1}}, "the last rate lasts until all requests are sent"),
    ({"rate_stages": {"rate": 0, "duration": 1}}, "the last rate lasts until all requests are sent"),
    ({"rate_stages": {"rate": 5, "duration": 0}}, "rate_stages[0].duration: must be greater than 0"),
    ({"rate_stages": {"rate": -1, "duration": 1}}, "rate_stages[0].rate: must be greater than or equal to 0"),
    ({"rate_stages": {"rate": 5, "target": 1, "duration": 1}}, "rate_stages[0].target: is not a known field"),
    ({"rate_stages": {"rate": 5, "duration": 1, "ramp": "exponential"}}, "exponential needs rate and to greater"),
    (
        {"rate_stages": {"rate": 0, "to": 5, "duration": 1, "ramp": "exponential"}},
        "ramp: exponential needs rate and to greater than 0",
    ),
    ({**SLA, "rate_stages": STAGES}, "rate_stages: sla_auto_tune finds the load itself; leave one of them out"),
    ({"arrivals": "constant"}, "arrivals: needs a rate; set rate"),
    ({"arrivals": "uniform", "rate": 5}, "arrivals: 'uniform' is not one of poisson, constant, gamma"),
    ({"arrivals": "gamma", "rate": 5}, "burstiness: gamma arrivals need it"),
    ({"arrivals": "gamma", "rate": 5, "burstiness": 0}, "burstiness: must be greater than or equal to 0.01"),
    ({"rate": 5, "burstiness": 0.5}, "burstiness: is for gamma arrivals"),
    ({"ramp_up": 10, "rate": 5}, "ramp_up: is for the closed loop without a rate"),
    ({"ramp_up": 10, "rate": 5, "open_loop": True}, "ramp_up: is for the closed loop without a rate"),
    ({"ramp_up": 10, "rate_stages": STAGES}, "ramp_up: is for the closed loop without a rate"),
    ({**SLA, "sla_variable": "rate", "ramp_up": 10}, "ramp_up: is for the closed loop without a rate"),
    ({"ramp_up": 0}, "ramp_up: must be greater than 0"),
    ({"max_tokens": [5, 2]}, "max_tokens: the first of two values must not be larger than the second"),
    ({"temperature": float("nan")}, "temperature: must be a finite number"),
    ({"stream": "yes"}, "stream: must be true or false"),
    ({"api": "openia"}, f"api: 'openia' is not one of {', '.join(DIALECTS)}; did you mean 'openai'?"),
    ({"dataset": "line_by_line"}, "dataset_path: line_by_line needs the file to read"),
    ({"dataset": "custom"}, "prompt: the custom dataset sends one prompt of yours"),
    ({"dataset": "workload_trace"}, "dataset_path: workload_trace needs the file to read"),
    ({"dataset": "random", "trace_speed": 2}, "trace_speed: is for the workload_trace dataset"),
    ({**TRACE, "trace_speed": 0}, "trace_speed: must be greater than or equal to 0.001"),
    ({**TRACE, "trace_speed": float("nan")}, "trace_speed: must be a finite number"),
    ({**TRACE, "api": "openai_embedding"}, "dataset: workload_trace is for APIs of models that answer in words"),
    *(
        ({**TRACE, **more}, f"{next(iter(more))}: a workload_trace has the times of its requests; leave it out")
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
    ({**TRACE, "max_tokens": 5}, "max_tokens: a workload_trace has the lengths of its answers; leave it out"),
    ({**TRACE, "max_tokens": [5, 9]}, "max_tokens: a workload_trace has the lengths of its answers; leave it out"),
    ({**TRACE, "min_tokens": 5}, "min_tokens: a workload_trace has the lengths of its answers; leave it out"),
    ({**TRACE, "prompt": "a"}, "prompt: a workload_trace has its own prompts; leave it out"),
    (
        {**TRACE, "tokenizer_path": "t", "dataset_args": {"target_input_len": 5}},
        "dataset_args.target_input_len: a workload_trace has the lengths of its prompts; leave it out",
    ),
    ({**TRACE, **SLA}, "sla_auto_tune: finds the load itself, but a workload_trace is one; leave it out"),
    ({"tokenize_prompt": True}, "tokenize_prompt: needs tokenizer_path"),
    ({"prefix_length": 5}, "prefix_length: is for the random dataset"),
    ({"dataset": "random", "dataset_args": {"prefix_groups": 2}}, "dataset_args.prefix_groups: needs prefix_length"),
    (
        {"dataset": "random", "prefix_length": 5, "dataset_args": {"prefix_groups": 3, "prefix_shares": [1, 2]}},
        "prefix_shares: give one value for each of prefix_groups",
    ),
    (
        {"dataset": "random", "tokenizer_path": "t", "dataset_args": {"target_input_len": 5}},
        "dataset_args.target_input_len: the random dataset makes prompts of given lengths; use input_len",
    ),
    ({"dataset_args": LENGTHS}, "dataset_args.input_len: is for the random dataset"),
    (
        {"dataset": "random", "min_prompt_length": 5, "dataset_args": LENGTHS},
        "dataset_args.input_len: has its own bounds; leave min_prompt_length and max_prompt_length out",
    ),
    *(
        ({"dataset": "random", "dataset_args": {"input_len": lengths}}, f"dataset_args.input_len.{said}")
        for lengths, said in (
            ({"distribution": "fixed"}, "distribution: fixed needs value, and nothing else"),
            ({"distribution": "fixed", "value": 5, "max": 9}, "distribution: fixed needs value, and nothing else"),
            ({"distribution": "uniform", "max": 9}, "distribution: uniform needs min and max, and nothing else"),
            ({"distribution": "normal", "mean": 9}, "distribution: normal needs mean and std"),
            ({"distribution": "lognormal", "mean": 9, "sigma": 1}, "distribution: lognormal needs mean and std, or"),
            ({"distribution": "uniform", "min": 9, "max": 5}, "min: must not be larger than max"),
            (
                {"distribution": "normal", "mean": 9, "std": 1, "max": 5},
                "mean: must be between min (default 1) and max",
            ),
            (
                {"distribution": "lognormal", "median": 2, "sigma": 1, "min": 3},
                "median: must be between min (default 1) and",
            ),
        )
    ),
    ({"multi_turn": True}, "multi_turn: does not match dataset; share_gpt_en_multi_turn, "),
    ({**TALKS, "multi_turn": False}, "multi_turn: does not match dataset"),
    ({"min_turns": 2}, "min_turns: is for conversations; set dataset to one of share_gpt_en_multi_turn, "),
    ({"max_turns": 2}, "max_turns: is for conversations"),
    ({"think_time": 0}, "think_time: is for conversations"),
    ({"think_time": [1, 2]}, "think_time: is for conversations"),
    ({**TALKS, "think_time": [2, 1]}, "think_time: the first of two values must not be larger than the second"),
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
    ({**TALKS, "api": "openai_rerank"}, "dataset: conversations need one of api openai, openai_responses, dashscope, "),
    ({"dataset": "custom_multi_turn"}, "dataset_path: custom_multi_turn needs the file to read"),
    ({"dataset": "random_multi_turn"}, "max_turns: random_multi_turn needs it; set it"),
    ({"tools": []}, "tools: must not be empty"),
    ({"tools": [{}]}, "tools[0]: must not be empty"),
    ({"tools": ["weather"]}, "tools[0]: must be an object"),
    ({"tools": [TOOL], "apply_chat_template": False}, "tools: need messages; leave apply_chat_template out"),
    ({"tools": [TOOL], "api": "openai_embedding"}, "tools: is not a parameter of openai_embedding, openai_rerank"),
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
    ({**SLA, "number": [1, 2], "parallel": [1, 2]}, "sla_auto_tune: finds the load itself"),
    ({**SLA, "shards": 2}, "shards: sla_auto_tune needs one process for all of the load; set 1"),
    ({**SLA, "sla_lower_bound": 1.5}, "sla_lower_bound, sla_upper_bound: must be whole numbers for parallel"),
    ({**SLA, "open_loop": True, "rate": 5}, "sla_variable: open_loop has no parallel; use rate"),
    ({**SLA, "sla_fixed_parallel": 5}, "sla_fixed_parallel: is for sla_variable rate in closed loop"),
    ({**SLA, "stream": False}, "sla_params: TTFT, TPOT and ITL need streamed answers; set stream"),
    ({"goodput": {}}, "goodput: set at least one of ttft, tpot and latency"),
    ({"goodput": {"ttft": None}}, "goodput: set at least one of ttft, tpot and latency"),
    ({"goodput": {"ttft": 0}}, "goodput.ttft: must be greater than 0"),
    ({"goodput": {"latency": "1s"}}, "goodput.latency: must be a number"),
    ({"goodput": {"e2el": 1}}, "goodput.e2el: is not a known field"),
    ({"goodput": "ttft:200"}, "goodput: "),
    ({"stream": False, "goodput": {"ttft": 1}}, "goodput: ttft and tpot need streamed answers; set stream"),
    ({"stream": False, "goodput": {"tpot": 1, "latency": 1}}, "goodput: ttft and tpot need streamed answers"),
    ({**EMBEDDING, "goodput": {"tpot": 1}}, "goodput: ttft and tpot need streamed answers; set stream"),
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
