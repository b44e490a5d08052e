"""Records of fixed size, one for each request of a worker: when it was sent and ended, and what it carried. On disk.

Rows say all of it and more, for people; what `steady` needs of a million of them is read from here within a second,
at some 50 bytes a request. Times count from the start of the point, in ns; -1 stands for what there is not.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from struct import Struct
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalkube_crds.names import ErrorClass, TokenBasis
from evalkube_runner.perf.answer_tokens import hidden_of, tokens_of
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.rows import Timing
from evalkube_runner.perf.timeline import Span, tpots_of

__all__ = ["DTYPE", "Batch", "Marks", "Outcome", "batches", "path_of"]

Batch: TypeAlias = NDArray[np.void]
"""Records, as `DTYPE` has them."""

_FIELDS: Final = (
    *(("dispatched", "q"), ("sent", "q"), ("first_token", "q"), ("end", "q"), ("tpot", "q")),
    *(("prompt_tokens", "i"), ("completion_tokens", "i"), ("inputs", "i"), ("warmup", "b"), ("outcome", "b")),
)
_WIDTHS: Final = {"q": "<i8", "i": "<i4", "b": "<i1"}
DTYPE: Final = np.dtype([(name, _WIDTHS[kind]) for name, kind in _FIELDS])
_RECORD: Final = Struct("<" + "".join(kind for _, kind in _FIELDS))
_PER_WRITE: Final = 512
_PER_READ: Final = 1 << 13  # what is worked out of eight times as many takes 20 MB more, and no less time


class Outcome(IntEnum):
    """The end of a request; or the mark of a record for a further choice of an answer, with only a time per token."""

    SUCCEEDED = 0
    FAILED = 1
    CANCELLED = 2
    CHOICE = 3


_SUCCEEDED: Final = int(Outcome.SUCCEEDED)  # a plain number is packed in a third of the time


def path_of(rows: Path) -> Path:
    """The file with the records of the worker whose rows are in `rows`."""
    return rows.with_suffix(".marks")


class Marks:
    """The records of one worker and one point. Times count from `start_ns`, monotonic."""

    def __init__(self, path: Path, *, start_ns: int, warmup: int) -> None:
        """Requests with an index below `warmup` are the warm-up."""
        self._file = path.open("wb", buffering=0)
        self._start_ns = start_ns
        self._warmup = warmup
        self._records: list[bytes] = []

    def add(self, exchange: Exchange) -> None:
        """Take one request that is over; one whose tokens are yet to be counted comes as `add_row`."""
        if exchange.texts is not None:
            return
        start_ns, first_token_ns, spans = self._start_ns, exchange.first_token_ns, exchange.spans
        basis, given, made = tokens_of(exchange)
        self._put(
            exchange.dispatched_ns - start_ns,
            (exchange.sent_ns or exchange.dispatched_ns) - start_ns,
            first_token_ns - start_ns if first_token_ns else -1,
            exchange.end_ns - start_ns,
            tpots_of(spans, made - hidden_of(exchange), basis, strays=exchange.strays)
            if spans and made and exchange.error is None
            else (),
            -1 if given is None else given,
            -1 if made is None else made,
            exchange.inputs,
            exchange.index < self._warmup,
            _SUCCEEDED if exchange.error is None else _outcome(exchange.error),
        )

    def add_row(self, row: dict[str, Any], timing: Timing) -> None:
        """Take a row whose tokens are counted, with the times of its choices."""
        spans, strays, _ = timing
        made, basis, first_token = row["completion_tokens"], TokenBasis(row["token_basis"]), row["first_token_ns"]
        self._put(
            row["dispatched_ns"],
            row["dispatched_ns"] if row["sent_ns"] is None else row["sent_ns"],
            -1 if first_token is None else first_token,
            row["end_ns"],
            tpots_of([Span(*span) for span in spans], made, basis, strays=strays) if made else (),
            -1 if row["prompt_tokens"] is None else row["prompt_tokens"],
            -1 if made is None else made,
            row.get("inputs", 0),
            row["warmup"],
            _outcome(row["error"]),
        )

    def _put(self, dispatched: int, sent: int, first_token: int, end: int, tpots: Sequence[int], *rest: int) -> None:
        """The record of a request; one more for each of its choices after the first."""
        records, pack = self._records, _RECORD.pack
        records.append(pack(dispatched, sent, first_token, end, tpots[0] if tpots else -1, *rest))
        for tpot in tpots[1:]:
            records.append(pack(dispatched, sent, -1, end, tpot, -1, -1, 0, rest[-2], Outcome.CHOICE))
        if len(records) >= _PER_WRITE:
            self._flush()

    def close(self) -> None:
        """Write all marks to the disk."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write(b"".join(self._records))
        self._records.clear()


def _outcome(error: ErrorClass | None) -> int:
    if error is None:
        return _SUCCEEDED
    return int(Outcome.CANCELLED if error == ErrorClass.CANCELLED else Outcome.FAILED)


def batches(path: Path) -> Iterator[Batch]:
    """The records of a file, some at a time, so that memory does not grow with their number."""
    with path.open("rb") as file:
        while len(found := np.fromfile(file, DTYPE, _PER_READ)):
            yield found
