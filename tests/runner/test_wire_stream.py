"""Answers: what each kind of stream says, whole and byte by byte, to load tests (no text) and evaluations alike."""

import json
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import openai
from evalkube_runner.wire.answer import Answer, Kind, Usage
from evalkube_runner.wire.stream import Stream


def event(
    delta: dict[str, Any] | None = None, *, finish: Any = None, index: Any = 0, end: str = "\n\n", **more: Any
) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'id': 'x', 'choices': choices, **more})}{end}".encode()


def both(*choices: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps({"choices": choices}) + b"\n\n"


def text_event(text: str, finish: str | None = None) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "text": text, "finish_reason": finish}]}) + b"\n\n"


def usage(prompt: Any, completion: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion}


ROLE = event({"role": "assistant", "content": ""})
HI = event({"content": "hi"})
STOP = event({}, finish="stop")
USAGE = event(usage=usage(5, 7))
DONE = b"data: [DONE]\n\n"
ERROR = ErrorClass.ERROR_IN_STREAM
HALF = event({"content": "cut"})[:-20]
CALL: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a": 1}'}}]}
TWICE = b'data: {"choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":null}]}\n\n'


def framed(*texts: bytes) -> bytes:
    return b"".join(TWICE.replace(b"TEXT", text) for text in texts)


@dataclass(frozen=True)
class Row:
    """A stream, and what it says; `texts` None: not looked at."""

    stream: bytes
    chunks: int
    finish: str | None = None
    usage: Usage | None = None
    error: ErrorClass | None = None
    texts: dict[Kind, str] | None = None
    choices: int = field(default=1, kw_only=True)
    blanks: int = field(default=0, kw_only=True)
    inside: bool = field(default=False, kw_only=True)


