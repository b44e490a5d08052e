"""Server-sent events (WHATWG HTML, section 9.2) from lines of text. Pure."""

from dataclasses import dataclass

__all__ = ["Event", "EventReader"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type ("message" unless the stream says otherwise) and its data, lines joined."""

    type: str
    data: str


class EventReader:
    """Makes events of lines without line ends. An incomplete event at the end of the stream is dropped, as the standard
    asks.
    """

    def __init__(self) -> None:
        self._kind, self._data = "message", list[str]()

    def feed(self, line: str) -> Event | None:
        """The event that this line completes; None if it completes none."""
        if not line:
            done = Event(self._kind, "\n".join(self._data)) if self._data else None
            self._kind, self._data = "message", []
            return done
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._kind = value
        elif field == "data":
            self._data.append(value)
        return None
