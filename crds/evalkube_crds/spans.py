"""Parts of a file as HTTP requests them (RFC 9110, 14): Range and Content-Range. Pure.

Both the service and its store use them.
"""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Span", "asked", "size_of", "told", "written"]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes of a file from `first` to `last`, both included.

    `last` None: to the end. `first` negative: the last bytes, that many.
    """

    first: int
    last: int | None = None

    def within(self, size_bytes: int) -> "Span | None":
        """The same range in a file of that size, cut to existing bytes; None if there are none."""
        first = max(size_bytes + self.first, 0) if self.first < 0 else self.first
        last = size_bytes - 1 if self.last is None else min(self.last, size_bytes - 1)
        return Span(first, last) if first <= last else None

    @property
    def size_bytes(self) -> int:
        """The number of bytes of a range inside a file."""
        assert self.last is not None
        return self.last - self.first + 1


_ONE: Final = re.compile(r"(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")
_TOLD: Final = re.compile(r"bytes (?:\d{1,18}-\d{1,18}|\*)/(\d{1,18})")


def asked(header: str | None) -> Span | None:
    """The one range of bytes in a Range header.

    None for what the RFC lets a server ignore: no header, another unit, several ranges, an unreadable value.
    """
    unit, _, wanted = (header or "").partition("=")
    found = _ONE.fullmatch(wanted.strip()) if unit.strip().lower() == "bytes" else None
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return Span(-int(suffix)) if int(suffix) else Span(_BEYOND)
    span = Span(int(first), None if last is None else int(last))
    return None if span.last is not None and span.last < span.first else span


_BEYOND: Final = 1 << 62
"""The range `bytes=-0`, which names no byte: no file can satisfy it (416)."""


def written(span: Span) -> str:
    """The value after `bytes=` in a Range header."""
    return str(span.first) if span.first < 0 else f"{span.first}-{'' if span.last is None else span.last}"


def told(span: Span, size_bytes: int) -> str:
    """A Content-Range header for a range inside the file."""
    return f"bytes {span.first}-{span.last}/{size_bytes}"


def size_of(content_range: str) -> int:
    """The size of the whole file. Raises ValueError."""
    found = _TOLD.fullmatch(content_range)
    if found is None:
        raise ValueError(f"no Content-Range: {content_range!r}")
    return int(found[1])
