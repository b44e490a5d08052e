"""Server-sent events (WHATWG HTML, section 9.2) from lines of text. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Event", "events"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type ("message" unless the stream says otherwise) and its data, lines joined."""

    type: str
    data: str


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events in ``lines`` (without their ends). One that the stream breaks off in is dropped, by the standard."""
    kind, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(kind, "\n".join(data))
            kind, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "data":
            data.append(value)
