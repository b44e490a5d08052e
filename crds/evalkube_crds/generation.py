"""How a model is asked to generate: the model that is evaluated, and each judge."""

from typing import Annotated, Literal

from pydantic import Field

from evalkube_crds.fields import BodyKeys, Contract, FreeMap, Headers, Query

__all__ = ["GenerationConfig", "Seconds"]

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


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
