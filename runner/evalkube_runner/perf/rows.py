"""The rows of requests: a line of JSON for each, on disk in batches. Rows whose tokens are yet to be counted wait in a
file.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson

from evalkube_runner.perf.answer_tokens import tokens_of
from evalkube_runner.perf.delays import lags_of
from evalkube_runner.perf.exchange import Exchange

__all__ = ["Rows", "Timing", "Waiting"]

_LINES_PER_WRITE = 256
_BATCH = 256
_NOTHING: Mapping[str, Any] = MappingProxyType({})

Timing: TypeAlias = tuple[Sequence[Sequence[int]], int, Sequence[int]]
"""The spans of an answer's choices, its chunks of others (see `timeline.tpots_of`), and `delays.lags_of` it."""

Waiting: TypeAlias = tuple[dict[str, Any], list[str], Timing, str | None]
"""A row, the texts of its answer, and their times; and the request's body, where its prompt is no item of the data."""


class Rows:
    """The rows of one worker and one point. Times in them count from `start_ns`, monotonic."""

    def __init__(self, path: Path, *, start_ns: int, warmup: int, run: int | None) -> None:
        """`run` tells the runs of a repeated point apart, and is no part of the rows of others."""
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._start_ns = start_ns
        self._warmup = warmup
        self._run = run
        self._lines: list[bytes] = []
        self._spool = _Spool(path.with_suffix(".waiting"))

    def add(self, exchange: Exchange, *, further: Mapping[str, Any] = _NOTHING, body: bytes | None = None) -> None:
        """Take one request that is over. `further`: columns beside those of all rows; `body`: see `Waiting`."""
        row = row_of(exchange, self._start_ns, warmup=exchange.index < self._warmup)
        if further:
            row |= further
        if self._run is not None:
            row["run"] = self._run
        if exchange.texts is None:
            self.write(row)
        else:
            timing = (list(map(tuple, exchange.spans)), exchange.strays, lags_of(exchange))
            self._spool.keep((row, exchange.texts, timing, body.decode() if body is not None else None))

    def write(self, row: dict[str, Any]) -> None:
        """Write a row that is made elsewhere."""
        self._lines.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= _LINES_PER_WRITE:
            self._flush()

    def waiting(self) -> Iterator[list[Waiting]]:
        """The rows that wait, batch by batch, each once; to be given back to `write`. Nothing is added from now on."""
        return self._spool.batches()

    def close(self) -> None:
        """Write all rows to the disk; those that still wait go as they are."""
        for batch in self._spool.batches():
            for row, *_ in batch:
                self.write(row)
        self._spool.close()
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write(b"".join(self._lines))
        self._lines.clear()


class _Spool:
    """Rows with texts, written and then read once, so that memory holds a batch of them at most."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._reading = False
        path.unlink()  # nobody else's, and gone with this process

    def keep(self, waiting: Waiting) -> None:
        self._file.write(orjson.dumps(waiting, option=orjson.OPT_APPEND_NEWLINE))

    def batches(self) -> Iterator[list[Waiting]]:
        if not self._reading:
            self._file.seek(0)
            self._reading = True
        while lines := list(islice(self._file, _BATCH)):
            yield [orjson.loads(line) for line in lines]

    def close(self) -> None:
        self._file.close()


def row_of(exchange: Exchange, start_ns: int, *, warmup: bool) -> dict[str, Any]:
    """The row of a request: times in ns since the start of the point, null where something never happened. All requests
    of one point have the same columns.
    """

    def since(at_ns: int) -> int | None:
        return at_ns - start_ns if at_ns else None

    basis, given, made = tokens_of(exchange)
    row: dict[str, Any] = {
        "index": exchange.index,
        "warmup": warmup,
        "intended_ns": since(exchange.intended_ns),
        "dispatched_ns": since(exchange.dispatched_ns),
        "sent_ns": since(exchange.sent_ns),
        "first_byte_ns": since(exchange.first_byte_ns),
        "first_token_ns": since(exchange.first_token_ns),
        "last_token_ns": since(exchange.last_token_ns),
        "end_ns": since(exchange.end_ns),
        "status": exchange.status or None,
        "finish_reason": exchange.finish_reason,
        "prompt_tokens": given,
        "completion_tokens": made,
        "token_basis": basis,
        "chunks": exchange.chunks,
        "resent": exchange.resent,
        "error": exchange.error,
        "message": exchange.message or None,
    }
    return row | {"inputs": exchange.inputs} if exchange.is_wordless else row