STREAMS: dict[str, Row] = {
    "an ordinary stream": Row(ROLE + HI * 3 + STOP + USAGE + DONE, 3, "stop", Usage(5, 7), texts={"content": "hihihi"}),
    "CRLF": Row((ROLE + HI * 3 + STOP + DONE).replace(b"\n", b"\r\n"), 3, "stop", texts={"content": "hihihi"}),
    "no space after the colon": Row((ROLE + HI * 3 + STOP + DONE).replace(b"data: ", b"data:"), 3, "stop"),
    "comments and keep-alives": Row(
        b": ping\n\n" + ROLE + b": ping\n\n" + HI + b":\n\n" + HI + STOP + DONE, 2, "stop", texts={"content": "hihi"}
    ),
    "finish reason beside the last text": Row(
        HI * 2 + event({"content": "!"}, finish="length"), 3, "length", texts={"content": "hihi!"}
    ),
    "usage beside the last text": Row(
        HI + event({"content": "!"}, finish="stop", usage=usage(1, 2)) + DONE, 2, "stop", Usage(1, 2)
    ),
    "usage in every event": Row(
        HI + b"".join(event({"content": "a"}, usage=usage(1, n)) for n in (1, 2)) + DONE, 3, None, Usage(1, 2)
    ),
    "no [DONE]": Row(HI + STOP, 1, "stop"),
    "no finish reason": Row(HI + DONE, 1),
    "no blank line after [DONE]": Row(HI + DONE.rstrip(), 1),
    "nothing after [DONE] counts": Row(HI + DONE + HI, 1, texts={"content": "hi"}),
    "an error after [DONE]": Row(HI + DONE + event(error={"message": "late"}), 1),
    "reasoning_content": Row(
        event({"reasoning_content": "hm"}) * 2 + HI + STOP + DONE,
        3,
        "stop",
        texts={"reasoning": "hmhm", "content": "hi"},
    ),
    "reasoning": Row(event({"reasoning": "hm"}) + STOP + DONE, 1, "stop", texts={"reasoning": "hm"}),
    "reasoning under two names": Row(
        event({"reasoning_content": "hm", "reasoning": "hm"}) * 2 + DONE, 2, texts={"reasoning": "hmhm"}
    ),
    "content null beside reasoning": Row(event({"content": None, "reasoning_content": "a"}) + DONE, 1),
    "null pieces are no tokens": Row(HI + event({"content": None}) * 3 + STOP + DONE, 1, "stop"),
    "empty pieces": Row(
        ROLE + HI + event({"content": ""}) * 3 + HI + STOP + DONE, 2, "stop", texts={"content": "hihi"}, blanks=3
    ),
    "an empty piece first": Row(ROLE + event({"content": ""}) + HI + STOP, 1, "stop", blanks=1),
    "an empty thought": Row(ROLE + event({"reasoning": "", "content": None}) + HI + STOP, 1, "stop", blanks=1),
    "empty pieces within a character": Row(
        ROLE + event({"content": ""}) * 2 + event({"content": "水"}) + HI * 5 + STOP,
        6,
        "stop",
        texts={"content": "水hihihihihi"},
        blanks=2,
        inside=True,
    ),
    "empty pieces in a frame that was learned": Row(
        framed(b"a", b"b", b"", b"\\u6c34", b"c") + DONE, 4, texts={"content": "ab水c"}, blanks=1, inside=True
    ),
    "a role in every event": Row(
        event({"role": "assistant", "content": ""}) * 3 + event({"role": "assistant", "content": "a"}) * 2 + STOP,
        2,
        "stop",
        texts={"content": "aa"},
        blanks=2,  # the first opens the choice
    ),
    "an empty role in every event": Row(event({"role": "", "content": "a"}) * 2 + STOP, 2, "stop", blanks=0),
    "an empty piece beside the end": Row(HI + event({"content": ""}, finish="stop"), 1, "stop"),
    "an empty piece after the end": Row(HI + STOP + event({"content": ""}) + DONE, 1, "stop"),
    "an empty delta": Row(HI + event({}) + event({"content": []}) + STOP, 1, "stop"),
    "no delta": Row(both({"index": 0, "finish_reason": None}) + HI + STOP, 1, "stop"),
    "completions with an empty text": Row(text_event("") + text_event("a") + DONE, 1, blanks=1),
    "a tool call": Row(event(CALL) + STOP + DONE, 1, "stop", texts={"tool_calls": 'f{"a": 1}'}),
    "a refusal": Row(
        event({"refusal": "I "}) + event({"refusal": "can't"}) + STOP, 2, "stop", None, None, {"refusal": "I can't"}
    ),
    "contents in parts": Row(
        event({"content": [{"type": "text", "text": "a"}]})
        + event({"content": [{"type": "text", "text": "b"}]})
        + DONE,
        2,
        texts={"content": "ab"},
    ),
    "text that looks like an end": Row(
        HI + event({"content": 'data: [DONE] "finish_reason":"stop" \n\n'}) + HI + STOP + DONE,
        3,
        "stop",
        texts={"content": 'hidata: [DONE] "finish_reason":"stop" \n\nhi'},
    ),
    "quotes and escapes in the text": Row(
        event({"content": 'say "a" \\'}) + event({"content": '"'}) + HI + DONE, 3, texts={"content": 'say "a" \\"hi'}
    ),
    "text with a finish reason of its own frame": Row(
        HI * 2 + event({"content": "x"}, finish="content_filter"), 3, "content_filter"
    ),
    "completions": Row(text_event("a") * 3 + text_event("", "length") + DONE, 3, "length", texts={"content": "aaa"}),
    "completions, text at the end": Row(text_event("a") + text_event("b", "stop"), 2, "stop", texts={"content": "ab"}),
    "only usage": Row(USAGE + DONE, 0, None, Usage(5, 7)),
    "finished without text, tokens in the usage": Row(ROLE + STOP + USAGE + DONE, 0, "stop", Usage(5, 7)),
    "events that share one blank line": Row(HI.rstrip() + b"\n" + HI + DONE, 2, texts={"content": "hihi"}),
    "beyond ASCII": Row(event({"content": "水的😀"}) + event({"content": "é"}) + DONE, 2, texts={"content": "水的😀é"}),
    "many in one frame, then in another": Row(
        b"".join(event({"reasoning": f'"{at}"\\'}) for at in range(9))
        + b"".join(event({"content": f" {at}\n"}) for at in range(9))
        + DONE,
        18,
        texts={
            "reasoning": "".join(f'"{at}"\\' for at in range(9)),
            "content": "".join(f" {at}\n" for at in range(9)),
        },
    ),
    "more in a frame than a text": Row(
        event({"content": "a"}) + event({"content": "b", "refusal": None}) + event({"content": "c"}) + DONE,
        3,
        texts={"content": "abc"},
    ),
    "a key that a frame hides": Row(framed(b"a", b'b","name":"n', b"c") + DONE, 3, texts={"content": "abc"}),
    "escapes of a pair": Row(framed(b"a", b"\\ud83d\\ude00") + DONE, 2, texts={"content": "a😀"}),
    "an error in the stream": Row(ROLE + HI + event(error={"message": "boom"}), 1, error=ErrorClass.ERROR_IN_STREAM),
    "an error that is a string": Row(event(error="boom") + DONE, 0, error=ErrorClass.ERROR_IN_STREAM),
    "an error event": Row(HI + b'event: error\ndata: {"m": "boom"}\n\n', 1, error=ErrorClass.ERROR_IN_STREAM),
    "an error event that is text": Row(b"event: error\ndata: boom\n\n", 0, error=ErrorClass.ERROR_IN_STREAM),
    "vLLM's error object": Row(
        HI + b'data: {"object": "error", "message": "boom"}\n\n' + DONE, 1, error=ErrorClass.ERROR_IN_STREAM
    ),
    "an error after the first text, framed like text": Row(
        HI * 2 + event({"content": "x"}, error={"message": "boom"}) + DONE, 2, error=ErrorClass.ERROR_IN_STREAM
    ),
    "an error between the bytes of the frame": Row(
        b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n' * 2
        + b'data: {"choices":[{"delta":{"content":"x"}}],"error":[{"m":{"n":"overloaded"}}]}\n\n'
        + b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n' * 9
        + DONE,
        11,
        error=ErrorClass.ERROR_IN_STREAM,
    ),
    "a finish reason between the bytes of the frame": Row(
        b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n' * 2
        + b'data: {"choices":[{"delta":{"content":"!"},"finish_reason":"length","x":{"y":{"z":"1"}}}]}\n\n',
        3,
        "length",
        texts={"content": "HelloHello!"},
    ),
    "usage of zeros beside pieces": Row(HI + STOP + event(usage=usage(0, 0)) + DONE, 1, "stop", Usage()),
    "usage of no completion beside pieces": Row(HI + STOP + event(usage=usage(5, 0)) + DONE, 1, "stop", Usage(5)),
    "usage of zeros after a real one": Row(HI + USAGE + event(usage=usage(0, 0)) + DONE, 1, None, Usage(5, 7)),
    "usage in the choice": Row(
        HI + both({"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage(5, 7)}) + DONE,
        1,
        "stop",
        Usage(5, 7),
    ),
    "usage in x_groq": Row(HI + event({}, finish="stop", x_groq={"usage": usage(5, 7)}), 1, "stop", Usage(5, 7)),
    "usage in timings": Row(
        HI + event({}, finish="stop", timings={"cache_n": 2, "prompt_n": 3, "predicted_n": 7}), 1, "stop", Usage(5, 7)
    ),
    "usage of other names": Row(HI + event(usage={"input_tokens": 5, "output_tokens": 7}) + DONE, 1, None, Usage(5, 7)),
    "usage in halves": Row(
        event({"role": "assistant"}, usage=usage(5, 0)) + HI + event({}, finish="stop", usage={"completion_tokens": 7}),
        1,
        "stop",
        Usage(5, 7),
    ),
    "usage as a total and a half": Row(
        HI + event(usage={"prompt_tokens": 5, "total_tokens": 12}) + DONE, 1, None, Usage(5, 7)
    ),
    "usage as floats": Row(HI + event(usage=usage(5.0, 7.0)) + DONE, 1, None, Usage(5, 7)),
    "usage of a total alone": Row(HI + event(usage={"total_tokens": 9, "total_characters": 30}) + DONE, 1),
    **{
        f"usage of {wrong!r}": Row(
            HI + STOP + event(usage=usage(5, wrong)) + DONE, 1, "stop", Usage(5, doubtful=True), texts={"content": "hi"}
        )
        for wrong in (-3, True, "7", [7], 7.5, 2**53, 2**63, 2**64 - 1, 10**30, float("nan"), float("inf"))
    },
    "usage with a part greater than its whole": Row(
        HI + event(usage=usage(5, 7) | {"completion_tokens_details": {"reasoning_tokens": 2**64 - 1}}) + DONE,
        1,
        None,
        Usage(5, 7),
    ),
    "a choice that nobody asked for": Row(
        event({"content": "BAD"}, index=1) + HI + event({"content": "BAD"}, index=1) + HI + STOP,
        2,
        "stop",
        texts={"content": "hihi"},
    ),
    "an index that is a string": Row(HI.replace(b'"index": 0', b'"index": "0"') + DONE, 1, texts={"content": "hi"}),
    "an index that is no number": Row(HI.replace(b'"index": 0', b'"index": null') + DONE, 1),
    "empty data as keep-alives": Row((b"data:\n\n" + HI + b"data: \n\n") * 2 + b"data\n\n" + STOP, 2, "stop"),
    "a null as keep-alive": Row(HI + b"data: null\n\n" + HI + STOP, 2, "stop"),
    "one JSON over several data lines": Row(
        b"".join(
            b"".join(b"data: %s\n" % line for line in json.dumps(json.loads(one[6:]), indent=1).encode().split(b"\n"))
            + b"\n"
            for one in (HI, HI, STOP)
        )
        + DONE,
        2,
        "stop",
        texts={"content": "hihi"},
    ),
    "fields without a colon, of other names, and ids": Row(
        b"foo\nid\n\nid: 1\nretry: 100\nfoo: bar\n" + HI + b"retry\nevent: completion\n" + HI + STOP,
        2,
        "stop",
        texts={"content": "hihi"},
    ),
    "a name after the data": Row(HI.rstrip() + b"\nevent: x\n\n" + HI + STOP, 2, "stop", texts={"content": "hihi"}),
    "events of other types": Row(
        b'event: ping\ndata: {"type":"ping"}\n\n'
        + HI
        + b"event: ping\ndata: ping\n\n"
        + HI
        + b'event: queue\ndata: {"message":"first in line","code":7}\n\nevent: x\ndata: [1]\n\n'
        + STOP,
        2,
        "stop",
        texts={"content": "hihi"},
    ),
    "an error event of another name": Row(
        HI + b'event: stream_error\ndata: {"m": "boom"}\n\n', 1, error=ERROR, texts={"content": "hi"}
    ),
    "an error in an event of another type": Row(HI + b'event: x\ndata: {"error": "boom"}\n\n', 1, error=ERROR),
    "line feeds alone between events": Row(
        b"\n".join(one.rstrip() for one in (ROLE, HI, HI, STOP, USAGE, DONE)) + b"\n",
        2,
        "stop",
        Usage(5, 7),
        texts={"content": "hihi"},
    ),
    "[DONE] in lower case": Row(HI + b"data: [done]\n\n" + HI, 1, texts={"content": "hi"}),
    "half a character": Row(
        framed(b"a", b"b") + framed(b"\\ud83d") + framed(b"c") + DONE, 4, texts={"content": "ab\ufffdc"}
    ),
    "half a character first": Row(framed(b"\\ud83d", b"c", b"c") + DONE, 3, texts={"content": "\ufffdcc"}),
    "a character in two halves": Row(framed(b"\\ud83d", b"\\ude00", b"!") + DONE, 3, texts={"content": "\U0001f600!"}),
    "stray bytes": Row(framed(b"\x85 19", b"80", b"a\xff") + DONE, 3, texts={"content": "\ufffd 1980a\ufffd"}),
    "a character over two events, in bytes": Row(
        framed(b"a", b"\xe4\xbd", b"\xa0", b"b") + DONE, 4, texts={"content": "a你b"}
    ),
    "NaN beside the text": Row(
        HI.replace(b'"id"', b'"logprob": NaN, "id"') + HI.replace(b'"id"', b'"logprob": -Infinity, "id"') + STOP,
        2,
        "stop",
        texts={"content": "hihi"},
    ),
    **{
        f"thoughts in {name}": Row(
            event({"role": "assistant", "content": ""}) + event({"content": "", name: value}) * 2 + HI + STOP,
            3,
            "stop",
            texts={"reasoning": "hmhm", "content": "hi"},
        )
        for name, value in (
            ("thinking", "hm"),
            ("thought", "hm"),
            ("reasoning_text", "hm"),
            ("thinking_content", "hm"),
            ("reasoning_details", [{"type": "reasoning.text", "text": "hm"}]),
            ("reasoning_details", [{"type": "reasoning.summary", "summary": "hm"}, {"data": "c2VjcmV0"}]),
            ("thinking_blocks", [{"type": "thinking", "thinking": "hm", "signature": "x"}]),
            ("reasoning", {"content": "hm"}),
            ("content", [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]),
        )
    },
    "a mark of thought is no text": Row(
        event({"content": "a", "thought": True}) * 2 + STOP, 2, "stop", texts={"content": "aa"}
    ),
    "parts that are no text": Row(
        event({"content": [1, None, {"type": "image_url"}, {"text": None}, {"type": "text", "text": "a"}, "b"]}) + DONE,
        1,
        texts={"content": "ab"},
    ),
    "choices that are no list": Row(b'data: {"choices":{"0":1}}\n\n' + DONE, 0, error=ErrorClass.PARSE),
    "a choice that is no object": Row(b'data: {"choices":["x"]}\n\n' + DONE, 0, error=ErrorClass.PARSE),
    "a delta that is no object": Row(both({"index": 0, "delta": "x"}) + DONE, 0, error=ErrorClass.PARSE),
    "a delta that is null": Row(HI + both({"index": 0, "delta": None, "finish_reason": "stop"}), 1, "stop"),
    "choices that are null": Row(b'data: {"choices":null}\n\n' + HI + STOP, 1, "stop"),
    "a web page": Row(b"<html><body>log in</body></html>", 0, error=ErrorClass.PARSE),
    "a compressed answer": Row(b"\x1f\x8b\x08\x00abc", 0, error=ErrorClass.PARSE),
    "lines of JSON": Row(b'{"message": {}}\n{"message": {}}\n', 0, error=ErrorClass.PARSE),
    "neither events nor JSON": Row(b"Service unavailable, try later", 0, error=ErrorClass.PARSE),
    "an empty finish reason in every event": Row(
        b"".join(event({"content": "a"}, finish="") for _ in range(3)) + STOP, 3, "stop", texts={"content": "aaa"}
    ),
    **{
        f"finish reason {word!r} and a cut": Row(
            event({"content": "a"}, finish=word) * 3, 3, error=ErrorClass.TRUNCATED_STREAM, texts={"content": "aaa"}
        )
        for word in ("", "null", "NULL", "None", " ", False)
    },
    **{
        f"finish reason {word!r}": Row(HI + event({}, finish=word) + USAGE + DONE, 1, word, Usage(5, 7), ERROR)
        for word in ("abort", "error", "cancelled", "server_error", "insufficient_system_resource", "Timeout")
    },
    "a finish reason without end": Row(HI + event({}, finish="x" * 3000) + DONE, 1, "x" * 64),
    "a finish reason with escapes": Row(HI + event({}, finish="\x1b[31m\nred\u009b") + DONE, 1, "[31m red"),
    "a finish reason that is a number": Row(HI + event({}, finish=5), 1, "5"),
    "a finish reason that is an object": Row(HI + event({}, finish={"reason": "stop"}), 1, "stop"),
    "a finish reason that is another object": Row(HI + event({}, finish={"a": 1}), 1, '{"a":1}'),
    "truncated between events": Row(ROLE + HI * 2, 2, error=ErrorClass.TRUNCATED_STREAM),
    "truncated inside an event": Row(ROLE + HI * 2 + HALF, 2, error=ErrorClass.TRUNCATED_STREAM),
    "role and no more": Row(ROLE, 0, error=ErrorClass.TRUNCATED_STREAM),
    "nothing": Row(b"", 0, error=ErrorClass.EMPTY_STREAM),
    "only keep-alives": Row(b": ping\n\n" * 3, 0, error=ErrorClass.EMPTY_STREAM),
    "only [DONE]": Row(DONE, 0),
    "finished without content": Row(ROLE + STOP + DONE, 0, "stop"),
    "not JSON": Row(HI + b"data: {oops\n\n" + DONE, 1, error=ErrorClass.PARSE),
    "JSON but no object": Row(b"data: 7\n\n" + HI + DONE, 1, error=ErrorClass.PARSE),
    "a whole JSON error": Row(b'{"error": {"message": "boom"}}', 0, error=ErrorClass.ERROR_IN_STREAM),
    "a whole JSON answer": Row(b'{"choices": [{"message": {"content": "hi"}}]}', 0, texts={"content": "hi"}),
}


def read(pieces: list[bytes], choices: int = 1, *, keep_text: bool = True) -> tuple[Stream, Answer]:
    stream = openai.reader(choices, keep_text=keep_text)
    for piece in pieces:
        stream.feed(piece)
    stream.end()
    return stream, stream.answer()


def told(row: Row, pieces: list[bytes], *, keep_text: bool) -> Row:
    """What the reader makes of a row's stream, as a row."""
    stream, answer = read(pieces, row.choices, keep_text=keep_text)
    texts: dict[Kind, str] | None = {kind: text for (choice, kind), text in answer.texts.items() if choice == 0}
    if row.texts is None or not keep_text:
        texts = row.texts
    return Row(
        row.stream,
        sum(track.chunks for track in stream.tracks),
        answer.finish_reasons.get(0),
        answer.usage,
        answer.fault.error if answer.fault else None,
        texts,
        choices=row.choices,
        blanks=sum(track.blanks for track in stream.tracks),
        inside=any(track.inside for track in stream.tracks),
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


def test_error_message_reaches_people() -> None:
    """The server's own words stand in the fault, on one line."""
    fault = read([event(error={"message": "out of\n  memory", "code": 500})])[1].fault
    assert fault is not None
    assert fault.message == "out of memory"


@pytest.mark.parametrize(("stopped", "whole"), [((0, 1), True), ((0,), False), ((), False)])
def test_several_choices(stopped: tuple[int, ...], whole: bool) -> None:
    """Without [DONE] a stream of two choices is whole once both have finished."""
    stream = b"".join(event({"content": f"{index}"}, index=index) for index in (0, 1, 0, 1))
    stream += b"".join(event({}, finish="stop", index=index) for index in stopped)
    found, answer = read([stream], choices=2)
    assert [track.chunks for track in found.tracks] == [2, 2]
    assert [answer.text(choice=choice) for choice in (0, 1)] == ["00", "11"]
    assert (answer.fault is None) is whole


# name: what a server says instead of an answer, and the words that reach people
WORDS: dict[str, tuple[Any, str]] = {
    "OpenAI": ({"error": {"message": "boom", "type": "x", "code": 500}}, "boom"),
    "a string": ({"error": "boom", "error_type": "generation"}, "boom"),
    "a list": ({"error": ["boom", "bang"]}, "boom; bang"),
    "a list of objects": ({"errors": [{"message": "boom", "code": 7003}]}, "boom"),
    "a mark beside the words": ({"error": True, "message": "boom"}, "boom"),
    "a number beside the words": ({"error": 17, "error_msg": "boom"}, "boom"),
    "vLLM": ({"object": "error", "message": "boom", "code": 400}, "boom"),
    "by type": ({"type": "error", "msg": "boom"}, "boom"),
    "FastAPI": ({"detail": "boom"}, "boom"),
    "FastAPI's list": ({"detail": [{"loc": ["body", "n"], "msg": "boom"}]}, "body.n: boom"),
    "a code and a message": ({"code": 50501, "message": "boom", "data": None}, "boom"),
    "a code in words": ({"code": "InvalidParameter", "message": "boom"}, "boom"),
    "an envelope": ({"code": 401, "msg": "boom", "success": False}, "boom"),
    "Baidu": ({"error_code": 17, "error_msg": "boom"}, "boom"),
    "MiniMax": ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "boom"}}, "boom"),
    "Azure's gateway": ({"statusCode": 401, "message": "boom"}, "boom"),
    "RFC 9457": ({"title": "Problem", "status": 400, "detail": "boom"}, "boom"),
    "a message within a message": ({"error": {"message": {"detail": "boom"}}}, "boom"),
    "an empty message": ({"error": {"code": "1301", "message": ""}}, '{"code":"1301","message":""}'),
    "beside choices": ({"choices": [], "error": {"message": "boom"}}, "boom"),
}


