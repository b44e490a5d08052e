"""Which language models grade the answers of an evaluation, when, and how several judgements become one."""

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
