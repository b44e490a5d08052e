"""The spec of an evaluation. Names and defaults follow EvalScope's TaskConfig; values are never coerced."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field

from evalkube_crds.cluster import ClusterFields
from evalkube_crds.dataset_args import DatasetArgs, Filters
from evalkube_crds.endpoint import EndpointFields
from evalkube_crds.fields import EarlierPath, HttpUrl, Limit, ReadPath, RelativePath, TargetGrace, cel
from evalkube_crds.generation import GenerationConfig
from evalkube_crds.judge import MOST_JUDGES, Judge, JudgeModel
from evalkube_crds.judge_contract import JudgeContract
from evalkube_crds.prices import Prices
from evalkube_crds.results import DataHub
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
"""The name of a benchmark. A runner's table decides which ones exist, so that the resource need not change with it."""

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
"""A number of requests in flight, or `auto` to have it found."""

Collection = Annotated[
    dict[BenchmarkName, Annotated[float, Field(gt=0, le=1_000_000)]], Field(min_length=1, max_length=64)
]
"""The benchmarks of a collection, each with its weight."""


class EvalRunSpec(EndpointFields, ClusterFields):
    """One evaluation: a model behind an endpoint, and the benchmarks to run."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        *EndpointFields.rules,
        Rule(
            "self.datasets.all(d, self.datasets.exists_one(e, e == d))",
            lambda spec: len(set(spec.datasets)) == len(spec.datasets),
            "datasets: name each benchmark only once",
        ),
        Rule(
            "self.collections.all(name, name in self.datasets)",
            lambda spec: set(spec.collections) <= set(spec.datasets),
            "collections: name each of them in datasets too",
        ),
        Rule(
            "!self.dryRun || size(self.thresholds) == 0",
            lambda spec: not spec.dry_run or not spec.thresholds,
            "thresholds: a dry run has no scores; leave them out",
        ),
        Rule(
            "!has(self.precision) || self.shards == 1",
            lambda spec: spec.precision is None or spec.shards == 1,
            "shards: with precision one process must ask all questions; set 1",
        ),
    )

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Model name, as the endpoint knows it"
    )
    model_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/\\]+$")] | None = Field(
        default=None, description="Name of the model in reports and folders. Default: model"
    )
    api_url: HttpUrl = Field(
        description="Base URL of the endpoint, such as http://host:port/v1. The path of the api "
        "(/chat/completions) is added"
    )
    datasets: Annotated[list[BenchmarkName], Field(min_length=1, max_length=64)] = Field(
        description="Names of the benchmarks and collections to run. `evalkube benchmarks` and GET "
        "/api/v1/benchmarks list both"
    )
    collections: Annotated[dict[BenchmarkName, Collection], Field(max_length=16)] = Field(
        default={},
        description="Your own collections, which datasets must name: for each, the weight of its benchmarks in the "
        "index",
    )
    dataset_args: Annotated[dict[str, DatasetArgs], Field(max_length=64)] = Field(
        default={},
        description="Changes to a benchmark's declaration, by benchmark, for benchmarks in datasets and in their "
        "collections",
    )
    dataset_hub: DataHub = Field(
        default="modelscope",
        description="Source of the data. sample: a few items that ship with evalkube, no network needed",
    )
    limit: Limit | None = Field(
        default=None, description="Samples per subset: a count, or a fraction between 0 and 1. Default: all"
    )
    repeats: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Number of times each question is asked (k of pass@k)"
    )
    precision: Annotated[float, Field(ge=0.001, le=0.25)] | None = Field(
        default=None,
        description="Stops asking questions of a benchmark once its score is known to plus or minus this value. "
        "The value is half the width of a 95 % interval for the main metric over all questions (of "
        "limit), valid at any time one looks. Questions are asked in random order (seeded)",
    )
    eval_batch_size: BatchSize = Field(
        default=1,
        description="Requests in flight at once, over all datasets of the run. auto: each process finds how many "
        "the endpoint can use, up to 512",
    )
    generation_config: GenerationConfig = Field(
        default=GenerationConfig(), description="Sampling and other generation settings"
    )
    prices: Prices | None = Field(
        default=None, description="Prices of the model's tokens, for the cost of the run and the estimate of a dry run"
    )
    dry_run: bool = Field(
        default=False,
        description="Sends no request: reads the data and estimates the number of calls and tokens, and the cost "
        "if prices are given",
    )
    tokenizer_path: ReadPath | None = Field(
        default=None,
        description="A tokenizer.json, or a folder with one, to count tokens in a dry run. Default: an estimate by "
        "characters",
    )
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = Field(
        default=42, description="Seed of every random choice of the run"
    )
    work_dir: RelativePath | None = Field(
        default=None,
        description="The run's folder under the output root. The folder of an earlier run resumes that run. "
        "Default: a timestamp",
    )
    no_timestamp: bool = Field(
        default=True, description="If false, results go into a folder named by the time, inside work_dir"
    )
    use_cache: EarlierPath | None = Field(
        default=None, description="Folder of an earlier run. Its finished samples are not asked again (on one machine)"
    )
    any_endpoint: bool = Field(
        default=False,
        description="Uses finished samples even if another api_url answered them, for a model that has moved. The "
        "model's name, the prompts and generation_config must be the same",
    )
    rerun_review: bool = Field(default=False, description="Scores existing answers again")
    ignore_errors: bool = Field(
        default=True,
        description="If true, samples that fail after all retries are reported as errored. If false, the first "
        "such sample fails the run",
    )
    target_grace: TargetGrace = 30.0
    debug: bool = Field(default=False, description="Log more")
    judge: Judge = Field(default=Judge(), description="Grading by a language model (LLM as judge)")
    analysis_report: bool = Field(
        default=False,
        description="Asks the first judge, or the model itself if there is none, for a short analysis of the scores",
    )
    collect_perf: bool = Field(default=True, description="Reports latency and token usage of the answers")
    eval_type: Literal["openai_api", "service"] = Field(
        default="openai_api", description="For EvalScope's clients. Both values mean the endpoint at api_url"
    )
    eval_backend: Literal["Native"] = Field(default="Native", description="For EvalScope's clients")
