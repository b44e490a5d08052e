"""The points of a load test that replays a trace: each sends its first requests anew, when they came. Pure, but for the
one file that all workers read the times from.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.point_names import point_names
from evalkube_crds.result_parts import NANO
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import schedule
from evalkube_runner.perf.point import Point, Recorded
from evalkube_runner.perf.schedule import Arrivals

__all__ = ["replayed", "written"]

_FILE = "arrivals.bin"

Times = NDArray[np.int64]


def written(times_ns: Times, folder: Path) -> Arrivals:
    """The arrivals of a trace, in a file of `folder`."""
    path = folder / _FILE
    schedule.write_arrivals(path, times_ns)
    return Arrivals(recorded=path)


def replayed(spec: PerfRunSpec, times_ns: Times, arrivals: Arrivals) -> Iterator[Point]:
    """The points; `times_ns`: when the requests of the trace are due, from `dataset_offset` on.

    Raises RunFailed(InvalidSpec) where the trace has too few.
    """
    there = len(times_ns)
    numbers = spec.number or [_whole(spec, there)]
    names = point_names([(number, None, None) for number in numbers], "trace")
    for name, number in zip(names, numbers, strict=True):
        warmup = spec.warmup_of(number)
        total = warmup + number
        if total > there or number < 1:
            raise RunFailed(Reason.INVALID_SPEC, _too_few(spec, number, warmup, there))
        recorded = _recorded(times_ns[:total], warmup)
        last_s = int(times_ns[total - 1]) / NANO
        rate = total / last_s if last_s else None
        yield Point(name, number, None, rate, warmup, 0, arrivals=arrivals, recorded=recorded)


def _whole(spec: PerfRunSpec, there: int) -> int:
    """The most measured requests that, with their warm-up, a trace has."""
    asked = spec.warmup_num
    number = there - int(asked) if asked >= 1 else int(there / (1 + asked))
    while number > 0 and number + spec.warmup_of(number) > there:
        number -= 1
    return number


def _too_few(spec: PerfRunSpec, number: int, warmup: int, there: int) -> str:
    behind = f" from dataset_offset {spec.dataset_offset} on" if spec.dataset_offset else ""
    if not there:
        return f"dataset_offset: {spec.dataset_offset} is beyond the end of the trace"
    if spec.number is None:
        return f"warmup_num: leaves nothing to measure: the trace has {there} requests{behind}"
    before = f" after a warm-up of {warmup}" if warmup else ""
    return f"number: {number} requests{before}, and the trace has {there}{behind}; leave number out for all of them"


def _recorded(times_ns: Times, warmup: int) -> Recorded:
    busiest = np.searchsorted(times_ns, times_ns + NANO) - np.arange(len(times_ns))
    return Recorded(float(busiest.max()), int(times_ns[warmup]) / NANO)
