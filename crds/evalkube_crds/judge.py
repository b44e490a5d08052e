"""The judges of an evaluation: which models grade its answers, when, and how their judgements are combined."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from evalkube_crds.cluster import CredentialsRef, SecretKeyRef
from evalkube_crds.endpoint import EndpointFields
from evalkube_crds.fields import Contract, HttpUrl
from evalkube_crds.generation import GenerationConfig
from evalkube_crds.judge_contract import JudgeContract
from evalkube_crds.prices import Prices
from evalkube_crds.rules import Rule

__all__ = ["MOST_JUDGES", "Judge", "JudgeModel"]

MOST_JUDGES: Final = 8


class JudgeModel(EndpointFields):
    """A model that grades answers, with its own endpoint."""

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="Model name")
    api_url: HttpUrl = Field(description="Base URL of the judge's endpoint")
    generation_config: GenerationConfig = Field(
        default=GenerationConfig(), description="Generation settings of the judge"
    )
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="Secret with this judge's own key, on a cluster. Over REST: api_key beside it. Default: the "
        "key of all judges",
    )
    prices: Prices | None = Field(default=None, description="Prices of the judge's tokens, for the cost of the run")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema; that of a request also has the judge's own key, which `taking` removes first."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        if handler.mode == "validation":
            about = "Key of this judge. 'EMPTY' or absent: the key of all judges (judge_api_key)"
            handler.resolve_ref_schema(schema)["properties"]["api_key"] = {"type": "string", "description": about}
        return schema


class Judge(Contract):
    """When and how a language model grades."""

    rules: ClassVar[tuple["Rule[Judge]", ...]] = (
        Rule(
            "!(self.strategy in ['llm', 'llm_recall']) || size(self.models) > 0",
            lambda judge: judge.strategy not in ("llm", "llm_recall") or len(judge.models) > 0,
            "models: this strategy needs at least one judge",
        ),
        Rule(
            "size(self.models) == 0 || self.minValidJudges <= size(self.models) * self.repeats",
            lambda judge: not judge.models or judge.min_valid_judges <= len(judge.models) * judge.repeats,
            "min_valid_judges: is larger than the number of judgements (models times repeats)",
        ),
        Rule(
            "self.strategy != 'llm_recall' || self.contract.scoreType in ['pattern', 'numeric']",
            lambda judge: judge.strategy != "llm_recall" or judge.contract.score_type in ("pattern", "numeric"),
            "strategy: llm_recall needs a contract with score_type pattern or numeric; for rubric and pairwise use llm",
        ),
    )

    strategy: Literal["auto", "rule", "llm", "llm_recall"] = Field(
        default="auto",
        description="auto, rule: the benchmark's own metric. llm: the judge. llm_recall: the judge, only where the "
        "metric gives no point",
    )
    models: Annotated[list[JudgeModel], Field(max_length=MOST_JUDGES)] = Field(
        default=[], description="The judges. The judgements of several are combined"
    )
    contract: JudgeContract = Field(
        default=JudgeContract(), description="What the judges are told and how their answers are read"
    )
    repeats: Annotated[int, Field(ge=1, le=32)] = Field(default=1, description="Number of times each judge is asked")
    position_swap: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="For pairwise: asks in both orders of the two answers, and counts a tie if the verdicts "
        "differ. auto means on",
    )
    aggregation: Literal["mean", "median", "majority_vote"] = Field(
        default="mean", description="How several judgements are combined"
    )
    min_valid_judges: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, description="Number of readable judgements needed. A sample with fewer is errored"
    )
    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Secret with the key of all judges, on a cluster. Over REST: judge_api_key"
    )
    credentials_secret_ref: CredentialsRef | None = Field(
        default=None, description="Secret with the judges' headers, query parameters and body keys that carry secrets"
    )
