"""Makes the index of a point's requests from their rows, and the lines of `requests.csv` at the same time.

Memory holds the index and some thousands of rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from evalkube_crds.names import ErrorClass
from evalkube_crds.result_parts import NANO
from evalkube_report import lines
from evalkube_report.csv_file import Cell
from evalkube_report.requests.index import DTYPE, Index, Rows

__all__ = ["COLUMNS", "MOST_MESSAGES", "Builder"]

COLUMNS: Final = (
    *("index", "shard", "run", "warmup", "sent_s", "latency_s", "ttft_s", "tpot_s", "input_tokens", "output_tokens"),
    *("status", "error", "message", "finish_reason", "token_basis", "chunks", "resent", "intended_s"),
    *("conversation", "turn", "inputs"),
)
"""The head of `requests.csv`. The last three are of some load tests alone, and empty in the others."""

MOST_MESSAGES: Final = 1000
"""Different messages that an index keeps."""
_MOST_MESSAGE: Final = 300
_BATCH: Final = 8192
_NAN: Final = float("nan")
_ERRORS: Final = {str(error): place for place, error in enumerate(ErrorClass, start=1)}

_Cells: TypeAlias = tuple[int | float | bool, ...]
"""A row of the index, in the order of its fields."""


@dataclass(slots=True)
class Builder:
    """Builds an index. `lines`: the artifact with the rows of all shards."""

    point: str
    lines: str
    _messages: dict[str, int] = field(default_factory=dict)
    _batch: list[_Cells] = field(default_factory=list)
    _parts: list[Rows] = field(default_factory=list)
    _end: int = 0

    def add(self, shard: int, rows: Iterable[bytes]) -> Iterator[tuple[Cell, ...]]:
        """Adds the rows of a shard and yields the cells of each. In the artifact the rows follow those of the shard
        before.

        Rows are added while the caller iterates.
        """
        counted = _Counted(rows)
        for offset, length, row in lines.records(counted, self._end):
            cells = _cells(row, shard, self._message(row.get("message")), offset, length)
            if cells is None:
                continue
            self._batch.append(cells)
            if len(self._batch) == _BATCH:
                self._close_batch()
            yield _shown(row, cells)
        self._end += counted.size_bytes

    def index(self) -> Index:
        """The index of all added rows."""
        self._close_batch()
        rows = np.concatenate(self._parts) if self._parts else np.zeros(0, DTYPE)
        order = np.lexsort((rows["sent_s"], rows["run"]))
        return Index(rows[order], self.point, self.lines, messages=tuple(self._messages))

    def _message(self, said: Any) -> int:
        """The number of a message. A new message gets a number while there are few."""
        if not isinstance(said, str) or not said:
            return 0
        text = said.encode("utf-8", "replace").decode()[:_MOST_MESSAGE]
        if text not in self._messages and len(self._messages) >= MOST_MESSAGES:
            return 0
        return self._messages.setdefault(text, len(self._messages) + 1)

    def _close_batch(self) -> None:
        if self._batch:
            part = np.zeros(len(self._batch), DTYPE)
            for name, values in zip(DTYPE.names or (), zip(*self._batch, strict=True), strict=True):
                part[name] = values
            self._parts.append(part)
            self._batch.clear()


class _Counted:
    """Lines, with a count of their bytes."""

    def __init__(self, lines_: Iterable[bytes]) -> None:
        self._lines = lines_
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.size_bytes += len(line)
            yield line


def _cells(row: dict[str, Any], shard: int, message: int, offset: int, length: int) -> _Cells | None:
    """The cells of a row; None for a line that is not a row."""
    try:
        sent_ns = next(
            (row[name] for name in ("sent_ns", "dispatched_ns", "intended_ns") if row[name] is not None), None
        )
        tokens = row["completion_tokens"] or 0
        return (
            row["index"],
            shard,
            row.get("run", 0),
            row["warmup"],
            _NAN if sent_ns is None else sent_ns / NANO,
            _between(sent_ns, row["end_ns"]),
            _between(sent_ns, row["first_token_ns"]),
            _between(row["first_token_ns"], row["last_token_ns"]) / (tokens - 1) if tokens > 1 else _NAN,
            row["prompt_tokens"] or 0,
            tokens,
            row["status"] or 0,
            0 if row["error"] is None else _ERRORS[row["error"]],
            message,
            offset,
            length,
        )
    except (KeyError, TypeError):
        return None


def _between(start_ns: int | None, end_ns: int | None) -> float:
    return _NAN if start_ns is None or end_ns is None else (end_ns - start_ns) / NANO


def _shown(row: dict[str, Any], cells: _Cells) -> tuple[Cell, ...]:
    """The cells of `COLUMNS`."""
    index, shard, run, warmup, *times, given, made, status, _, _, _, _ = cells
    intended_ns = row["intended_ns"]
    return (
        *(index, shard, run, warmup),
        *(None if time != time else round(time, 9) for time in times),
        *(given, made, status or None, row["error"], row.get("message"), row.get("finish_reason")),
        *(row.get("token_basis"), row.get("chunks"), row.get("resent")),
        None if intended_ns is None else intended_ns / NANO,
        *(row.get(name) for name in ("conversation", "turn", "inputs")),
    )
