"""Where the texts of prompts come from: a list, the lines of a file, or a generator. Each item has an index of its own.

Files are read, nothing is written or fetched. A file of lines stays on disk; memory holds two integers for each line.
"""

import mmap
import re
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import orjson

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import opening
from evalkube_runner.data.tokens import TokenCounter
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.answer import Prompt

__all__ = ["ENDLESS", "LineFile", "RandomTexts", "TextList", "Texts", "text_of"]

ENDLESS: Final = 1 << 40
"""The length of a source that makes its items: no load test has as many requests."""

# Keeps these draws apart from others that use the run's seed as a Philox key (arrival times, token limits).
_STREAM: Final = int.from_bytes(b"prompts")
_PREFIX_INDEX: Final = (1 << 64) - 1
_TRIES: Final = 16


_JSON: Final = re.compile(rb"\{\s*\"|\[\s*\{")


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


class LineFile:
    """The lines of a file: text, a JSON array of messages, or a JSON object (a whole body). Blank lines are none."""

    def __init__(self, path: Path, readable: Readable) -> None:
        """Reads the file once. Raises RunFailed(DatasetUnavailable) that names the line."""
        self._path = path
        self._starts, self._ends = array("q"), array("q")
        try:
            with opening.opened(path, readable) as file:
                self._index(file)
                file.seek(0)
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self._starts else None
        except OSError as error:
            raise _failed(f"dataset_path: {path} cannot be read: {error.strerror or error}") from error

    def __len__(self) -> int:
        return len(self._starts)

    def item(self, index: int) -> Prompt:
        """One line, parsed."""
        if self._bytes is None:
            raise IndexError(index)
        return _parsed(self._bytes[self._starts[index] : self._ends[index]])

    def _index(self, lines: Iterable[bytes]) -> None:
        at = 0
        for number, line in enumerate(lines, start=1):
            content = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if content:
                start = at + line.index(content)
                try:
                    _parsed(content)
                except ValueError as error:
                    raise _failed(f"{self._path}:{number}: {error}") from error
                self._starts.append(start)
                self._ends.append(start + len(content))
            at += len(line)


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
        found = [prompt[name] for name in _TEXTS if name in prompt]
        return "\n".join(text_of(inner) for inner in found if isinstance(inner, str | list))
    return "\n".join(_content(part) for part in prompt if isinstance(part, dict | str))


_TEXTS: Final = ("messages", "prompt", "input", "query", "documents")


def _content(message: dict[str, object] | str) -> str:
    content = message if isinstance(message, str) else message.get("content", message.get("text"))
    if isinstance(content, list):  # parts, of which only those of text are counted
        found = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in found if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _parsed(line: bytes) -> Prompt:
    """A line's meaning; ValueError when it begins like JSON of ours and is none, or is not UTF-8."""
    if _JSON.match(line):
        try:
            value: Prompt = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"begins like JSON but is not valid: {error}") from error
        if isinstance(value, list) and not all(isinstance(m, dict) and "role" in m for m in value):
            raise ValueError("a JSON array must hold messages, each an object with a role")
        return value
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte 0x{line[error.start]:02x}") from error


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
