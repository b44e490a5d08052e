"""Server-sent events."""

from evalkube_cli.events import Event, events


def test_events() -> None:
    """Types, joined data, comments, unknown fields, and an end in the middle."""
    lines = [
        *("id: 1", "event: progress", 'data: {"done": 1}', ""),
        *(": still here", ""),
        *("data:two", "data: lines", "retry: 5", ""),
        *("event: empty", ""),
        *("event: end", "data: cut off"),
    ]
    assert list(events(lines)) == [Event("progress", '{"done": 1}'), Event("message", "two\nlines")]
