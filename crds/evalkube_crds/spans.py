"""Parts of a file, as HTTP asks for them (RFC 9110, 14): Range and Content-Range. Between a client and the service, and
between the service and the store that it reads from. Pure."""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Span", "asked", "size_of", "told", "written"]


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file, from `first` to `last`, both counted. `last` None: to the end; `first` negative: the last so
    many."""

    first: int
    last: int | None = None

    def within(self, size_bytes: int) -> "Span | None":
        """The same bytes of a file of that size, from a `first` to a `last` that are there; None: there are none."""
        first = max(size_bytes + self.first, 0) if self.first < 0 else self.first
        last = size_bytes - 1 if self.last is None else min(self.last, size_bytes - 1)
        return Span(first, last) if first <= last else None

    @property
    def size_bytes(self) -> int:
        """How many bytes, of a span that is within a file."""
        assert self.last is not None
        return self.last - self.first + 1


_ONE: Final = re.compile(r"(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")
_TOLD: Final = re.compile(r"bytes (?:\d{1,18}-\d{1,18}|\*)/(\d{1,18})")


def asked(header: str | None) -> Span | None:
    """The one range of bytes that a Range header names. None for what the RFC lets a server pass over: no header,
    another unit, several ranges, and what cannot be read."""
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
"""`bytes=-0` names no byte: of no file there is one to send (416)."""


def written(span: Span) -> str:
    """What follows `bytes=` in a Range header."""
    return str(span.first) if span.first < 0 else f"{span.first}-{'' if span.last is None else span.last}"


def told(span: Span, size_bytes: int) -> str:
    """A Content-Range header for a span that is within the file."""
    return f"bytes {span.first}-{span.last}/{size_bytes}"


def size_of(content_range: str) -> int:
    """How large the whole file is. Raises ValueError."""
    found = _TOLD.fullmatch(content_range)
    if found is None:
        raise ValueError(f"no Content-Range: {content_range!r}")
    return int(found[1])
