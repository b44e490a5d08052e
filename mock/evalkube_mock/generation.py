"""One answer in progress: when each token is due, and the writes. It decides nothing about the request.

The target of token k is `start + ttft + k * itl` (or the jittered offset k). It is absolute, so that a late write never
delays a later one. Everything that is due when the timer fires goes out in one write.
"""

import bisect
import time
from collections.abc import Callable
from typing import Protocol

from evalkube_mock import behaviour as behaviours
from evalkube_mock import wire
from evalkube_mock.behaviour import Behaviour, Fate, Role
from evalkube_mock.dialects.model import Ask, Dialect, RefusedError
from evalkube_mock.record import Outcome
from evalkube_mock.rendering import Prepared
from evalkube_mock.timerfd import Timer, Wheel

__all__ = ["Channel", "Generation"]

_SLICE = 2048  # tokens per write at most: bounds what one slow reader makes the server hold


class Channel(Protocol):
    """The part of a connection that a generation needs."""

    def send(self, data: bytes) -> None:
        """Writes, in order."""

    def is_full(self) -> bool:
        """Whether the client reads too slowly. When it has caught up, `Generation.resume` is called."""

    def done(self, *, keep_alive: bool) -> None:
        """Completes the answer to the current request; closes the connection unless `keep_alive`."""