@pytest.mark.parametrize("name", WORDS)
def test_errors_of_any_form(name: str) -> None:
    """In a stream, late or at once, and as a whole body with status 200 or another: the server's words."""
    body, words = WORDS[name]
    raw = orjson.dumps(body)
    for stream in (b"data: " + raw + b"\n\n", HI + b"data: " + raw + b"\n\n" + DONE, raw):
        fault = read([stream])[1].fault
        assert fault is not None
        assert (fault.error, fault.message) == (ERROR, words)
    assert openai.error_message(raw) == words
    assert openai.error_message(b"data: " + raw + b"\n\n") == words


@pytest.mark.parametrize(
    "one",
    [
        {"id": "x"},
        {"type": "ping"},
        {"status": "processing", "message": "first in line"},
        {"code": 0, "message": "success"},
        {"error": None, "choices": []},
        {"error": {}, "choices": []},
        {"detail": None},
        {"success": True, "message": "ok"},
        {"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}},
    ],
)
def test_what_is_no_error(one: dict[str, Any]) -> None:
    """Objects that say nothing of the answer are passed over."""
    assert read([HI + b"data: " + orjson.dumps(one) + b"\n\n" + STOP])[1].fault is None


PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title><script>let a = 1</script></head>"
    b"<body><h1>Please &amp; log in</h1></body></html>"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PAGE, "the server answered with a web page (Sign in"),
        (b"\n" + PAGE, "Please & log in); is the URL complete?"),
        (b"<", "a web page; is the URL complete?"),
        (b"\x1f\x8b\x08", "compressed its answer (gzip)"),
        (b'{"a":1}\n{"b":2}\n', "lines of JSON"),
        (b"Try later", "Try later"),
    ],
)
def test_what_is_no_answer_is_told(body: bytes, words: str) -> None:
    """A sign-in page in a 200 is said to be one, streamed or not."""
    for answer in (read([body])[1], openai.answer(body)):
        assert answer.fault is not None
        assert answer.fault.error is ErrorClass.PARSE
        assert words in answer.fault.message


