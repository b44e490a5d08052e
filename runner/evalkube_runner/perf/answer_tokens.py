"""Counts the tokens of a request and its answer, and says who counted them. No I/O."""

from typing import TypeAlias

from evalkube_crds.names import TokenBasis
from evalkube_runner.perf.exchange import Exchange

__all__ = ["Tokens", "hidden_of", "tokens_of"]

Tokens: TypeAlias = tuple[TokenBasis, int | None, int | None]
"""Where an answer's count comes from, tokens of the prompt, tokens of the answer; None where nobody says."""


def tokens_of(exchange: Exchange) -> Tokens:
    """The prompt and completion tokens of an answer, by the server's counts, else by its chunks. An answer without
    words has no completion.
    """
    usage = exchange.usage
    given = usage.prompt_tokens if usage is not None else None
    if usage is not None and usage.completion_tokens is not None:
        return TokenBasis.USAGE, given, usage.completion_tokens
    if exchange.streamed:
        return TokenBasis.CHUNKS, given, exchange.chunks
    if exchange.inputs and given is not None:
        return TokenBasis.USAGE, given, None
    return TokenBasis.NONE, given, None


def hidden_of(exchange: Exchange) -> int:
    """The tokens of thoughts that were not shown, as far as the counts say: they came before the first token."""
    usage = exchange.usage
    if usage is None or not usage.reasoning_tokens or usage.completion_tokens is None:
        return 0
    shown = usage.completion_tokens - usage.reasoning_tokens
    return usage.reasoning_tokens if 0 < exchange.chunks + exchange.strays <= shown else 0
