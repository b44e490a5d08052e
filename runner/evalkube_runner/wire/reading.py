"""The state of an answer that is being read: the sum of its events, or its whole body."""

from collections.abc import Iterable

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import finish
from evalkube_runner.wire.answer import Answer, ChoiceSaid, Fault, Kind, Said
from evalkube_runner.wire.decoding import readable
from evalkube_runner.wire.usage import Usages

__all__ = ["Reading", "Track"]


class Track:
    """The counters of one choice: a load test compares them from read to read.

    `chunks` carried a piece of the answer; `asides` none, up to the one that ended the choice. `blanks` are those of
    them that have an empty text where a piece would be: a token that ends within a character or is not shown, or a
    keep-alive. What opens a choice with its role is none. `inside`: a piece after one of them has a character of
    several bytes, so that it may be one of these that they are within.
    """

    __slots__ = ("_ended", "_waiting", "asides", "begun", "blanks", "chunks", "inside")

    def __init__(self) -> None:
        self.chunks = self.asides = self.blanks = 0
        self.begun = self.inside = self._ended = self._waiting = False

    def take(self, said: ChoiceSaid) -> None:
        """Count one event."""
        if said.pieces:
            self.chunks += 1
            self.inside |= self._waiting and not all(text.isascii() for _, text in said.pieces)
            self._waiting = False
        elif not self._ended:
            self.asides += 1
            if said.blank and said.finish_reason is None and (self.begun or not said.opening):
                self.blanks += 1
                self._waiting = True
        self.begun = True
        self._ended |= said.finish_reason is not None


class Reading:
    """An answer of `choices` choices; those that nobody asked for are left out of it."""

    __slots__ = ("_texts", "_usages", "fault", "finish_reasons", "items", "strays", "tracks")

    def __init__(self, choices: int, *, keep_text: bool) -> None:
        self.tracks = (Track(),) if choices == 1 else tuple(Track() for _ in range(choices))
        self.finish_reasons: dict[int, str] = {}
        self.strays = self.items = 0
        self._usages = Usages(choices)
        self.fault: Fault | None = None
        self._texts: dict[tuple[int, Kind], list[str]] | None = {} if keep_text else None

    @property
    def chunks(self) -> int:
        """The events so far that carried a piece of the answer."""
        return sum([track.chunks for track in self.tracks])

    @property
    def begun(self) -> int:
        """The choices that have begun."""
        return sum([track.begun for track in self.tracks])

    def take(self, said: Said) -> None:
        """Add what one event says."""
        if said.fault is not None:
            self.fail(said.fault)
            return
        if said.usage is not None:
            self._usages.note(said.usage, said.choices[0].choice if len(said.choices) == 1 else None)
        self.items += said.items
        for choice in said.choices:
            if 0 <= choice.choice < len(self.tracks):
                self._choice(choice)
            else:
                self.strays += bool(choice.pieces)

    def _choice(self, choice: ChoiceSaid) -> None:
        self.tracks[choice.choice].take(choice)
        if choice.usage is not None:
            self._usages.note(choice.usage, choice.choice)
        reason = choice.finish_reason
        if reason is not None:
            self.finish_reasons[choice.choice] = reason
            if finish.failed(reason):
                self.fail(Fault(ErrorClass.ERROR_IN_STREAM, f"the server gave up with finish reason {reason!r}"))
        if self._texts is not None:
            for kind, text in (*choice.late, *choice.pieces):
                self.add(choice.choice, kind, (text,))

    def add(self, choice: int, kind: Kind, texts: Iterable[str]) -> None:
        """Keep texts, where they are kept, of chunks that were counted already."""
        if self._texts is not None:
            self._texts.setdefault((choice, kind), []).extend(texts)

    def fail(self, fault: Fault) -> None:
        """Note what went wrong first; later faults are its consequences."""
        if self.fault is None:
            self.fault = fault

    def answer(self, fault: Fault | None) -> Answer:
        """The whole answer, once it is over."""
        chunks, strays = self.chunks, self.strays
        usage = self._usages.of(chunks + strays)
        return Answer(self._all_texts(), self.finish_reasons, usage, fault, self.begun, chunks, strays, self.items)

    def _all_texts(self) -> dict[tuple[int, Kind], str]:
        if not self._texts:
            return {}
        kept = {key: readable("".join(pieces)) for key, pieces in self._texts.items()}
        return {key: text for key, text in kept.items() if text}
