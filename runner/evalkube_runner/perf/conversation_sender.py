"""Sends conversations: the first turn of each like `sender` sends a request, every further one after the answer before
it and the think time.

An index is a conversation, and a slot is held by one from its first turn to its last, also while the person thinks. A
turn that fails ends its conversation, and so does the end of the load.
"""

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from heapq import heappop, heappush

from evalkube_crds.names import ErrorClass
from evalkube_runner.perf.conversation import Session, Sessions
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Pool
from evalkube_runner.perf.schedule import Planned
from evalkube_runner.perf.sender import Sender, SendOptions
from evalkube_runner.wire.answer import Answer
from evalkube_runner.wire.dialect import Dialect

__all__ = ["ConversationSender", "Ending", "Turn"]

_clock = time.monotonic_ns


class Ending(StrEnum):
    """The end of a conversation: all turns answered, one of them failed, or the load over before."""

    COMPLETED = "completed"
    FAILED = "failed"
    CUT = "cut"


class Turn(Exchange):
    """The request of one turn. `said`: the text of its answer."""

    __slots__ = ("_counts", "said", "session", "turn")

    def __init__(
        self,
        session: Session,
        payload: bytes,
        dialect: Dialect,
        options: SendOptions,
        *,
        ended: Callable[[Exchange], None],
    ) -> None:
        super().__init__(
            session.index,
            payload,
            dialect,
            stream=options.stream,
            choices=options.choices,
            ended=ended,
            keep_text=True,
        )
        self.session = session
        self.turn = session.turn
        self.said = ""
        self._counts = options.keep_text

    @property
    def request_body(self) -> bytes:
        """The body that was sent."""
        return self.payload.partition(b"\r\n\r\n")[2]

    def _take(self, answer: Answer) -> None:
        super()._take(answer)
        self.said = answer.text() or answer.text("refusal")
        if not self._counts:
            self.texts = None


class ConversationSender(Sender):
    """The sender of one lane's conversations, from `start` to the end of the last of them."""

    def __init__(
        self,
        pool: Pool,
        sessions: Sessions,
        planned: Iterator[Planned],
        options: SendOptions,
        *,
        dialect: Dialect,
        record: Callable[[Exchange], None],
        begin: Callable[[int], None],
        over: Callable[[Session, Ending, int], None],
    ) -> None:
        """`over` is told each conversation that has ended, how, and how many of its turns were sent, before its last
        request is recorded.
        """
        self._sessions = sessions
        self._dialect = dialect
        self._over_with = over
        self._thinking: list[tuple[int, int, int, Session]] = []  # when the next turn is due, its index, how long it is
        super().__init__(pool, sessions, planned, options, dialect=dialect, record=record, begin=begin)
        self._exchange = self._first_turn

    @property
    def at_server(self) -> int:
        """The number of requests at the server; conversations in their think time have none."""
        return self.in_flight - len(self._thinking)

    def _first_turn(self, index: int, payload: bytes) -> Exchange:
        return self._turn(self._sessions.begun(index), payload)

    def _turn(self, session: Session, payload: bytes) -> Turn:
        return Turn(session, payload, self._dialect, self._options, ended=self._ended)

    def _pump(self) -> None:
        self._go_on()
        super()._pump()
        self._wake()

    def _go_on(self) -> None:
        """Send the turns that are due; once the time is up, end the conversations instead."""
        while self._thinking:
            due_ns, _, thought_ns, session = self._thinking[0]
            now_ns = _clock()
            if now_ns >= self._stop_ns:
                self._cut(now_ns)
                return
            if due_ns > now_ns:
                return
            heappop(self._thinking)
            self._send_turn(session, due_ns, now_ns, thought_ns)

    def _send_turn(self, session: Session, due_ns: int, now_ns: int, thought_ns: int) -> None:
        """Send a turn. It is due when the think time is over; without one it is due when the answer is seen, as in a
        closed loop.
        """
        exchange = self._turn(session, self._sessions.request(session))
        exchange.intended_ns = due_ns if thought_ns else now_ns
        exchange.ready_ns = due_ns
        exchange.dispatched_ns = now_ns
        if thought_ns:
            self._bunching.sent(now_ns, now_ns - due_ns, self.at_server)
        if session.index >= self._options.warmup:
            self.sent += 1
            self.offered += 1
        self._pool.send(exchange)

    def _cut(self, now_ns: int) -> None:
        """End all conversations: the time is up. A turn that was due before and could not leave still counts as
        offered.
        """
        end_ns = min(self._stop_ns, now_ns)
        for due_ns, _, _, session in self._thinking:
            if due_ns < end_ns and session.index >= self._options.warmup:
                self.offered += 1
            self._free += 1
            self.in_flight -= 1
            self._over_with(session, Ending.CUT, session.turn)
        self._thinking.clear()

    def _wake(self) -> None:
        """Set the timer for the next turn, unless a first turn is due before."""
        if not self._thinking:
            return
        due_ns = self._thinking[0][0]
        if self._free > 0 and self._ahead:
            due_ns = min(due_ns, self._due(self._ahead[0][0]))
        self._alarm.set(min(due_ns, self._stop_ns))

    def _ended(self, exchange: Exchange) -> None:
        """Note that a turn is over: the next one is due after the think time, or the slot is free."""
        assert isinstance(exchange, Turn)
        session = exchange.session
        if exchange.error is None and session.goes_on:
            exchange.behind_ns = self._bunching.behind_ns(exchange.dispatched_ns)
            thought_ns = session.take(exchange.said)
            heappush(self._thinking, (exchange.end_ns + thought_ns, session.index, thought_ns, session))
            self._pump()
            self._record(exchange)
            self._render_ahead()
            return
        self._over_with(session, _ending(exchange.error), session.turn + 1)
        super()._ended(exchange)


def _ending(error: ErrorClass | None) -> Ending:
    if error is None:
        return Ending.COMPLETED
    return Ending.CUT if error is ErrorClass.CANCELLED else Ending.FAILED
