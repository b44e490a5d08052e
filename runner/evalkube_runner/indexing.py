"""Makes the index and the table of a run's samples, or of a point's requests, from the files of their lines.

Blocking, for a thread. Memory holds the index and a few thousand lines, whatever the run had.
"""

import gzip
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from evalkube_crds import sample_lines
from evalkube_crds.results import EvalResult
from evalkube_report import csv_file
from evalkube_report.csv_file import Cell
from evalkube_report.index_file import Slice
from evalkube_report.requests import building as request_building
from evalkube_report.requests import index as request_index
from evalkube_report.samples import building as sample_building
from evalkube_report.samples import index as sample_index
from evalkube_report.samples import table as sample_table
from evalkube_runner.packing import SUFFIX

__all__ = ["LINES", "MOST_SHOWN", "SampleTables", "index_requests"]

MOST_SHOWN: Final = 200
"""Samples of one state and subset that a page may show: as many as it shows in all."""

LINES: Final = ("reviews", "predictions", "errors")
"""The kinds of lines that a subset is indexed by."""


class SampleTables:
    """Builds the index of an evaluation's samples and their table, subset by subset, in order. Close it."""

    def __init__(self, result: EvalResult, repeats: int, table: Path) -> None:
        """Start the index. `table` is the file that is written."""
        self._result = result
        self._builder = sample_building.Builder(result, repeats)
        self._file = table.open("wb")
        self._write([sample_table.head(result)])

    def add(self, dataset: int, subset: int, files: Mapping[str, Path]) -> dict[str, bytes]:
        """Take the lines of one subset: files by kind. Those that its page needs, by the artifacts that they are of."""
        with ExitStack() as stack:
            opened = {kind: stack.enter_context(path.open("rb")) for kind, path in files.items()}
            part = self._builder.add(dataset, subset, **opened)
            found = self._result.datasets[dataset]
            name = found.subsets[subset].name
            paths = {kind: sample_lines.path(kind, self._result.model, found.name, name) for kind in opened}
            read = _reader({paths[kind]: file for kind, file in opened.items()})
            self._write(sample_table.rows(part, self._result, read))
            shown = _shown(part, read)
            if found.heat_map is not None and "reviews" in files:  # a map has a cell of each sample of this run
                places = (part.slices(row).get("reviews") for row in range(len(part.rows)))
                shown[paths["reviews"]] = b"\n".join(read(place) for place in places if place is not None)
        return shown

    def close(self) -> None:
        """The table is written, as far as there is one."""
        self._file.close()

    def index(self) -> bytes:
        """The file of the index of all that was taken."""
        return sample_index.save(self._builder.index())

    def _write(self, rows: Iterable[Iterable[Cell]]) -> None:
        self._file.writelines(csv_file.encoded(rows))


def _shown(index: sample_index.Index, read: Callable[[Slice], bytes]) -> dict[str, bytes]:
    """The lines of the first samples of each state, by artifact, for the page."""
    rows = chain(*(np.flatnonzero(index.rows["state"] == at)[:MOST_SHOWN] for at in range(len(sample_index.STATES))))
    lines: dict[str, list[bytes]] = {}
    for row in rows:
        for place in index.slices(int(row)).values():
            lines.setdefault(place.path, []).append(read(place))
    return {path: b"\n".join(found) for path, found in lines.items()}


def _reader(files: Mapping[str, BinaryIO]) -> Callable[[Slice], bytes]:
    def read(place: Slice) -> bytes:
        return os.pread(files[place.path].fileno(), place.length, place.offset)

    return read


def index_requests(point: str, lines: str, shards: Iterable[tuple[int, Path]], table: Path | None) -> bytes:
    """The index file of a point's requests. `lines` is the artifact of their rows: those of `shards`, one after
    another. `table` is the file that is written, if any.
    """
    builder = request_building.Builder(point, lines)
    cells = _requests(builder, shards, compressed=lines.endswith(SUFFIX))
    if table is None:
        deque(cells, maxlen=0)  # the index is made on the way
    else:
        with table.open("wb") as file:
            file.writelines(csv_file.encoded(chain([request_building.COLUMNS], cells)))
    return request_index.save(builder.index())


def _requests(
    builder: request_building.Builder, shards: Iterable[tuple[int, Path]], *, compressed: bool
) -> Iterator[tuple[Cell, ...]]:
    for shard, path in shards:
        with _opened(path, compressed=compressed) as rows:
            yield from builder.add(shard, rows)


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[Iterable[bytes]]:
    if compressed:
        with gzip.open(path, "rb") as unpacked:
            yield unpacked
    else:
        with path.open("rb") as file:
            yield file
