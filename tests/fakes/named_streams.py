"""Streams by the names of their kinds, each with its one right outcome."""

import json
from dataclasses import dataclass, field

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire.answer import Kind, Usage
from fakes.wire_events import (
    CALL,
    DONE,
    HALF,
    HI,
    ROLE,
    STOP,
    USAGE,
    both,
    event,
    framed,
    text_event,
    usage,
)

__all__ = ["ERROR", "STREAMS", "Row"]

ERROR = ErrorClass.ERROR_IN_STREAM


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
