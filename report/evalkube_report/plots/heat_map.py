"""Heat maps: the mean score of each cell of a grid, for each subset. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalkube_report.plots.values import Grid

__all__ = ["Cell", "heat_maps"]

_NAMES = {"context_length": "Context length (tokens)", "depth_percent": "Depth (%)"}


@dataclass(frozen=True, slots=True)
class Cell:
    """The score of one sample in one cell of its benchmark's grid."""

    subset: str
    x: float
    y: float
    score: float


def heat_maps(cells: Iterable[Cell], axes: tuple[str, str], metric: str) -> list[Grid]:
    """A heat map for each subset, in the order of the subsets."""
    by_subset: dict[str, list[Cell]] = {}
    for cell in cells:
        by_subset.setdefault(cell.subset, []).append(cell)
    x_name, y_name = (_NAMES.get(axis, axis) for axis in axes)
    return [_heat_map(found, f"{subset}: {metric}", x_name, y_name) for subset, found in by_subset.items()]


def _heat_map(cells: Sequence[Cell], title: str, x_name: str, y_name: str) -> Grid:
    xs, ys = sorted({cell.x for cell in cells}), sorted({cell.y for cell in cells})
    scores: dict[tuple[float, float], list[float]] = {}
    for cell in cells:
        scores.setdefault((cell.x, cell.y), []).append(cell.score)
    means = {place: sum(found) / len(found) for place, found in scores.items()}
    return Grid(
        title=title,
        columns=tuple(f"{x:,g}" for x in xs),
        rows=tuple(f"{y:g}" for y in ys),
        cells=tuple(tuple(means.get((x, y)) for x in xs) for y in ys),
        x_title=x_name,
        y_title=y_name,
    )
