"""The cache of rendered replies: a request only adds its stamp. Pure apart from the cache."""

import dataclasses
from collections.abc import Hashable

from evalkube_mock import wire
from evalkube_mock.dialects.model import EVENT_STREAM, Ask, Dialect, Event, Reply

__all__ = ["Prepared", "Shelf", "prepare"]

_SHELF_BYTES = 25_000_000  # of events, each of which is kept twice: alone and in `everything`
_ENTRY_BYTES = 250  # of an entry without events


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A rendered reply. The events are framed; a complete answer (not streamed) has none."""

    reply: Reply
    opening: Event = ()
    steps: tuple[Event, ...] = ()  # one per token
    closing: Event = ()
    everything: Event = ()  # opening, steps and closing in one piece
    content_type: bytes = EVENT_STREAM


def prepare(dialect: Dialect, ask: Ask, reply: Reply, *, role: bool, chunked: bool) -> Prepared:
    """Renders `reply` for any request that differs from `ask` only in what the cache's key leaves out."""
    if not ask.stream:
        return Prepared(reply)
    stamp_bytes = len(dialect.stamp(ask, 0, 1_000_000_000))
    script = dialect.script(ask, reply, role=role)

    def step(events: tuple[Event, ...]) -> Event:
        return wire.flat(wire.framed(event, stamp_bytes) if chunked else event for event in events)

    opening, closing = step(script.opening), step(script.closing)
    steps = tuple(step(events) for events in script.tokens)
    return Prepared(reply, opening, steps, closing, wire.flat((opening, *steps, closing)), script.content_type)


class Shelf:
    """A cache of rendered replies, bounded by bytes. When it is full it is cleared, because real workloads repeat."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Prepared] = {}
        self._bytes = 0

    def get(self, key: Hashable) -> Prepared | None:
        """The reply that was stored under `key`; None without one."""
        return self._kept.get(key)

    def put(self, key: Hashable, prepared: Prepared) -> None:
        """Keeps `prepared`, unless it alone would fill more than half of the cache."""
        cost = sum(map(len, prepared.everything)) + _ENTRY_BYTES
        if cost > _SHELF_BYTES // 2:
            return
        if self._bytes + cost > _SHELF_BYTES:
            self._kept.clear()
            self._bytes = 0
        self._kept[key] = prepared
        self._bytes += cost
