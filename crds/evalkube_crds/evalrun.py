"""What an evaluation is asked to do. Names and defaults follow EvalScope's TaskConfig; values are never coerced."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from evalkube_crds.cluster import ClusterFields, CredentialsRef, SecretKeyRef
from evalkube_crds.endpoint import EndpointFields
from evalkube_crds.fields import (
    BodyKeys,
    Contract,
    EarlierPath,
    FreeMap,
    Headers,
    HttpUrl,
    Limit,
    Query,
    ReadPath,
    RelativePath,
    TargetGrace,
    cel,
)
from evalkube_crds.judge_contract import JudgeContract
from evalkube_crds.prices import Prices
from evalkube_crds.rules import Rule

__all__ = [
    "AUTO",
    "MOST_JUDGES",
    "DatasetArgs",
    "EvalRunSpec",
    "Filters",
    "GenerationConfig",
    "Judge",
    "JudgeContract",
    "JudgeModel",
]

BenchmarkName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""A name that some runner may know: which ones a version has is its table's business, not the resource's."""

MOST_JUDGES: Final = 8
AUTO: Final = "auto"
_BATCH_SIZES: Final = "must be a whole number from 1 to 4096, or auto"


def _batch_size(value: Any) -> Any:
    if value == AUTO or (type(value) is int and 1 <= value <= 4096):
        return value
    raise ValueError(_BATCH_SIZES)


BatchSize = Annotated[
    Annotated[int, Field(ge=1, le=4096)] | Literal["auto"],
    BeforeValidator(_batch_size),
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "x-kubernetes-validations": [
                cel("type(self) == int ? self >= 1 && self <= 4096 : self == 'auto'", _BATCH_SIZES)
            ],
        }
    ),
]
"""A number of requests at once, or that it is to be found out."""

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


Collection = Annotated[
    dict[BenchmarkName, Annotated[float, Field(gt=0, le=1_000_000)]], Field(min_length=1, max_length=64)
]
"""The benchmarks of a collection, and the weight of each."""


class GenerationConfig(Contract):
    """How the model is asked to generate."""

    temperature: Annotated[float, Field(ge=0, le=2)] = Field(default=0.0, description="Sampling temperature")
    max_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = Field(default=2048, description="Most tokens of one answer")
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_048_576)] | None = Field(
        default=None, description="The same under the name that reasoning models of OpenAI ask for; replaces max_tokens"
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Nucleus sampling: the probability mass that is kept"
    )
    top_k: Annotated[int, Field(ge=-1)] | None = Field(
        default=None, description="Top-k sampling: the number of tokens that are kept"
    )
    stop_seqs: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        default=None,
        description="Strings that end an answer; after worked examples, by default, the beginning of a next one",
    )
    seed: int | None = Field(
        default=None, description="Seed sent to the endpoint; the run's own seed is beside it in the spec"
    )
    frequency_penalty: Penalty | None = Field(default=None, description="Penalty by frequency of a token")
    presence_penalty: Penalty | None = Field(default=None, description="Penalty by presence of a token")
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="Multiplicative penalty of repeated tokens (vLLM, SGLang)"
    )
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = Field(
        default=None, description="Bias by token id"
    )
    logprobs: bool | None = Field(default=None, description="Ask for log probabilities")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="Log probabilities per position"
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = Field(
        default=None, description="How long a reasoning model may think"
    )
    response_schema: FreeMap | None = Field(
        default=None, description="JSON schema that the answer must follow (response_format json_schema)"
    )
    timeout: Seconds = Field(default=600.0, description="Longest time for one answer, in seconds")
    retries: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="Attempts per sample, for 429, 5xx, timeouts and connection errors"
    )
    retry_interval: Annotated[float, Field(ge=0, le=600)] = Field(
        default=10.0,
        description="Longest pause between attempts, in seconds; a Retry-After of the server goes before it",
    )
    stream: bool = Field(default=False, description="Stream the answers, which measures TTFT too")
    extra_body: BodyKeys | None = Field(
        default=None,
        description="Further keys of the request body; they win, and null leaves a key out. Those that carry secrets: "
        "over REST they are taken out and kept as keys are, in a resource they come from credentials_secret_ref",
    )
    extra_query: Query | None = Field(default=None, description="Further query parameters, beside those of the URL")
    extra_headers: Headers | None = Field(default=None, description="Further headers, none that carries a secret")


class Filters(Contract):
    """What is done to an answer before it is read, in this order."""

    rules: ClassVar[tuple["Rule[Filters]", ...]] = (
        Rule(
            "!(has(self.regex) && has(self.extract))",
            lambda filters: filters.regex is None or filters.extract is None,
            "regex: is the same as extract; give one of them",
        ),
    )

    remove_until: str | None = Field(
        default=None, description="Drop everything up to and with the last occurrence of this"
    )
    extract: str | None = Field(
        default=None, description="Keep the last match of this regular expression (its first group, where it has one)"
    )
    regex: str | None = Field(default=None, description="The same under EvalScope's other name for it")
    remove_whitespace: bool = Field(default=False, description="Drop all white space")


