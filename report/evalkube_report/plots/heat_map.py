"""Heat maps: the mean score of each place of a grid, as a drawing and as the table that says the same. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalkube_report import formats
from evalkube_report.plots import drawings
from evalkube_report.plots.drawings import Svg
from evalkube_report.table import Row, Table

__all__ = ["Cell", "HeatMap", "heat_maps"]

_NAMES = {"context_length": "Context length (tokens)", "depth_percent": "Depth (%)"}


@dataclass(frozen=True, slots=True)
class Cell:
    """The score of one sample, at one place of its benchmark's grid."""

    subset: str
    x: float
    y: float
    score: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One subset's map, for those who see it and for those who read it."""

    drawing: Svg
    table: Table


def heat_maps(cells: Iterable[Cell], axes: tuple[str, str], metric: str) -> list[HeatMap]:
    """A map of each subset, in the order in which they come."""
    by_subset: dict[str, list[Cell]] = {}
    for cell in cells:
        by_subset.setdefault(cell.subset, []).append(cell)
    x_name, y_name = (_NAMES.get(axis, axis) for axis in axes)
    return [_heat_map(found, subset, metric, x_name, y_name) for subset, found in by_subset.items()]


def _heat_map(cells: Sequence[Cell], subset: str, metric: str, x_name: str, y_name: str) -> HeatMap:
    xs, ys = sorted({cell.x for cell in cells}), sorted({cell.y for cell in cells})
    scores: dict[tuple[float, float], list[float]] = {}
    for cell in cells:
        scores.setdefault((cell.x, cell.y), []).append(cell.score)
    means = {place: sum(found) / len(found) for place, found in scores.items()}
    grid = [[means.get((x, y)) for x in xs] for y in ys]
    columns, names = [f"{x:,g}" for x in xs], [f"{y:g}" for y in ys]
    title = f"{subset}: {metric}"
    rows = tuple(Row((name, *map(formats.percent, line))) for name, line in zip(names, grid, strict=True))
    return HeatMap(
        drawings.heat_map(grid, columns, names, title=f"{title} (%)", x_label=x_name, y_label=y_name),
        Table(f"{title}, by {y_name} (rows) and {x_name} (columns)", (y_name, *columns), rows),
    )
