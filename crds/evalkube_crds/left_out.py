"""EvalScope's parameters that evalkube does not have, each with the reason. Pure.

They are for the reference and for error messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from pydantic.alias_generators import to_snake

__all__ = ["EVALUATION", "LOAD_TEST", "reason_of"]

EVALUATION: Final[Mapping[str, str]] = {
    "model_args, model_task, chat_template": "load a model's weights; evalkube evaluates endpoints",
    "dataset_dir": "the installer decides where data is cached (`EVALKUBE_CACHE`), not a client",
    "eval_config": "configures EvalScope's other backends",
    "judge_strategy, judge_worker_num, judge_model_args": "the older spelling of `judge`",
    "timeout, stream (top level)": "deprecated in EvalScope; in `generation_config`",
    "enable_progress_tracker": "progress is always tracked",
    "sandbox, use_sandbox, sandbox_type": "programs that a model wrote run only in the runner's own sandbox",
    "dataset_args.*.sandbox_config": "programs that a model wrote run only in the runner's own sandbox",
    "dataset_args.*.filters.take_first, take_first_k": "select repeats; here all `repeats` count",
    "dataset_args.*.filters.majority_vote": "combines repeats: use `aggregation: mean_and_vote_at_k`",
    "dataset_args.*.filters.regex_pos": "reads lists of tagged words, which no benchmark here has; use `extract`",
    "dataset_args.*: name, pretty_name, description, tags, data_adapter, output_types": "declared by the benchmark",
    "agent_config": "no benchmark here drives an agent",
    "evalscope_version": "EvalScope's own",
    "generation_config.n": "deprecated in EvalScope; `repeats`",
    "generation_config.do_sample": "a parameter of local inference; for an endpoint use `temperature`",
    "generation_config.parallel_tool_calls": "no benchmark here calls tools",
    "generation_config.reasoning_tokens, reasoning_summary, reasoning_history": "not a parameter of chat completions",
    "generation_config.anthropic_cache_*": "marks for Anthropic's prompt cache: not in this version",
    "generation_config: height, width, num_inference_steps, guidance_scale": "image generation",
}

LOAD_TEST: Final[Mapping[str, str]] = {
    "attn_implementation, port": "start a model; evalkube tests endpoints",
    "outputs_dir": "`work_dir`",
    "db_commit_interval, queue_size_multiplier, in_flight_task_multiplier, num_workers": "parts of EvalScope's client",
    "log_every_n_query, enable_progress_tracker": "progress is always tracked (`GET /api/v1/runs/{id}/progress`)",
    "visualizer, wandb_api_key, swanlab_api_key, swanlab_host": "a vendor's tracking service",
    "image_width, image_height, image_format, image_num, image_patch_size": "images",
    "multi_turn_args": "deprecated in EvalScope, and a part of its swe_smith data set",
    "dataset_args: speed": "`trace_speed`",
    "dataset_args: model_override, model_mapping": "`extra_args: {model: ..}` replaces the model of a recorded body",
    "dataset_args: match_output_length": "lengths are limits; `extra_args: {ignore_eos: true}`",
    "api: local, local_vllm": "start a model; evalkube tests endpoints: use `openai` with the `url` of a running one",
    "api: custom": "a template of EvalScope for your own plug-in",
}


def reason_of(place: Sequence[int | str]) -> str | None:
    """The reason why evalkube has no field at a path; None where EvalScope has none there either."""
    names = [to_snake(part) for part in place if isinstance(part, str)]
    path = ".".join(names[1:] if names[:1] == ["spec"] else names)
    rows = {**EVALUATION, **LOAD_TEST}
    return next((reason for row, reason in rows.items() for known in _paths(row) if fnmatchcase(path, known)), None)


def _paths(row: str) -> Iterator[str]:
    """The paths in a row: `a.b, c` and `a: b, c` both mean a.b and a.c."""
    above, colon, rest = row.partition(": ")
    first, *others = (rest if colon else row).replace(" (top level)", "").split(", ")
    above = above if colon else first.rpartition(".")[0]
    yield from (f"{above}.{name}" if above and "." not in name else name for name in (first, *others))
