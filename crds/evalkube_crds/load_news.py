"""The news that the shards of a load test exchange during a point, so that they decide alike. Pure.

Each shard reports its own load to the operator's ingest and receives the sum of the others. No shard waits for another:
the news may be a second old.
"""

from collections.abc import Mapping

from pydantic import Field

from evalkube_crds.result_parts import Report

__all__ = ["LoadNews", "OthersNews", "others_of"]


class LoadNews(Report):
    """The current state of one shard's load of one point."""

    turn: int = Field(ge=0, lt=1000, description="Number of the common start, which identifies the point")
    sent: int = Field(default=0, ge=0, description="Measured requests sent")
    failed: int = Field(default=0, ge=0, description="Measured requests that failed")
    lost: bool = Field(
        default=False, description="None of its workers has found a connection for the time of the grace"
    )
    tries: int = Field(default=0, ge=0, description="Number of the last requests that all found no connection")
    over: bool = Field(default=False, description="Its load has ended, normally or early")
    ended: str = Field(default="", max_length=1000, description="Reason why it ended the load early, if it did")
    gone: bool = Field(default=False, description="Whether the target was gone, and that was the reason")


class OthersNews(Report):
    """The news of the other shards about the same point.

    `ended` of an earlier point also counts where the target was gone.
    """

    loading: int = Field(default=0, description="Shards whose load continues")
    lost: int = Field(default=0, description="Shards of these that find no connection")
    tries: int = 0
    sent: int = 0
    failed: int = 0
    ended: str = Field(
        default="", description="Reason why one of them ended the load early: that of the lowest shard number"
    )
    gone: bool = False


def others_of(told: Mapping[int, LoadNews], shard: int, turn: int) -> OthersNews:
    """The news for `shard` at `turn`; `told` has the last news of each shard."""
    others = [news for at, news in sorted(told.items()) if at != shard]
    same = [news for news in others if news.turn == turn]
    loading = [news for news in same if not news.over]
    endings = [news for news in others if news.ended and (news.turn == turn or (news.gone and news.turn < turn))]
    return OthersNews(
        loading=len(loading),
        lost=sum(news.lost for news in loading),
        tries=sum(news.tries for news in loading),
        sent=sum(news.sent for news in same),
        failed=sum(news.failed for news in same),
        ended=endings[0].ended if endings else "",
        gone=any(news.gone for news in endings),
    )
