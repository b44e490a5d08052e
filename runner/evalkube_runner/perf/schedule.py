"""Which request is sent when: a pure function of (seed, global request index). No clock, no I/O.

Randomness is counter-based (Philox, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): block b of
4096 indices has its own counter, so any shard computes any part, and any number of lanes sends the same workload.
Arrivals are absolute and are never rescaled: the number that falls into a window is itself Poisson, as it is for
users.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lane", "Planned", "arrival_blocks", "lane_slots", "lane_total", "plan", "token_limits"]

BLOCK = 4096
_ARRIVALS = 1
_TOKENS = 2
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One request to send: its global index, its due time after the start (None: as soon as a slot is free), its
    token limit.
    """

    index: int
    due_ns: int | None
    max_tokens: int | None


@dataclass(frozen=True, slots=True)
class Lane:
    """The part of a load that one worker process of one shard sends: every ``lanes``-th index from ``lane`` on."""

    lane: int
    lanes: int


def _uniform_block(seed: int, stream: int, block: int) -> NDArray[np.float64]:
    """The ``BLOCK`` uniform numbers in [0, 1) of one block. Its counter starts at block * 2**192, so no two blocks
    overlap.
    """
    bits = np.random.Philox(key=[seed, stream], counter=[0, 0, 0, block])
    return np.random.Generator(bits).random(BLOCK)


def arrival_blocks(seed: int, rate: float, count: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The ``count`` Poisson arrivals at ``rate`` per second: (first index, offsets in ns) per block, offsets never
    decreasing.

    A gap is -ln(1 - u) / rate (inversion: one uniform number per index, whatever its value), rounded to whole ns
    before it is summed, so that a last bit of ``log1p`` that differs between machines does not shift all that
    follows.
    """
    upto = 0
    for first in range(0, count, BLOCK):
        uniform = _uniform_block(seed, _ARRIVALS, first // BLOCK)[: count - first]
        gaps = np.rint(-np.log1p(-uniform) * (_NANO / rate)).astype(np.int64)
        offsets = upto + np.cumsum(gaps)
        upto = int(offsets[-1])
        yield first, offsets


def token_limits(seed: int, low: int, high: int, block: int) -> NDArray[np.int64]:
    """The token limits of one block of indices, uniform in [low, high]."""
    uniform = _uniform_block(seed, _TOKENS, block)
    return low + np.floor(uniform * (high - low + 1)).astype(np.int64)


def plan(
    seed: int, lane: Lane, count: int, *, rate: float | None, max_tokens: tuple[int, int] | None
) -> Iterator[Planned]:
    """The requests of one lane out of ``count``, in order; memory stays that of one block."""
    arrivals = arrival_blocks(seed, rate, count) if rate is not None else None
    for first in range(0, count, BLOCK):
        offsets = next(arrivals)[1] if arrivals is not None else None
        limits = token_limits(seed, *max_tokens, first // BLOCK) if max_tokens is not None else None
        start = (lane.lane - first) % lane.lanes
        for at in range(start, min(BLOCK, count - first), lane.lanes):
            yield Planned(
                first + at,
                None if offsets is None else int(offsets[at]),
                None if limits is None else int(limits[at]),
            )


def lane_total(lane: Lane, count: int) -> int:
    """How many of ``count`` indices a lane has."""
    return len(range(lane.lane, count, lane.lanes))


def lane_slots(lane: Lane, parallel: int) -> int:
    """How many of ``parallel`` slots a lane has: they add up exactly, the first lanes have one more."""
    return parallel // lane.lanes + (lane.lane < parallel % lane.lanes)
