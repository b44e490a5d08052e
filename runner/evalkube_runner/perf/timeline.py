"""The times of the chunks of one choice of a streamed answer: spans and gaps. Integer ns; no I/O.

Every chunk in a read has that read's time, because nobody knows when in between the server made them.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from operator import sub
from typing import NamedTuple

from evalkube_crds.names import TokenBasis
from evalkube_runner.wire.dialect import Counters

__all__ = ["Span", "Timeline", "gaps_of", "share_of", "tokens_by_read", "tpots_of"]


class Span(NamedTuple):
    """The span from the first to the last chunk of a choice, and to the last that says anything of it: its end,
    perhaps.
    """

    first_ns: int
    last_ns: int
    heard_ns: int
    chunks: int


class Timeline:
    """The reads that brought something of one choice; `track` counts what has come of it."""

    __slots__ = ("_asides", "_blank_reads", "_blanks", "_chunks", "_heard_ns", "_track", "chunks", "times_ns")

    def __init__(self, track: Counters) -> None:
        self._track = track
        self._chunks = self._asides = self._blanks = self._heard_ns = 0
        self._blank_reads: Counter[int] = Counter()
        self.times_ns: list[int] = []
        self.chunks: list[int] = []

    def take(self, now_ns: int) -> bool:
        """Note what is new in a read; whether that is a piece of the answer."""
        track, known = self._track, self._chunks
        chunks = track.chunks
        if track.asides != self._asides:
            self._take_asides(now_ns)
        if chunks == known:
            return False
        self._chunks = chunks
        self.times_ns.append(now_ns)
        self.chunks.append(chunks - known)
        return True

    def _take_asides(self, now_ns: int) -> None:
        self._asides, self._heard_ns = self._track.asides, now_ns
        if self._track.blanks != self._blanks:
            self._blank_reads[now_ns] += self._track.blanks - self._blanks
            self._blanks = self._track.blanks

    def count_blanks(self) -> None:
        """Count the empty pieces as tokens: they are chunks like the others."""
        reads = self._blank_reads + Counter(dict(zip(self.times_ns, self.chunks, strict=True)))
        self.times_ns = sorted(reads)
        self.chunks = [reads[at_ns] for at_ns in self.times_ns]

    @property
    def ends_apart(self) -> bool:
        """Whether something without a piece came after the last one: what ends the choice, and perhaps a token."""
        return bool(self.times_ns) and self._heard_ns >= self.times_ns[-1]

    def date_back(self, most_ns: int, pace_ns: int) -> int:
        """Move the time of a first read back that waited with several chunks and has the time of the last of them. The
        pace of what followed (of other answers, `pace_ns`, where nothing did) says by how much, at most `most_ns`.
        Returns that time.
        """
        waited, followed = self.chunks[0] - 1, sum(self.chunks[1:])
        read_ns = self.times_ns[0]
        took_ns = (self.times_ns[-1] - read_ns) * waited // followed if followed else pace_ns * waited
        back_ns = min(took_ns, most_ns)
        if waited and back_ns:
            self.times_ns[:1], self.chunks[:1] = [read_ns - back_ns, read_ns], [1, waited]
            return back_ns
        return 0

    def span(self) -> Span | None:
        """The span of the choice; None where it brought nothing."""
        if not self.times_ns:
            return None
        last_ns = self.times_ns[-1]
        return Span(self.times_ns[0], last_ns, max(last_ns, self._heard_ns), sum(self.chunks))


def gaps_of(times_ns: Sequence[int], chunks: Sequence[int]) -> tuple[list[int], list[int]]:
    """The gaps between chunks, and how often each is counted.

    k chunks in one read after a gap g count as k gaps of g / k; further ones in the first read as gaps of zero.
    """
    gaps = list(map(sub, times_ns[1:], times_ns))
    times = list(chunks[1:])
    if times.count(1) < len(times):
        gaps = [gap // new for gap, new in zip(gaps, times, strict=True)]
    if chunks and chunks[0] > 1:
        return [0, *gaps], [chunks[0] - 1, *times]
    return gaps, times


def share_of(made: int, own: int, chunks: int) -> int:
    """The tokens of a choice that had `own` of all `chunks`: only the whole answer's count is known."""
    return (made * own + chunks // 2) // chunks


def tokens_by_read(chunks: Sequence[int], tokens: int) -> Sequence[int]:
    """The tokens of a choice that each read brought, where there were more of them than `chunks`: a server that is
    behind, or guesses several at once, sends them as one piece. Nobody knows which pieces those are, so what is over is
    spread evenly over all but the first one.
    """
    pieces, left = sum(chunks[1:]), tokens - chunks[0]
    if left <= pieces or not pieces:
        return chunks
    upto = [left * so_far // pieces for so_far in accumulate(chunks[1:], initial=0)]
    return [chunks[0], *map(sub, upto[1:], upto)]


def tpots_of(spans: Sequence[Span], made: int, basis: TokenBasis, *, strays: int = 0) -> list[int]:
    """The time per output token of each choice with more than one token; `made` tokens in all, `strays` chunks of
    choices that are not among the spans.

    Where a usage counts more tokens than chunks came, the last token has no text of its own, and its time is that of
    the chunk that ends the choice. Where it does not, that chunk is no token, and may come whenever it likes.
    """
    chunks = sum(span.chunks for span in spans) + strays
    found = []
    for span in spans:
        own = share_of(made, span.chunks, chunks)
        end_ns = span.heard_ns if basis is TokenBasis.USAGE and own > span.chunks else span.last_ns
        if own > 1:
            found.append((end_ns - span.first_ns) // (own - 1))
    return found
