"""Reads answers that were not streamed, in any dialect. Bytes in, facts out; no I/O."""

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults
from evalkube_runner.wire.answer import Answer, Fault
from evalkube_runner.wire.decoding import NotJson, loads
from evalkube_runner.wire.grammar import Grammar
from evalkube_runner.wire.reading import Reading

__all__ = ["MAX_BODY_BYTES", "whole"]

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A whole answer beyond this is a fault."""


def whole(body: bytes, grammar: Grammar, choices: int = 1, *, keep_text: bool = True) -> Answer:
    """The answer in a body that was not streamed. Anything but an object with the required parts is a fault."""
    if len(body) > MAX_BODY_BYTES:
        return Answer(fault=Fault(ErrorClass.TOO_LARGE, f"an answer of more than {MAX_BODY_BYTES} bytes"))
    try:
        found = loads(body)
    except NotJson:
        return Answer(fault=Fault(ErrorClass.PARSE, _not_an_answer(body, streams=grammar.streams)))
    if not isinstance(found, dict):
        return Answer(fault=Fault(ErrorClass.PARSE, "the answer is no JSON object: " + faults.shown(body)))
    reading = Reading(choices, keep_text=keep_text)
    told = grammar.begin()(found, b"")
    reading.take(told)
    bare = bool(told.choices) and told.choices[0].bare and all(choice.bare for choice in told.choices)
    if reading.fault is None and bare:
        reading.fail(Fault(ErrorClass.PARSE, "the answer has no message: " + faults.shown(body)))
    if reading.fault is None and not told.choices and not told.items:
        reading.fail(Fault(ErrorClass.PARSE, f"the answer has no {grammar.needs}: {faults.shown(body)}"))
    return reading.answer(reading.fault)


def _not_an_answer(body: bytes, *, streams: bool) -> str:
    """The fault of a body that is not JSON. `streams`: whether the API has streams."""
    found = faults.foreign(body)
    if found is not None:
        return found
    if body.lstrip().startswith((b"data:", b"event:", b"id:", b":")):
        advice = "set stream to true" if streams else "this API has none; is the URL complete?"
        return f"the server answered with a stream that nobody asked for; {advice}"
    lines = body.strip().split(b"\n", 1)
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines):
        return "the server answered with lines of JSON, which is no stream of events; is the URL complete?"
    return "the answer is not JSON: " + faults.shown(body)
