"""Prompts of a trace that tells lengths: texts of exactly those, which share the beginnings that the trace says. No I/O
but the trace's own.
"""

from functools import lru_cache
from typing import Final

from evalkube_runner.data.random_texts import WordTexts, generator_of
from evalkube_runner.data.traces import BLOCK_TOKENS, Trace
from evalkube_runner.wire.answer import Prompt

__all__ = ["TraceTexts"]

_TEXTS: Final = int.from_bytes(b"trace")
_BLOCKS: Final = int.from_bytes(b"blocks")
_KEPT_BLOCKS: Final = 1024


class TraceTexts:
    """A prompt for each request of a trace: a function of the seed, its index and its ids alone."""

    def __init__(self, seed: int, trace: Trace, made: WordTexts) -> None:
        self._seed = seed
        self._trace = trace
        self._made = made
        self._block = lru_cache(_KEPT_BLOCKS)(self._drawn_block)

    def __len__(self) -> int:
        return len(self._trace)

    def item(self, index: int) -> Prompt:
        """The body that was recorded, or a text as long as the prompt was. Raises RunFailed where none is."""
        if self._trace.kind == "workload":
            return self._trace.body(index)
        length = int(self._trace.input_lengths[index])
        generator = generator_of(self._seed, index, _TEXTS)
        ids = self._trace.blocks(index)[: -(-length // BLOCK_TOKENS)]
        words = [word for block in ids for word in self._block(block)][:length]
        words += self._made.words(generator, length - len(words))
        return self._made.fitted(words, length, generator)

    def limit(self, index: int) -> int | None:
        """The most tokens of its answer, where the trace tells how many it had."""
        return self._trace.limit(index)

    def _drawn_block(self, block: int) -> tuple[str, ...]:
        return tuple(self._made.words(generator_of(self._seed, block, _BLOCKS), BLOCK_TOKENS))
