"""The reader's short cut: framed events are counted as decoded ones are, wherever reads fall."""

import json

from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.wire import openai
from fakes.wire_events import (
    DONE,
    HI,
    ROLE,
    STOP,
    USAGE,
    event,
    read,
)

PIECES = st.lists(st.text(max_size=8), max_size=12)


@given(PIECES, st.booleans(), st.data())
def test_any_text_any_cut(pieces: list[str], ascii_only: bool, data: st.DataObject) -> None:
    """Chunks are exactly the non-empty pieces, whatever the text, its JSON spelling, and where reads fall."""
    choices = [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    events = [f"data: {json.dumps(choice, ensure_ascii=ascii_only)}\n\n" for choice in choices]
    stream = "".join(events).encode("utf-8", "surrogatepass") + STOP + DONE
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=5)))
    found, answer = read([stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)])
    assert found.chunks == sum(bool(piece) for piece in pieces)
    assert answer.text() == "".join(pieces)


KINDS = st.sampled_from(
    (
        *[HI] * 8,
        event({"content": "ab"}),
        event({"content": ""}),
        event({"content": None}),
        event({"content": '"'}),
        event({"reasoning_content": "hm"}),
        ROLE,
        USAGE,
        HI.replace(b"\n", b"\r\n"),
        HI.rstrip() + b"\n" + HI,
        b": ping\n\n",
        b"\n",
    )
)


@given(st.lists(KINDS, max_size=40))
def test_runs_of_events_in_one_read(events: list[bytes]) -> None:
    """Many events in one read are counted, and their texts kept, as they are one by one."""
    stream = b"".join(events) + STOP + DONE
    singly, answer = read([stream[at : at + 1] for at in range(len(stream))])
    for pieces in ([stream], [*events, STOP, DONE]):
        found, same = read(pieces)
        assert (found.chunks, same.texts) == (singly.chunks, answer.texts)


def test_the_short_cut_is_taken() -> None:
    """An event framed like the last text is not decoded: one whose text is no JSON counts instead of failing."""
    for pieces in ([HI + HI.replace(b"hi", b"\\q") + DONE], [HI, HI.replace(b"hi", b"\\q"), DONE]):
        found, answer = read(pieces)
        assert (found.chunks, answer.fault) == (2, None)


@given(st.lists(st.text(max_size=2000), min_size=1, max_size=120), st.data())
def test_long_streams_in_any_pieces(pieces: list[str], data: st.DataObject) -> None:
    """Nothing is lost or doubled where framed pieces become text."""
    stream = b"".join(event({"content": piece}) for piece in pieces) + DONE
    reader, at = openai.reader(keep_text=True), 0
    while at < len(stream):
        size = data.draw(st.integers(1, 70_000))
        reader.feed(stream[at : at + size])
        at += size
    reader.end()
    assert reader.answer().text() == "".join(pieces)


def test_memory_of_a_long_stream_is_its_text() -> None:
    """The frames around it are not kept, nor the pieces apart."""
    reader = openai.reader(keep_text=True)
    frame = event({"content": "word "}, pad="x" * 300)
    for _ in range(5000):
        reader.feed(frame)
    assert reader._kept is not None
    assert len(reader._kept) < 2000
    reader.end()
    assert reader.answer().text() == "word " * 5000
