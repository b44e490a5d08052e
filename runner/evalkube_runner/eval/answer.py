"""The model's answer to one question, for scoring and for the checkpoint. No I/O here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from evalkube_crds.names import ErrorClass
from evalkube_crds.results import TokenUsage
from evalkube_runner.wire import answer as wire
from evalkube_runner.wire import finish

__all__ = ["Answer", "Tokens", "fault_of_silence"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts as the endpoint states them; the last two are parts of the first two."""

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0

    def add_to(self, usage: TokenUsage) -> None:
        """Add these counts to a sum."""
        usage.samples += 1
        usage.prompt_tokens += self.prompt
        usage.completion_tokens += self.completion
        usage.reasoning_tokens += self.reasoning
        usage.cached_tokens += self.cached


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a model: its text, its finish reason, its tokens and times. `ttft_ns` is None unless streamed."""

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

    @property
    def empty(self) -> bool:
        """Whether the answer is empty: no word, all filtered out, or thoughts alone."""
        return not self.text.strip()

    def ended_by(self, stops: Sequence[str]) -> Self:
        """The answer cut before the first of `stops`, for APIs that take no stop sequences."""
        end = min((at for stop in stops if (at := self.text.find(stop)) >= 0), default=-1)
        return self if end < 0 else replace(self, text=self.text[:end], finish_reason="stop")

    @classmethod
    def of(cls, said: wire.Answer, *, latency_ns: int = 0, ttft_ns: int | None = None) -> Self:
        """The first choice of a parsed answer; a refusal is its text where there is no other."""
        return cls(
            text=said.text() or said.text("refusal"),
            reasoning=said.text("reasoning"),
            finish_reason=said.finish_reasons.get(0),
            tokens=_tokens(said.usage),
            latency_ns=latency_ns,
            ttft_ns=ttft_ns,
        )


def fault_of_silence(said: wire.Answer) -> wire.Fault | None:
    """The fault of an answer without any content, streamed or whole.

    A model that stops at once, or whose words a filter holds back, has answered: that is scored, and counted as empty.
    One that never stopped, or that a limit cut off before its first token, has not.
    """
    reason = said.finish_reasons.get(0)
    if said.chunks or (reason is not None and not (finish.cut_off(reason) and said.silent)):
        return None
    return wire.Fault(ErrorClass.EMPTY_STREAM, "the answer has no content, and the model did not end it")


def _tokens(usage: wire.Usage | None) -> Tokens | None:
    if usage is None or not (usage.prompt_tokens or usage.completion_tokens):
        return None
    return Tokens(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        usage.reasoning_tokens or 0,
        usage.cached_tokens or 0,
    )
