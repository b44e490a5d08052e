"""The short cut beyond one line and constant frames: events of several lines, with numbers that differ from one to the
next, say what they say where each is decoded.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.wire import usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said, Usage
from evalkube_runner.wire.grammar import Grammar, varying
from evalkube_runner.wire.stream import Stream

DIFFERS = varying(numbers=("sequence_number", "output_tokens", "total_tokens"), words=("pad",), lines=("id",))


def says(found: Mapping[str, Any], _: bytes) -> Said:
    """A dialect of three kinds of events: a delta, an end, and whatever else."""
    if "delta" in found:
        kind: Kind = "reasoning" if found.get("index") else "content"
        pieces: tuple[tuple[Kind, str], ...] = ((kind, found["delta"]),) if found["delta"] else ()
        return Said((ChoiceSaid(0, pieces, blank=not pieces),), usage.stated(found))
    if found.get("type") == "end":
        return Said((ChoiceSaid(0, finish_reason="stop"),), over=True)
    return Said()


def decoded(found: Mapping[str, Any], name: bytes) -> Said:
    """The same, with every event decoded."""
    return says(found, name)._replace(unlike=True)


def grammar(reads: Callable[[Mapping[str, Any], bytes], Said]) -> Grammar:
    return Grammar(lambda: reads, frozenset({b"", b"delta", b"end"}), ("type", "delta"), "an end", varies=DIFFERS)


FAST, SLOW = grammar(says), grammar(decoded)
END = b'event: end\ndata: {"type":"end"}\n\n'


def json(**fields: Any) -> bytes:
    return orjson.dumps(fields)


def named(at: int, text: str, index: int = 0) -> bytes:
    """An event of two lines, in which nothing differs but the text."""
    return b"event: delta\ndata: %s\n\n" % json(index=index, delta=text)


def numbered(at: int, text: str, index: int = 0) -> bytes:
    """With a number before the text, and padding behind it."""
    return b"event: delta\ndata: %s\n\n" % json(sequence_number=at, index=index, delta=text, pad="xY9"[: at % 4])


def counted(at: int, text: str, index: int = 0) -> bytes:
    """Of four lines, with an id and token counts that grow."""
    counts = {"input_tokens": 5, "output_tokens": at, "total_tokens": at + 5}
    return b"id:%d\nevent:delta\n:HTTP_STATUS/200\ndata:%s\n\n" % (at, json(index=index, delta=text, usage=counts))


SHAPES = {"named": named, "numbered": numbered, "counted": counted}


def read(pieces: list[bytes], of: Grammar) -> tuple[int, dict[Kind, str], Usage | None, Fault | None, bool]:
    """What a reader makes of the pieces."""
    stream = Stream(of, keep_text=True)
    for piece in pieces:
        stream.feed(piece)
    stream.end()
    answer = stream.answer()
    texts = {kind: text for (_, kind), text in answer.texts.items()}
    return stream.chunks, texts, answer.usage, answer.fault, stream.done


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@given(
    st.lists(
        st.tuples(st.text(max_size=6), st.sampled_from((0, 0, 0, 0, 1)), st.sampled_from((1, 1, 1, 999))), max_size=16
    ),
    st.data(),
)
def test_the_short_cut_says_what_decoding_says(
    shape: Callable[[int, str, int], bytes], events: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Whatever the texts, kinds and numbers, and wherever reads fall."""
    at, parts = 0, []
    for text, index, step in events:
        at += step
        parts.append(shape(at, text, index))
    stream = b"".join([*parts, END])
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=5)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    wanted = read([stream], SLOW)
    assert read(pieces, FAST) == read([*parts, END], FAST) == wanted
    assert wanted[0] == sum(bool(text) for text, _, _ in events)


# name: an event that is not another piece like the one before it, though nearly the same
UNLIKE: dict[str, bytes] = {
    "a number that means something": numbered(2, "b", 1),
    "a count of zero": counted(0, "b"),
    "a count that cannot be": counted(2, "b").replace(b'"output_tokens":2', b'"output_tokens":-2'),
    "a fraction": counted(2, "b").replace(b'"output_tokens":2', b'"output_tokens":2.5'),
    "more digits than a count has": counted(10**10, "b"),
    "another field in place of a number": numbered(2, "b").replace(b":2,", b':2,"x":1,'),
    "padding that is none": numbered(2, "b").replace(b'"xY"', b'"x,\\"delta\\":\\"z"'),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_events_that_are_no_such_piece_are_decoded(name: str) -> None:
    """After a frame was learned, and before it goes on."""
    shape = counted if b"output_tokens" in UNLIKE[name] else numbered
    parts = [shape(1, "a"), UNLIKE[name], shape(3, "c"), shape(4, "d"), END]
    assert read([b"".join(parts)], FAST) == read(parts, FAST) == read(parts, SLOW)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_short_cut_is_taken(shape: Callable[[int, str], bytes]) -> None:
    """An event in the frame is not decoded: one whose text is no JSON counts instead of failing."""
    odd = shape(2, "X").replace(b'"X"', b'"\\q"')
    for pieces in ([shape(1, "a") + odd + shape(3, "c") + END], [shape(1, "a"), odd, shape(3, "c"), END]):
        chunks, _, _, fault, done = read(pieces, FAST)
        assert (chunks, fault, done) == (3, None, True)


def test_what_follows_the_end_is_not_read() -> None:
    """Of a dialect that says it in an event, in the same read or another."""
    for pieces in ([named(1, "a") + END + named(2, "b")], [named(1, "a"), END, named(2, "b")]):
        assert read(pieces, FAST) == (1, {"content": "a"}, None, None, True)


def test_an_event_of_several_lines_need_not_wait_for_its_blank_line() -> None:
    """It counts when its data is whole."""
    stream = Stream(FAST)
    for at in (1, 2, 3):
        stream.feed(counted(at, "x")[:-2])
        assert stream.chunks == at
        stream.feed(b"\n\n")
    stream.feed(b"event: end\n")
    assert not stream.done
    stream.feed(END.partition(b"\n")[2].rstrip())
    assert stream.done
