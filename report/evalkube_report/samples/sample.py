"""One sample, read from its lines: what was asked, thought and answered, what was read of it, and how it was judged."""

from dataclasses import dataclass

from evalkube_crds.names import SampleState

__all__ = ["Judgement", "LinesUnreadable", "Message", "Sample", "read"]


class LinesUnreadable(ValueError):
    """A line is not that of this sample: the files have changed since the index was made. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the prompt. All text of a sample is untrusted."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge was asked and said; `fields` are further facts in words, by their names."""

    judge: str
    verdict: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample. What is not known, as the model did not answer or no line of that kind was kept, is None or empty.

    `scores`: by metric, 0 to 1. `thoughts`: the model's reasoning, where the endpoint tells it. `error` is a class and
    `error_message` says more. `attempts`: how often the model was asked.
    """

    index: int
    state: SampleState
    prompt: tuple[Message, ...]
    question: str
    thoughts: str
    answer: str
    extracted: str | None
    target: str
    scores: dict[str, float]
    explanation: str
    judges: str | None
    error: str | None
    error_message: str | None
    finish_reason: str | None
    latency_s: float | None
    ttft_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    attempts: int | None


def read(index: int, *, review: bytes | None, prediction: bytes | None, error: bytes | None) -> Sample:
    """The sample of the lines that `Index.slices` names. Raises LinesUnreadable."""
    raise NotImplementedError
