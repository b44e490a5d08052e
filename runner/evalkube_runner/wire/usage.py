"""Reads token counts as servers state them: where they stand, which are possible, and what several add up to. No I/O.

They stand in `usage`, in a choice's or message's own, in `x_groq`, in llama.cpp's `timings`; as integers, as floats
that are whole, in halves over two events. A count that cannot be (negative, a fraction, no number, more than
MAX_TOKENS) is none: one of them would be most of the sum over all requests, or more than any counter holds.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from evalkube_runner.wire.answer import Usage

__all__ = ["MAX_TOKENS", "Usages", "stated", "summed"]

MAX_TOKENS = 1_000_000_000
"""Of one answer: a thousand times what the longest contexts hold."""

_PROMPT = ("prompt_tokens", "input_tokens", "prompt_eval_count")
_COMPLETION = ("completion_tokens", "output_tokens", "eval_count")
_PARTS_OF_PROMPT = ("prompt_tokens_details", "input_tokens_details")
_PARTS_OF_COMPLETION = ("completion_tokens_details", "output_tokens_details")
_DETAILS = frozenset({*_PARTS_OF_PROMPT, *_PARTS_OF_COMPLETION, "reasoning_tokens", "cached_tokens"})


def stated(found: Mapping[str, Any]) -> Usage | None:
    """The counts in an event, a choice or a whole answer, wherever they stand; None where it has none."""
    usage = found.get("usage")
    if usage is None and _ELSEWHERE.isdisjoint(found):
        return None
    if isinstance(usage, dict) and (plain := _plain(usage)) is not None:
        return plain
    for part in _places(found):
        if isinstance(part, dict):
            usage = _usage(part)
            if usage is not None:
                return usage
    return None


_PLACES = ("x_groq", "message", "delta")
_ELSEWHERE = frozenset({*_PLACES, "timings"})


def _places(found: Mapping[str, Any]) -> Iterator[object]:
    yield found.get("usage")
    for name in _PLACES:
        part = found.get(name)
        if isinstance(part, dict) and "usage" in part:
            yield part["usage"]
    timings = found.get("timings")
    if isinstance(timings, dict) and "predicted_n" in timings:
        read, _ = _count(timings.get("prompt_n"))
        cached, _ = _count(timings.get("cache_n"))
        prompt = None if read is None else read + (cached or 0)
        yield {"prompt_tokens": prompt, "completion_tokens": timings["predicted_n"]}


def _plain(part: Mapping[str, Any]) -> Usage | None:
    """The usual statement: two possible counts, and no parts of them."""
    prompt, completion = part.get("prompt_tokens"), part.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int:
        return None
    if not _DETAILS.isdisjoint(part) and any(map(part.get, _DETAILS)):
        return None
    plausible = 0 <= prompt <= MAX_TOKENS and 0 <= completion <= MAX_TOKENS
    return Usage(prompt, completion) if plausible else None


def _usage(part: Mapping[str, Any]) -> Usage | None:
    prompt, odd_prompt = _count(_first(part, _PROMPT))
    completion, odd_completion = _count(_first(part, _COMPLETION))
    total, _ = _count(part.get("total_tokens"))
    if total is not None and not (odd_prompt or odd_completion):
        if completion is None and prompt is not None and total >= prompt:
            completion = total - prompt
        elif prompt is None and completion is not None and total >= completion:
            prompt = total - completion
    doubtful = odd_prompt or odd_completion
    if prompt is None and completion is None and not doubtful:
        return None
    return Usage(
        prompt,
        completion,
        _part_of(completion, part, _PARTS_OF_COMPLETION, "reasoning_tokens"),
        _part_of(prompt, part, _PARTS_OF_PROMPT, "cached_tokens"),
        doubtful=doubtful,
    )


def summed(
    prompt: Iterable[object], completion: Iterable[object], *, cached: object = None, reasoning: object = None
) -> Usage | None:
    """The counts of a server that states parts of them, which add up; None where it states none."""
    prompts, odd_prompt = _sum(prompt)
    completions, odd_completion = _sum(completion)
    doubtful = odd_prompt or odd_completion
    if prompts is None and completions is None and not doubtful:
        return None
    return Usage(prompts, completions, _within(completions, reasoning), _within(prompts, cached), doubtful=doubtful)


def _sum(parts: Iterable[object]) -> tuple[int | None, bool]:
    counts = [_count(part) for part in parts]
    known = [count for count, _ in counts if count is not None]
    odd = any(is_odd for _, is_odd in counts) or sum(known) > MAX_TOKENS
    return (sum(known), False) if known and not odd else (None, odd)


def _within(whole: int | None, part: object) -> int | None:
    count, _ = _count(part)
    return count if count is not None and whole is not None and count <= whole else None


def _first(part: Mapping[str, Any], names: tuple[str, ...]) -> object:
    return next((part[name] for name in names if part.get(name) is not None), None)


def _part_of(whole: int | None, part: Mapping[str, Any], names: tuple[str, ...], key: str) -> int | None:
    """A count of which the server says that it is a part of `whole`."""
    details = _first(part, names)
    count, _ = _count(details.get(key) if isinstance(details, dict) else part.get(key))
    return count if count is not None and whole is not None and count <= whole else None


def _count(value: object) -> tuple[int | None, bool]:
    """A count, and whether there is a value that is no count."""
    if value is None:
        return None, False
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_TOKENS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TOKENS:
        return None, True
    return value, False


class Usages:
    """The statements of a server so far about the tokens of one answer.

    Of `choices` that were asked for, each may have its own count (in its choice, or in events of that choice alone);
    a count in an event of no choice is the whole answer's.
    """

    __slots__ = ("_choices", "_of", "_sum", "_times", "_whole")

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._whole: Usage | None = None
        self._sum = self._times = 0
        self._of: dict[int, Usage] = {}

    def note(self, usage: Usage, choice: int | None) -> None:
        """Take a statement: of a choice that was asked for, or (None) of the whole answer."""
        if choice is not None and self._choices > 1:
            self._of[choice] = _later(self._of.get(choice), usage)
            return
        self._whole = _later(self._whole, usage)
        self._sum += usage.completion_tokens or 0
        self._times += bool(usage.completion_tokens)

    def of(self, chunks: int) -> Usage | None:
        """The counts of the answer, which came in so many chunks; a zero beside them states nothing.

        Several counts are parts of the whole unless the greatest covers the chunks of all choices by itself: then each
        is of all that had come.
        """
        usage = self._whole
        if usage is not None and usage.completion_tokens:
            if self._choices > 1 and self._times == self._choices and usage.completion_tokens < chunks:
                usage = replace(usage, completion_tokens=self._sum, reasoning_tokens=None)
        elif self._of:
            usage = self._added(chunks)
        return None if usage is None else _without_zeros(usage, chunks)

    def _added(self, chunks: int) -> Usage:
        parts = list(self._of.values())
        counts = [part.completion_tokens for part in parts if part.completion_tokens is not None]
        greatest = max(counts, default=0)
        whole: int | None = sum(counts)
        if greatest >= chunks:
            whole = greatest
        elif len(counts) < self._choices:
            whole = None  # of the other choices nothing is known
        prompts = [part.prompt_tokens for part in parts if part.prompt_tokens is not None]
        return Usage(max(prompts, default=None), whole, doubtful=any(part.doubtful for part in parts))


def _later(earlier: Usage | None, usage: Usage) -> Usage:
    """The counts after a further statement: a half leaves the other one standing, and so does a zero."""
    if earlier is None:
        return usage
    return Usage(
        usage.prompt_tokens or earlier.prompt_tokens,
        usage.completion_tokens or earlier.completion_tokens,
        usage.reasoning_tokens or earlier.reasoning_tokens,
        usage.cached_tokens or earlier.cached_tokens,
        doubtful=usage.doubtful or earlier.doubtful,
    )


def _without_zeros(usage: Usage, chunks: int) -> Usage:
    if usage.prompt_tokens and usage.completion_tokens:
        return usage
    completion = None if chunks and not usage.completion_tokens else usage.completion_tokens
    return replace(usage, prompt_tokens=usage.prompt_tokens or None, completion_tokens=completion)
