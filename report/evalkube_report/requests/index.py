"""The index of all requests of a load test's point (`<point>/requests.npy`): times, tokens, and where each row is."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

__all__ = ["DTYPE", "Index", "Rows", "Slice", "load", "path", "save"]

DTYPE: Final = np.dtype(
    [
        ("index", "<u4"),  # as in the row
        ("shard", "<u2"),
        ("run", "<u2"),  # of a point that is measured several times
        ("warmup", "?"),
        ("sent_s", "<f8"),  # since the start of the load; NaN where it was never sent
        ("latency_s", "<f4"),  # to the last byte; NaN where it did not end
        ("ttft_s", "<f4"),  # NaN where no token came
        ("tpot_s", "<f4"),  # NaN of one token, or none
        ("input_tokens", "<u4"),
        ("output_tokens", "<u4"),
        ("status", "<u2"),  # of HTTP; 0: none
        ("error", "u1"),  # 0: none; else 1 + place in Index.errors
        ("offset", "<u8"),  # of the row, in bytes of the lines (uncompressed)
        ("length", "<u4"),
    ]
)
"""A row of the index."""

Rows: TypeAlias = np.ndarray[Any, np.dtype[np.void]]


def path(point: str) -> str:
    """The artifact with the index of a point."""
    return f"{point}/requests.npy"


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an artifact: `length` bytes from `offset` on."""

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Index:
    """All requests of a point, warm-up too, in the order of the lines. `lines` is the artifact with their rows.

    `errors` are the names of classes of errors that rows number.
    """

    rows: Rows
    point: str
    lines: str
    errors: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        """Whether rows can be read by their offsets: not where the lines are compressed."""
        return not self.lines.endswith(".gz")

    def slice(self, row: int) -> Slice | None:
        """Where the row of a request is; None where it cannot be read by itself."""
        raise NotImplementedError


def load(data: bytes) -> Index:
    """The index of a file. Takes no time that grows with it. Raises index_file.IndexUnreadable."""
    raise NotImplementedError


def save(index: Index) -> bytes:
    """The file of an index."""
    raise NotImplementedError
