"""The prompts of a trace with lengths: texts of exactly these lengths, with the shared beginnings that the trace names.
No I/O but reading the trace.
"""

from functools import lru_cache
from typing import Final

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.data import catalogue, traces
from evalkube_runner.data.random_texts import WordTexts, generator_of
from evalkube_runner.data.tokens import TokenCounter
from evalkube_runner.data.traces import BLOCK_TOKENS, Indices, Trace, Wanted
from evalkube_runner.wire.ask import Prompt

__all__ = ["TraceTexts", "trace_texts"]

_TEXTS: Final = int.from_bytes(b"trace")
_BLOCKS: Final = int.from_bytes(b"blocks")
_KEPT_BLOCKS: Final = 1024
_STREAMING: Final = ("stream", "stream_options")
"""Whether answers are streamed is the test's choice: figures of both together would be of neither."""


class TraceTexts:
    """A prompt for each request of a trace: a function of the seed, its index and its ids alone."""

    def __init__(self, seed: int, trace: Trace, made: WordTexts) -> None:
        self._seed = seed
        self.trace = trace
        self._made = made
        self._block = lru_cache(_KEPT_BLOCKS)(self._drawn_block)

    def __len__(self) -> int:
        return len(self.trace)

    def item(self, index: int) -> Prompt:
        """The recorded body, or a text as long as the recorded prompt. Raises RunFailed where neither exists."""
        if self.trace.format.has_bodies:
            return {name: value for name, value in self.trace.body(index).items() if name not in _STREAMING}
        length = int(self.trace.input_lengths[index])
        generator = generator_of(self._seed, index, _TEXTS)
        ids = self.trace.blocks(index)[: -(-length // BLOCK_TOKENS)]
        words = [word for block in ids for word in self._block(block)][:length]
        words += self._made.words(generator, length - len(words))
        return self._made.fitted(words, length, generator)

    def only(self, kept: Indices) -> "TraceTexts":
        """The prompts of these requests alone."""
        return TraceTexts(self._seed, self.trace.only(kept), self._made)

    def _drawn_block(self, block: int) -> tuple[str, ...]:
        return tuple(self._made.words(generator_of(self._seed, block, _BLOCKS), BLOCK_TOKENS))


def trace_texts(spec: PerfRunSpec, context: RunContext, counter: TokenCounter | None) -> TraceTexts:
    """The requests of the trace that `spec` names, as many as it may need. Raises RunFailed."""
    path = catalogue.dataset_path(spec.dataset_path or "", context)
    wanted = Wanted(spec.min_prompt_length, spec.max_prompt_length, _most(spec))
    trace = traces.read(path, context.readable, wanted)
    return TraceTexts(spec.seed, trace, WordTexts(None if trace.format.has_bodies else counter))


def _most(spec: PerfRunSpec) -> int | None:
    """The most requests that a point needs, with a warm-up and an offset; None for all of the trace."""
    if spec.number is None:
        return None
    number = max(spec.number)
    return spec.dataset_offset + number + spec.warmup_of(number)
