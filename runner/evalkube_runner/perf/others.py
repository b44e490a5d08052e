"""Exchanges reports with the other shards of a load test while a point is measured, and decides with both whether the
load ends early.

What a target does to all of the load decides about all of it, so that no shard goes on alone with a part of what was
asked, and none leaves out points that others measure. Who hears nothing of the others decides alone after some seconds.
"""

import asyncio
import time
from collections.abc import Sequence

from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.result_parts import NANO
from evalkube_runner.context import Share
from evalkube_runner.perf import stopping
from evalkube_runner.perf.stopping import Early, Limits
from evalkube_runner.perf.task import Progress

__all__ = ["OtherShards"]

_INTERVAL_S = 1.0
_SHARDS_A_SECOND = 100
"""Half of what ingest takes from one run, whatever the number of its shards."""
_URGENT_S = 0.2
_MOST_WORDS = 500
_ALONE_S = 3.0
"""How long a shard that would end the load waits for a word of the others."""


class OtherShards:
    """The other shards of the load test, while one point is measured."""

    def __init__(self, share: Share, turn: int, shards: int) -> None:
        self._share = share
        self._turn = turn
        self._interval_s = max(_INTERVAL_S, shards / _SHARDS_A_SECOND)
        self._asking: asyncio.Task[None] | None = None
        self._asked_s = self._heard_of_s = -self._interval_s
        self._word: OthersNews | None = None
        self._alarmed_s: float | None = None
        self._early: Early | None = None
        self._left = False

    def early(self, limits: Limits, told: Sequence[Progress], now_ns: int) -> Early | None:
        """Whether the load ends now, by what this shard's workers told and what the others did."""
        now_s = now_ns / NANO
        alone = stopping.early(limits, told, now_ns)
        if alone is None:
            self._alarmed_s = None
        elif self._alarmed_s is None:
            self._alarmed_s = now_s
        self._tell(self._news(limits, told, now_ns), now_s, urgent=alone is not None)
        if self._alarmed_s is not None and self._heard_of_s < self._alarmed_s:
            self._early = alone if now_s - self._alarmed_s >= _ALONE_S else None
        elif self._word is not None:
            self._early = stopping.early(limits, told, now_ns, self._word)
        return self._early

    async def leave(self, limits: Limits, told: Sequence[Progress]) -> None:
        """Note that this shard's load is over or ends early: from now on the others' are judged without it. Never
        raises.
        """
        if self._left:
            return
        self._left = True
        if self._asking is not None:
            await asyncio.wait([self._asking])
        await self._ask(self._news(limits, told, time.monotonic_ns(), over=True), 0.0)

    def _news(self, limits: Limits, told: Sequence[Progress], now_ns: int, *, over: bool = False) -> LoadNews:
        own = self._early if self._word is None or not self._word.ended else None  # who hears it need not repeat it
        return LoadNews(
            turn=self._turn,
            sent=sum(one.sent for one in told),
            failed=sum(one.failed for one in told),
            lost=stopping.lost(limits, told, now_ns),
            tries=sum(one.unconnected for one in told),
            over=over,
            ended=own.why[:_MOST_WORDS] if own is not None else "",
            gone=own is not None and own.gone,
        )

    def _tell(self, news: LoadNews, now_s: float, *, urgent: bool) -> None:
        """Report in the background: nothing waits for an answer here."""
        if self._asking is not None and not self._asking.done():
            return
        if now_s - self._asked_s >= (_URGENT_S if urgent else self._interval_s):
            self._asked_s = now_s
            self._asking = asyncio.ensure_future(self._ask(news, now_s))

    async def _ask(self, news: LoadNews, asked_s: float) -> None:
        word = await self._share(news)
        if word is not None:
            self._word, self._heard_of_s = word, asked_s
