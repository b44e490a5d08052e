"""What the shards of a load test tell each other while they measure a point, so that one decision is everybody's. Pure.

Each tells the operator's ingest how its own load fares, and is told what that of the others adds up to. Nobody's word
waits for another's: what is known may be a second old.
"""

from collections.abc import Mapping

from pydantic import Field

from evalkube_crds.result_parts import Report

__all__ = ["LoadNews", "OthersNews", "others_of"]


class LoadNews(Report):
    """One shard's load of one point, as far as it is."""

    turn: int = Field(ge=0, lt=1000, description="Which point: the number of its common start")
    sent: int = Field(default=0, ge=0, description="Measured requests that were sent")
    failed: int = Field(default=0, ge=0, description="Those of them that failed")
    lost: bool = Field(default=False, description="None of its workers finds a connection, for as long as the grace")
    tries: int = Field(default=0, ge=0, description="The last requests that all found none")
    over: bool = Field(default=False, description="Its load has ended, by itself or early")
    ended: str = Field(default="", max_length=1000, description="Why it decided to end the load early, where it did")
    gone: bool = Field(default=False, description="Whether that was because the target is gone")


class OthersNews(Report):
    """What the other shards told of the same point. `ended` of an earlier point counts where the target was gone."""

    loading: int = Field(default=0, description="Shards whose load goes on")
    lost: int = Field(default=0, description="Those of them that find no connection")
    tries: int = 0
    sent: int = 0
    failed: int = 0
    ended: str = Field(default="", description="Why one of them ended the load early: the lowest in number")
    gone: bool = False


def others_of(told: Mapping[int, LoadNews], shard: int, turn: int) -> OthersNews:
    """What `shard` hears at `turn`; `told`: the last word of each."""
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
