"""CPU of reading answers, of each dialect: ``python bench/wire_cpu.py [--rounds N]``.

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


SHAPES: dict[str, Callable[[], Shape]] = {"openai": openai}


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
