"""CPU of reading answers, of each dialect: `python bench/wire_cpu.py [--rounds N]`.

Streams of 128 tokens, all in one read and an event a read, streams of one token, and whole answers, as a load test
reads them; the best of the rounds, in this process, without sockets. What a request costs in all, perf_cpu.py says.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from evalkube_runner.wire.dialect import DIALECTS, Dialect

TOKENS = 128
TIMES = 300


@dataclass(frozen=True)
class Shape:
    """How a server of a dialect writes: what opens a stream, one token, what ends the stream, a whole answer."""

    opening: list[bytes]
    token: Callable[[int], bytes]
    closing: list[bytes]
    whole: bytes


def event(**fields: Any) -> bytes:
    """An event of one line."""
    return b"data: " + json.dumps(fields, separators=(",", ":")).encode() + b"\n\n"


def openai() -> Shape:
    """Chat completions, as vLLM writes them."""
    common = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 9, "completion_tokens": TOKENS, "total_tokens": TOKENS + 9}

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        return event(**common, choices=[{"index": 0, "delta": delta, "finish_reason": finish}])

    message = {"role": "assistant", "content": " word" * TOKENS}
    whole = {**common, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    return Shape(
        [chunk({"role": "assistant", "content": ""})],
        lambda at: chunk({"content": f" w{at}"}),
        [chunk({}, "stop"), event(**common, choices=[], usage=usage), b"data: [DONE]\n\n"],
        json.dumps(whole).encode(),
    )


def openai_responses() -> Shape:
    """Responses, as OpenAI writes them."""
    response = {"id": "resp_0123456789abcdef", "object": "response", "created_at": 1, "model": "m", "store": False}
    counts = {"input_tokens": 9, "output_tokens": TOKENS, "total_tokens": TOKENS + 9}
    text = {"item_id": "msg_0123456789abcdef", "output_index": 0, "content_index": 0}

    def named(kind: str, number: int, **fields: Any) -> bytes:
        return f"event: {kind}\n".encode() + event(type=kind, sequence_number=number, **fields)

    part = {"type": "output_text", "text": " word" * TOKENS, "annotations": []}
    message = {"id": "msg_0123456789abcdef", "type": "message", "role": "assistant", "content": [part]}
    whole = {**response, "status": "completed", "output": [message], "usage": counts}
    return Shape(
        [named(f"response.{kind}", 0, response=response) for kind in ("created", "in_progress")],
        lambda at: named("response.output_text.delta", at + 2, **text, delta=f" w{at}", obfuscation=f"a{at:x}"),
        [named("response.completed", TOKENS + 2, response=whole)],
        json.dumps(whole).encode(),
    )


def dashscope() -> Shape:
    """DashScope's own, in pieces."""

    def result(number: int, text: str, finish: str) -> bytes:
        message = {"role": "assistant", "content": text}
        usage = {"input_tokens": 9, "output_tokens": number, "total_tokens": number + 9}
        output = {"choices": [{"message": message, "finish_reason": finish}]}
        return json.dumps({"output": output, "usage": usage, "request_id": "0-1-2-3"}, separators=(",", ":")).encode()

    def framed(number: int, text: str, finish: str = "null") -> bytes:
        return b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%s\n\n" % (number, result(number, text, finish))

    return Shape(
        [],
        lambda at: framed(at + 1, f" w{at}"),
        [framed(TOKENS + 1, "", "stop")],
        result(TOKENS, " word" * TOKENS, "stop"),
    )


def anthropic() -> Shape:
    """Messages, as Anthropic writes them."""

    def typed(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\n".encode() + event(type=kind, **fields)

    usage = {"input_tokens": 9, "output_tokens": TOKENS}
    common = {"id": "msg_0123456789abcdef", "type": "message", "role": "assistant", "model": "m"}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    whole = {**common, "content": [{"type": "text", "text": " word" * TOKENS}], **stop, "usage": usage}
    start = typed("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return Shape(
        [typed("message_start", message={**common, "content": [], "usage": usage}), start, typed("ping")],
        lambda at: typed("content_block_delta", index=0, delta={"type": "text_delta", "text": f" w{at}"}),
        [typed("content_block_stop", index=0), typed("message_delta", delta=stop, usage=usage), typed("message_stop")],
        json.dumps(whole).encode(),
    )


def gemini() -> Shape:
    """A candidate in pieces, with the counts so far."""

    def answer(text: str, number: int, **end: str) -> dict[str, Any]:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, **end, "index": 0}
        counts = {"promptTokenCount": 9, "candidatesTokenCount": number, "totalTokenCount": number + 9}
        return {
            "candidates": [candidate],
            "usageMetadata": counts,
            "modelVersion": "m",
            "responseId": "0123456789abcdef",
        }

    def piece(text: str, number: int, **end: str) -> bytes:
        return event(**answer(text, number, **end)).replace(b"\n\n", b"\r\n\r\n")

    return Shape(
        [],
        lambda at: piece(f" w{at}", at + 1),
        [piece("", TOKENS, finishReason="STOP")],
        json.dumps(answer(" word" * TOKENS, TOKENS, finishReason="STOP")).encode(),
    )


SHAPES: dict[str, Callable[[], Shape]] = {
    "anthropic": anthropic,
    "gemini": gemini,
    "openai": openai,
    "openai_responses": openai_responses,
    "dashscope": dashscope,
}


def cost_us(work: Callable[[], object], rounds: int) -> float:
    """Microseconds of CPU of one call: the best of the rounds."""
    found = []
    for _ in range(rounds):
        began_s = time.process_time()
        for _ in range(TIMES):
            work()
        found.append((time.process_time() - began_s) / TIMES * 1e6)
    return min(found)


def read(dialect: Dialect, pieces: list[bytes], tokens: int) -> None:
    """Read one stream."""
    reader = dialect.reader()
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    answer = reader.answer()
    assert (answer.fault, answer.chunks) == (None, tokens), answer


def main() -> None:
    """Print a line for each dialect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print("us of CPU            one read   an event a read   one token   whole answer")
    for name, make in SHAPES.items():
        dialect, shape = DIALECTS[name], make()
        events = [*shape.opening, *map(shape.token, range(TOKENS)), *shape.closing]
        short = [*shape.opening, shape.token(0), *shape.closing]
        works = (
            partial(read, dialect, [b"".join(events)], TOKENS),
            partial(read, dialect, events, TOKENS),
            partial(read, dialect, short, 1),
            partial(dialect.answer, shape.whole),
        )
        costs = [cost_us(work, rounds) for work in works]
        print(f"{name:18s} {costs[0]:10.1f} {costs[1]:17.1f} {costs[2]:11.1f} {costs[3]:14.1f}")


if __name__ == "__main__":
    main()
