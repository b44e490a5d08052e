"""Ends a benchmark early when its score is known precisely enough. Pure.

Only the finished beginning of the order counts: questions that take long are often hard ones, and an estimate of those
that happened to be finished would be too good. Questions that were asked beyond it are waited for, and count then.
"""

from dataclasses import dataclass, field

from evalkube_benchmarks.statistics.sequences import Sequence
from evalkube_crds.results import Precision

__all__ = ["Ending"]


@dataclass(slots=True)
class _Open:
    """An asked question: how many of its answers are still to come, and the sum of the others."""

    waiting: int
    least: float = 0.0
    most: float = 0.0


@dataclass(slots=True)
class Ending:
    """The score of one benchmark while its questions come in, by their place in the order of asking."""

    questions: int
    repeats: int
    half_width: float
    reached: bool = False
    note: str = ""
    _open: dict[int, _Open] = field(default_factory=dict)
    _sequence: Sequence = field(init=False)

    def __post_init__(self) -> None:
        self._sequence = Sequence(self.questions, self.half_width)

    def finished(self, place: int, score: float | None) -> None:
        """Take one answer to a question. None has no score, and might have had any."""
        found = self._open.setdefault(place, _Open(self.repeats))
        found.waiting -= 1
        found.least += 0.0 if score is None else score
        found.most += 1.0 if score is None else score
        sequence = self._sequence
        while (next_one := self._open.get(sequence.number)) is not None and not next_one.waiting:
            del self._open[sequence.number]
            sequence.add(next_one.least / self.repeats, next_one.most / self.repeats)
            if sequence.narrow and sequence.number < self.questions and not self.note:
                self.reached = True

    def give_up(self, note: str) -> None:
        """Give up the early end: ask all questions."""
        self.note, self.reached = note, False

    @property
    def result(self) -> Precision:
        """The precision that is reached so far."""
        asked = self._sequence.number
        ends = self._sequence.interval
        return Precision(
            wanted=self.half_width,
            reached=self.reached,
            low=ends.low,
            high=ends.high,
            asked_questions=asked,
            of_questions=self.questions,
            saved_samples=(self.questions - asked) * self.repeats,
            note=self.note,
        )