class Generation:
    """The answer to one request. `finished` is called once, with the outcome, from within a write or a timer."""

    __slots__ = (
        "_behaviour",
        "_dialect",
        "_fate",
        "_finished",
        "_head",
        "_late",
        "_limit",
        "_offsets",
        "_prepared",
        "_stalled",
        "_stamp",
        "_start_ns",
        "_timer",
        "_wheel",
        "ask",
        "channel",
        "chunked",
        "first_token_ns",
        "keep_alive",
        "last_token_ns",
        "number",
        "over",
        "received_ns",
        "sent",
    )

    def __init__(
        self,
        *,
        behaviour: Behaviour,
        wheel: Wheel,
        channel: Channel,
        dialect: Dialect,
        ask: Ask,
        prepared: Prepared,
        number: int,
        fate: Fate,
        chunked: bool,
        keep_alive: bool,
        received_ns: int,
        finished: Callable[["Generation", Outcome], None],
        late: Callable[[int], None],
    ) -> None:
        self._behaviour = behaviour
        self._wheel = wheel
        self.channel = channel
        self._dialect = dialect
        self._prepared = prepared
        self._fate = fate
        self._finished = finished
        self._late = late
        self._timer: Timer | None = None
        self._stalled = False
        self._head = b""
        self._start_ns = 0
        self.ask = ask
        self.number = number
        self.chunked = chunked
        self.keep_alive = keep_alive
        self.received_ns = received_ns
        self.first_token_ns = 0
        self.last_token_ns = 0
        self.sent = 0  # tokens
        self.over = False
        tokens = prepared.reply.tokens
        self._limit = tokens if fate is Fate.SERVED else behaviours.cut_after(behaviour, number, tokens)
        self._offsets = behaviours.token_offsets_ns(behaviour, number, tokens) if ask.stream else None
        self._stamp = b""

    def begin(self, start_ns: int) -> None:
        """Starts the clock at `start_ns`: the receipt of the request, or the time when a queued one got its place."""
        self._start_ns = start_ns
        if not self.ask.stream:
            wait_ns = behaviours.latency_ns(self._behaviour, self.number, self._prepared.reply.tokens)
            self._at(start_ns + wait_ns, self._answer)
            return
        self._stamp = self._dialect.stamp(self.ask, self.number, int(time.time()))
        self._head = wire.stream_head(self._prepared.content_type, chunked=self.chunked, keep_alive=self.keep_alive)
        early = self._behaviour.role is Role.EARLY
        if early or self._target_ns(0) > time.monotonic_ns():
            opening = self._stamp.join(self._prepared.opening) if early else b""
            self.channel.send(self._head + opening)  # a real server answers at once and then computes
            self._head = b""
        self._at(self._target_ns(0), self._tick)

    def cancel(self) -> None:
        """Drops everything that is still to be sent; `finished` is not called."""
        if self._timer is not None:
            self._wheel.cancel(self._timer)
            self._timer = None
        self._stalled = False

    def resume(self) -> None:
        """Continues after the channel was full."""
        if self._stalled:
            self._stalled = False
            self._pump()

    def _at(self, due_ns: int, callback: Callable[[], None]) -> None:
        if due_ns <= time.monotonic_ns():
            callback()
        else:
            self._timer = self._wheel.at(due_ns, callback)

    def _target_ns(self, token: int) -> int:
        if self._offsets:
            return self._start_ns + self._offsets[token]
        return self._start_ns + self._behaviour.ttft_ns + token * self._behaviour.itl_ns

    def _due(self, now_ns: int) -> int:
        """The number of tokens that are due, up to the last that is to be sent."""
        if self._offsets:
            due = bisect.bisect_right(self._offsets, now_ns - self._start_ns)
        elif self._behaviour.itl_ns:
            due = (now_ns - self._start_ns - self._behaviour.ttft_ns) // self._behaviour.itl_ns + 1
        else:
            due = self._limit
        return min(due, self._limit)

    def _tick(self) -> None:
        self._timer = None
        if self.sent < self._limit:
            self._late(time.monotonic_ns() - self._target_ns(self.sent))
        self._pump()

    def _pump(self) -> None:
        """Sends what is due. Then waits for the next target, or for a client that reads too slowly."""
        now_ns = time.monotonic_ns()
        due = self._due(now_ns)
        while True:
            upto = min(due, self.sent + _SLICE)
            data = self._render(upto)
            if upto > self.sent:
                self.last_token_ns = now_ns
                self.first_token_ns = self.first_token_ns or now_ns
            self.sent = upto
            self.channel.send(data)
            if upto == self._limit:
                self._finished(self, _OUTCOMES[self._fate])
                return
            if self.channel.is_full():
                self._stalled = True
                return
            if upto == due:
                break
            now_ns = time.monotonic_ns()
        self._timer = self._wheel.at(self._target_ns(self.sent), self._tick)

    def _render(self, upto: int) -> bytes:
        """Renders the bytes of the tokens from `sent` to before `upto`, with the events before and after them."""
        prepared, stamp = self._prepared, self._stamp
        served = self._fate is Fate.SERVED
        if self.sent == 0 and served and upto == self._limit and self._behaviour.role is not Role.EARLY:
            return b"".join((self._head, stamp.join(prepared.everything), self._ending()))
        if upto == self.sent + 1 and upto < self._limit and self.sent:
            return stamp.join(prepared.steps[self.sent])  # the common case of a paced stream
        parts = [stamp.join(step) for step in prepared.steps[self.sent : upto]]
        if self.sent == 0:
            opening = b"" if self._behaviour.role is Role.EARLY else stamp.join(prepared.opening)
            parts[:0] = (self._head, opening)
        if upto == self._limit:
            if served:
                parts.append(stamp.join(prepared.closing))
            parts.append(self._ending())
        return b"".join(parts)

    def _ending(self) -> bytes:
        if self._fate is Fate.TRUNCATED:
            return b""
        if self._fate is Fate.ERROR_EVENT:
            status = self._behaviour.stream_error_status
            failed = RefusedError(status, "The model failed while it generated (--stream-error-rate).")
            events = self._dialect.error_events(self.ask, self._prepared.reply, self._limit, failed)
        else:
            events = self._dialect.ending(self.ask, self._prepared.reply)
        rendered = [self._stamp.join(event) for event in events]
        if self.chunked:
            rendered = [*map(wire.chunk, rendered), wire.LAST_CHUNK]
        return b"".join(rendered)

    def _answer(self) -> None:
        self._timer = None
        body = self._dialect.whole(self.ask, self._prepared.reply, self.number, int(time.time()))
        data = wire.response(200, body, keep_alive=self.keep_alive)
        if self._fate is Fate.TRUNCATED:
            data = data[: -len(body) // 2]
        now_ns = time.monotonic_ns()
        self.sent = self._prepared.reply.tokens
        if self._fate is not Fate.TRUNCATED:
            self.first_token_ns = self.last_token_ns = now_ns
        self.channel.send(data)
        # An error event needs a stream: a whole answer with that fate is served.
        self._finished(self, Outcome.TRUNCATED if self._fate is Fate.TRUNCATED else Outcome.COMPLETE)


_OUTCOMES = {
    Fate.SERVED: Outcome.COMPLETE,
    Fate.ERROR_EVENT: Outcome.ERROR_EVENT,
    Fate.TRUNCATED: Outcome.TRUNCATED,
}
