"""The stage of a load test's progress, in words for people. Pure."""

from evalkube_runner.perf.point import Point

__all__ = ["stage_of"]


def stage_of(point: Point, doing: str = "", *, runs: int | None = None) -> str:
    """`warming up parallel_10_number_100`; without `doing` the point is being measured.

    `runs`: of each load, where a search decides which load comes next; None in a sweep. There the load is told, as it
    has no place among points yet: `searching: 16 in flight, run 2 of 3`.
    """
    if runs is None:
        return f"{doing} {point.name}".strip()
    run = f", run {(point.run or 0) + 1} of {runs}" if runs > 1 else ""
    return f"searching: {f'{doing} {point.load}'.strip()}{run}"
