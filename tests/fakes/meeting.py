"""What ingest does for the shards of a load test, within one process: the common start, and a word of the others."""

import asyncio
import time
from pathlib import Path

from evalkube_crds.load_news import LoadNews, OthersNews, others_of
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_runner.context import RunContext, Share, StartInstant
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.perf import sweep

__all__ = ["DOUBT_NS", "LEAD_NS", "Meeting"]

LEAD_NS = 300_000_000
DOUBT_NS = 2_000_000


class Meeting:
    """Of so many shards. `deaf`: nobody is told anything of the others' loads."""

    def __init__(self, shards: int, *, deaf: bool = False) -> None:
        self._arrived: dict[int, int] = {}
        self._opened: dict[int, asyncio.Future[StartInstant]] = {}
        self._told: dict[int, LoadNews] = {}
        self.starts_at_ns: list[int] = []
        """Of each point, in Unix time."""
        self._shards = shards
        self._deaf = deaf

    async def start(self, turn: int) -> StartInstant:
        """The instant at which all shards begin point `turn`."""
        opened = self._opened.setdefault(turn, asyncio.get_running_loop().create_future())
        self._arrived[turn] = self._arrived.get(turn, 0) + 1
        if self._arrived[turn] == self._shards:
            self.starts_at_ns.append(time.time_ns() + LEAD_NS)
            opened.set_result(StartInstant(time.monotonic_ns() + LEAD_NS, self.starts_at_ns[-1], DOUBT_NS))
        return await opened

    def share(self, shard: int) -> Share:
        """How that shard tells the others of its load."""

        async def tell(news: LoadNews) -> OthersNews | None:
            self._told[shard] = news
            return None if self._deaf else others_of(self._told, shard, news.turn)

        return tell

    async def shard(self, folder: Path, spec: PerfRunSpec, at: int) -> PerfResult:
        """Shard `at` of a load test; its files are in `folder`/`at`."""
        home = folder / str(at)
        (home / "scratch").mkdir(parents=True)
        delivery = FileDelivery(home / "artifacts", home / "control", pipeline="perf")
        context = RunContext(
            "r",
            delivery,
            home / "scratch",
            home / "cache",
            at,
            self._shards,
            start=self.start,
            share=self.share(at),
        )
        return await sweep.load_test(spec, context)

    async def all(self, folder: Path, *specs: PerfRunSpec) -> list[PerfResult]:
        """All shards at once, each with its spec."""
        return list(await asyncio.gather(*(self.shard(folder, spec, at) for at, spec in enumerate(specs))))
