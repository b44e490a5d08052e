"""`evalkube perf`: one load test from the command line."""

from typing import Final

from evalkube_cli import command, load_tables
from evalkube_crds.requests import PerfRequest

__all__ = ["app"]

_PANELS: Final = {
    "What is tested": (
        *("model", "url", "api", "number", "parallel", "rate", "open_loop", "rate_stages", "arrivals", "burstiness"),
        *("ramp_up", "warmup_num", "duration"),
    ),
    "Prompts": (
        *("dataset", "data_source", "dataset_path", "dataset_offset", "trace_speed", "dataset_args", "prompt"),
        "query_template",
        *("apply_chat_template", "tokenize_prompt", "tokenizer_path", "min_prompt_length", "max_prompt_length"),
        "prefix_length",
    ),
    "Conversations": ("multi_turn", "min_turns", "max_turns", "think_time"),
    "Answers": (
        *("max_tokens", "min_tokens", "stream", "temperature", "top_p", "top_k", "stop", "stop_token_ids", "logprobs"),
        *("frequency_penalty", "repetition_penalty", "n_choices", "tools", "tool_choice", "extra_args"),
    ),
    "A service level": (
        *("goodput", "sla_auto_tune", "sla_variable", "sla_params", "sla_num_runs", "sla_lower_bound"),
        *("sla_upper_bound", "sla_fixed_parallel", "sla_number_multiplier"),
    ),
    "The server's own view": ("server_metrics",),
    "Output": ("name", "work_dir", "no_timestamp"),
}

app = command.application(
    "perf",
    PerfRequest,
    _PANELS,
    load_tables.perf_tables,
    "Load-test an OpenAI-compatible endpoint.\n\n"
    "    evalkube perf --model qwen2.5 --url http://localhost:8000/v1 --number 100 200 --parallel 10 20",
)
