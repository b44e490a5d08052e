"""Rules between the fields of a load test, about its load, its prompts and its search for a service level."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from evalkube_crds import conversations, perf_trace, sla
from evalkube_crds.dialects import DIALECTS
from evalkube_crds.perf_data import LONGEST
from evalkube_crds.rules import Rule

if TYPE_CHECKING:
    from evalkube_crds.perfrun import PerfRunSpec

    PerfRule = Rule[PerfRunSpec]

__all__ = ["RULES"]


_NUMBERS: Final = "(has(self.number) ? size(self.number) : 1)"
_OPEN: Final = f"(self.openLoop || self.dataset == '{perf_trace.TRACE}')"
_UNRATED: Final = f"(!self.openLoop || has(self.rateStages) || self.dataset == '{perf_trace.TRACE}')"


def _unrated(spec: "PerfRunSpec") -> bool:
    """Whether the rates are not given for an open loop."""
    return not spec.open_loop or spec.rate_stages is not None or spec.dataset == perf_trace.TRACE


def _searches(spec: "PerfRunSpec", variable: str) -> bool:
    return spec.sla_auto_tune and spec.sla_variable == variable


def _has_rate(spec: "PerfRunSpec") -> bool:
    return spec.rate_stages is not None or any(rate > 0 for rate in spec.rate) or _searches(spec, "rate")


def _criteria(spec: "PerfRunSpec") -> Iterator[str]:
    """The names of all criteria of a search."""
    for group in spec.sla_params or () if spec.sla_auto_tune else ():
        yield from group


_LOAD: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        f"{_OPEN} || size(self.parallel) == {_NUMBERS}",
        lambda spec: spec.is_open_loop or len(spec.parallel) == len(spec.numbers),
        "parallel: give one value for each number",
    ),
    Rule(
        f"{_OPEN} || size(self.rate) in [1, {_NUMBERS}]",
        lambda spec: spec.is_open_loop or len(spec.rate) in (1, len(spec.numbers)),
        "rate: give one value, or one for each number",
    ),
    Rule(
        f"{_UNRATED} || self.rate.all(r, r > 0.0)",
        lambda spec: _unrated(spec) or all(rate > 0 for rate in spec.rate),
        "rate: open_loop needs rates greater than 0, or rate_stages",
    ),
    Rule(
        f"{_UNRATED} || size(self.rate) == {_NUMBERS}",
        lambda spec: _unrated(spec) or len(spec.rate) == len(spec.numbers),
        "rate: with open_loop give one value for each number",
    ),
    Rule(
        "!self.openLoop || self.parallel == [1]",
        lambda spec: not spec.open_loop or spec.parallel == [1],
        "parallel: has no meaning with open_loop; leave it out",
    ),
)

_ARRIVALS: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        "!has(self.rateStages) || self.rate == [-1.0]",
        lambda spec: spec.rate_stages is None or spec.rate == [-1.0],
        "rate: has no meaning with rate_stages; leave it out",
    ),
    Rule(
        "!has(self.rateStages) || (has(self.rateStages[size(self.rateStages) - 1].to) ? "
        "self.rateStages[size(self.rateStages) - 1].to : self.rateStages[size(self.rateStages) - 1].rate) > 0.0",
        lambda spec: spec.rate_stages is None or spec.rate_stages[-1].end > 0,
        "rate_stages: the last rate lasts until all requests are sent, so it must be greater than 0",
    ),
    Rule(
        "!has(self.rateStages) || !self.slaAutoTune",
        lambda spec: spec.rate_stages is None or not spec.sla_auto_tune,
        "rate_stages: sla_auto_tune finds the load itself; leave one of them out",
    ),
    Rule(
        "self.arrivals == 'poisson' || has(self.rateStages) || self.rate.exists(r, r > 0.0) || "
        "(self.slaAutoTune && self.slaVariable == 'rate')",
        lambda spec: spec.arrivals == "poisson" or _has_rate(spec),
        "arrivals: needs a rate; set rate",
    ),
    Rule(
        "!has(self.burstiness) || self.arrivals == 'gamma'",
        lambda spec: spec.burstiness is None or spec.arrivals == "gamma",
        "burstiness: is for gamma arrivals",
    ),
    Rule(
        "has(self.burstiness) || self.arrivals != 'gamma'",
        lambda spec: spec.burstiness is not None or spec.arrivals != "gamma",
        "burstiness: gamma arrivals need it",
    ),
    Rule(
        "!has(self.rampUp) || (!self.openLoop && !has(self.rateStages) && self.rate.all(r, r < 0.0) && "
        "!(self.slaAutoTune && self.slaVariable == 'rate'))",
        lambda spec: spec.ramp_up is None or not (spec.open_loop or _has_rate(spec)),
        "ramp_up: is for the closed loop without a rate; a rate has rate_stages",
    ),
)

_PROMPTS: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        "size(self.maxTokens) == 1 || self.maxTokens[0] <= self.maxTokens[1]",
        lambda spec: spec.max_tokens[0] <= spec.max_tokens[-1],
        "max_tokens: the first of two values must not be larger than the second",
    ),
    Rule(
        "self.minPromptLength <= self.maxPromptLength",
        lambda spec: spec.min_prompt_length <= spec.max_prompt_length,
        "min_prompt_length: must not be larger than max_prompt_length",
    ),
    Rule(
        "!self.tokenizePrompt || has(self.tokenizerPath)",
        lambda spec: not spec.tokenize_prompt or spec.tokenizer_path is not None,
        "tokenize_prompt: needs tokenizer_path",
    ),
    Rule(
        "!has(self.datasetArgs.targetInputLen) || has(self.tokenizerPath)",
        lambda spec: spec.dataset_args.target_input_len is None or spec.tokenizer_path is not None,
        "dataset_args.target_input_len: needs tokenizer_path",
    ),
    Rule(
        "!has(self.datasetArgs.batchSize) || self.api == 'openai_embedding'",
        lambda spec: spec.dataset_args.batch_size is None or spec.api == "openai_embedding",
        "dataset_args.batch_size: is for api openai_embedding",
    ),
    Rule(
        "!has(self.datasetArgs.documents) || self.api == 'openai_rerank'",
        lambda spec: spec.dataset_args.documents is None or spec.api == "openai_rerank",
        "dataset_args.documents: is for api openai_rerank",
    ),
    Rule(
        "self.dataset != 'line_by_line' || has(self.datasetPath) || has(self.prompt)",
        lambda spec: spec.dataset != "line_by_line" or spec.dataset_path is not None or spec.prompt is not None,
        "dataset_path: line_by_line needs the file to read",
    ),
    Rule(
        "self.dataset != 'custom' || has(self.prompt)",
        lambda spec: spec.dataset != "custom" or spec.prompt is not None,
        "prompt: the custom dataset sends one prompt of yours; set prompt",
    ),
)

_RANDOM: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        "!has(self.datasetArgs.inputLen) || self.dataset.startsWith('random')",
        lambda spec: spec.dataset_args.input_len is None or spec.dataset.startswith("random"),
        "dataset_args.input_len: is for the random datasets",
    ),
    Rule(
        f"!has(self.datasetArgs.inputLen) || (self.minPromptLength == 0 && self.maxPromptLength == {LONGEST})",
        lambda spec: (
            spec.dataset_args.input_len is None or (spec.min_prompt_length, spec.max_prompt_length) == (0, LONGEST)
        ),
        "dataset_args.input_len: has its own bounds; leave min_prompt_length and max_prompt_length out",
    ),
    Rule(
        "self.prefixLength == 0 || self.dataset.startsWith('random')",
        lambda spec: not spec.prefix_length or spec.dataset.startswith("random"),
        "prefix_length: is for the random datasets; others take dataset_args.prefix_file",
    ),
    Rule(
        "self.prefixLength > 0 || (self.datasetArgs.prefixGroups == 1 && !has(self.datasetArgs.prefixShares))",
        lambda spec: (
            spec.prefix_length > 0 or (spec.dataset_args.prefix_groups == 1 and spec.dataset_args.prefix_shares is None)
        ),
        "dataset_args.prefix_groups: needs prefix_length",
    ),
    Rule(
        "self.dataset != 'random' || !has(self.datasetArgs.targetInputLen)",
        lambda spec: spec.dataset != "random" or spec.dataset_args.target_input_len is None,
        "dataset_args.target_input_len: the random dataset makes prompts of given lengths; use input_len",
    ),
)

_SEARCH: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        "!self.slaAutoTune || has(self.slaParams)",
        lambda spec: not spec.sla_auto_tune or spec.sla_params is not None,
        "sla_params: sla_auto_tune needs at least one group of criteria",
    ),
    Rule(
        f"!self.slaAutoTune || ({_NUMBERS} == 1 && size(self.parallel) == 1 && size(self.rate) == 1)",
        lambda spec: not spec.sla_auto_tune or len(spec.numbers) == len(spec.parallel) == len(spec.rate) == 1,
        "sla_auto_tune: finds the load itself; give only one number, parallel and rate",
    ),
    Rule(
        "!self.slaAutoTune || self.shards == 1",
        lambda spec: not spec.sla_auto_tune or spec.shards == 1,
        "shards: sla_auto_tune needs one process for all of the load; set 1",
    ),
    Rule(
        "self.slaLowerBound <= self.slaUpperBound",
        lambda spec: spec.sla_lower_bound <= spec.sla_upper_bound,
        "sla_lower_bound: must not be larger than sla_upper_bound",
    ),
    Rule(
        "!self.slaAutoTune || self.slaVariable != 'parallel' || ("
        "self.slaLowerBound == double(int(self.slaLowerBound)) && "
        "self.slaUpperBound == double(int(self.slaUpperBound)))",
        lambda spec: (
            not _searches(spec, "parallel") or (spec.sla_lower_bound.is_integer() and spec.sla_upper_bound.is_integer())
        ),
        "sla_lower_bound, sla_upper_bound: must be whole numbers for parallel",
    ),
    Rule(
        "!self.slaAutoTune || self.slaVariable != 'parallel' || !self.openLoop",
        lambda spec: not _searches(spec, "parallel") or not spec.open_loop,
        "sla_variable: open_loop has no parallel; use rate",
    ),
    Rule(
        "!self.slaAutoTune || !has(self.slaFixedParallel) || (self.slaVariable == 'rate' && !self.openLoop)",
        lambda spec: (
            not spec.sla_auto_tune
            or spec.sla_fixed_parallel is None
            or (spec.sla_variable == "rate" and not spec.open_loop)
        ),
        "sla_fixed_parallel: is for sla_variable rate in closed loop",
    ),
    Rule(
        "!self.slaAutoTune || !has(self.stream) || self.stream || !has(self.slaParams) || "
        "self.slaParams.all(g, g.all(k, !(k.endsWith('ttft') || k.endsWith('tpot') || k.endsWith('itl'))))",
        lambda spec: spec.stream in (None, True) or set(sla.STREAMED).isdisjoint(_criteria(spec)),
        "sla_params: TTFT, TPOT and ITL need streamed answers; set stream",
    ),
)


def _is_a_tool(spec: "PerfRunSpec") -> bool:
    """Whether the choice of a tool is one of the allowed words, or the name of a function in `tools`."""
    functions = [tool.get("function") for tool in spec.tools or ()]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return spec.tool_choice in (None, "auto", "none", "required", *names)


_TOOLS: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        "!has(self.toolChoice) || has(self.tools)",
        lambda spec: spec.tool_choice is None or spec.tools is not None,
        "tool_choice: needs tools",
    ),
    Rule(
        "!has(self.tools) || !has(self.applyChatTemplate) || self.applyChatTemplate",
        lambda spec: spec.tools is None or spec.apply_chat_template is not False,
        "tools: need messages; leave apply_chat_template out",
    ),
    Rule(None, _is_a_tool, "tool_choice: must be auto, none, required or the name of a function in tools"),
)


def _criteria_rules() -> "Iterator[PerfRule]":
    """The rule that a figure is a criterion only for APIs whose models have it."""
    for kinds, names in sla.METRICS_BY_KINDS.items():
        apis = [api for api, row in DIALECTS.items() if row.kind in kinds]

        def holds(spec: "PerfRunSpec", apis: list[str] = apis, names: list[str] = names) -> bool:
            return spec.api in apis or set(names).isdisjoint(_criteria(spec))

        yield Rule(
            f"!self.slaAutoTune || !has(self.slaParams) || self.api in {apis} || "
            f"self.slaParams.all(g, g.all(k, !(k in {names})))",
            holds,
            f"sla_params: {', '.join(names)} can be criteria only for api {', '.join(apis)}",
        )


_STREAMING: Final = [api for api, row in DIALECTS.items() if row.streams]

_GOODPUT: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        "!has(self.goodput) || !(has(self.goodput.ttft) || has(self.goodput.tpot)) || "
        f"(self.api in {_STREAMING} && (!has(self.stream) || self.stream))",
        lambda spec: spec.goodput is None or not spec.goodput.needs_stream or spec.streams,
        "goodput: ttft and tpot need streamed answers; set stream",
    ),
    Rule(
        "!self.slaAutoTune || has(self.goodput) || !has(self.slaParams) || "
        f"self.slaParams.all(g, g.all(k, !(k in {list(sla.OF_GOODPUT)})))",
        lambda spec: spec.goodput is not None or set(sla.OF_GOODPUT).isdisjoint(_criteria(spec)),
        f"sla_params: {' and '.join(sla.OF_GOODPUT)} need goodput; set it",
    ),
)

RULES: "Final[tuple[PerfRule, ...]]" = (
    *perf_trace.RULES,
    *_LOAD,
    *_ARRIVALS,
    *_PROMPTS,
    *_RANDOM,
    *conversations.RULES,
    *_TOOLS,
    *_SEARCH,
    *_GOODPUT,
    *_criteria_rules(),
)
"""All rules, in the order in which they are checked."""