class DatasetArgs(Contract):
    """What differs from a benchmark's own declaration."""

    dataset_id: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Id on the hub"
    )
    local_path: ReadPath | None = Field(default=None, description="File or folder to read instead of a hub")
    subset_list: Annotated[list[str], Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Subsets to evaluate; all unless set"
    )
    few_shot_num: Annotated[int, Field(ge=0, le=64)] | None = Field(
        default=None, description="Worked examples before each question"
    )
    few_shot_random: bool = Field(
        default=False, description="Draw the examples at random (seeded) instead of the first ones"
    )
    train_split: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Split the examples come from"
    )
    eval_split: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Split that is evaluated"
    )
    prompt_template: str | None = Field(
        default=None, description="Prompt of one question; its placeholders are the benchmark's"
    )
    few_shot_prompt_template: str | None = Field(
        default=None, description="Prompt of one question where there are worked examples"
    )
    system_prompt: str | None = Field(default=None, description="System message")
    query_template: str | None = Field(default=None, description="How the question itself is written into {question}")
    metric_list: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Metrics to report"
    )
    primary_metric: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="The metric that is the score, mean_ before it or not; the first one unless set"
    )
    aggregation: (
        Literal["mean", "clipped_mean", "mean_and_pass_at_k", "mean_and_pass_hat_k", "mean_and_vote_at_k"] | None
    ) = Field(
        default=None,
        description="How the repeats of a question add up; clipped_mean is the mean, as no score is below 0 or above 1",
    )
    filters: Filters | None = Field(default=None, description="What is done to an answer before it is read")
    shuffle: bool = Field(default=False, description="Shuffle the samples (seeded) before the limit is taken")
    shuffle_choices: bool = Field(default=False, description="Shuffle the choices of each question (seeded)")
    force_redownload: bool = Field(default=False, description="Download again what is cached")
    review_timeout: Seconds | None = Field(
        default=None,
        description="Longest time to score one answer, in seconds; 10 and 2 for each million characters unless set",
    )
    extra_params: FreeMap = Field(default={}, description="Parameters of this benchmark alone")


class JudgeModel(EndpointFields):
    """A model that grades answers, behind an endpoint of its own."""

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="Model name")
    api_url: HttpUrl = Field(description="Base URL of its endpoint")
    generation_config: GenerationConfig = Field(default=GenerationConfig(), description="How it is asked to generate")
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Where its own key is (on a cluster; over REST: api_key beside it); the judges' key unless set",
    )
    prices: Prices | None = Field(default=None, description="Prices of its tokens, for the cost of the run")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Of a request it has its own key as well, which is taken out before the rest is checked (`taking`)."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        if handler.mode == "validation":
            about = "Key of this judge alone; 'EMPTY' or absent: the judges' (judge_api_key)"
            handler.resolve_ref_schema(schema)["properties"]["api_key"] = {"type": "string", "description": about}
        return schema


class Judge(Contract):
    """When and how a language model grades."""

    rules: ClassVar[tuple["Rule[Judge]", ...]] = (
        Rule(
            "!(self.strategy in ['llm', 'llm_recall']) || size(self.models) > 0",
            lambda judge: judge.strategy not in ("llm", "llm_recall") or len(judge.models) > 0,
            "models: this strategy needs at least one entry",
        ),
        Rule(
            "size(self.models) == 0 || self.minValidJudges <= size(self.models) * self.repeats",
            lambda judge: not judge.models or judge.min_valid_judges <= len(judge.models) * judge.repeats,
            "min_valid_judges: is more than there are judgements (models times repeats)",
        ),
        Rule(
            "self.strategy != 'llm_recall' || self.contract.scoreType in ['pattern', 'numeric']",
            lambda judge: judge.strategy != "llm_recall" or judge.contract.score_type in ("pattern", "numeric"),
            "strategy: llm_recall corrects a rule's verdict, which a rubric and pairwise don't give; use llm",
        ),
    )

    strategy: Literal["auto", "rule", "llm", "llm_recall"] = Field(
        default="auto",
        description="auto, rule: the benchmark's own metric; llm: the judge; llm_recall: the judge where that fails",
    )
    models: Annotated[list[JudgeModel], Field(max_length=MOST_JUDGES)] = Field(
        default=[], description="The judges; several are aggregated"
    )
    contract: JudgeContract = Field(default=JudgeContract(), description="Prompt and reading of the judges")
    repeats: Annotated[int, Field(ge=1, le=32)] = Field(default=1, description="How often each judge is asked")
    position_swap: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether pairwise asks in both orders of the two answers, and counts a tie where the verdicts "
        "differ; auto: it does",
    )
    aggregation: Literal["mean", "median", "majority_vote"] = Field(
        default="mean", description="How several judgements become one"
    )
    min_valid_judges: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, description="Readable judgements needed; with fewer the sample is errored"
    )
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the judges' key is (on a cluster; over REST: judge_api_key)"
    )
    credentials_secret_ref: CredentialsRef | None = Field(
        default=None, description="Where the judges' headers, query parameters and body keys are that carry secrets"
    )


