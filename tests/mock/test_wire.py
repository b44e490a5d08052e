"""HTTP responses as bytes, read back by a real parser."""

import httptools
from hypothesis import given
from hypothesis import strategies as st

from evalkube_mock import wire

_NO_LINE_END = st.binary(max_size=20)


class _Reader:
    """Collects what httptools reads."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.headers: dict[bytes, bytes] = {}
        self.complete = False
        self.parser = httptools.HttpResponseParser(self)
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


@given(st.lists(st.lists(_NO_LINE_END, min_size=1, max_size=3).map(tuple), max_size=6), st.binary(max_size=9))
def test_framed_events_are_chunks(events: list[tuple[bytes, ...]], stamp: bytes) -> None:
    """Framed ahead and stamped later, events arrive as they are, in one piece or event by event."""
    events = [event for event in events if stamp.join(event)]  # an empty chunk would end the body
    framed = [wire.framed(event, len(stamp)) for event in events]
    expected = b"".join(stamp.join(event) for event in events)
    for rendered in (stamp.join(wire.flat(framed)), b"".join(stamp.join(event) for event in framed)):
        reader = _Reader(
            wire.stream_head(b"text/event-stream", chunked=True, keep_alive=True) + rendered + wire.LAST_CHUNK
        )
        assert (reader.body, reader.complete) == (expected, True)


def test_response() -> None:
    """A whole response has its length, its extra headers and says when the connection closes."""
    reader = _Reader(wire.response(429, b"{}", keep_alive=False, headers=[("retry-after", "3")]))
    assert (reader.parser.get_status_code(), reader.body, reader.complete) == (429, b"{}", True)
    assert (reader.headers[b"retry-after"], reader.headers[b"connection"]) == (b"3", b"close")


def test_an_unknown_status_has_a_phrase() -> None:
    """Statuses without a name can be asked for too."""
    assert wire.response(599, b"").startswith(b"HTTP/1.1 599 Unknown\r\n")


def test_head_only() -> None:
    """HEAD gets the length of the body without the body."""
    assert wire.response(200, b"abc", head_only=True).endswith(b"content-length: 3\r\n\r\n")
