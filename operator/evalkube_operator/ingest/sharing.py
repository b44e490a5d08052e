"""Keeps the last report of each shard of a load test for the other shards, in memory. A new operator gets all reports
again within seconds.
"""

from collections import OrderedDict
from typing import Final

from evalkube_crds.load_news import LoadNews, OthersNews, others_of
from evalkube_operator.ports import Owner

__all__ = ["Sharing"]

_KEPT: Final = 1000


class Sharing:
    """The reports of load tests' shards about their loads, by attempt."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, int], dict[int, LoadNews]] = OrderedDict()

    def tell(self, owner: Owner, news: LoadNews) -> OthersNews:
        """Note a shard's report; return those of the others."""
        key = owner.run.uid, owner.attempt
        told = self._told.setdefault(key, {})
        self._told.move_to_end(key)
        if len(self._told) > _KEPT:
            self._told.popitem(last=False)
        told[owner.shard] = news
        return others_of(told, owner.shard, news.turn)
