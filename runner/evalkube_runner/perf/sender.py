"""Sends the requests of one lane when they are due: closed loop, closed loop with a rate, open loop. Callbacks, no
task per request.

A slot is the right to have one request in flight; the open loop has no end of them. What the schedule says stays
absolute: a request that cannot leave when it is due leaves as soon as it can, and the difference is on record; also
where it is its body that is not there yet.
Warm-up requests are simply the first indices, so the measured ones begin as their slots free, on a server that is
already busy. Conversations are the affair of `conversation_sender`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, takewhile
from typing import Protocol

from evalkube_runner.perf.bunching import Bunching
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Pool
from evalkube_runner.perf.schedule import Planned
from evalkube_runner.perf.timerfd import Alarm
from evalkube_runner.wire.dialect import Dialect

__all__ = ["Requests", "SendOptions", "Sender"]

_clock = time.monotonic_ns
_UNLIMITED = 1 << 62
_AHEAD = 64  # requests rendered before they are due
_LOOK_AGAIN_S = 0.002


@dataclass(frozen=True, slots=True)
class SendOptions:
    """The options of a sender.

    `slots` None is the open loop; else slot k begins `ramp_from_ns + k * ramp_step_ns` after the start.
    `duration_ns` counts from the first measured request. `count`: see `Exchange`.
    """

    slots: int | None
    ramp_from_ns: int
    ramp_step_ns: int
    warmup: int
    duration_ns: int | None
    stream: bool
    choices: int
    keep_text: bool = False
    count: Callable[[bytes], int] | None = None


class Requests(Protocol):
    """The requests of a load."""

    def render(self, index: int, max_tokens: int | None) -> bytes | None:
        """The bytes of a request; None while they are not there yet."""


class Sender:
    """The sender of one lane's load, from `start` to the end of its last request."""

    def __init__(
        self,
        pool: Pool,
        requests: Requests,
        planned: Iterator[Planned],
        options: SendOptions,
        *,
        dialect: Dialect,
        record: Callable[[Exchange], None],
        begin: Callable[[int], None],
    ) -> None:
        """`record` is told each request that is over, `begin` when the first measured one leaves (monotonic ns)."""
        self._pool = pool
        self._requests = requests
        self._planned = planned
        self._options = options
        self._record = record
        self._exchange: Callable[[int, bytes], Exchange] = partial(
            Exchange,
            dialect=dialect,
            stream=options.stream,
            choices=options.choices,
            ended=self._ended,
            keep_text=options.keep_text,
            count=options.count,
        )
        self._begin = begin
        self._ahead: deque[tuple[Planned, bytes]] = deque()
        self._unrendered: Planned | None = None
        self._feeding: asyncio.TimerHandle | None = None
        self._free = _UNLIMITED if options.slots is None else options.slots
        self._start_ns = 0
        self._stop_ns = _UNLIMITED
        self._freed_ns = 0
        self._begun = 0  # slots, where they begin one by one
        self._alarm = Alarm(asyncio.get_running_loop(), self._pump)
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stopped = False
        self._bunching = Bunching()
        self.begun_ns = 0
        """When the load began: as long after its start as its first request, warm-up included, left late."""
        self.in_flight = 0
        self.sent = 0
        self.offered = 0
        self._render_ahead()

    async def run(self, start_ns: int) -> None:
        """Begin at `start_ns` (monotonic); return when nothing is left to send or in flight."""
        self._start_ns = self._freed_ns = start_ns
        self._alarm.set(start_ns)
        try:
            await self._over
        finally:
            self._alarm.close()

    def stop(self) -> None:
        """Send nothing more; `run` returns when what is in flight has ended."""
        self.stopped = True
        self._stop_ns = 0
        self._unrendered = None
        self._planned = iter(())
        self._pump()

    def _render_ahead(self) -> None:
        while len(self._ahead) < _AHEAD:
            planned = self._unrendered or next(self._planned, None)
            if planned is None:
                return
            payload = self._requests.render(planned.index, planned.max_tokens)
            if payload is None:
                self._unrendered = planned
                if self._feeding is None:
                    self._feeding = asyncio.get_running_loop().call_later(_LOOK_AGAIN_S, self._feed)
                return
            self._unrendered = None
            self._ahead.append((planned, payload))

    def _feed(self) -> None:
        """Look again for a body that was not there."""
        self._feeding = None
        self._render_ahead()
        if self._start_ns:
            self._pump()

    def _pump(self) -> None:
        """Send what is due while slots are free, then set the timer for the next request."""
        ahead = self._ahead
        while self._free > 0 and ahead:
            now_ns = _clock()
            planned = ahead[0][0]
            due_ns = self._due(planned)
            if now_ns >= self._stop_ns or (planned.due_ns is not None and due_ns >= self._stop_ns):
                self._note_end(now_ns)
                break
            if due_ns > now_ns:
                self._alarm.set(min(due_ns, self._stop_ns))
                return
            self._send(*ahead.popleft(), due_ns, now_ns)
            if not ahead:
                self._render_ahead()
        if not ahead and self._unrendered is None and not self.in_flight and not self._over.done():
            self._over.set_result(None)

    def _due(self, planned: Planned) -> int:
        """The time at which a request should leave: as scheduled, else as soon as a slot is free, or the next one
        begins.
        """
        if planned.due_ns is not None:
            return self._start_ns + planned.due_ns
        if self._follows(planned):
            return self._freed_ns
        return self._start_ns + self._options.ramp_from_ns + self._begun * self._options.ramp_step_ns

    def _follows(self, planned: Planned) -> bool:
        """Whether a request has no due time of its own: it leaves because another one has ended, and is due then. If
        the client saw that end late, the load is lower (`ready_ns` says so), but no user waits.
        """
        return planned.due_ns is None and (self._options.slots is None or self.in_flight < self._begun)

    def _note_end(self, now_ns: int) -> None:
        """End the sending: the duration is over. In open loop, requests that were due before and could not leave count
        as offered. Where slots are the limit, the server did not take them.
        """
        end_ns = min(self._stop_ns, now_ns)
        rest = [planned for planned, _ in self._ahead] + ([self._unrendered] if self._unrendered else [])
        if self._options.slots is None:
            self.offered += sum(1 for _ in takewhile(lambda each: self._due(each) < end_ns, chain(rest, self._planned)))
        self._ahead.clear()
        self._unrendered = None
        self._planned = iter(())

    @property
    def at_server(self) -> int:
        """The number of requests that the server has, or is about to get."""
        return self.in_flight

    def _send(self, planned: Planned, payload: bytes, due_ns: int, now_ns: int) -> None:
        options = self._options
        exchange = self._exchange(planned.index, payload)
        follows = self._follows(planned)
        exchange.intended_ns = now_ns if follows else due_ns
        exchange.ready_ns = max(due_ns, self._freed_ns) if planned.due_ns is not None else due_ns
        exchange.dispatched_ns = now_ns
        if not self.begun_ns:
            self.begun_ns = self._start_ns + now_ns - due_ns
        if planned.index >= options.warmup:
            if not self.sent:
                self._begin(now_ns)
                if options.duration_ns is not None:
                    self._stop_ns = now_ns + options.duration_ns
            self.sent += 1
            self.offered += 1
        if planned.due_ns is None and not follows:
            self._begun += 1
        if planned.due_ns is not None:
            self._bunching.sent(now_ns, now_ns - exchange.ready_ns, self.at_server)
        self._free -= 1
        self.in_flight += 1
        self._pool.send(exchange)

    def _ended(self, exchange: Exchange) -> None:
        """Note that a request is over: the next one leaves first, bookkeeping comes after it."""
        if not self._free or self.in_flight == self._begun:  # no other one was free
            self._freed_ns = exchange.end_ns
        self._free += 1
        self.in_flight -= 1
        exchange.behind_ns = self._bunching.behind_ns(exchange.dispatched_ns)
        self._pump()
        self._record(exchange)
        self._render_ahead()
