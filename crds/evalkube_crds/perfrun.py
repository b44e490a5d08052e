"""What a load test is asked to do. Names and defaults follow EvalScope's perf arguments; values are never coerced."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from evalkube_crds import conversations, sla
from evalkube_crds.cluster import ClusterFields
from evalkube_crds.dialects import DIALECTS
from evalkube_crds.endpoint import TRUST_RULE, EndpointFields, check_trust
from evalkube_crds.fields import (
    BodyKeys,
    BodyTemplate,
    Headers,
    HttpUrl,
    Query,
    ReadPath,
    RelativePath,
    TargetGrace,
    TextOrFile,
    Tool,
    cel,
)
from evalkube_crds.names import CONVERSATIONS, PERF_DATASETS
from evalkube_crds.perf_data import LONGEST, PerfDatasetArgs, Tokens
from evalkube_crds.perf_fields import Bound, Rate, ServerMetrics, SlaGroup
from evalkube_crds.perf_rates import RateStage

__all__ = ["PerfRunSpec"]

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Parallel = Annotated[int, Field(ge=1, le=100_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
ThinkTime = Annotated[float, Field(ge=0, le=86_400)]


def _criteria_rules() -> Iterator[dict[str, str]]:
    """A figure is a criterion where the model of the API has it."""
    for kinds, names in sla.METRICS_BY_KINDS.items():
        apis = [api for api, row in DIALECTS.items() if row.kind in kinds]
        yield cel(
            f"!self.slaAutoTune || !has(self.slaParams) || self.api in {apis} || "
            f"self.slaParams.all(g, g.all(k, !(k in {names})))",
            f"slaParams: {', '.join(names)} can be criteria for api {', '.join(apis)} alone",
        )


class PerfRunSpec(EndpointFields, ClusterFields):
    """One load test: an endpoint, the load put on it, and the prompts it is sent."""

    rules: ClassVar[tuple[dict[str, str], ...]] = (
        cel("self.openLoop || size(self.parallel) == size(self.number)", "parallel: give one value for each number"),
        cel(
            "self.openLoop || size(self.rate) in [1, size(self.number)]", "rate: give one value, or one for each number"
        ),
        cel(
            "!self.openLoop || has(self.rateStages) || size(self.rate) == size(self.number)",
            "rate: with openLoop give one for each number",
        ),
        cel(
            "!self.openLoop || has(self.rateStages) || self.rate.all(r, r > 0.0)",
            "rate: openLoop needs rates above 0, or rateStages",
        ),
        cel("!has(self.rateStages) || self.rate == [-1.0]", "rate: has no meaning with rateStages; leave it out"),
        cel(
            "!has(self.rateStages) || (has(self.rateStages[size(self.rateStages) - 1].to) ? "
            "self.rateStages[size(self.rateStages) - 1].to : self.rateStages[size(self.rateStages) - 1].rate) > 0.0",
            "rateStages: the last rate goes on until all requests are sent, so it must be above 0",
        ),
        cel("!has(self.rateStages) || !self.slaAutoTune", "rateStages: slaAutoTune finds the loads itself"),
        cel(
            "self.arrivals == 'poisson' || has(self.rateStages) || self.rate.exists(r, r > 0.0) || "
            "(self.slaAutoTune && self.slaVariable == 'rate')",
            "arrivals: needs a rate",
        ),
        cel("!has(self.burstiness) || self.arrivals == 'gamma'", "burstiness: is for gamma arrivals"),
        cel("has(self.burstiness) || self.arrivals != 'gamma'", "burstiness: gamma arrivals need it"),
        cel(
            "!has(self.rampUp) || (!self.openLoop && !has(self.rateStages) && self.rate.all(r, r < 0.0) && "
            "!(self.slaAutoTune && self.slaVariable == 'rate'))",
            "rampUp: is for the closed loop without a rate; a rate has rateStages",
        ),
        cel("!self.openLoop || self.parallel == [1]", "parallel: has no meaning with openLoop; leave it out"),
        cel(
            "size(self.maxTokens) == 1 || self.maxTokens[0] <= self.maxTokens[1]", "maxTokens: the smaller value first"
        ),
        cel("self.minPromptLength <= self.maxPromptLength", "minPromptLength: must not be larger than maxPromptLength"),
        TRUST_RULE,
        cel("!self.tokenizePrompt || has(self.tokenizerPath)", "tokenizePrompt: needs tokenizerPath"),
        cel("!has(self.datasetArgs.targetInputLen) || has(self.tokenizerPath)", "targetInputLen: needs tokenizerPath"),
        cel(
            "!has(self.datasetArgs.batchSize) || self.api == 'openai_embedding'",
            "datasetArgs.batchSize: is for api openai_embedding",
        ),
        cel(
            "!has(self.datasetArgs.documents) || self.api == 'openai_rerank'",
            "datasetArgs.documents: is for api openai_rerank",
        ),
        cel(
            "self.dataset != 'line_by_line' || has(self.datasetPath) || has(self.prompt)",
            "line_by_line needs datasetPath",
        ),
        cel("self.dataset != 'custom' || has(self.prompt)", "the custom dataset is one prompt of yours: set prompt"),
        cel(
            "!has(self.datasetArgs.inputLen) || self.dataset.startsWith('random')",
            "datasetArgs.inputLen: is for the random datasets",
        ),
        cel(
            "!has(self.datasetArgs.inputLen) || (self.minPromptLength == 0 && self.maxPromptLength == 131072)",
            "datasetArgs.inputLen: has bounds of its own; leave minPromptLength and maxPromptLength out",
        ),
        cel("self.prefixLength == 0 || self.dataset.startsWith('random')", "prefixLength: is for the random datasets"),
        cel(
            "self.prefixLength > 0 || (self.datasetArgs.prefixGroups == 1 && !has(self.datasetArgs.prefixShares))",
            "datasetArgs.prefixGroups: needs prefixLength",
        ),
        cel(
            "self.dataset != 'random' || !has(self.datasetArgs.targetInputLen)",
            "datasetArgs.targetInputLen: the random dataset makes its lengths; use inputLen",
        ),
        cel("!self.slaAutoTune || has(self.slaParams)", "slaParams: slaAutoTune needs at least one group of criteria"),
        cel(
            "!self.slaAutoTune || (size(self.number) == 1 && size(self.parallel) == 1 && size(self.rate) == 1)",
            "slaAutoTune finds the loads itself: give no more than one number, parallel and rate",
        ),
        cel("!self.slaAutoTune || self.shards == 1", "shards: slaAutoTune needs all the load in one place"),
        cel("self.slaLowerBound <= self.slaUpperBound", "slaLowerBound: must not be larger than slaUpperBound"),
        cel(
            "!self.slaAutoTune || self.slaVariable != 'parallel' || ("
            "self.slaLowerBound == double(int(self.slaLowerBound)) && "
            "self.slaUpperBound == double(int(self.slaUpperBound)))",
            "slaLowerBound, slaUpperBound: must be whole numbers for parallel",
        ),
        cel(
            "!self.slaAutoTune || self.slaVariable != 'parallel' || !self.openLoop",
            "slaVariable: with openLoop there is no parallel to find",
        ),
        cel(
            "!self.slaAutoTune || !has(self.slaFixedParallel) || (self.slaVariable == 'rate' && !self.openLoop)",
            "slaFixedParallel: is for slaVariable rate in closed loop",
        ),
        cel(
            "!self.slaAutoTune || !has(self.stream) || self.stream || !has(self.slaParams) || "
            "self.slaParams.all(g, g.all(k, !(k.endsWith('ttft') || k.endsWith('tpot') || k.endsWith('itl'))))",
            "slaParams: TTFT, TPOT and ITL need stream",
        ),
        *_criteria_rules(),
        cel("!has(self.toolChoice) || has(self.tools)", "toolChoice: needs tools"),
        cel(
            "!has(self.tools) || !has(self.applyChatTemplate) || self.applyChatTemplate",
            "tools: are for messages; leave applyChatTemplate out",
        ),
        *conversations.RULES,
    )

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Model name, as the endpoint knows it"
    )
    model_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/\\]+$")] | None = Field(
        default=None, description="Name of the model in reports; from model unless set"
    )
    url: HttpUrl = Field(
        description="Complete URL of the endpoint; one that ends in /v1 or has no path gets the path of its api"
    )
    headers: Headers = Field(default={}, description="Further headers, none that carries a secret")
    extra_query: Query = Field(default={}, description="Further query parameters, beside those of the URL")
    connect_timeout: Seconds | None = Field(default=None, description="Longest time to connect, in seconds")
    read_timeout: Seconds | None = Field(default=None, description="Longest silence between two reads, in seconds")
    total_timeout: Seconds = Field(default=21_600.0, description="Longest time for one request, in seconds")
    target_grace: TargetGrace = Field(
        default=30.0,
        description="How long an endpoint that has not answered yet may take to come up (no connection, no such name, "
        "or 502, 503, 504), in seconds; 0: not at all. During the load: how long nobody may find a connection before "
        "the target counts as gone and the test ends (20 tries at least)",
    )
    no_test_connection: bool = Field(
        default=False,
        description="Skip the one request that tests the endpoint before the load, and with it the wait for one that "
        "comes up",
    )

    number: Annotated[list[Count], Field(min_length=1, max_length=100)] = Field(
        default=[1000],
        description="Measured requests; several values are a sweep. With sla_auto_tune see sla_number_multiplier",
    )
    parallel: Annotated[list[Parallel], Field(min_length=1, max_length=100)] = Field(
        default=[1], description="Requests in flight at most (closed loop); one value for each number"
    )
    rate: Annotated[list[Rate], Field(min_length=1, max_length=100)] = Field(
        default=[-1.0],
        description="Requests per second; -1: no limit. With open_loop one value for each number",
    )
    rate_stages: Annotated[list[RateStage], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="Rates that follow each other within each point, instead of rate: ramps and steps. The last one "
        "goes on until all requests are sent",
    )
    arrivals: Literal["poisson", "constant", "gamma"] = Field(
        default="poisson",
        description="How requests with a rate arrive: poisson, as users that know nothing of each other; constant, in "
        "equal times; gamma, by burstiness",
    )
    burstiness: Annotated[float, Field(ge=0.01, le=1000)] | None = Field(
        default=None, description="gamma: its shape, as vLLM's --burstiness: 1 is poisson, below it come bursts"
    )
    ramp_up: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None,
        description="Closed loop: seconds in which requests in flight grow to parallel, evenly; 100 µs for each "
        "unless set",
    )
    open_loop: bool = Field(
        default=False, description="Send by the schedule alone, however many are in flight; needs rate or rate_stages"
    )
    warmup_num: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        default=0.0, description="Requests before the measured ones: a count (>= 1) or a fraction of number"
    )
    duration: Seconds | None = Field(
        default=None, description="Send no further request after this time, in seconds; what is in flight is finished"
    )
    max_error_rate: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="Stop a point when more than this share of its requests failed, and say so in its verdict; judged "
        "from 20 requests on, or 1 / max_error_rate where that is more, by each shard for itself. Never unless set",
    )
    sleep_interval: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=5.0, description="Pause between the points of a sweep, in seconds"
    )

    server_metrics: ServerMetrics | None = Field(
        default=None,
        description="Read the server's own metrics during the load (vLLM, SGLang, TGI, llama.cpp, DCGM), {} for those "
        "of the endpoint itself. Unless set nothing but requests is sent to an endpoint. What cannot be read is told "
        "in the result and never fails a run",
    )

    sla_auto_tune: bool = Field(
        default=False,
        description="Find the highest load that meets sla_params instead of measuring given ones; parallel (or rate), "
        "where set, is where the search begins",
    )
    sla_variable: Literal["parallel", "rate"] = Field(
        default="parallel",
        description="What is varied; with rate, latency and TTFT count from when a request should have left",
    )
    sla_params: Annotated[list[SlaGroup], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Groups of criteria, figure: condition; those of a group must hold together, and each group is "
        "searched on its own. Figures: avg, p50, p90, p95 or p99 _latency, _ttft, _tpot or _itl in seconds, rps, "
        "tps (output tokens), inputs_per_second (texts embedded), documents_per_second (ranked), input_tps (tokens of "
        "both), success_rate (1 unless it is a criterion). Conditions: <=, <, >=, > and a number; or "
        "max or min alone",
    )
    sla_num_runs: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Runs of each value; their requests are added up"
    )
    sla_lower_bound: Bound = Field(default=1.0, description="Lowest value to try")
    sla_upper_bound: Bound = Field(default=65_536.0, description="Highest value to try")
    sla_fixed_parallel: Parallel | None = Field(
        default=None, description="With sla_variable rate: requests in flight at most; open loop unless set"
    )
    sla_number_multiplier: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        default=None,
        description="Requests of one run, as a multiple of the value; 2 for parallel and 30 (so 30 seconds) for rate "
        "unless set. All runs of a value together have at least 20 requests, 100 where a p99 is a criterion",
    )

    prompt: TextOrFile | None = Field(
        default=None, description="One prompt for every request; '@file' reads it from a file"
    )
    query_template: BodyTemplate | None = Field(
        default=None,
        description="JSON template of the body, with %m for the model and %p for the prompt; '@file' reads it",
    )
    apply_chat_template: bool | None = Field(
        default=None, description="Send messages (true) or a plain prompt (false); by the URL unless set"
    )
    tokenize_prompt: bool = Field(
        default=False, description="Send the prompt as token ids (completions; needs tokenizer_path)"
    )
    min_prompt_length: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Leave out shorter prompts; random: the shortest. In tokens with tokenizer_path, else characters "
        "(random: words)",
    )
    max_prompt_length: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=LONGEST, description="Leave out longer prompts; random: the longest"
    )
    prefix_length: Annotated[int, Field(ge=0, le=1_048_576)] = Field(
        default=0,
        description="random: length of a prefix that prompts share: all of them, or those of one of prefix_groups",
    )
    tokenizer_path: ReadPath | None = Field(
        default=None,
        description="A tokenizer.json, or a folder with one: exact lengths, and counts where the server reports none",
    )
    dataset: Literal[
        "openqa",
        "longalpaca",
        "share_gpt_en",
        "share_gpt_zh",
        "line_by_line",
        "random",
        "custom",
        "share_gpt_en_multi_turn",
        "share_gpt_zh_multi_turn",
        "random_multi_turn",
        "custom_multi_turn",
    ] = Field(default="openqa", description="Source of prompts: " + ", ".join(PERF_DATASETS) + " (docs/data.md)")
    dataset_path: ReadPath | None = Field(default=None, description="File (or folder) to read prompts from")
    data_source: Literal["modelscope", "huggingface", "local", "sample"] | None = Field(
        default=None,
        description="Where prompts come from: local with a dataset_path, else modelscope; sample: some of our own",
    )
    dataset_offset: Annotated[int, Field(ge=0)] = Field(
        default=0, description="First item to use; a sweep goes on where its last point ended"
    )
    dataset_args: PerfDatasetArgs = Field(
        default=PerfDatasetArgs(), description="How prompts are cut, prefixed or drawn"
    )

    multi_turn: bool | None = Field(
        default=None,
        description="Whether conversations of several turns are sent, as dataset says: number, parallel, rate and "
        "warmup_num then count conversations, and each turn has the model's answers before it",
    )
    min_turns: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Leave out conversations of fewer turns; random_multi_turn: the fewest"
    )
    max_turns: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description="Turns of a conversation at most, further ones are cut off; random_multi_turn needs it",
    )
    think_time: Annotated[list[ThinkTime], Field(min_length=1, max_length=2)] | None = Field(
        default=None,
        description="Seconds from an answer to the next turn of its conversation; two values: drawn uniformly between "
        "them. None unless set",
    )

    max_tokens: Annotated[list[Tokens], Field(min_length=1, max_length=2)] = Field(
        default=[2048], description="Most tokens of an answer; two values: drawn uniformly between them"
    )
    min_tokens: Tokens | None = Field(default=None, description="Fewest tokens of an answer (vLLM, SGLang)")
    temperature: Annotated[float, Field(ge=0, le=2)] = Field(default=0.0, description="Sampling temperature")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Nucleus sampling: the probability mass that is kept"
    )
    top_k: Annotated[int, Field(ge=-1)] | None = Field(
        default=None, description="Top-k sampling: the number of tokens that are kept"
    )
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = Field(
        default=None, description="Penalty by frequency of a token"
    )
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="Multiplicative penalty of repeated tokens (vLLM, SGLang)"
    )
    stop: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Strings that end an answer"
    )
    stop_token_ids: list[int] | None = Field(default=None, description="Token ids that end an answer (vLLM, SGLang)")
    logprobs: bool | None = Field(default=None, description="Ask for log probabilities")
    n_choices: Annotated[int, Field(ge=1, le=128)] | None = Field(default=None, description="Answers per request")
    tools: Annotated[list[Tool], Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="What the model may call: functions in the form of OpenAI's chat completions, which become the "
        "API's own, or tools of the API's own kinds. Prompts with tools of their own keep those. Keys that carry "
        "secrets: as in extra_args",
    )
    tool_choice: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="auto, none, required, or the name of the function in tools that is to be called"
    )
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = Field(
        default=42, description="Seed of the schedule and of random prompts; also sent to the endpoint"
    )
    stream: bool | None = Field(
        default=None,
        description="Stream the answers; without it there is no TTFT. Unless set: true where the API has streams",
    )
    extra_args: BodyKeys = Field(
        default={},
        description="Further keys of the request body; they win, and null leaves a key out. Those that carry secrets: "
        "over REST they are taken out and kept as keys are, in a resource they come from credentials_secret_ref",
    )

    name: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Title of the test in its report"
    )
    work_dir: RelativePath | None = Field(
        default=None, description="The run's folder under the output root; a timestamp unless set"
    )
    no_timestamp: bool = Field(
        default=True, description="false: results go into a folder named by the time, inside work_dir"
    )
    debug: bool = Field(default=False, description="Log more")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_trust(self)
        if self.open_loop:
            self._check_open_loop()
        else:
            self._check_closed_loop()
        self._check_arrivals()
        if len(self.max_tokens) == 2 and self.max_tokens[0] > self.max_tokens[1]:
            raise ValueError("max_tokens: the first of two values must not be the larger one")
        if self.min_prompt_length > self.max_prompt_length:
            raise ValueError("min_prompt_length: must not be larger than max_prompt_length")
        if self.tokenize_prompt and self.tokenizer_path is None:
            raise ValueError("tokenize_prompt: needs tokenizer_path")
        if self.dataset_args.target_input_len is not None and self.tokenizer_path is None:
            raise ValueError("dataset_args.target_input_len: needs tokenizer_path")
        if self.dataset == "line_by_line" and self.dataset_path is None and self.prompt is None:
            raise ValueError("dataset_path: line_by_line needs the file to read")
        if self.dataset == "custom" and self.prompt is None:
            raise ValueError("prompt: the custom dataset is one prompt of yours")
        self._check_random()
        self._check_conversations()
        self._check_tools()
        if self.dataset_args.batch_size is not None and self.api != "openai_embedding":
            raise ValueError("dataset_args.batch_size: is for api openai_embedding")
        if self.dataset_args.documents is not None and self.api != "openai_rerank":
            raise ValueError("dataset_args.documents: is for api openai_rerank")
        if self.sla_lower_bound > self.sla_upper_bound:
            raise ValueError("sla_lower_bound: must not be larger than sla_upper_bound")
        if self.sla_auto_tune:
            self._check_search()
        return self

    def _check_random(self) -> None:
        args, is_random = self.dataset_args, self.dataset.startswith("random")
        if not is_random and args.input_len is not None:
            raise ValueError("dataset_args.input_len: is for the random datasets")
        if args.input_len is not None and (self.min_prompt_length, self.max_prompt_length) != (0, LONGEST):
            raise ValueError(
                "dataset_args.input_len: has bounds of its own; leave min_prompt_length and max_prompt_length out"
            )
        if not is_random and self.prefix_length:
            raise ValueError("prefix_length: is for the random datasets; others take dataset_args.prefix_file")
        if not self.prefix_length and (args.prefix_groups > 1 or args.prefix_shares is not None):
            raise ValueError("dataset_args.prefix_groups: needs prefix_length")
        if self.dataset == "random" and args.target_input_len is not None:
            raise ValueError("dataset_args.target_input_len: the random dataset makes its lengths; use input_len")

    @property
    def converses(self) -> bool:
        """Whether conversations are sent."""
        return self.dataset in CONVERSATIONS

    def _check_conversations(self) -> None:
        for objection in conversations.objections(self):
            raise ValueError(objection)

    def _check_tools(self) -> None:
        if self.tools is not None and self.apply_chat_template is False:
            raise ValueError("tools: are for messages; leave apply_chat_template out")
        if self.tool_choice is None:
            return
        if self.tools is None:
            raise ValueError("tool_choice: needs tools")
        functions = [tool.get("function") for tool in self.tools]
        names = [str(function.get("name")) for function in functions if isinstance(function, dict)]
        if self.tool_choice not in ("auto", "none", "required", *names):
            raise ValueError(f"tool_choice: must be auto, none, required or a function of tools: {', '.join(names)}")

    def _check_search(self) -> None:
        if self.sla_params is None:
            raise ValueError("sla_params: sla_auto_tune needs at least one group of criteria")
        if max(len(self.number), len(self.parallel), len(self.rate)) > 1:
            raise ValueError("sla_auto_tune: finds the loads itself; give no more than one number, parallel and rate")
        if self.shards > 1:
            raise ValueError("shards: sla_auto_tune needs all the load in one place")
        bounds = (self.sla_lower_bound, self.sla_upper_bound)
        if self.sla_variable == "parallel" and not all(bound.is_integer() for bound in bounds):
            raise ValueError("sla_lower_bound, sla_upper_bound: must be whole numbers for parallel")
        if self.sla_variable == "parallel" and self.open_loop:
            raise ValueError("sla_variable: with open_loop there is no parallel to find")
        if self.sla_fixed_parallel is not None and (self.sla_variable == "parallel" or self.open_loop):
            raise ValueError("sla_fixed_parallel: is for sla_variable rate in closed loop")
        for metric in (metric for group in self.sla_params for metric in group):
            if DIALECTS[self.api].kind not in sla.FIGURES[metric].kinds:
                raise ValueError(f"sla_params: {metric} is no figure of api {self.api}")
        if not self.streams and any(metric in sla.STREAMED for group in self.sla_params for metric in group):
            raise ValueError("sla_params: TTFT, TPOT and ITL need stream")

    @property
    def streams(self) -> bool:
        """Whether answers are streamed: as `stream` says, else as the API can."""
        return DIALECTS[self.api].streams if self.stream is None else self.stream

    def _check_arrivals(self) -> None:
        searched = self.sla_auto_tune and self.sla_variable == "rate"
        has_rate = self.rate_stages is not None or any(rate > 0 for rate in self.rate) or searched
        if self.rate_stages is not None:
            if self.rate != [-1.0]:
                raise ValueError("rate: has no meaning with rate_stages; leave it out")
            if not self.rate_stages[-1].end > 0:
                raise ValueError(
                    "rate_stages: the last rate goes on until all requests are sent, so it must be above 0"
                )
            if self.sla_auto_tune:
                raise ValueError("rate_stages: sla_auto_tune finds the loads itself")
        if self.arrivals != "poisson" and not has_rate:
            raise ValueError(f"arrivals: {self.arrivals} needs a rate")
        if self.burstiness is not None and self.arrivals != "gamma":
            raise ValueError("burstiness: is for gamma arrivals")
        if self.burstiness is None and self.arrivals == "gamma":
            raise ValueError("burstiness: gamma arrivals need it")
        if self.ramp_up is not None and (self.open_loop or has_rate):
            raise ValueError("ramp_up: is for the closed loop without a rate; a rate has rate_stages")

    def _check_open_loop(self) -> None:
        if self.rate_stages is None:
            self._check_rates_of_open_loop()
        if "parallel" in self.model_fields_set and self.parallel != [1]:
            raise ValueError("parallel: has no meaning with open_loop; leave it out")

    def _check_rates_of_open_loop(self) -> None:
        if any(rate <= 0 for rate in self.rate):
            raise ValueError("rate: open_loop needs a rate above 0, or rate_stages")
        if len(self.rate) != len(self.number):
            raise ValueError(f"rate: has {len(self.rate)} values and number {len(self.number)}; give one for each")

    def _check_closed_loop(self) -> None:
        if len(self.parallel) != len(self.number):
            raise ValueError(
                f"parallel: has {len(self.parallel)} values and number {len(self.number)}; give one for each"
            )
        if len(self.rate) not in (1, len(self.number)):
            raise ValueError(
                f"rate: has {len(self.rate)} values and number {len(self.number)}; give one, or one for each"
            )
