"""The reference of every parameter, as Markdown: from the models what is supported, from a table what is not. Pure."""

import html
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evalkube_crds.cluster import ClusterFields
from evalkube_crds.dialects import ALIASES, DIALECTS
from evalkube_crds.endpoint import EndpointFields
from evalkube_crds.fields import model_in
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["markdown"]

_HEAD = """# Parameters

Generated from the models by `evalkube crds --docs docs/parameters.md`; do not edit.

REST and Python say `snake_case`, as here; the resource says `camelCase`. Where a list is meant, REST also takes one
value for a list of one; the resource takes lists only. An unknown field is an error everywhere, and the answer names
the nearest known one.
"""

_EVAL_LEFT_OUT: Final = {
    "model_args, model_task, chat_template": "need the model's weights here; this evaluates endpoints",
    "dataset_dir": "where data is cached is the installer's choice (`EVALKUBE_CACHE`), not a client's",
    "eval_config": "configures EvalScope's other backends",
    "judge_strategy, judge_worker_num, judge_model_args": "the older spelling of `judge`",
    "timeout, stream (top level)": "deprecated in EvalScope; in `generation_config`",
    "enable_progress_tracker": "progress is always tracked",
    "sandbox, use_sandbox, sandbox_type": "no benchmark here runs code that a model wrote",
    "agent_config": "no benchmark here drives an agent",
    "evalscope_version": "EvalScope's own",
    "generation_config.n": "deprecated in EvalScope; `repeats`",
    "generation_config.do_sample": "a parameter of local inference; an endpoint has `temperature`",
    "generation_config.parallel_tool_calls": "no benchmark here calls tools",
    "generation_config.reasoning_tokens, reasoning_summary, reasoning_history": "not of chat completions",
    "generation_config.anthropic_cache_*": "marks for Anthropic's cache: not in this version",
    "generation_config: height, width, num_inference_steps, guidance_scale": "image generation",
}

_PERF_LEFT_OUT: Final = {
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


_DIALECTS: Final = """Of load tests, evaluations and judges. A parameter that an API does not have is refused, never
dropped; `extra_args` and `extra_body` go out as they are. A load test's `seed` is the schedule's in any case,
and is sent where the API has one. How each is spoken to says [dialects.md](dialects.md).

"""


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    parts.append("\n## Evaluation: `POST /api/v1/eval`, EvalRun\n\n" + _tables(EvalRequest))
    parts.append("\n### EvalScope's parameters that are not here\n\n" + _left_out(_EVAL_LEFT_OUT))
    parts.append("\n## Load test: `POST /api/v1/perf`, PerfRun\n\n" + _tables(PerfRequest))
    parts.append("\n### EvalScope's parameters that are not here\n\n" + _left_out(_PERF_LEFT_OUT))
    parts.append("\n## API dialects: `api`\n\n" + _DIALECTS + _dialects())
    parts.append(
        "\n## On a cluster: both kinds\n\nRefused where there is no cluster, `thresholds` excepted.\n\n"
        + _tables(ClusterFields)
    )
    return "".join(parts)


def _left_out(rows: dict[str, str]) -> str:
    lines = [f"| `{names.replace(', ', '`, `')}` | {reason} |" for names, reason in rows.items()]
    return "\n".join(["| parameter | why |", "|---|---|", *lines]) + "\n"


def _dialects() -> str:
    lines = [
        f"| {', '.join(f'`{one}`' for one in _names(name))} | {row.kind} | {'yes' if row.streams else 'no'} "
        f"| {', '.join(f'`{field}`' for field in row.lacks) or 'nothing'} |"
        for name, row in DIALECTS.items()
    ]
    return "\n".join(["| `api` | its models | streams | has no parameter for |", "|---|---|---|---|", *lines]) + "\n"


def _names(api: str) -> list[str]:
    """An API's name, and the other ones that requests may use."""
    return [api, *(alias for alias, name in ALIASES.items() if name == api)]


def _tables(model: type[BaseModel]) -> str:
    cluster = set(ClusterFields.model_fields) if model is not ClusterFields else set()
    lines = ["| field | type | default | range | meaning |", "|---|---|---|---|---|"]
    lines += [
        _row(path, field)
        for path, field in _fields(model, "")
        if path not in cluster and re.split(r"[.\[]", path)[0] not in cluster
    ]
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    own_first = sorted(model.model_fields.items(), key=lambda item: item[0] in EndpointFields.model_fields)
    for name, field in own_first:
        yield f"{prefix}{name}", field
        inner = model_in(field.annotation)
        if inner is not None:
            yield from _fields(inner, f"{prefix}{name}{_steps(field.annotation)}.")


def _steps(annotation: Any) -> str:
    """How one gets from a field to the model in it: nothing, [] or a key of a map."""
    text = str(annotation)
    return "[]" if "list[" in text.split("Contract")[0][:40] else ".<name>" if "dict[" in text[:40] else ""


def _row(path: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _default(field)
    cells = [
        f"`{path}`",
        _type(field.annotation),
        default,
        _range(field),
        html.escape(field.description or "", quote=False),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return "-"
    if isinstance(value, BaseModel):
        return "as below"
    if hasattr(value, "get_secret_value"):
        return f"`{value.get_secret_value()}`"
    shown = value[0] if isinstance(value, list) and len(value) == 1 else value
    return f"`{shown!r}`".replace("'", '"').replace("`True`", "`true`").replace("`False`", "`false`")


_WORDS: Final = {int: "integer", float: "number", str: "string", bool: "boolean", dict: "object"}


def _type(annotation: Any) -> str:
    """``annotation`` in the words of JSON."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "object"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in inner if part is not type(None)))
    if origin is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in inner)
    if origin is list:
        return f"list of {_type(inner[0])}"
    return _WORDS.get(origin or annotation, "string")


def _range(field: FieldInfo) -> str:
    bounds = [_bound(mark) for mark in [*field.metadata, *_inner_metadata(field.annotation)]]
    return ", ".join(dict.fromkeys(bound for bound in bounds if bound))


def _inner_metadata(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            yield from mark.metadata if isinstance(mark, FieldInfo) else [mark]
    for part in get_args(annotation):
        if get_origin(part) is not None:
            yield from _inner_metadata(part)


def _bound(mark: Any) -> str:
    match mark:
        case Ge(ge=bound):
            return f"≥ {bound}"
        case Gt(gt=bound):
            return f"> {bound}"
        case Le(le=bound):
            return f"≤ {bound}"
        case Lt(lt=bound):
            return f"< {bound}"
        case MaxLen(max_length=bound):
            return f"at most {bound} long"
        case MinLen(min_length=bound) if bound > 1:
            return f"at least {bound} long"
    return ""
