"""The chat-completions dialect as an evaluation needs it: the request body, and the words in an answer. Pure.

The load generator reads the same dialect in wire/ for its timing and skips the words; here the words count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass
from evalkube_runner.eval.benchmarks.declaration import Message
from evalkube_runner.wire import openai, openai_answers, sse

__all__ = ["Answer", "BadAnswer", "StreamedText", "Tokens", "body", "read_answer"]


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
        """Whether max_tokens cut it off."""
        return self.finish_reason == "length"


class BadAnswer(Exception):
    """A body with status 200 that is no answer."""

    def __init__(self, error: ErrorClass, message: str) -> None:
        super().__init__(message)
        self.error = error


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


def read_answer(data: bytes) -> Answer:
    """The answer in a body that was not streamed. Raises BadAnswer."""
    whole = openai_answers.answer(data)
    if whole.fault is not None:
        raise BadAnswer(whole.fault.error, whole.fault.message)
    found = orjson.loads(data)
    choice = found["choices"][0]
    message = choice.get("message") if isinstance(choice.get("message"), dict) else {"content": choice.get("text")}
    return Answer(
        text=_words(message, "content", "refusal"),
        reasoning=_words(message, "reasoning_content", "reasoning"),
        finish_reason=whole.finish_reason,
        tokens=_tokens(found.get("usage")),
    )


@dataclass(slots=True)
class StreamedText:
    """Collects the words of a streamed answer; openai_answers.Stream beside it decides whether the stream is whole."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tokens: Tokens | None = None
    _splitter: sse.Splitter = field(default_factory=sse.Splitter)
    _grammar: openai_answers.Stream = field(default_factory=openai_answers.Stream)

    @property
    def begun(self) -> bool:
        """Whether any word, thought or said, has come."""
        return bool(self.text or self.reasoning)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._grammar.feed(data)
        for raw in self._splitter.feed(data):
            self._event(raw)

    def answer(self) -> Answer:
        """The whole answer once the body is over. Raises BadAnswer for an error inside it or a missing end."""
        self._grammar.end()
        self._event(self._splitter.end())
        fault = self._grammar.fault()
        if fault is not None:
            raise BadAnswer(fault.error, fault.message)
        return Answer("".join(self.text), "".join(self.reasoning), self._grammar.finish_reason, self.tokens)

    def _event(self, raw: bytes) -> None:
        event = sse.parse(raw)
        for line in event.data.split(b"\n") if event else ():
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # [DONE], or what the grammar reports
            if isinstance(found, dict):
                self._take(found)

    def _take(self, found: dict[str, Any]) -> None:
        self.tokens = _tokens(found.get("usage")) or self.tokens
        choices = found.get("choices")
        for choice in choices[:1] if isinstance(choices, list) else ():
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if isinstance(delta, dict):
                self.text += filter(None, [_words(delta, "content", "refusal")])
                self.reasoning += filter(None, [_words(delta, "reasoning_content", "reasoning")])


def _words(message: dict[str, Any], *keys: str) -> str:
    for key in keys:
        value = message.get(key)
        if isinstance(value, list):  # content parts
            value = "".join(str(part.get("text", "")) for part in value if isinstance(part, dict))
        if isinstance(value, str) and value:
            return value
    return ""


def _tokens(usage: Any) -> Tokens | None:
    if not isinstance(usage, dict):
        return None
    count = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if count == (0, 0):
        return None
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens")
    return Tokens(*count, reasoning, _count(usage.get("prompt_tokens_details"), "cached_tokens"))


def _count(part: Any, key: str) -> int:
    value = part.get(key) if isinstance(part, dict) else None
    return value if isinstance(value, int) and value > 0 else 0
