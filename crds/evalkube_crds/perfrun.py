"""What a load test is asked to do. Names and defaults follow EvalScope's perf arguments; values are never coerced."""

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
    """One load test: an endpoint, the load put on it, and the prompts it is sent."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (*EndpointFields.rules, *RULES)

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

    number: Annotated[list[Count], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description=f"Measured requests; {_NUMBER} unless set, or all of a {TRACE}, of which number is the first ones. "
        "Several values are a sweep. With sla_auto_tune see sla_number_multiplier",
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
        default=False,
        description="Send by the schedule alone, however many are in flight; needs rate or rate_stages. A "
        f"{TRACE} always is sent so",
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
        "from 20 requests on, or 1 / max_error_rate where that is more, of all shards together. Never unless set",
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

    goodput: Goodput | None = Field(
        default=None,
        description="Count the requests that keep all of these times, as goodput (their share; failed requests are not "
        "good) and goodput_rps (good ones a second). TTFT and latency count from when a request should have left where "
        "there is a rate. As vLLM's --goodput, in seconds",
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
        "both), success_rate (1 unless it or goodput is a criterion), goodput and goodput_rps (with goodput). "
        "Conditions: <=, <, >=, > and a number; or "
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
        "unless set. All runs of a value together have at least 20 requests, 100 where a p99 is a criterion, and "
        "1 / (1 - x), 1000 at most, where goodput >= x is one",
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
        "(random and lengths of a trace: words)",
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
    dataset: Dataset = Field(
        default="openqa", description="Source of prompts: " + ", ".join(PERF_DATASETS) + " (docs/data.md)"
    )
    dataset_path: ReadPath | None = Field(default=None, description="File (or folder) to read prompts from")
    data_source: Literal["modelscope", "huggingface", "local", "sample"] | None = Field(
        default=None,
        description="Where prompts come from: local with a dataset_path, else modelscope; sample: some of our own",
    )
    dataset_offset: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="First item to use; a sweep goes on where its last point ended, and begins a trace anew from here",
    )
    trace_speed: Annotated[float, Field(ge=0.001, le=1_000_000)] = Field(
        default=1.0, description=f"{TRACE}: how many times as fast as it was recorded; at 2 all comes in half the time"
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

    @property
    def numbers(self) -> list[int]:
        """Measured requests of each point. Of a whole trace its reader knows them."""
        return [_NUMBER] if self.number is None else self.number

    def warmup_of(self, number: int) -> int:
        """Requests of warm-up before `number` measured ones: a count from 1 on, below it a share (at least one)."""
        asked = self.warmup_num
        return int(asked) if asked >= 1 or not asked else max(1, int(asked * number))

    @property
    def converses(self) -> bool:
        """Whether conversations are sent."""
        return self.dataset in CONVERSATIONS

    @property
    def is_open_loop(self) -> bool:
        """Whether requests leave by a schedule alone: of rates, or a trace's own."""
        return self.open_loop or self.dataset == TRACE

    @property
    def streams(self) -> bool:
        """Whether answers are streamed: as `stream` says, else as the API can."""
        return DIALECTS[self.api].streams if self.stream is None else self.stream
