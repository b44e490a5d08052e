"""An artifact as a row of parts, and what an append adds to it. Pure.

A bucket cannot append, so an appended artifact is a whole object (or none) followed by numbered parts, each named by
the offset it begins at. Parts may cover one another while several are being made one: the longest at an offset counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalkube_operator.store.interface import OffsetConflict, StoreCorrupt

__all__ = ["Part", "chain", "missing", "overlap_bytes", "to_merge"]

# Two steps, so that a journal of small appends is neither a part for each nor written again and again: 32 parts of up
# to 64 KiB become one, 32 of up to 4 MiB become one. A byte is rewritten twice or so; 1 GiB is at most some 300 parts.
_MERGE_AT = 32
_TIERS_BYTES = (64 << 10, 4 << 20)


@dataclass(frozen=True, slots=True)
class Part:
    """One object: it holds the artifact's bytes from `offset` on."""

    name: str
    offset: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The offset after the part's last byte."""
        return self.offset + self.size_bytes


def chain(parts: Iterable[Part]) -> list[Part]:
    """The parts that make up the artifact, in order. Raises StoreCorrupt where one is missing."""
    row: list[Part] = []
    end = 0
    for part in sorted(parts, key=lambda part: (part.offset, -part.size_bytes)):
        if part.offset > end:
            raise StoreCorrupt(f"bytes {end} to {part.offset} of {part.name} are missing")
        if part.offset < end < part.end:
            break  # the whole object was replaced just now, and the parts of the old content are not yet deleted
        if part.end > end or (part.size_bytes == 0 and not row):
            row.append(part)
            end = part.end
    return row


def overlap_bytes(size_bytes: int, offset: int, length_bytes: int) -> int:
    """How much of an append may be there already. Raises OffsetConflict for one that would leave a gap."""
    if offset > size_bytes:
        raise OffsetConflict(size_bytes)
    return min(size_bytes - offset, length_bytes)


def missing(data: bytes, there: bytes, size_bytes: int) -> bytes:
    """What of an append is still to be written, given the bytes `there` at its offset. Raises OffsetConflict."""
    if not data.startswith(there):
        raise OffsetConflict(size_bytes)
    return data[len(there) :]


def to_merge(row: Sequence[Part]) -> Sequence[Part]:
    """The last parts of a row that should become one; empty while they are few or large."""
    for limit in _TIERS_BYTES:
        first = len(row)
        while first > 0 and row[first - 1].size_bytes < limit:
            first -= 1
        if len(row) - first >= _MERGE_AT:
            return row[first:]
    return ()
