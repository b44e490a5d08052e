"""What an evaluation is asked to do. Names and defaults follow EvalScope's TaskConfig; values are never coerced."""

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
"""A name that some runner may know: which ones a version has is its table's business, not the resource's."""

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

Collection = Annotated[
    dict[BenchmarkName, Annotated[float, Field(gt=0, le=1_000_000)]], Field(min_length=1, max_length=64)
]
"""The benchmarks of a collection, and the weight of each."""


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
    dataset_hub: DataHub = Field(
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
