"""EvalScope's parameters that are not here, each with its reason: for the reference, and for who sends one. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from pydantic.alias_generators import to_snake

__all__ = ["EVALUATION", "LOAD_TEST", "reason_of"]

EVALUATION: Final[Mapping[str, str]] = {
    "model_args, model_task, chat_template": "need the model's weights here; this evaluates endpoints",
    "dataset_dir": "where data is cached is the installer's choice (`EVALKUBE_CACHE`), not a client's",
    "eval_config": "configures EvalScope's other backends",
    "judge_strategy, judge_worker_num, judge_model_args": "the older spelling of `judge`",
    "timeout, stream (top level)": "deprecated in EvalScope; in `generation_config`",
    "enable_progress_tracker": "progress is always tracked",
    "sandbox, use_sandbox, sandbox_type": "code that a model wrote runs in the runner's own sandbox, and nowhere else",
    "dataset_args.*.sandbox_config": "code that a model wrote runs in the runner's own sandbox, and nowhere else",
    "dataset_args.*.filters.take_first, take_first_k": "choose among the repeats of a question, all of which count "
    "here; `repeats` says how many are asked",
    "dataset_args.*.filters.majority_vote": "of repeats: `aggregation: mean_and_vote_at_k`",
    "dataset_args.*.filters.regex_pos": "reads lists of tagged words, of which no benchmark here has any; `extract`",
    "dataset_args.*: name, pretty_name, description, tags, data_adapter, output_types": "what a benchmark is, says "
    "its own declaration",
    "agent_config": "no benchmark here drives an agent",
    "evalscope_version": "EvalScope's own",
    "generation_config.n": "deprecated in EvalScope; `repeats`",
    "generation_config.do_sample": "a parameter of local inference; an endpoint has `temperature`",
    "generation_config.parallel_tool_calls": "no benchmark here calls tools",
    "generation_config.reasoning_tokens, reasoning_summary, reasoning_history": "not of chat completions",
    "generation_config.anthropic_cache_*": "marks for Anthropic's cache: not in this version",
    "generation_config: height, width, num_inference_steps, guidance_scale": "image generation",
}

LOAD_TEST: Final[Mapping[str, str]] = {
    "attn_implementation, port": "start a model here; this tests endpoints",
    "outputs_dir": "`work_dir`",
    "db_commit_interval, queue_size_multiplier, in_flight_task_multiplier, num_workers": "parts of EvalScope's client",
    "log_every_n_query, enable_progress_tracker": "progress is always tracked (`GET /api/v1/runs/{id}/progress`)",
    "visualizer, wandb_api_key, swanlab_api_key, swanlab_host": "a vendor's tracking service",
    "image_width, image_height, image_format, image_num, image_patch_size": "images",
    "multi_turn_args": "deprecated in EvalScope, and a part of its swe_smith data set",
    "dataset_args: speed": "`trace_speed`",
    "dataset_args: model_override, model_mapping": "`extra_args: {model: ..}` goes before the model of a recorded body",
    "dataset_args: match_output_length": "lengths are the limits of answers; `extra_args: {ignore_eos: true}`",
    "api: local, local_vllm": "start a model here; this tests endpoints: `openai`, with the `url` of one that runs",
    "api: custom": "a template of EvalScope's for a plug-in of one's own",
}


def reason_of(place: Sequence[int | str]) -> str | None:
    """Why the field at a path is not here; None where EvalScope has none there either."""
    names = [to_snake(part) for part in place if isinstance(part, str)]
    path = ".".join(names[1:] if names[:1] == ["spec"] else names)
    rows = {**EVALUATION, **LOAD_TEST}
    return next((reason for row, reason in rows.items() for known in _paths(row) if fnmatchcase(path, known)), None)


def _paths(row: str) -> Iterator[str]:
    """The paths that a row names: `a.b, c` and `a: b, c` are both a.b and a.c."""
    above, colon, rest = row.partition(": ")
    first, *others = (rest if colon else row).replace(" (top level)", "").split(", ")
    above = above if colon else first.rpartition(".")[0]
    yield from (f"{above}.{name}" if above and "." not in name else name for name in (first, *others))
