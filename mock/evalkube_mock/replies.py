"""What the model says to a request: the answer from the book or filler, cut as the request asks. Pure.

The lengths obey, in this order: `ignore_eos` and `min_tokens` (vLLM's extensions, by which load generators fix an
output length), the stop texts, `max_tokens` (reasoning counts first).
"""

from evalkube_mock import pieces
from evalkube_mock.behaviour import Behaviour
from evalkube_mock.dialects.model import Ask, RefusedError, Reply

__all__ = ["MAX_TOKENS", "compose"]

MAX_TOKENS = 1 << 20  # a bound on what one request can make the mock render


def compose(behaviour: Behaviour, ask: Ask, answer: str | None) -> Reply:
    """Give the reply to `ask`; `answer` is the book's, None when it has none.

    Errors: RefusedError (400) when the reply would be longer than MAX_TOKENS.
    """
    text = answer if answer is not None else behaviour.default_answer
    reasoning = pieces.filler(behaviour.reasoning_tokens, behaviour.seed + 1)
    if text is None:
        content = pieces.filler(behaviour.tokens, behaviour.seed)
    else:
        content = pieces.split(_until_stop(text, ask.stop))
    least = ask.max_tokens if ask.ignore_eos and ask.max_tokens is not None else ask.min_tokens
    length = len(reasoning) + len(content)
    wanted = max(length if ask.max_tokens is None else min(length, ask.max_tokens), least)
    if wanted * ask.choices > MAX_TOKENS:
        raise RefusedError(400, f"This server's context is {MAX_TOKENS} tokens.", code="context_length_exceeded")
    if length < least:
        more = pieces.filler(least - length + 1, behaviour.seed)[1:]  # without the first: it has no space before it
        content += more if content else pieces.filler(least - length, behaviour.seed)
        length = least
    if ask.max_tokens is None or length < ask.max_tokens or (length == ask.max_tokens and not ask.ignore_eos):
        return Reply(reasoning, content, "stop")
    reasoning = reasoning[: ask.max_tokens]
    return Reply(reasoning, content[: ask.max_tokens - len(reasoning)], "length")


def _until_stop(text: str, stop: tuple[str, ...]) -> str:
    cuts = [at for at in (text.find(mark) for mark in stop) if at >= 0]
    return text[: min(cuts)] if cuts else text
