"""Makes the request for one answer to a chat. Pure; dialects turn it into HTTP (`wire`)."""

from collections.abc import Sequence

from evalkube_benchmarks.benchmark import Message
from evalkube_crds.evalrun import GenerationConfig
from evalkube_runner.wire import ask as wire

__all__ = ["ask_of"]


def ask_of(model: str, messages: Sequence[Message], config: GenerationConfig, *, repeat: int = 0) -> wire.Ask:
    """The request of a question. Each repeat raises the seed by one: with one seed for all, the k answers of pass@k
    would be one answer.
    """
    chat: list[wire.Message] = [{"role": message.role, "content": message.content} for message in messages]
    return wire.Ask(
        model=model,
        prompt=chat,
        stream=config.stream,
        max_tokens=config.max_tokens,
        max_completion_tokens=config.max_completion_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        seed=None if config.seed is None else config.seed + repeat,
        stop=config.stop_seqs,
        frequency_penalty=config.frequency_penalty,
        presence_penalty=config.presence_penalty,
        repetition_penalty=config.repetition_penalty,
        logit_bias=config.logit_bias,
        logprobs=config.logprobs,
        top_logprobs=config.top_logprobs,
        reasoning_effort=config.reasoning_effort,
        response_schema=config.response_schema,
        extra=config.extra_body or {},
    )
