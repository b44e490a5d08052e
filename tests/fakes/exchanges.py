"""Exchanges of a load test with times made by hand, and what they add up to."""

from typing import Any

import orjson

from evalkube_crds.perf_point import PerfPoint
from evalkube_runner.perf import measure
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.wire import openai

__all__ = ["DONE", "END", "MS", "ROLE", "STOP", "TEXT", "exchange", "point", "said", "used", "values"]

MS = 1_000_000
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def exchange(
    *reads: tuple[int, bytes],
    index: int = 0,
    stream: bool = True,
    intended_ms: int = 100,
    choices: int = 1,
    unread_ms: int = 0,
    pace_ms: int = 0,
) -> Exchange:
    """A request sent at 100 ms (intended then, or earlier) and answered by `reads` of (ms, bytes). `unread_ms`: how
    long the first token may have lain unread; `pace_ms`: between the tokens of other answers.
    """
    made = Exchange(index, b"", openai, stream=stream, choices=choices, ended=lambda _: None)
    made.intended_ns = intended_ms * MS
    made.ready_ns = made.dispatched_ns = made.sent_ns = 100 * MS
    made.status = 200
    for at_ms, data in reads:
        made.first_byte_ns = made.first_byte_ns or at_ms * MS
        made.end_ns = at_ms * MS
        made.body(data, at_ms * MS)
    made.first_token_lag_ns, made.pace_ns = unread_ms * MS, pace_ms * MS
    made.conclude(made.end_ns, whole=True)
    return made


def point(*exchanges: Exchange, warmup: int = 0) -> PerfPoint:
    """A point of them."""
    figures = measure.Measure(warmup=warmup)
    figures.begin(100 * MS)
    for one in exchanges:
        figures.add(one)
    return PerfPoint.model_validate({"name": "p", "number": 1} | orjson.loads(orjson.dumps(figures.to_doc(0))))


def values(found: PerfPoint) -> dict[str, Any]:
    """The count and the mean of each of its histograms."""
    return {name: (one.count, one.mean) for name, one in found.histograms.items()}


def said(content: str | None = "a", *, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    """An event of a chat's stream, of one choice. `more`: beside the choices."""
    delta = {} if content is None else {"content": content}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"choices": [choice], **more}) + b"\n\n"


def used(tokens: int) -> bytes:
    """An event with the usage alone."""
    counts = {"prompt_tokens": 7, "completion_tokens": tokens}
    return b"data: " + orjson.dumps({"choices": [], "usage": counts}) + b"\n\n"


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
STOP = said(None, finish="stop")
DONE = b"data: [DONE]\n\n"
