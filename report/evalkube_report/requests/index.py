"""The index of all requests of a load test's point (`<point>/requests.npy`): times, tokens, place of each row."""

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
    """The path of a point's index."""
    return f"{point}/requests.npy"


@dataclass(frozen=True, slots=True)
class Index:
    """All requests of a point, warm-up included, by run and then in the order of sending.

    `lines`: the artifact with their rows. `errors`: the names for the numbers of error classes. `messages`: the first
    different messages of failed requests. They come from servers and are untrusted.
    """

    rows: Rows
    point: str
    lines: str
    errors: tuple[str, ...] = tuple(map(str, ErrorClass))
    messages: tuple[str, ...] = ()

    def message(self, row: int) -> str | None:
        """The message of a failed request; None if none was kept."""
        place = int(self.rows[row]["message"])
        return self.messages[place - 1] if place else None

    @property
    def is_plain(self) -> bool:
        """Whether rows can be read by their offsets. This is not possible in a compressed file."""
        return not self.lines.endswith(".gz")

    def slice(self, row: int) -> Slice | None:
        """The place of a request's row; None if the row cannot be read alone."""
        if not self.is_plain:
            return None
        return Slice(self.lines, int(self.rows[row]["offset"]), int(self.rows[row]["length"]))


def load(data: bytes) -> Index:
    """Reads the index from a file's bytes. Raises IndexUnreadable."""
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
    """The bytes of an index's file."""
    names = {"errors": index.errors, "messages": index.messages}
    return index_file.packed(index.rows, {"point": index.point, "lines": index.lines, **names})
