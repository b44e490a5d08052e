"""The body of a request for one answer to a chat. Pure; what comes back is read in wire/."""

from collections.abc import Sequence
from typing import Any

from evalkube_crds.evalrun import GenerationConfig
from evalkube_runner.eval.benchmarks.declaration import Message
from evalkube_runner.wire import openai

__all__ = ["body"]


def body(model: str, messages: Sequence[Message], config: GenerationConfig, *, repeat: int = 0) -> dict[str, Any]:
    """The request body. `extra_body` wins; see `openai.merged`.

    A seed is raised by the number of the repeat: with one seed for all, the k answers of pass@k would be one answer.
    """
    fields: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "temperature": config.temperature,
        "max_tokens": config.max_tokens,
        "max_completion_tokens": config.max_completion_tokens,
        "top_p": config.top_p,
        "top_k": config.top_k,
        "stop": config.stop_seqs,
        "seed": None if config.seed is None else config.seed + repeat,
        "frequency_penalty": config.frequency_penalty,
        "presence_penalty": config.presence_penalty,
        "repetition_penalty": config.repetition_penalty,
        "logit_bias": config.logit_bias,
        "logprobs": config.logprobs,
        "top_logprobs": config.top_logprobs,
        "reasoning_effort": config.reasoning_effort,
    }
    if config.response_schema is not None:
        schema = {"name": "answer", "schema": config.response_schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    made = {key: value for key, value in fields.items() if value is not None}
    if config.stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return openai.merged(made, config.extra_body or {})
