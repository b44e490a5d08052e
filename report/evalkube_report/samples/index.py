"""The index of all samples of an evaluation (`reports/samples.npy`): the state of each, and the place of its lines."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from evalkube_crds import sample_lines
from evalkube_crds.names import ErrorClass, SampleState
from evalkube_report import index_file
from evalkube_report.index_file import IndexUnreadable, Rows, Slice

__all__ = ["DTYPE", "KINDS", "PATH", "STATES", "Index", "IndexUnreadable", "Rows", "Slice", "load", "save"]

PATH: Final = "reports/samples.npy"
"""The artifact."""

STATES: Final = tuple(SampleState)
"""What the numbers of the field `state` stand for."""

KINDS: Final = (("reviews", "review"), ("predictions", "prediction"), ("errors", "error"))
"""The kinds of lines, and what the fields with their places begin with."""

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
"""A row of the index. Offsets are in bytes of the artifacts that `sample_lines.path` names; lines without their end."""


@dataclass(frozen=True, slots=True)
class Index:
    """All samples of a run, in the order of data sets, subsets and samples.

    `datasets`, `subsets` (by data set) and `errors` (classes) are the names for the numbers in the rows.
    """

    rows: Rows
    model: str
    datasets: tuple[str, ...]
    subsets: tuple[tuple[str, ...], ...]
    errors: tuple[str, ...] = tuple(map(str, ErrorClass))

    def slices(self, row: int) -> dict[str, Slice]:
        """The places of a row's lines, by kind (`reviews`, `predictions`, `errors`). A missing line is left out."""
        found = self.rows[row]
        dataset = self.datasets[found["dataset"]]
        path = partial(
            sample_lines.path,
            model=self.model,
            dataset=dataset,
            subset=self.subsets[found["dataset"]][found["subset"]],
        )
        return {
            kind: Slice(path(kind), int(found[f"{name}_offset"]), int(found[f"{name}_length"]))
            for kind, name in KINDS
            if found[f"{name}_length"]
        }

    def find(self, dataset: str, subset: str, index: int) -> int | None:
        """The row of a sample; None if there is no such sample."""
        if dataset not in self.datasets:
            return None
        at = self.datasets.index(dataset)
        if subset not in self.subsets[at]:
            return None
        rows = self.rows
        of_subset = (rows["dataset"] == at) & (rows["subset"] == self.subsets[at].index(subset))
        found = np.flatnonzero(of_subset & (rows["index"] == index))
        return int(found[0]) if len(found) else None


def load(data: bytes) -> Index:
    """Reads the index from a file's bytes: 100,000 samples in about a millisecond. Raises IndexUnreadable."""
    rows, about = index_file.unpacked(data, DTYPE, PATH)
    try:
        index = Index(
            rows=rows,
            model=str(about["model"]),
            datasets=tuple(map(str, about["datasets"])),
            subsets=tuple(tuple(map(str, names)) for names in about["subsets"]),
            errors=tuple(map(str, about["errors"])),
        )
    except (KeyError, TypeError) as problem:
        words = f"{PATH} does not say what its numbers stand for ({problem!r})"
        raise IndexUnreadable(f"{words}: {index_file.REMEDY}") from None
    if not _is_sound(index):
        raise IndexUnreadable(f"{PATH} has numbers that stand for nothing: {index_file.REMEDY}")
    return index


def _is_sound(index: Index) -> bool:
    """Whether all numbers in the rows have names."""
    rows, sizes = index.rows, np.array([len(names) for names in index.subsets])
    if len(sizes) != len(index.datasets):
        return False
    return not len(rows) or bool(
        rows["dataset"].max() < len(sizes)
        and np.all(rows["subset"] < sizes[rows["dataset"]])
        and rows["state"].max() < len(STATES)
        and rows["error"].max() <= len(index.errors)
    )


def save(index: Index) -> bytes:
    """The bytes of an index's file."""
    about = {"model": index.model, "datasets": index.datasets, "subsets": index.subsets, "errors": index.errors}
    return index_file.packed(index.rows, about)
