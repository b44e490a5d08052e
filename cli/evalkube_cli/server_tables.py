"""The server's own view of a load test as tables for a terminal. Pure: the answer's points in, tables out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich import box
from rich.table import Table

from evalkube_cli.table_parts import POINT_WIDTH, safe

__all__ = ["server_tables"]

_COLUMNS: Final = (
    ("Running\nmean", "running_mean", 1),
    ("Waiting\nmean", "waiting_mean", 1),
    ("Waiting\nmax", "waiting_max", 1),
    ("KV cache\nmax %", "kv_cache_max", 100),
    ("Cache\nhits %", "prefix_cache_hit_rate", 100),
    ("TTFT\nms", "ttft_mean_s", 1000),
    ("client\n+ ms", "ttft_difference_s", 1000),
    ("ITL\nms", "itl_mean_s", 1000),
    ("client\n+ ms", "itl_difference_s", 1000),
    ("GPU\nmean %", "gpu_utilization_mean", 100),
)


def server_tables(points: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """What the servers of all points said of themselves, and how much more the client measured; then what is missing.
    Nothing where no run asked for it.
    """
    seen = {name: point["server"] for name, point in points.items() if "server" in point}
    found = {name: server["figures"] for name, server in seen.items() if server["figures"]}
    shown = [column for column in _COLUMNS if any(f"server_{column[1]}" in figures for figures in found.values())]
    if shown:
        yield _figures(found, shown)
    noted = [(name, note) for name, server in seen.items() for note in server["notes"]]
    if noted:
        table = Table("Point", "About the server's metrics", title_justify="left", box=box.SIMPLE_HEAD)
        for name, note in noted:
            table.add_row(safe(name), safe(note))
        yield table


def _figures(found: Mapping[str, Mapping[str, float]], shown: list[tuple[str, str, int]]) -> Table:
    table = Table(title="As the server saw it", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Point", overflow="fold", min_width=POINT_WIDTH)
    for title, _, _ in shown:
        table.add_column(title, justify="right")
    for name, figures in found.items():
        values = (figures.get(f"server_{figure}") for _, figure, _ in shown)
        cells = ["-" if v is None else f"{v * factor:.4g}" for v, (_, _, factor) in zip(values, shown, strict=True)]
        table.add_row(safe(name), *cells)
    return table
