"""The model's answer to one question, as it is scored and written down. No I/O here."""

from dataclasses import dataclass
from typing import Self

from evalkube_runner.wire import answer as wire
from evalkube_runner.wire import finish

__all__ = ["Answer", "Tokens"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts as the endpoint states them; the last two are parts of the first two."""

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, why it stopped, and what it took. `ttft_ns` is None unless streamed."""

    text: str
    reasoning: str = ""
    finish_reason: str | None = None
    tokens: Tokens | None = None
    latency_ns: int = 0
    ttft_ns: int | None = None
    attempts: int = 1

    @property
    def truncated(self) -> bool:
        """Whether max_tokens, or the model's own limit, cut it off."""
        return finish.cut_off(self.finish_reason)

    @classmethod
    def of(cls, said: wire.Answer, *, ttft_ns: int | None = None) -> Self:
        """The first choice of an answer that was read; a refusal is what is said where nothing else is."""
        return cls(
            text=said.text() or said.text("refusal"),
            reasoning=said.text("reasoning"),
            finish_reason=said.finish_reasons.get(0),
            tokens=_tokens(said.usage),
            ttft_ns=ttft_ns,
        )


def _tokens(usage: wire.Usage | None) -> Tokens | None:
    if usage is None or not (usage.prompt_tokens or usage.completion_tokens):
        return None
    return Tokens(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        usage.reasoning_tokens or 0,
        usage.cached_tokens or 0,
    )