class EvalRunSpec(EndpointFields, ClusterFields):
    """One evaluation: a model behind an endpoint, and the benchmarks it is asked."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        *EndpointFields.rules,
        Rule(
            "self.datasets.all(d, self.datasets.exists_one(e, e == d))",
            lambda spec: len(set(spec.datasets)) == len(spec.datasets),
            "datasets: each benchmark once",
        ),
        Rule(
            "self.collections.all(name, name in self.datasets)",
            lambda spec: set(spec.collections) <= set(spec.datasets),
            "collections: name each of them in datasets",
        ),
        Rule(
            "!self.dryRun || size(self.thresholds) == 0",
            lambda spec: not spec.dry_run or not spec.thresholds,
            "thresholds: a dry run has no scores to compare with them; leave them out",
        ),
        Rule(
            "!has(self.precision) || self.shards == 1",
            lambda spec: spec.precision is None or spec.shards == 1,
            "shards: precision needs all questions in one order; set 1",
        ),
    )

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Model name, as the endpoint knows it"
    )
    model_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/\\]+$")] | None = Field(
        default=None, description="Name of the model in reports and folders; from model unless set"
    )
    api_url: HttpUrl = Field(
        description="Base URL of the endpoint, like http://host:port/v1; gets the path of its api (/chat/completions)"
    )
    datasets: Annotated[list[BenchmarkName], Field(min_length=1, max_length=64)] = Field(
        description="Benchmarks to run, by name, and collections of them; `evalkube benchmarks` and GET "
        "/api/v1/benchmarks list both"
    )
    collections: Annotated[dict[BenchmarkName, Collection], Field(max_length=16)] = Field(
        default={},
        description="Collections of one's own, named in datasets: by name, the weight of each benchmark in its index",
    )
    dataset_args: Annotated[dict[str, DatasetArgs], Field(max_length=64)] = Field(
        default={},
        description="What differs from a benchmark's own declaration, by benchmark, of the run's own datasets and "
        "those of its collections",
    )
    dataset_hub: Literal["modelscope", "huggingface", "local", "sample"] = Field(
        default="modelscope", description="Where data comes from; sample: a few items of our own, no network needed"
    )
    limit: Limit | None = Field(
        default=None, description="Samples per subset: a count, or a fraction between 0 and 1; all unless set"
    )
    repeats: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="How often each question is asked (k of pass@k)"
    )
    precision: Annotated[float, Field(ge=0.001, le=0.25)] | None = Field(
        default=None,
        description="Ask no further questions of a benchmark once its score is known to plus or minus this: half the "
        "width of a 95 % interval that holds whenever one looks, for the main metric over all questions (of limit). "
        "They are asked in a random order (seeded)",
    )
    eval_batch_size: BatchSize = Field(
        default=1,
        description="Requests in flight at once, over all datasets of the run; auto: each process finds out how many "
        "its endpoint can use, up to 512",
    )
    generation_config: GenerationConfig = Field(
        default=GenerationConfig(), description="How the model is asked to generate"
    )
    prices: Prices | None = Field(
        default=None, description="Prices of the model's tokens, for the cost of the run and the estimate of a dry run"
    )
    dry_run: bool = Field(
        default=False,
        description="Ask nothing: read the data and answer how many calls, tokens and, with prices, how much money the "
        "run would take",
    )
    tokenizer_path: ReadPath | None = Field(
        default=None,
        description="tokenizer.json, or the folder with it, by which a dry run counts tokens; by characters unless set",
    )
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = Field(
        default=42, description="Seed of every random choice of the run"
    )
    work_dir: RelativePath | None = Field(
        default=None,
        description="The run's folder under the output root; a timestamp unless set. The same one again resumes",
    )
    no_timestamp: bool = Field(
        default=True, description="false: results go into a folder named by the time, inside work_dir"
    )
    use_cache: EarlierPath | None = Field(
        default=None, description="Folder of an earlier run whose finished samples are not asked again (on one machine)"
    )
    any_endpoint: bool = Field(
        default=False,
        description="Finished samples count whichever api_url answered them: for a model that has moved. The model's "
        "name, the prompts and generation_config must be the same",
    )
    rerun_review: bool = Field(default=False, description="Score again what is already answered")
    ignore_errors: bool = Field(
        default=True,
        description="true: samples that fail after all retries are reported as errored; false: the first fails the run",
    )
    target_grace: TargetGrace = 30.0
    debug: bool = Field(default=False, description="Log more")
    judge: Judge = Field(default=Judge(), description="Grading by a language model")
    analysis_report: bool = Field(
        default=False, description="Ask the first judge, else the model itself, for a short analysis of the scores"
    )
    collect_perf: bool = Field(default=True, description="Report latency and token usage of the answers")
    eval_type: Literal["openai_api", "service"] = Field(
        default="openai_api", description="Kept for EvalScope's clients; both mean the endpoint at api_url"
    )
    eval_backend: Literal["Native"] = Field(default="Native", description="Kept for EvalScope's clients")
