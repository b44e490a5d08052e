"""Generation settings, for the evaluated model and for each judge."""

from typing import Annotated, Literal

from pydantic import Field

from evalkube_crds.fields import BodyKeys, Contract, FreeMap, Headers, Query

__all__ = ["GenerationConfig", "Seconds"]

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class GenerationConfig(Contract):
    """Generation settings."""

    temperature: Annotated[float, Field(ge=0, le=2)] = Field(default=0.0, description="Sampling temperature")
    max_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = Field(
        default=2048, description="Maximum number of tokens of an answer"
    )
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_048_576)] | None = Field(
        default=None,
        description="Same as max_tokens, under the name that OpenAI's reasoning models need. It replaces max_tokens",
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Nucleus sampling: the probability mass to keep"
    )
    top_k: Annotated[int, Field(ge=-1)] | None = Field(
        default=None, description="Top-k sampling: the number of tokens to keep"
    )
    stop_seqs: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        default=None,
        description="Strings that end an answer. Default: with worked examples, the beginning of a next example",
    )
    seed: int | None = Field(
        default=None, description="Seed to send to the endpoint. The run has a seed of its own in the spec"
    )
    frequency_penalty: Penalty | None = Field(default=None, description="Penalty by frequency of a token")
    presence_penalty: Penalty | None = Field(default=None, description="Penalty by presence of a token")
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="Multiplicative penalty of repeated tokens (vLLM, SGLang)"
    )
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = Field(
        default=None, description="Bias by token id"
    )
    logprobs: bool | None = Field(default=None, description="Asks for log probabilities")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="Log probabilities per position"
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = Field(
        default=None, description="How much a reasoning model may think"
    )
    response_schema: FreeMap | None = Field(
        default=None, description="JSON schema that the answer must follow (response_format json_schema)"
    )
    timeout: Seconds = Field(default=600.0, description="Time limit for one answer, in seconds")
    retries: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="Attempts per sample, for 429, 5xx, timeouts and connection errors"
    )
    retry_interval: Annotated[float, Field(ge=0, le=600)] = Field(
        default=10.0,
        description="Longest pause between attempts, in seconds. A Retry-After header of the server takes precedence",
    )
    stream: bool = Field(default=False, description="Streams the answers, which also measures TTFT")
    extra_body: BodyKeys | None = Field(
        default=None,
        description="Further keys of the request body. They replace other keys of the same name; null removes a "
        "key. Keys that carry secrets: over REST the service takes them out and keeps them as it keeps "
        "the API key; in a resource they come from credentials_secret_ref",
    )
    extra_query: Query | None = Field(default=None, description="Further query parameters, added to those of the URL")
    extra_headers: Headers | None = Field(
        default=None, description="Further headers. Headers that carry secrets are refused"
    )
