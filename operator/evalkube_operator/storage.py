"""Watches whether the store has room, by its writes and by a probe. Without room no run is started.

A shortage is over when a probe finds room and no write has been refused for a while: runners whose writes are refused
try again every few seconds, and the probe is small. Nothing of this is on record: a new operator learns it anew, by
the probe that the first run to start asks for.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evalkube_operator.errors import Unavailable
from evalkube_operator.store.interface import StoreFull

__all__ = ["Storage", "StoreRoom"]

_LOG = logging.getLogger("evalkube.operator")
_FRESH: Final = timedelta(seconds=10)
"""For so long after room was found runs start without another probe."""
_QUIET: Final = timedelta(seconds=10)
"""Without a refused write: twice the longest pause of a runner between two tries."""
_EVERY_S: Final = 5.0
_PROBE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class StoreRoom:
    """The store's room as last seen. `shortage` is the store's own message; empty where there is room."""

    shortage: str = ""


class Storage:
    """Knows whether the store has room. It belongs to one event loop. `check` is a small write, which raises as
    `Store.check` does. `changed` is called with the shortage when there is one, and with an empty text when it is over.
    """

    def __init__(
        self, check: Callable[[], Awaitable[None]], changed: Callable[[str], None], *, now: Callable[[], datetime]
    ) -> None:
        self._check = check
        self._changed = changed
        self._now = now
        self._shortage = ""
        self._asked_at: datetime | None = None
        self._refused_at: datetime | None = None
        self._probing = asyncio.Lock()
        self._short = asyncio.Event()

    def room(self) -> StoreRoom | None:
        """Whether the store has room, as last seen; None where that is not known, or too old."""
        if self._shortage:
            return StoreRoom(self._shortage)
        fresh = self._asked_at is not None and self._now() - self._asked_at < _FRESH
        return StoreRoom() if fresh else None

    def refused(self, problem: StoreFull) -> None:
        """Note that a write found no room."""
        self._refused_at = self._now()
        if not self._shortage:
            self._set(str(problem))

    async def look(self) -> None:
        """Probe the store where its room is not known. A store that does not answer counts as not full."""
        async with self._probing:
            if self.room() is None:
                await self.probe()

    async def probe(self) -> None:
        """Find out by one small write whether the store has room."""
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._check()
        except StoreFull as problem:
            self.refused(problem)
        except (Unavailable, TimeoutError) as problem:
            _LOG.warning("whether the store has room is not known: %s", str(problem) or "it does not answer")
        else:
            if self._shortage and (self._refused_at is None or self._now() - self._refused_at >= _QUIET):
                self._set("")
        self._asked_at = self._now()

    async def keep(self) -> None:
        """Look for room again while there is none, until cancelled."""
        while True:
            await self._short.wait()
            await asyncio.sleep(_EVERY_S)
            await self.probe()

    def _set(self, shortage: str) -> None:
        self._shortage = shortage
        if shortage:
            self._short.set()
        else:
            self._short.clear()
        self._changed(shortage)
