"""The index of all requests of a load test's point (`<point>/requests.npy`): times, tokens, and where each row is."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkube_crds.names import ErrorClass
from evalkube_report import index_file
from evalkube_report.index_file import IndexUnreadable, Rows, Slice

__all__ = ["DTYPE", "Index", "IndexUnreadable", "Rows", "Slice", "load", "path", "save"]

DTYPE: Final = np.dtype(
    [
        ("index", "<u4"),  # as in the row
        ("shard", "<u2"),
        ("run", "<u2"),  # of a point that is measured several times
        ("warmup", "?"),
        ("sent_s", "<f8"),  # since the start of the load; where it was never sent, when it was to be
        ("latency_s", "<f4"),  # from then to the last byte, or to the failure; NaN where it did not end
        ("ttft_s", "<f4"),  # NaN where no token came
        ("tpot_s", "<f4"),  # NaN of one token, or none
        ("input_tokens", "<u4"),
        ("output_tokens", "<u4"),
        ("status", "<u2"),  # of HTTP; 0: none
        ("error", "u1"),  # 0: none; else 1 + place in Index.errors
        ("message", "<u2"),  # 0: none that is kept; else 1 + place in Index.messages
        ("offset", "<u8"),  # of the row, in bytes of the lines (uncompressed)
        ("length", "<u4"),
    ]
)
"""A row of the index."""


def path(point: str) -> str:
    """The artifact with the index of a point."""
    return f"{point}/requests.npy"


@dataclass(frozen=True, slots=True)
class Index:
    """All requests of a point, warm-up too, by run and then as they were sent. `lines` is the artifact with their rows.

    `errors` are the names of classes of errors that rows number, `messages` what failed requests said: the first of
    them that differ. They are words of servers, and untrusted.
    """

    rows: Rows
    point: str
    lines: str
    errors: tuple[str, ...] = tuple(map(str, ErrorClass))
    messages: tuple[str, ...] = ()

    def message(self, row: int) -> str | None:
        """What was said of a failed request; None where nothing was kept."""
        place = int(self.rows[row]["message"])
        return self.messages[place - 1] if place else None

    @property
    def is_plain(self) -> bool:
        """Whether rows can be read by their offsets: not where the lines are compressed."""
        return not self.lines.endswith(".gz")

    def slice(self, row: int) -> Slice | None:
        """Where the row of a request is; None where it cannot be read by itself."""
        if not self.is_plain:
            return None
        return Slice(self.lines, int(self.rows[row]["offset"]), int(self.rows[row]["length"]))


def load(data: bytes) -> Index:
    """The index of a file. Raises IndexUnreadable."""
    name = "requests.npy"
    rows, about = index_file.unpacked(data, DTYPE, name)
    try:
        index = Index(
            rows=rows,
            point=str(about["point"]),
            lines=str(about["lines"]),
            errors=tuple(map(str, about["errors"])),
            messages=tuple(map(str, about["messages"])),
        )
    except (KeyError, TypeError) as problem:
        raise IndexUnreadable(f"{name} does not say what it is of ({problem!r}): {index_file.REMEDY}") from None
    if len(rows) and (rows["error"].max() > len(index.errors) or rows["message"].max() > len(index.messages)):
        raise IndexUnreadable(f"{name} has numbers that stand for nothing: {index_file.REMEDY}")
    return index


def save(index: Index) -> bytes:
    """The file of an index."""
    names = {"errors": index.errors, "messages": index.messages}
    return index_file.packed(index.rows, {"point": index.point, "lines": index.lines, **names})
