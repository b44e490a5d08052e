"""Answers: what each kind of stream says, whole and byte by byte, to load tests (no text) and evaluations alike."""

from typing import Any

import pytest

from evalkube_runner.wire import openai
from evalkube_runner.wire.answer import Usage
from evalkube_runner.wire.dialect import DIALECTS
from fakes.streams import STREAMS, Row
from fakes.wire_events import DONE, HI, STOP, both, event, read, usage


def told(row: Row, pieces: list[bytes], *, keep_text: bool) -> Row:
    """What the reader makes of a row's stream, as a row."""
    reader = DIALECTS[row.dialect].reader(row.choices, keep_text=keep_text)
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    answer = reader.answer()
    texts: dict[str, str] | None = {
        f"{choice}.{kind}" if choice else kind: text for (choice, kind), text in answer.texts.items()
    }
    if row.texts is None or not keep_text:
        texts = row.texts
    return Row(
        row.dialect,
        row.stream,
        sum(track.chunks for track in reader.tracks),
        answer.finish_reasons.get(0),
        answer.usage,
        answer.fault.error if answer.fault else None,
        texts,
        blanks=sum(track.blanks for track in reader.tracks),
        inside=any(track.inside for track in reader.tracks),
        items=answer.items,
        choices=row.choices,
    )


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("keep_text", [False, True], ids=["load test", "evaluation"])
def test_whole_and_byte_by_byte(name: str, keep_text: bool) -> None:
    """Every kind of stream says the same however it is cut, with its text kept or not."""
    row = STREAMS[name]
    for pieces in ([row.stream], [row.stream[at : at + 1] for at in range(len(row.stream))]):
        assert told(row, pieces, keep_text=keep_text) == row


@pytest.mark.parametrize("name", STREAMS)
def test_event_by_event(name: str) -> None:
    """As servers write: an event in each read."""
    row = STREAMS[name]
    pieces = [piece + b"\n\n" for piece in row.stream.split(b"\n\n")[:-1]] + [row.stream.split(b"\n\n")[-1]]
    assert told(row, pieces, keep_text=True) == row


@pytest.mark.parametrize(("stopped", "whole"), [((0, 1), True), ((0,), False), ((), False)])
def test_several_choices(stopped: tuple[int, ...], whole: bool) -> None:
    """Without [DONE] a stream of two choices is whole once both have finished."""
    stream = b"".join(event({"content": f"{index}"}, index=index) for index in (0, 1, 0, 1))
    stream += b"".join(event({}, finish="stop", index=index) for index in stopped)
    found, answer = read([stream], choices=2)
    assert [track.chunks for track in found.tracks] == [2, 2]
    assert [answer.text(choice=choice) for choice in (0, 1)] == ["00", "11"]
    assert (answer.fault is None) is whole


LATE = {
    "no blank line between events": [one[:-1] for one in (HI, HI, HI, STOP, DONE)],
    "the blank line before each event": [b"\n\n" + one.rstrip() for one in (HI, HI, HI, STOP, DONE)],
    "a line feed late": [HI.rstrip(), b"\n\n" + HI.rstrip(), b"\n\n" + HI.rstrip(), b"\n\n" + STOP, DONE.rstrip()],
}


@pytest.mark.parametrize("name", LATE)
def test_no_event_waits_for_its_blank_line(name: str) -> None:
    """Each counts with the read that completes it, and [DONE] ends the answer though the connection stays open."""
    stream = openai.reader()
    counts = []
    for piece in LATE[name]:
        stream.feed(piece)
        counts.append(stream.chunks)
    assert (counts, stream.done) == ([1, 2, 3, 3, 3], True)


def _halves(*usages: Any, last: Any = None) -> bytes:
    """Two choices of two chunks each; each ends with its usage, then comes the last."""
    stream = b"".join(event({"content": "a"}, index=index) for index in (0, 1, 0, 1))
    stream += b"".join(event({}, finish="stop", index=index, usage=one) for index, one in enumerate(usages))
    return stream + (event(usage=last) if last else b"") + DONE


OWN_LAST = both(*({"index": index, "delta": {}, "usage": usage(5, 3)} for index in (0, 1))) + DONE


USAGES: dict[str, tuple[bytes, Usage | None]] = {
    "each choice its own": (_halves(usage(5, 3), usage(5, 3)), Usage(5, 6)),
    "each choice its own, in the choice": (_halves(None, None)[: -len(DONE)] + OWN_LAST, Usage(5, 6)),
    "each choice its own, in events of no choice": (
        _halves(None, None)[: -len(DONE)] + event(usage=usage(5, 3)) * 2 + DONE,
        Usage(5, 6),
    ),
    "the total at each end": (_halves(usage(5, 6), usage(5, 6)), Usage(5, 6)),
    "a running total": (_halves(usage(5, 5), usage(5, 6)), Usage(5, 6)),
    "each its own, and the total": (_halves(usage(5, 3), usage(5, 3), last=usage(5, 6)), Usage(5, 6)),
    "the total alone": (_halves(None, None, last=usage(5, 6)), Usage(5, 6)),
    "the total at the last end": (_halves(None, usage(5, 6)), Usage(5, 6)),
    "one choice's own alone": (_halves(usage(5, 3), None), Usage(5, None)),
}


@pytest.mark.parametrize("name", USAGES)
def test_usages_of_two_choices(name: str) -> None:
    """What each choice states adds up; a total does not."""
    stream, used = USAGES[name]
    assert read([stream], choices=2)[1].usage == used


def test_two_choices_in_one_event() -> None:
    """Each has its text."""
    choices = [{"index": index, "delta": {"content": text}} for index, text in enumerate("ax")]
    assert read([both(*choices) + DONE], choices=2)[1].texts == {(0, "content"): "a", (1, "content"): "x"}
