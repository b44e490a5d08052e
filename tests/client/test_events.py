"""Server-sent events."""

from evalkube.events import Event, EventReader


def test_events() -> None:
    """Types, joined data, comments, unknown fields, and an end in the middle."""
    lines = [
        *("id: 1", "event: progress", 'data: {"done": 1}', ""),
        *(": still here", ""),
        *("data:two", "data: lines", "retry: 5", ""),
        *("event: empty", ""),
        *("event: end", "data: cut off"),
    ]
    reader = EventReader()
    found = [event for line in lines if (event := reader.feed(line)) is not None]
    assert found == [Event("progress", '{"done": 1}'), Event("message", "two\nlines")]
