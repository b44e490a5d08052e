"""Conversations in progress: the request of the next turn, and its time. No I/O but reading the files of `payloads`.

What is drawn for the turns of a conversation (think times, token limits) is a function of (seed, index, turn), as all
of a schedule is: Philox, keyed apart from the other draws.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkube_runner.perf.payloads import Payloads
from evalkube_runner.perf.script import Answered, Script

__all__ = ["Session", "SessionOptions", "Sessions", "draws"]

_STREAM: Final = int.from_bytes(b"turns")


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The options of conversations: the form of answers in the history, and the least and the most think time before a
    turn.
    """

    answered: Answered
    think_ns: tuple[int, int] = (0, 0)


def draws(seed: int, index: int, turns: int) -> list[tuple[float, float]]:
    """Two numbers of [0, 1) for each turn of a conversation after the first."""
    generator = np.random.Generator(np.random.Philox(key=[seed, _STREAM], counter=[0, 0, 0, index]))
    found: list[tuple[float, float]] = [(a, b) for a, b in generator.random((turns - 1, 2)).tolist()]
    return found


def _between(span: tuple[int, int], uniform: float) -> int:
    low, high = span
    return low + int(uniform * (high - low + 1))


class Session:
    """A conversation in progress. `turn` counts from 0."""

    __slots__ = ("_history", "_limits", "_options", "_script", "_thinks", "index", "item", "turn")

    def __init__(self, index: int, item: int, script: Script, options: SessionOptions, limit: int | None) -> None:
        """`limit`: the most tokens of the first answer, where limits are drawn."""
        self.index = index
        self.item = item
        self.turn = 0
        self._script = script
        self._options = options
        self._history = b""
        self._thinks = [options.think_ns[0]] * len(script.later)
        self._limits: list[int | None] = [limit] * len(script)

    def draw(self, seed: int, limits: tuple[int, int] | None) -> None:
        """Draw what differs from turn to turn. `limits`: the range of token limits, where they are drawn."""
        low, high = self._options.think_ns
        if not self._script.later or (low == high and limits is None):
            return
        for at, (thought, limited) in enumerate(draws(seed, self.index, len(self._script))):
            self._thinks[at] = _between((low, high), thought)
            if limits is not None:
                self._limits[at + 1] = _between(limits, limited)

    def __len__(self) -> int:
        """The number of turns of a conversation."""
        return len(self._script)

    @property
    def goes_on(self) -> bool:
        """Whether a turn follows the current one."""
        return self.turn + 1 < len(self._script)

    def body(self) -> bytes:
        """The request body of the current turn."""
        return self._script.request_body(self._history, self._limits[self.turn])

    def take(self, answer: str) -> int:
        """Take the answer to the current turn and go on to the next; the think time before it, in ns."""
        self._history += self._options.answered.element(answer) + self._script.later[self.turn]
        self.turn += 1
        return self._thinks[self.turn - 1]


class Sessions:
    """The requests of the conversations of one worker."""

    def __init__(
        self, payloads: Payloads, options: SessionOptions, *, head: bytes, seed: int, limits: tuple[int, int] | None
    ) -> None:
        """`head` ends with `Content-Length: `. `limits`: the range that token limits are drawn from, where they are."""
        self._payloads = payloads
        self._options = options
        self._head = head
        self._seed = seed
        self._limits = limits
        self._ready: dict[int, Session] = {}

    def render(self, index: int, max_tokens: int | None) -> bytes | None:
        """The bytes of the first turn's request; None while they are not there yet."""
        item = self._payloads.item_of(index)
        packed = self._payloads.packed(item)
        if packed is None:
            return None
        session = Session(index, item, Script.unpacked(packed), self._options, max_tokens)
        session.draw(self._seed, self._limits)
        self._ready[index] = session
        return self.request(session)

    def begun(self, index: int) -> Session:
        """The conversation whose first request was rendered, to be kept by the caller."""
        return self._ready.pop(index)

    def request(self, session: Session) -> bytes:
        """The bytes of the request of a conversation's current turn."""
        body = session.body()
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)
