"""Figures and quantities of a load. Pure.

A figure is one number of a point, with its names, unit and formula. A quantity is measured for each request; its mean
and percentiles are figures.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from evalkube_crds import intervals
from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import Interval
from evalkube_crds.perf_point import PerfPoint

__all__ = ["CHAT", "KINDS", "MEAN", "STATISTICS", "Better", "Figure", "Quantity", "Unit"]

MEAN: Final = None
"""The name of the one statistic that is not a percentile."""
STATISTICS: Final = (MEAN, 50, 90, 95, 99)
"""The statistics of a quantity that summaries, thresholds and service levels use."""


CHAT: Final = ("chat",)
KINDS: Final = (*CHAT, "embedding", "rerank")
"""The kinds of model (`PerfPoint.kind`)."""


class Unit(StrEnum):
    """The unit of a figure."""

    SECONDS = "s"
    SHARE = "share"
    REQUESTS = "requests"
    REQUESTS_PER_SECOND = "req/s"
    TOKENS_PER_SECOND = "tok/s"
    INPUTS_PER_SECOND = "inputs/s"
    DOCUMENTS_PER_SECOND = "documents/s"
    INPUTS = "inputs"
    TOKENS = "tokens"
    CHUNKS = "chunks"
    TURNS = "turns"


class Better(StrEnum):
    """Which of two values of a figure is better; neither for a figure that only says how much was asked."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a point.

    `of` computes it in `unit`. `name` is its name in the summary and in thresholds, `title` in tables; `meaning` is its
    formula in words. `criterion` is its name in a service level and `seed_key` its key in a response of EvalScope's
    service, if it has them. `kinds` are the kinds of model that have it. `asked`: only a test that asks for it has it.
    """

    name: str
    title: str
    unit: Unit
    of: Callable[[PerfPoint], float | None]
    better: Better = Better.NEITHER
    criterion: str = ""
    seed_key: str = ""
    meaning: str = ""
    kinds: tuple[str, ...] = KINDS
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of each successful request: a histogram of the point, of integers of which `scale` make a unit.

    `title` is its name in columns, `label` a longer one. `criterion` is the second part of a criterion's name (`ttft`
    in `p99_ttft`). `seed_column` and `seed_mean` name its percentiles and its mean in a response of EvalScope's
    service. `streamed`: only streamed answers have it. `intended` is the same quantity, counted from the intended send.
    `clustered`: one request has many values.
    """

    name: str
    histogram: str
    unit: Unit
    scale: int
    title: str
    label: str
    better: Better = Better.NEITHER
    criterion: str = ""
    seed_column: str = ""
    seed_mean: str = ""
    streamed: bool = False
    clustered: bool = False
    intended: "Quantity | None" = None
    meaning: str = ""

    def counted(self, point: PerfPoint) -> Histogram:
        """The histogram of the quantity; empty where it was not measured."""
        return point.histograms.get(self.histogram) or Histogram()

    def values(self, point: PerfPoint, statistics: Iterable[float | None]) -> list[float | None]:
        """Several statistics (`MEAN` or a percent) in its unit, from one pass over the histogram."""
        counted, wanted = self.counted(point), list(statistics)
        percents = [percent for percent in wanted if percent is not None]
        found = dict(zip(percents, counted.percentiles(percents), strict=True))
        values = [counted.mean if percent is None else found[percent] for percent in wanted]
        return [None if value is None else value / self.scale for value in values]

    def value(self, point: PerfPoint, statistic: float | None) -> float | None:
        """One statistic in its unit."""
        return self.values(point, (statistic,))[0]

    def intervals(self, point: PerfPoint, percents: Iterable[float]) -> list[Interval | None]:
        """The 95 % confidence interval of each percentile, in its unit.

        None where there are too few values. None too where one request has several values, because these are not
        independent.
        """
        counted, wanted = self.counted(point), list(percents)
        if self.clustered or counted.count > point.succeeded:
            return [None for _ in wanted]
        found = intervals.of_percentiles(counted, wanted)
        return [one and Interval(one.low / self.scale, one.high / self.scale) for one in found]

    def seed_bounds(self) -> tuple[str, str]:
        """The columns of a response that hold the ends of its percentiles' intervals: `TTFT low (s)`."""
        noun, bracket, unit = self.seed_column.partition(" (")
        return f"{noun} low{bracket}{unit}", f"{noun} high{bracket}{unit}"

    def figure(self, statistic: float | None) -> Figure:
        """The mean or a percentile, as a figure."""
        short = "mean" if statistic is None else f"p{statistic:g}"
        suffix = "_s" if self.unit is Unit.SECONDS else ""
        return Figure(
            name=f"{self.name}_{short}{suffix}",
            title=f"{self.title} {short}",
            unit=self.unit,
            of=partial(self.value, statistic=statistic),
            better=self.better,
            criterion=self.criterion and f"{'avg' if statistic is None else short}_{self.criterion}",
            seed_key=self.seed_mean if statistic is None else "",
            kinds=CHAT if self.streamed else KINDS,
        )
