"""The model's reply to a request: the answer from the book, filler, a call, vectors or scores. Pure.

The length follows, in this order: `ignore_eos` and `min_tokens` (vLLM's extensions, with which load generators fix an
output length), the stop texts, `max_tokens` (reasoning counts first).
"""

from evalkube_mock import tokenizer, vectors
from evalkube_mock.behaviour import Behaviour
from evalkube_mock.dialects.model import Ask, Call, Query, RefusedError, Reply

__all__ = ["MAX_COMPONENTS", "MAX_TOKENS", "compose"]

MAX_TOKENS = 1 << 20  # a bound on what one request can make the mock render
MAX_COMPONENTS = 1 << 23  # of all vectors of an answer: more than OpenAI's 2048 inputs of 3072


def compose(behaviour: Behaviour, ask: Ask, answer: str | None) -> Reply:
    """The reply to `ask`; `answer` is the book's, None if it has none.

    Raises RefusedError (400) if the reply would be longer than MAX_TOKENS.
    """
    if ask.query is not None:
        return _worked_out(behaviour, ask.query)
    reasoning = tokenizer.filler(behaviour.reasoning_tokens, behaviour.seed + 1)
    if behaviour.tool_calls and ask.call is not None:
        return _calling(ask, ask.call, reasoning)
    text = answer if answer is not None else behaviour.default_answer
    stop = None
    if text is None:
        content = tokenizer.filler(behaviour.tokens, behaviour.seed)
    else:
        text, stop = _until_stop(text, ask.stop)
        content = tokenizer.split(text)
    least = ask.max_tokens if ask.ignore_eos and ask.max_tokens is not None else ask.min_tokens
    length = len(reasoning) + len(content)
    wanted = max(length if ask.max_tokens is None else min(length, ask.max_tokens), least)
    _check_length(wanted * ask.choices)
    if length < least:
        more = tokenizer.filler(least - length + 1, behaviour.seed)[1:]  # without the first: it has no space before it
        content += more if content else tokenizer.filler(least - length, behaviour.seed)
        length, stop = least, None
    if ask.max_tokens is None or length < ask.max_tokens or (length == ask.max_tokens and not ask.ignore_eos):
        return Reply(reasoning, content, "stop", stop)
    reasoning = reasoning[: ask.max_tokens]
    return Reply(reasoning, content[: ask.max_tokens - len(reasoning)], "length")


def _check_length(tokens: int) -> None:
    if tokens > MAX_TOKENS:
        raise RefusedError(400, f"This server's context is {MAX_TOKENS} tokens.", code="context_length_exceeded")


def _calling(ask: Ask, call: Call, reasoning: tuple[str, ...]) -> Reply:
    """The reply that calls a tool. If a limit would cut the call, it is left out, because half a call is of no use."""
    arguments = tokenizer.split(call.arguments) if ask.streams_calls else (call.arguments,)
    if ask.max_tokens is not None and len(reasoning) + len(arguments) > ask.max_tokens:
        return Reply(reasoning[: ask.max_tokens], (), "length")
    _check_length((len(reasoning) + len(arguments)) * ask.choices)
    return Reply(reasoning, (), "tool_calls", call=call, arguments=arguments)


def _worked_out(behaviour: Behaviour, query: Query) -> Reply:
    """The vectors of the inputs, or their scores if there is a text to compare them with."""
    if query.text:
        return Reply((), (), "stop", scores=tuple(vectors.relevance(query.text, str(one)) for one in query.inputs))
    dimensions = query.dimensions or behaviour.dimensions
    if dimensions * len(query.inputs) > MAX_COMPONENTS:
        raise RefusedError(400, f"This server gives at most {MAX_COMPONENTS} numbers at once.", param="input")
    return Reply((), (), "stop", vectors=tuple(vectors.embed(one, dimensions) for one in query.inputs))


def _until_stop(text: str, stop: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(at, mark) for mark in stop if (at := text.find(mark)) >= 0]
    if not found:
        return text, None
    at, mark = min(found)
    return text[:at], mark
