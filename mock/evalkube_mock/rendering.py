"""Replies turned into wire pieces once and kept, so that a request only adds its stamp. Pure but for the cache."""

import dataclasses
from collections.abc import Hashable

from evalkube_mock import wire
from evalkube_mock.dialects.model import Ask, Dialect, Event, Reply

__all__ = ["Prepared", "Shelf", "prepare"]

_SHELF_TOKENS = 100_000  # about 30 MB of prepared tokens


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A reply ready to be sent. The events are framed; a whole answer (not streamed) has none."""

    reply: Reply
    opening: Event = ()
    steps: tuple[Event, ...] = ()  # one per token
    closing: Event = ()
    everything: Event = ()  # opening, steps and closing in one piece


def prepare(dialect: Dialect, ask: Ask, reply: Reply, *, role: bool, chunked: bool) -> Prepared:
    """Render `reply` for any request that differs from `ask` only in its prompt and its usage option."""
    if not ask.stream:
        return Prepared(reply)
    stamp_bytes = len(dialect.stamp(ask, 0, 1_000_000_000))
    script = dialect.script(ask, reply, role=role)

    def step(events: tuple[Event, ...]) -> Event:
        return wire.flat(wire.framed(event, stamp_bytes) if chunked else event for event in events)

    opening, closing = step(script.opening), step(script.closing)
    steps = tuple(step(events) for events in script.tokens)
    return Prepared(reply, opening, steps, closing, wire.flat((opening, *steps, closing)))


class Shelf:
    """Keeps what was prepared, bounded by its tokens; when full it starts anew (the workloads that matter repeat)."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Prepared] = {}
        self._tokens = 0

    def get(self, key: Hashable) -> Prepared | None:
        """Give what was put under `key`, or None."""
        return self._kept.get(key)

    def put(self, key: Hashable, prepared: Prepared) -> None:
        """Keep `prepared`, unless it alone would fill the shelf."""
        cost = prepared.reply.tokens + 1
        if cost > _SHELF_TOKENS // 4:
            return
        if self._tokens + cost > _SHELF_TOKENS:
            self._kept.clear()
            self._tokens = 0
        self._kept[key] = prepared
        self._tokens += cost
