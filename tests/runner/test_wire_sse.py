"""The event splitter: every cut of every stream gives the same events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.wire import sse

STREAMS = {
    "line feeds": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "carriage returns and line feeds": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "carriage returns alone": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "mixed ends": (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
    "no space after the colon": (b"data:a\n\n", [b"a"]),
    "only one space is dropped": (b"data:  a\n\n", [b" a"]),
    "comments and keep-alives": (b": ping\n\n:\n\ndata: a\n\n: bye\n\n", [b"a"]),
    "a comment inside an event": (b": note\ndata: a\n\n", [b"a"]),
    "several data lines": (b"data: a\ndata: b\n\n", [b"a\nb"]),
    "further fields": (b"id: 7\nretry: 10\nevent: x\ndata: a\n\n", [b"a"]),
    "an event without data": (b"event: ping\n\n", []),
    "empty data": (b"data\n\ndata:\n\n", [b"", b""]),
    "more blank lines than needed": (b"\n\n\ndata: a\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "UTF-8 of several bytes": ("data: 多字节\n\n".encode(), ["多字节".encode()]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [b"a", b"b"]),
    "nothing": (b"", []),
}


def data_of(pieces: list[bytes]) -> list[bytes]:
    splitter = sse.Splitter()
    raw = [event for piece in pieces for event in splitter.feed(piece)]
    raw.append(splitter.end())
    return [event.data for event in map(sse.parse, raw) if event is not None]


@pytest.mark.parametrize(("stream", "events"), STREAMS.values(), ids=STREAMS.keys())
def test_whole_and_byte_by_byte(stream: bytes, events: list[bytes]) -> None:
    """A stream read at once and one read byte by byte hold the same events."""
    assert data_of([stream]) == events
    assert data_of([stream[at : at + 1] for at in range(len(stream))]) == events


@given(st.lists(st.text("ab", min_size=1, max_size=3), max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_any_cut(texts: list[str], end: str, data: st.DataObject) -> None:
    """Where reads fall never matters."""
    stream = "".join(f"data: {text}{end}{end}" for text in texts).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert data_of(pieces) == [text.encode() for text in texts]


def test_names_of_events() -> None:
    """The event field names an event; without one the name is empty."""
    assert sse.parse(b"event: error\ndata: x") == sse.Event(b"error", b"x")
    assert sse.parse(b"data: x") == sse.Event(b"", b"x")


def test_what_is_pending_is_told() -> None:
    """The caller can bound an event that never ends."""
    splitter = sse.Splitter()
    splitter.feed(b"data: " + b"x" * 1000)
    assert len(splitter.pending) == 1006
