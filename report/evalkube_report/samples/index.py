"""The index of all samples of an evaluation (`reports/samples.npy`): what became of each, and where its lines are."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from evalkube_crds.names import SampleState

__all__ = ["DTYPE", "PATH", "STATES", "Index", "Rows", "Slice", "Subset", "load", "save"]

PATH: Final = "reports/samples.npy"
"""The artifact."""

STATES: Final = tuple(SampleState)
"""What the numbers of the field `state` stand for."""

DTYPE: Final = np.dtype(
    [
        ("dataset", "<u2"),  # place in Index.datasets
        ("subset", "<u2"),  # place in the data set's subsets
        ("index", "<u4"),  # as in the lines: question * repeats + repeat; of one subset, each once
        ("repeat", "<u2"),
        ("state", "u1"),  # place in STATES
        ("error", "u1"),  # 0: none; else 1 + place in Index.errors
        ("score", "<f4"),  # of the main metric; NaN where there is none
        ("latency_s", "<f4"),  # NaN where the model did not answer
        ("review_offset", "<u8"),
        ("review_length", "<u4"),  # 0: there is no such line
        ("prediction_offset", "<u8"),
        ("prediction_length", "<u4"),
        ("error_offset", "<u8"),
        ("error_length", "<u4"),
    ]
)
"""A row of the index. Offsets are in bytes of the artifacts that `sample_lines.path` names, lines without their end."""

Rows: TypeAlias = np.ndarray[Any, np.dtype[np.void]]


@dataclass(frozen=True, slots=True)
class Subset:
    """A subset of a data set."""

    dataset: str
    name: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an artifact: `length` bytes from `offset` on."""

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Index:
    """All samples of a run, in the order of data sets, subsets and their places there.

    `datasets` and `subsets` (by data set) are the names that rows number; `errors` those of classes of errors.
    """

    rows: Rows
    model: str
    datasets: tuple[str, ...]
    subsets: tuple[tuple[str, ...], ...]
    errors: tuple[str, ...]

    def slices(self, row: int) -> dict[str, Slice]:
        """Where the lines of a row are, by kind (`reviews`, `predictions`, `errors`); only those that there are."""
        raise NotImplementedError

    def find(self, dataset: str, subset: str, index: int) -> int | None:
        """The row of a sample; None where there is none such."""
        raise NotImplementedError


def load(data: bytes) -> Index:
    """The index of a file. Takes no time that grows with it. Raises index_file.IndexUnreadable."""
    raise NotImplementedError


def save(index: Index) -> bytes:
    """The file of an index."""
    raise NotImplementedError