def test_a_stream_that_nobody_asked_for_is_told() -> None:
    """Where a load test wants whole answers."""
    fault = openai.answer(HI + STOP + DONE).fault
    assert fault is not None
    assert "set stream to true" in fault.message


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


def test_an_endless_event_is_a_fault() -> None:
    """What a reader holds is bounded."""
    fault = read([b"data: "] + [b"x" * (1 << 20)] * 9)[1].fault
    assert fault is not None
    assert fault.error is ErrorClass.TOO_LARGE


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


MESSAGE = {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}

# name: body, finish reason, usage, error, texts of the first choice
ANSWERS: dict[str, tuple[bytes, str | None, Usage | None, ErrorClass | None, dict[Kind, str]]] = {
    "whole": (orjson.dumps({"choices": [MESSAGE], "usage": usage(1, 2)}), "stop", Usage(1, 2), None, {"content": "hi"}),
    "without usage": (b'{"choices":[{"text":"hi"}]}', None, None, None, {"content": "hi"}),
    "reasoning": (
        b'{"choices":[{"message":{"content":"a","reasoning_content":"b"}}]}',
        None,
        None,
        None,
        {"content": "a", "reasoning": "b"},
    ),
    "parts": (
        b'{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}',
        None,
        None,
        None,
        {"content": "ab"},
    ),
    "a tool call": (
        orjson.dumps({"choices": [{"message": {"content": None, **CALL}}]}),
        None,
        None,
        None,
        {"tool_calls": 'f{"a": 1}'},
    ),
    "usage with its parts": (
        orjson.dumps(
            {
                "choices": [MESSAGE],
                "usage": usage(5, 9)
                | {"completion_tokens_details": {"reasoning_tokens": 4}, "prompt_tokens_details": {"cached_tokens": 2}},
            }
        ),
        "stop",
        Usage(5, 9, 4, 2),
        None,
        {"content": "hi"},
    ),
    "an error in a 200": (b'{"error":{"message":"boom"}}', None, None, ErrorClass.ERROR_IN_STREAM, {}),
    "no choices": (b'{"choices":[]}', None, None, ErrorClass.PARSE, {}),
    "no choices at all": (b'{"choices":null}', None, None, ErrorClass.PARSE, {}),
    "a list": (b"[]", None, None, ErrorClass.PARSE, {}),
    "a message that is null": (
        b'{"choices":[{"message":null,"finish_reason":"stop"}]}',
        "stop",
        None,
        ErrorClass.PARSE,
        {},
    ),
    "no message": (b'{"choices":[{"index":0,"finish_reason":"stop"}]}', "stop", None, ErrorClass.PARSE, {}),
    "an empty content": (b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}', "stop", None, None, {}),
    "a number": (b'{"choices":[{"message":{"content":42}}]}', None, None, None, {"content": "42"}),
    "half a character": (b'{"choices":[{"text":"a\\ud83d"}]}', None, None, None, {"content": "a\ufffd"}),
    "stray bytes": (b'{"choices":[{"text":"caf\xe9"}]}', None, None, None, {"content": "caf\ufffd"}),
    "NaN": (b'{"choices":[{"text":"a","logprobs":NaN}]}', None, None, None, {"content": "a"}),
    "a byte order mark": (b'\xef\xbb\xbf{"choices":[{"text":"a"}]}', None, None, None, {"content": "a"}),
    "line feeds before it": (b'\n\n\n{"choices":[{"text":"a"}]}', None, None, None, {"content": "a"}),
    "no end of brackets": (b"[" * 100_000, None, None, ErrorClass.PARSE, {}),
    "two documents": (b'{"choices":[{"text":"a"}]}' * 2, None, None, ErrorClass.PARSE, {}),
    "abort": (
        b'{"choices":[{"message":{"content":"First, "},"finish_reason":"abort"}]}',
        "abort",
        None,
        ErrorClass.ERROR_IN_STREAM,
        {"content": "First, "},
    ),
    "HTML": (b"<html>", None, None, ErrorClass.PARSE, {}),
    "nothing": (b"", None, None, ErrorClass.PARSE, {}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str) -> None:
    """What a whole answer says; the reader of streams says the same of it, but for an empty body."""
    body, finish, used, error, texts = ANSWERS[name]
    for found in (openai.answer(body, keep_text=True), *([read([body])[1]] if body else [])):
        assert (found.finish_reasons.get(0), found.usage, found.fault and found.fault.error) == (finish, used, error)
        assert {kind: text for (_, kind), text in found.texts.items()} == texts
