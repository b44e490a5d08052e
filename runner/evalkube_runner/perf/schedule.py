"""The schedule of requests: a pure function of (seed, global request index). No clock; the only I/O is reading the file
of recorded arrivals.

Randomness is counter-based (Philox, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): block b of
4096 indices has its own counter, so any shard computes any part, and any number of lanes sends the same workload.
Arrivals are absolute and are never rescaled: the number that falls into a window is itself Poisson, as it is for
users.

Gaps between arrivals are of unit mean: all alike (constant), exponential (Poisson) or gamma. Where the rate changes
while a point runs, `rates` says when so much of it has passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkube_runner.perf.rates import Stage, times_s

__all__ = [
    "Arrivals",
    "Lane",
    "Planned",
    "arrival_blocks",
    "lane_slots",
    "lane_total",
    "plan",
    "token_limits",
    "write_arrivals",
]

BLOCK = 4096
_ARRIVALS = 1
_TOKENS = 2
_NANO = 1_000_000_000
_OFFSET = np.dtype("<i8")


@dataclass(frozen=True, slots=True)
class Planned:
    """A request to send: its global index, its due time after the start (None: as soon as a slot is free), its
    token limit.
    """

    index: int
    due_ns: int | None
    max_tokens: int | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The arrivals of requests with a rate. `burstiness` is the shape of gamma gaps: 1 is Poisson, below it they come
    in bursts (the gaps' standard deviation is 1/sqrt(burstiness) of their mean), as in vLLM's `bench serve
    --burstiness`. `stages`: how the rate changes; none where it is the same all the time. `recorded`: a file of the
    times of a trace (`write_arrivals`), which then says all; it has as many as a point has requests, or more.
    """

    process: Literal["constant", "poisson", "gamma"] = "poisson"
    burstiness: float = 1.0
    stages: tuple[Stage, ...] = ()
    recorded: Path | None = None

    @property
    def timed(self) -> bool:
        """Whether the arrivals have times of their own, and need no rate."""
        return bool(self.stages) or self.recorded is not None


@dataclass(frozen=True, slots=True)
class Lane:
    """The part of one worker process of a shard's load: every `lanes`-th index from `lane` on."""

    lane: int
    lanes: int


_POISSON = Arrivals()


def _generator(seed: int, stream: int, block: int) -> np.random.Generator:
    """The numbers of one block. Its counter starts at block * 2**192, so no two blocks overlap."""
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, block]))


def _uniform_block(seed: int, stream: int, block: int) -> NDArray[np.float64]:
    """The `BLOCK` uniform numbers in [0, 1) of one block."""
    return _generator(seed, stream, block).random(BLOCK)


def arrival_blocks(
    seed: int, rate: float | None, count: int, arrivals: Arrivals = _POISSON
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The `count` arrivals at `rate` per second, or at that of the stages: (first index, offsets in ns) per block,
    offsets never decreasing.

    Gaps are rounded to whole ns (with stages: to 1e-9 of a gap) before they are summed, so that a last bit of `log1p`
    that differs between machines does not shift all that follows.
    """
    if arrivals.recorded is not None:
        yield from _recorded_blocks(arrivals.recorded, count)
        return
    gap_ns = _NANO / rate if rate is not None and not arrivals.stages else float(_NANO)
    upto = 0
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        if arrivals.process == "constant":
            offsets = np.rint(np.arange(first, first + size) * gap_ns).astype(np.int64)
        else:
            gaps = np.rint(_gaps(seed, arrivals, first // BLOCK)[:size] * gap_ns).astype(np.int64)
            offsets = upto + np.cumsum(gaps)
            upto = int(offsets[-1])
        if arrivals.stages:
            offsets = np.rint(times_s(arrivals.stages, offsets / _NANO) * _NANO).astype(np.int64)
        yield first, offsets


def _recorded_blocks(path: Path, count: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    with path.open("rb") as file:
        for first in range(0, count, BLOCK):
            offsets = np.fromfile(file, dtype=_OFFSET, count=min(BLOCK, count - first))
            assert len(offsets) == min(BLOCK, count - first), "a trace has a time for each request of a point"
            yield first, offsets.astype(np.int64)


def write_arrivals(path: Path, offsets_ns: NDArray[np.int64]) -> None:
    """Write recorded arrivals for all lanes: a file of int64, each the ns after the start, never decreasing. So no
    task message holds them, and a worker has one block in memory.
    """
    part = path.with_suffix(".part")
    offsets_ns.astype(_OFFSET).tofile(part)
    part.rename(path)


def _gaps(seed: int, arrivals: Arrivals, block: int) -> NDArray[np.float64]:
    """The gaps of one block, of unit mean. An exponential one is -ln(1 - u): inversion, one number per index. Gamma's
    inverse is no closed form, so numpy draws a whole block from the block's own counter.
    """
    if arrivals.process == "gamma":
        return _generator(seed, _ARRIVALS, block).standard_gamma(arrivals.burstiness, BLOCK) / arrivals.burstiness
    return -np.log1p(-_uniform_block(seed, _ARRIVALS, block))


def token_limits(seed: int, low: int, high: int, block: int) -> NDArray[np.int64]:
    """The token limits of one block of indices, uniform in [low, high]."""
    uniform = _uniform_block(seed, _TOKENS, block)
    return low + np.floor(uniform * (high - low + 1)).astype(np.int64)


def plan(
    seed: int,
    lane: Lane,
    count: int,
    *,
    rate: float | None,
    max_tokens: tuple[int, int] | None,
    arrivals: Arrivals = _POISSON,
) -> Iterator[Planned]:
    """The requests of one lane out of `count`, in order; memory stays that of one block."""
    blocks = arrival_blocks(seed, rate, count, arrivals) if rate is not None or arrivals.timed else None
    for first in range(0, count, BLOCK):
        offsets = next(blocks)[1] if blocks is not None else None
        limits = token_limits(seed, *max_tokens, first // BLOCK) if max_tokens is not None else None
        start = (lane.lane - first) % lane.lanes
        for at in range(start, min(BLOCK, count - first), lane.lanes):
            yield Planned(
                first + at,
                None if offsets is None else int(offsets[at]),
                None if limits is None else int(limits[at]),
            )


def lane_total(lane: Lane, count: int) -> int:
    """The number of indices, of `count`, that a lane has."""
    return len(range(lane.lane, count, lane.lanes))


def lane_slots(lane: Lane, parallel: int) -> int:
    """The number of slots, of `parallel`, that a lane has: they add up exactly, the first lanes have one more."""
    return parallel // lane.lanes + (lane.lane < parallel % lane.lanes)
