"""The text of answers and prompts, from whole and from torn bytes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.wire import openai
from evalkube_runner.wire.openai_texts import TextStream


def event(*choices: dict[str, Any], **more: Any) -> bytes:
    return b"data: " + orjson.dumps({"choices": choices, **more}) + b"\n\n"


def delta(index: int = 0, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": None}


DONE = b"data: [DONE]\n\n"
CALL: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a": 1}'}}]}
TWICE = b'data: {"choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":null}]}\n\n'
STREAMS: dict[str, tuple[bytes, list[str]]] = {
    "content": (event(delta(content="Hel")) + event(delta(content='lo "you"\n')) + DONE, ['Hello "you"\n']),
    "role and null": (event(delta(role="assistant", content="")) + event(delta(content=None)) + DONE, []),
    "reasoning first": (
        event(delta(reasoning_content="hm")) + event(delta(reasoning_content=" so")) + event(delta(content="A")) + DONE,
        ["hm so", "A"],
    ),
    "reasoning under two names": (event(delta(reasoning_content="hm", reasoning="hm")) + DONE, ["hm"]),
    "two choices in turn": (
        b"".join(event(delta(index, content=text)) for index, text in ((0, "a"), (1, "x"), (0, "b"), (1, "y"))) + DONE,
        ["ab", "xy"],
    ),
    "two choices at once": (event(delta(0, content="a"), delta(1, content="x")) + DONE, ["a", "x"]),
    "completions": (event({"index": 0, "text": "one "}) + event({"index": 0, "text": "two"}) + DONE, ["one two"]),
    "a tool call": (event(delta(**CALL)) + DONE, ['f{"a": 1}']),
    "no blank line between": (event(delta(content="a"))[:-1] + event(delta(content="b")) + DONE, ["ab"]),
    "no blank line at the end": (event(delta(content="a")) + event(delta(content="b"))[:-2], ["ab"]),
    "beyond ASCII": (event(delta(content="水的😀")) + event(delta(content="é")) + DONE, ["水的😀é"]),
    "many in one frame, then in another": (
        b"".join(event(delta(reasoning=f'"{at}"\\')) for at in range(9))
        + b"".join(event(delta(content=f" {at}\n")) for at in range(9))
        + DONE,
        ["".join(f'"{at}"\\' for at in range(9)), "".join(f" {at}\n" for at in range(9))],
    ),
    "more in a frame than a text": (
        event(delta(content="a")) + event(delta(content="b", refusal=None)) + event(delta(content="c")) + DONE,
        ["abc"],
    ),
    "a key that a frame hides": (
        TWICE.replace(b"TEXT", b"a") + TWICE.replace(b"TEXT", b'b","name":"n') + TWICE.replace(b"TEXT", b"c") + DONE,
        ["abc"],
    ),
    "escapes of a pair": (
        TWICE.replace(b"TEXT", b"a") + TWICE.replace(b"TEXT", b"\\ud83d\\ude00") + DONE,
        ["a😀"],
    ),
    "an empty piece": (TWICE.replace(b"TEXT", b"a") + TWICE.replace(b"TEXT", b"") + DONE, ["a"]),
    "comments and rubbish": (b": ping\n\n" + event(delta(content="a")) + b"data: [1]\n\ndata: {\n\n" + DONE, ["a"]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str) -> None:
    """Whole and byte by byte; and what the reader counts does not change by keeping text."""
    data, texts = STREAMS[name]
    for size in (len(data), 1):
        kept, plain = openai.stream_reader(2, keep_text=True), openai.stream_reader(2)
        for at in range(0, len(data), size):
            assert kept.feed(data[at : at + size]) == plain.feed(data[at : at + size])
        assert kept.end() == plain.end()
        assert kept.texts() == texts
        assert (kept.chunks, kept.done, plain.texts()) == (plain.chunks, plain.done, [])


@given(st.lists(st.text(max_size=2000), min_size=1, max_size=120), st.data())
def test_long_streams_in_any_pieces(pieces: list[str], data: st.DataObject) -> None:
    """Raw events are decoded now and then; nothing is lost or doubled where that happens."""
    stream = b"".join(event(delta(content=piece)) for piece in pieces) + DONE
    reader, at = TextStream(), 0
    while at < len(stream):
        size = data.draw(st.integers(1, 70_000))
        reader.feed(stream[at : at + size])
        at += size
    reader.end()
    assert "".join(reader.texts()) == "".join(pieces)


def test_memory_of_a_long_stream_is_its_text() -> None:
    """The frames around it are not kept."""
    reader = TextStream()
    frame = event(delta(content="word "), pad="x" * 300)
    for _ in range(5000):
        reader.feed(frame)
    assert reader._raw_bytes < 65_536
    reader.end()
    assert reader.texts() == ["word " * 5000]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"choices": [{"message": {"content": "a", "reasoning_content": "b"}}]}, ["a", "b"]),
        ({"choices": [{"index": 0, "text": "a"}, {"index": 1, "text": "b"}]}, ["a", "b"]),
        ({"choices": [{"message": {"content": None, **CALL}}]}, ["f", '{"a": 1}']),
        ({"choices": None}, []),
        ([], []),
    ],
)
def test_whole_answers(body: Any, texts: list[str]) -> None:
    """All choices, with their reasoning."""
    assert openai.answer_texts(orjson.dumps(body)) == texts


@pytest.mark.parametrize(
    ("body", "texts", "ids"),
    [
        ({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}, ["s", "u"], 0),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "u"}, {"type": "image_url"}]}]}, ["u"], 0),
        ({"prompt": "p"}, ["p"], 0),
        ({"prompt": ["p", "q"]}, ["p", "q"], 0),
        ({"prompt": [5, 6, 7]}, [], 3),
        ({"prompt": [[5, 6], [7]]}, [], 3),
        ({}, [], 0),
    ],
)
def test_prompts(body: dict[str, Any], texts: list[str], ids: int) -> None:
    """Texts of messages or of a plain prompt; token ids are counted as they are."""
    assert openai.prompt_texts(orjson.dumps(body)) == (texts, ids)
