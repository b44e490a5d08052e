"""The spec of a load test. Names and defaults follow EvalScope's perf arguments; values are never coerced."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from evalkube_crds.cluster import ClusterFields
from evalkube_crds.dialects import DIALECTS
from evalkube_crds.endpoint import EndpointFields
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
)
from evalkube_crds.names import CONVERSATIONS, PERF_DATASETS
from evalkube_crds.perf_data import LONGEST, Dataset, PerfDatasetArgs, Tokens
from evalkube_crds.perf_fields import Bound, Goodput, Rate, ServerMetrics, SlaGroup
from evalkube_crds.perf_rates import RateStage
from evalkube_crds.perf_rules import RULES
from evalkube_crds.perf_trace import TRACE
from evalkube_crds.rules import Rule

__all__ = ["PerfRunSpec"]

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Parallel = Annotated[int, Field(ge=1, le=100_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
ThinkTime = Annotated[float, Field(ge=0, le=86_400)]

_NUMBER: Final = 1000


class PerfRunSpec(EndpointFields, ClusterFields):
    """One load test: an endpoint, the load on it, and the prompts."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (*EndpointFields.rules, *RULES)

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Model name, as the endpoint knows it"
    )
    model_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/\\]+$")] | None = Field(
        default=None, description="Name of the model in reports. Default: model"
    )
    url: HttpUrl = Field(
        description="Complete URL of the endpoint. If it ends in /v1 or has no path, the path of its api is added"
    )
    headers: Headers = Field(default={}, description="Further headers. Headers that carry secrets are refused")
    extra_query: Query = Field(default={}, description="Further query parameters, added to those of the URL")
    connect_timeout: Seconds | None = Field(default=None, description="Time limit for connecting, in seconds")
    read_timeout: Seconds | None = Field(default=None, description="Time limit between two reads, in seconds")
    total_timeout: Seconds = Field(default=21_600.0, description="Time limit for one request, in seconds")
    target_grace: TargetGrace = Field(
        default=30.0,
        description="How long to wait for an endpoint that has not answered yet (no connection, unknown name, or "
        "502, 503, 504), in seconds. 0: do not wait. During the load: how long no request may find a "
        "connection until the target counts as gone and the test ends (after at least 20 tries)",
    )
    no_test_connection: bool = Field(
        default=False,
        description="Skips the test request before the load, and so the wait for an endpoint that is not ready",
    )

    number: Annotated[list[Count], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description=f"Number of measured requests. Default: {_NUMBER}, or all requests of a {TRACE}, of which "
        "number takes the first. Several values are a sweep. With sla_auto_tune see "
        "sla_number_multiplier",
    )
    parallel: Annotated[list[Parallel], Field(min_length=1, max_length=100)] = Field(
        default=[1], description="Maximum number of requests in flight (closed loop), one value for each number"
    )
    rate: Annotated[list[Rate], Field(min_length=1, max_length=100)] = Field(
        default=[-1.0],
        description="Requests per second. -1: no limit. With open_loop one value for each number",
    )
    rate_stages: Annotated[list[RateStage], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="Rates that follow each other within each point, as ramps and steps; replaces rate. The last "
        "one lasts until all requests are sent",
    )
    arrivals: Literal["poisson", "constant", "gamma"] = Field(
        default="poisson",
        description="Arrival process of requests with a rate. poisson: independent users. constant: equal "
        "intervals. gamma: see burstiness",
    )
    burstiness: Annotated[float, Field(ge=0.01, le=1000)] | None = Field(
        default=None,
        description="For gamma: the shape, as vLLM's --burstiness. 1 equals poisson; smaller values make bursts",
    )
    ramp_up: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None,
        description="Closed loop: time in seconds in which requests in flight grow evenly to parallel. Default: "
        "100 µs for each request",
    )
    open_loop: bool = Field(
        default=False,
        description="Sends by the schedule, however many requests are in flight. Needs rate or rate_stages. A "
        f"{TRACE} is always sent so",
    )
    warmup_num: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        default=0.0, description="Number of requests before the measured ones: a count (>= 1) or a fraction of number"
    )
    duration: Seconds | None = Field(
        default=None,
        description="Sends no further request after this time, in seconds. Requests in flight are finished",
    )
    max_error_rate: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="Stops a point when a larger share of its requests has failed, and notes it in the verdict. It "
        "is applied from 20 requests on, or 1 / max_error_rate if that is more, over all shards. "
        "Default: never",
    )
    sleep_interval: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=5.0, description="Pause between the points of a sweep, in seconds"
    )

    server_metrics: ServerMetrics | None = Field(
        default=None,
        description="Reads the server's own metrics during the load (vLLM, SGLang, TGI, llama.cpp, DCGM). {} reads "
        "those of the endpoint. Default: only requests are sent to an endpoint. Metrics that cannot be "
        "read are noted in the result and never fail a run",
    )

    goodput: Goodput | None = Field(
        default=None,
        description="Time limits of a good request, in seconds, as vLLM's --goodput. The results are goodput (the "
        "share of good requests; failed ones are not good) and goodput_rps (good requests per second). "
        "With a rate, TTFT and latency count from the intended send",
    )
    sla_auto_tune: bool = Field(
        default=False,
        description="Searches for the highest load that meets sla_params, instead of measuring given loads. "
        "parallel (or rate) is the start of the search, if set",
    )
    sla_variable: Literal["parallel", "rate"] = Field(
        default="parallel",
        description="Variable of the search. With rate, latency and TTFT count from the intended send",
    )
    sla_params: Annotated[list[SlaGroup], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Groups of criteria, figure: condition. All criteria of a group must hold together; each group "
        "is searched on its own. Figures: avg, p50, p90, p95 or p99 _latency, _ttft, _tpot or _itl in "
        "seconds, rps, tps (output tokens), inputs_per_second (embedded texts), documents_per_second "
        "(ranked), input_tps (tokens of both), success_rate (must be 1 unless it or goodput is a "
        "criterion), goodput and goodput_rps (with goodput). Conditions: <=, <, >=, > and a number; or "
        "only max or min",
    )
    sla_num_runs: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Number of runs of each value. Their requests are added up"
    )
    sla_lower_bound: Bound = Field(default=1.0, description="Lowest value to try")
    sla_upper_bound: Bound = Field(default=65_536.0, description="Highest value to try")
    sla_fixed_parallel: Parallel | None = Field(
        default=None, description="With sla_variable rate: maximum number of requests in flight. Default: open loop"
    )
    sla_number_multiplier: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        default=None,
        description="Requests of one run, as a multiple of the value. Default: 2 for parallel, and 30 for rate, "
        "which is 30 seconds. All runs of a value together have at least 20 requests, 100 if a p99 is "
        "a criterion, and 1 / (1 - x), at most 1000, if goodput >= x is one",
    )

    prompt: TextOrFile | None = Field(
        default=None, description="One prompt for every request; '@file' reads it from a file"
    )
    query_template: BodyTemplate | None = Field(
        default=None,
        description="JSON template of the body, with %m for the model and %p for the prompt; '@file' reads it",
    )
    apply_chat_template: bool | None = Field(
        default=None, description="Sends messages (true) or a plain prompt (false). Default: by the URL"
    )
    tokenize_prompt: bool = Field(
        default=False, description="Sends the prompt as token ids (completions; needs tokenizer_path)"
    )
    min_prompt_length: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Leaves out shorter prompts. For random: the shortest length. In tokens with tokenizer_path, "
        "otherwise in characters (for random and the lengths of a trace: in words)",
    )
    max_prompt_length: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=LONGEST, description="Leaves out longer prompts. For random: the longest length"
    )
    prefix_length: Annotated[int, Field(ge=0, le=1_048_576)] = Field(
        default=0,
        description="For random: length of a prefix that all prompts share, or of the prefixes of prefix_groups",
    )
    tokenizer_path: ReadPath | None = Field(
        default=None,
        description="A tokenizer.json, or a folder with one, for exact lengths and for token counts if the server "
        "reports none",
    )
    dataset: Dataset = Field(
        default="openqa", description="Source of prompts: " + ", ".join(PERF_DATASETS) + " (docs/data.md)"
    )
    dataset_path: ReadPath | None = Field(default=None, description="File or folder with the prompts")
    data_source: Literal["modelscope", "huggingface", "local", "sample"] | None = Field(
        default=None,
        description="Source of the prompts. Default: local with a dataset_path, otherwise modelscope. sample: a "
        "few prompts that ship with evalkube",
    )
    dataset_offset: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="First item to use. In a sweep each point starts after the items of the last point; a trace "
        "starts from here each time",
    )
    trace_speed: Annotated[float, Field(ge=0.001, le=1_000_000)] = Field(
        default=1.0,
        description=f"For {TRACE}: how many times as fast as recorded to send it. 2 sends everything in half the time",
    )
    dataset_args: PerfDatasetArgs = Field(
        default=PerfDatasetArgs(), description="Settings of prompts: how they are cut, prefixed or drawn"
    )

    multi_turn: bool | None = Field(
        default=None,
        description="Whether the dataset has conversations of several turns; it must match dataset. number, "
        "parallel, rate and warmup_num then count conversations. Each turn contains the model's "
        "answers to the turns before",
    )
    min_turns: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1,
        description="Leaves out conversations with fewer turns. For random_multi_turn: the lowest number of turns",
    )
    max_turns: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description="Maximum number of turns of a conversation; further turns are cut. random_multi_turn needs it",
    )
    think_time: Annotated[list[ThinkTime], Field(min_length=1, max_length=2)] | None = Field(
        default=None,
        description="Time from an answer to the next turn of its conversation, in seconds. Two values: drawn "
        "uniformly between them. Default: no time",
    )

    max_tokens: Annotated[list[Tokens], Field(min_length=1, max_length=2)] = Field(
        default=[2048], description="Maximum number of tokens of an answer. Two values: drawn uniformly between them"
    )
    min_tokens: Tokens | None = Field(default=None, description="Minimum number of tokens of an answer (vLLM, SGLang)")
    temperature: Annotated[float, Field(ge=0, le=2)] = Field(default=0.0, description="Sampling temperature")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Nucleus sampling: the probability mass to keep"
    )
    top_k: Annotated[int, Field(ge=-1)] | None = Field(
        default=None, description="Top-k sampling: the number of tokens to keep"
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
    logprobs: bool | None = Field(default=None, description="Asks for log probabilities")
    n_choices: Annotated[int, Field(ge=1, le=128)] | None = Field(default=None, description="Answers per request")
    tools: Annotated[list[Tool], Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="Tools that the model may call: functions in the form of OpenAI's chat completions, which are "
        "translated to the API, or tools of the API's own kinds. Prompts that have tools keep them. "
        "Keys that carry secrets: as in extra_args",
    )
    tool_choice: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="auto, none, required, or the name of the function in tools to call"
    )
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = Field(
        default=42, description="Seed of the schedule and of random prompts. It is also sent to the endpoint"
    )
    stream: bool | None = Field(
        default=None,
        description="Streams the answers. Without it there is no TTFT. Default: true if the API can stream",
    )
    extra_args: BodyKeys = Field(
        default={},
        description="Further keys of the request body. They replace other keys of the same name; null removes a "
        "key. Keys that carry secrets: over REST the service takes them out and keeps them as it keeps "
        "the API key; in a resource they come from credentials_secret_ref",
    )

    name: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Title of the test in its report"
    )
    work_dir: RelativePath | None = Field(
        default=None, description="The run's folder under the output root. Default: a timestamp"
    )
    no_timestamp: bool = Field(
        default=True, description="If false, results go into a folder named by the time, inside work_dir"
    )
    debug: bool = Field(default=False, description="Log more")

    @property
    def numbers(self) -> list[int]:
        """The measured requests of each point. Only the reader of a whole trace knows their number."""
        return [_NUMBER] if self.number is None else self.number

    def warmup_of(self, number: int) -> int:
        """The number of warm-up requests before `number` measured ones: a count, or below 1 a share (at least one)."""
        asked = self.warmup_num
        return int(asked) if asked >= 1 or not asked else max(1, int(asked * number))

    @property
    def converses(self) -> bool:
        """Whether conversations are sent."""
        return self.dataset in CONVERSATIONS

    @property
    def is_open_loop(self) -> bool:
        """Whether requests are sent by a schedule alone: of rates, or of a trace."""
        return self.open_loop or self.dataset == TRACE

    @property
    def streams(self) -> bool:
        """Whether answers are streamed: as `stream` says, otherwise if the API can."""
        return DIALECTS[self.api].streams if self.stream is None else self.stream
