"""Where the texts of prompts come from: a list, or a generator. Each item has an index of its own. No I/O here."""

from typing import Final, Protocol

import numpy as np

from evalkube_crds.names import Reason
from evalkube_runner.data.tokens import TokenCounter
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.answer import Prompt

__all__ = ["ENDLESS", "RandomTexts", "TextList", "Texts", "text_of"]

ENDLESS: Final = 1 << 40
"""The length of a source that makes its items: no load test has as many requests."""

# Keeps these draws apart from others that use the run's seed as a Philox key (arrival times, token limits).
_STREAM: Final = int.from_bytes(b"prompts")
_PREFIX_INDEX: Final = (1 << 64) - 1
_TRIES: Final = 16


class Texts(Protocol):
    """Items by index, each the same whenever it is asked for."""

    def __len__(self) -> int:
        """How many there are."""

    def item(self, index: int) -> Prompt:
        """Text, messages or a whole body; 0 <= index < len."""


class TextList:
    """Texts in memory."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def item(self, index: int) -> Prompt:
        """One text."""
        return self._texts[index]


class RandomTexts:
    """Words drawn for each index: the same text for an index in every process, whoever asks and in whatever order.

    The generator is counter-based (Philox, keyed by seed and index), so no state is shared. With a tokenizer a text has
    exactly the drawn number of tokens; without one the number is of words, most of which are one token in most models.
    """

    def __init__(
        self, *, seed: int, min_length: int, max_length: int, prefix_length: int, words: tuple[str, ...],
        counter: TokenCounter | None,
    ) -> None:  # fmt: skip
        self._seed = seed
        self._lengths = (max(1, min_length), max(1, max_length))
        self._words = words
        self._counter = counter
        self._prefix = self._exact(self._generator(_PREFIX_INDEX), prefix_length, "") if prefix_length else ""

    def __len__(self) -> int:
        return ENDLESS

    def item(self, index: int) -> Prompt:
        """The text for one index, after the prefix that all share. Raises RunFailed when no exact text is found."""
        generator = self._generator(index)
        length = int(generator.integers(self._lengths[0], self._lengths[1], endpoint=True))
        return self._exact(generator, length, self._prefix)

    def _generator(self, index: int) -> np.random.Generator:
        key = np.array([self._seed, index], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, _STREAM]))

    def _exact(self, generator: np.random.Generator, length: int, prefix: str) -> str:
        """`prefix` and as many words as make `length` tokens more than it has."""
        wanted = length + (self._length_of(prefix) if prefix else 0)
        drawn, chosen = length, [self._words[i] for i in generator.integers(0, len(self._words), length)]
        for _ in range(_TRIES):
            text = " ".join([prefix, *chosen[:drawn]] if prefix else chosen[:drawn])
            found = self._length_of(text)
            if found == wanted:
                return text
            drawn = max(0, drawn + wanted - found)
            short = drawn - len(chosen)
            chosen += [self._words[i] for i in generator.integers(0, len(self._words), max(0, short))]
        raise RunFailed(Reason.INVALID_SPEC, f"tokenizer_path: no random prompt of {length} tokens can be made with it")

    def _length_of(self, text: str) -> int:
        return self._counter.count(text) if self._counter else text.count(" ") + 1


def text_of(prompt: Prompt) -> str:
    """All text in a prompt, as far as it has any: of messages and bodies the contents, joined by line breaks."""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, dict):
        inner = prompt.get("messages", prompt.get("prompt", ""))
        return text_of(inner) if isinstance(inner, str | list) else ""
    return "\n".join(_content(message) for message in prompt if isinstance(message, dict))


def _content(message: dict[str, object]) -> str:
    content = message.get("content")
    if isinstance(content, list):  # parts, of which only those of text are counted
        found = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in found if isinstance(text, str))
    return content if isinstance(content, str) else ""
