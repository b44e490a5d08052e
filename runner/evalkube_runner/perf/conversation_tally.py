"""Counts the conversations of one worker, beside what `measure` counts of their requests. No I/O here.

Of measured conversations: how each ended, how many turns were sent of it, and how many more it would have had. The TTFT
of first turns stands apart from that of later ones, whose beginning the server has seen before.
"""

from collections import Counter
from typing import Any

from evalkube_runner.perf.bulk_histogram import BulkHistograms
from evalkube_runner.perf.conversation import Session
from evalkube_runner.perf.conversation_sender import Ending, Turn

__all__ = ["ConversationTally"]


class ConversationTally:
    """Everything one worker reports of its conversations."""

    NAMES = ("first_turn_ttft_ns", "later_turn_ttft_ns", "turns")

    def __init__(self, *, warmup: int) -> None:
        """Conversations with an index below `warmup` are counted, but measured in nothing."""
        self._warmup_below = warmup
        self._histograms = BulkHistograms(self.NAMES)
        self._endings: Counter[Ending] = Counter()
        self._unsent = 0
        self.warmup = 0

    @property
    def measured(self) -> int:
        """The number of measured conversations that are over."""
        return sum(self._endings.values())

    @property
    def failed(self) -> int:
        """The number of measured conversations that ended because a turn failed."""
        return self._endings[Ending.FAILED]

    def add(self, turn: Turn) -> None:
        """Count one request that is over."""
        if turn.error is None and turn.first_token_ns and turn.index >= self._warmup_below:
            name = "later_turn_ttft_ns" if turn.turn else "first_turn_ttft_ns"
            self._histograms.note(name, turn.first_token_ns - turn.sent_ns)

    def over(self, session: Session, ending: Ending, sent: int) -> None:
        """Count one conversation that has ended, of which `sent` turns were sent."""
        if session.index < self._warmup_below:
            self.warmup += 1
            return
        self._endings[ending] += 1
        self._unsent += len(session) - sent
        self._histograms.note("turns", sent)

    def added_to(self, measured: dict[str, Any]) -> dict[str, Any]:
        """`measured` (`Measure.to_doc`) with what of `perf_point.PerfPoint` is known here, as plain values."""
        histograms = {name: one.to_doc() for name, one in self._histograms.found().items() if one.count}
        counts = {str(ending): self._endings[ending] for ending in Ending} | {"unsent_turns": self._unsent}
        return measured | {"histograms": measured["histograms"] | histograms, "conversations": counts}
