"""Random texts by index: an index has the same text in every process, in whatever order it is asked for. No I/O.

Generators are counter-based (Philox, keyed by seed and index), so no state is shared.
"""

from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.data import tokens
from evalkube_runner.data.lengths import Lengths
from evalkube_runner.data.tokens import TokenCounter
from evalkube_runner.errors import RunFailed

__all__ = ["ENDLESS", "Prefixes", "RandomTexts", "WordTexts", "generator_of", "lengths_of", "random_texts"]

ENDLESS: Final = 1 << 40
"""The length of a source that makes its items: no load test has as many requests."""

# Keep these draws apart from others that use the run's seed as a Philox key (arrival times, token limits).
_TEXTS: Final = int.from_bytes(b"prompts")
_GROUPS: Final = int.from_bytes(b"groups")
_PREFIX_INDEX: Final = (1 << 64) - 1
_KEPT_PREFIXES: Final = 256
_TRIES: Final = 16


class WordTexts:
    """Makes texts of a given length.

    With a tokenizer of exactly as many tokens; without one of as many words, about a token each in most models.
    """

    def __init__(self, counter: TokenCounter | None) -> None:
        """Raises RunFailed(InvalidSpec) where a tokenizer has too few words of one token."""
        self._counter = counter
        self._words = counter.words() if counter else tokens.COMMON_WORDS

    def drawn(self, generator: np.random.Generator, length: int, prefix: str = "") -> str:
        """The text of `prefix` and as many words as make it `length` longer. Raises RunFailed where no text has that
        length.
        """
        wanted = length + (self.length_of(prefix) if prefix else 0)
        return self.fitted(self.words(generator, length), wanted, generator, prefix)

    def words(self, generator: np.random.Generator, count: int) -> list[str]:
        """A text of so many words, drawn at random."""
        return [self._words[at] for at in generator.integers(0, len(self._words), count)]

    def fitted(self, words: list[str], wanted: int, generator: np.random.Generator, prefix: str = "") -> str:
        """The text of `prefix` and the words, with words removed or added at the end until its length is `wanted`.

        Raises RunFailed(InvalidSpec) where no text has it.
        """
        count, chosen = len(words), list(words)
        for _ in range(_TRIES):
            text = " ".join([prefix, *chosen[:count]] if prefix else chosen[:count])
            found = self.length_of(text)
            if found == wanted:
                return text
            count = max(0, count + wanted - found)
            chosen += self.words(generator, max(0, count - len(chosen)))
        raise RunFailed(Reason.INVALID_SPEC, f"tokenizer_path: no random prompt of {wanted} tokens can be made with it")

    def length_of(self, text: str) -> int:
        """The length of a text in tokens, or without a tokenizer in words."""
        return self._counter.count(text) if self._counter else text.count(" ") + 1


class Prefixes(NamedTuple):
    """The prefixes that random prompts share: `shares` are the weights of their groups."""

    length: int = 0
    shares: Sequence[float] = (1.0,)


class RandomTexts:
    """A text for each index, after the prefix of its group. Lengths are drawn from a distribution."""

    def __init__(self, seed: int, lengths: Lengths, prefixes: Prefixes, made: WordTexts) -> None:
        self._seed = seed
        self._lengths = lengths
        self._prefix_length = prefixes.length
        self._bounds = list(accumulate(prefixes.shares))
        self._made = made
        self._prefix = lru_cache(_KEPT_PREFIXES)(self._drawn_prefix)

    def __len__(self) -> int:
        return ENDLESS

    def item(self, index: int) -> str:
        """The text for one index. Raises RunFailed when no exact text is found."""
        generator = self._generator(index, _TEXTS)
        length = self._lengths.at(generator.random())
        return self._made.drawn(generator, length, self._prefix(self.group(index)) if self._prefix_length else "")

    def group(self, index: int) -> int:
        """The group whose prefix the text has."""
        if len(self._bounds) == 1:
            return 0
        at = self._generator(index, _GROUPS).random() * self._bounds[-1]
        return min(bisect(self._bounds, at), len(self._bounds) - 1)

    def _drawn_prefix(self, group: int) -> str:
        return self._made.drawn(self._generator(_PREFIX_INDEX - group, _TEXTS), self._prefix_length)

    def _generator(self, index: int, stream: int) -> np.random.Generator:
        return generator_of(self._seed, index, stream)


def generator_of(seed: int, index: int, stream: int) -> np.random.Generator:
    """The generator of an index; each stream of draws is independent of all others."""
    key = np.array([seed, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))


def lengths_of(spec: PerfRunSpec) -> Lengths:
    """The distribution of the texts' lengths, without a prefix."""
    if spec.dataset_args.input_len is not None:
        return Lengths.of(spec.dataset_args.input_len)
    return Lengths(max(1, spec.min_prompt_length), max(1, spec.max_prompt_length))


def random_texts(spec: PerfRunSpec, counter: TokenCounter | None) -> RandomTexts:
    """The random texts that a spec asks for."""
    args = spec.dataset_args
    shares = args.prefix_shares or [1.0] * args.prefix_groups
    return RandomTexts(spec.seed, lengths_of(spec), Prefixes(spec.prefix_length, shares), WordTexts(counter))
