"""Counts tokens where a server did not, with the model's tokenizer. Done when the load is over, so that it disturbs
nothing that is measured.

Counts are of the texts alone: what a chat template or a special token adds is not in them. No I/O here.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from evalkube_crds.names import TokenBasis
from evalkube_runner.perf.measure import Measure
from evalkube_runner.perf.payloads import Payloads
from evalkube_runner.perf.rows import Timing, Waiting
from evalkube_runner.perf.timeline import Span
from evalkube_runner.wire.dialect import Dialect

__all__ = ["Counter", "TokenCounter", "add_row"]

_REMEMBERED = 1_000_000  # counts of prompts; of more different ones hardly any is sent twice
_ANY_LIMIT = 1  # stands where a drawn token limit would, in bodies that are only read


class Counter(Protocol):
    """A counter of tokens: a tokenizer."""

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text."""


class TokenCounter:
    """Fills token counts into rows. A prompt that was sent many times is counted once."""

    def __init__(self, counter: Counter, payloads: Payloads, dialect: Dialect) -> None:
        self._counter = counter
        self._payloads = payloads
        self._dialect = dialect
        self._prompts: dict[int, int] = {}

    def rows(self, batch: Sequence[Waiting]) -> list[dict[str, Any]]:
        """The rows of a batch with their counts; what the server did say stays. CPU, for a thread."""
        uncounted = [(row["index"], body) for row, _, _, body in batch if row["prompt_tokens"] is None]
        self._count_prompts({self._payloads.item_of(index) for index, body in uncounted if body is None})
        given = iter(self._counts_of([body.encode() for _, body in uncounted if body is not None]))
        counts = iter(self._counter.counts([text for _, texts, _, _ in batch for text in texts]))
        rows = []
        for row, texts, _, body in batch:
            made = sum(next(counts) for _ in texts)
            if row["prompt_tokens"] is None:
                item = self._payloads.item_of(row["index"])
                row["prompt_tokens"] = self._prompts[item] if body is None else next(given)
            if row["token_basis"] != TokenBasis.USAGE:
                row["completion_tokens"] = None if "inputs" in row else made
                row["token_basis"] = TokenBasis.TOKENIZER
            rows.append(row)
        return rows

    def _count_prompts(self, items: set[int]) -> None:
        if len(self._prompts) > _REMEMBERED:
            self._prompts = {item: count for item, count in self._prompts.items() if item in items}
        wanted = sorted(item for item in items if item not in self._prompts)
        counts = self._counts_of([self._payloads.awaited(item, _ANY_LIMIT) for item in wanted])
        self._prompts.update(zip(wanted, counts, strict=True))

    def _counts_of(self, bodies: Sequence[bytes]) -> list[int]:
        """The tokens of each body's prompt."""
        found = [self._dialect.prompt_texts(body) for body in bodies]
        counts = iter(self._counter.counts([text for texts, _ in found for text in texts]))
        return [ids + sum(next(counts) for _ in texts) for texts, ids in found]


def add_row(figures: Measure, row: dict[str, Any], timing: Timing, start_ns: int) -> None:
    """Add the counts of a filled row to `figures`, which know the rest of it. `start_ns`: what its times count
    from.
    """
    if row["warmup"]:
        return
    spans, strays, lags_ns = timing
    taken = None
    if figures.goodput is not None:
        times = (row["intended_ns"], row["sent_ns"], row["first_token_ns"], row["end_ns"])
        taken = figures.goodput.taken(*times, lags_ns)
    figures.add_tokens(
        (TokenBasis(row["token_basis"]), row["prompt_tokens"], row["completion_tokens"]),
        row["end_ns"] - row["sent_ns"],
        [Span(*span) for span in spans],
        start_ns + row["end_ns"],
        strays=strays,
        taken=taken,
    )
