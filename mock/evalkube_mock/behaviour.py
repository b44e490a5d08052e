"""The behaviour of the mock: its settings, and what it decides for request number n. Pure.

No clock, no socket, no shared randomness. Every decision is a function of (seed, request number), so two servers with
the same options treat the same sequence of requests alike, whatever its timing.
"""

import dataclasses
import enum
import random

__all__ = ["Behaviour", "Fate", "Role", "cut_after", "fate", "latency_ns", "token_offsets_ns"]

_MASK = (1 << 64) - 1


class Role(enum.StrEnum):
    """The time of the events that open a stream before its first token (OpenAI: the role-only delta)."""

    FIRST = "first"  # in one write with the first token, as vLLM does
    EARLY = "early"  # with the response head, long before the first token: catches clients that call it a token
    NONE = "none"  # where the dialect can do without it; else as FIRST


class Fate(enum.Enum):
    """The fate of one request."""

    SERVED = "served"
    FAILED = "failed"  # answered with fail_status
    ERROR_EVENT = "error_event"  # an error event inside a 200
    TRUNCATED = "truncated"  # the connection closes in the middle of the answer


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """All settings. Times are integer nanoseconds; the rates are disjoint fractions of the requests."""

    ttft_ns: int = 0
    itl_ns: int = 0
    latency_ns: int | None = None  # of a whole (not streamed) answer; None = ttft + tokens * itl
    jitter: float = 0.0  # each wait is multiplied by a uniform factor in [1 - jitter, 1 + jitter]
    tokens: int = 128
    reasoning_tokens: int = 0
    tool_calls: bool = False  # a request with tools is answered with a call of the first
    dimensions: int = 1024  # of embeddings
    default_answer: str | None = None  # None = filler text of `tokens` tokens
    concurrency: int | None = None
    fail_rate: float = 0.0
    fail_status: int = 500
    retry_after_s: int | None = None
    stream_error_rate: float = 0.0
    stream_error_status: int = 500  # what the error inside a stream says it is
    truncate_rate: float = 0.0
    role: Role = Role.FIRST
    model: str = "mock-model"
    strict_model: bool = False  # refuse every other model name with 404
    api_key: str | None = None
    seed: int = 0


def fate(behaviour: Behaviour, number: int) -> Fate:
    """The fate of request `number` (counted from 0)."""
    if not (behaviour.fail_rate or behaviour.stream_error_rate or behaviour.truncate_rate):
        return Fate.SERVED
    draw = _uniform(behaviour.seed, number, salt=1)
    for share, outcome in (
        (behaviour.fail_rate, Fate.FAILED),
        (behaviour.stream_error_rate, Fate.ERROR_EVENT),
        (behaviour.truncate_rate, Fate.TRUNCATED),
    ):
        if draw < share:
            return outcome
        draw -= share
    return Fate.SERVED


def cut_after(behaviour: Behaviour, number: int, tokens: int) -> int:
    """The number of tokens after which a stream with an error or a truncation breaks: at least 1, fewer than all.

    An answer of at most one token breaks after all of it.
    """
    return min(tokens, 1 + int(_uniform(behaviour.seed, number, salt=2) * (tokens - 1)))


def token_offsets_ns(behaviour: Behaviour, number: int, tokens: int) -> tuple[int, ...] | None:
    """The times at which tokens are due, from the start of their request; None without jitter.

    Without jitter token k is due at ttft + k * itl, which the caller computes without a table.
    """
    if not behaviour.jitter:
        return None
    uniform = random.Random(_mix(behaviour.seed, number, salt=3)).uniform
    low, high = 1 - behaviour.jitter, 1 + behaviour.jitter
    due = behaviour.ttft_ns * uniform(low, high)
    offsets = [round(due)]
    for _ in range(tokens - 1):
        due += behaviour.itl_ns * uniform(low, high)
        offsets.append(round(due))
    return tuple(offsets)


def latency_ns(behaviour: Behaviour, number: int, tokens: int) -> int:
    """The time at which a complete answer of `tokens` tokens is due, from the start of its request."""
    plain = behaviour.latency_ns
    if plain is None:
        plain = behaviour.ttft_ns + tokens * behaviour.itl_ns
    if not behaviour.jitter:
        return plain
    return round(plain * (1 + behaviour.jitter * (2 * _uniform(behaviour.seed, number, salt=4) - 1)))


def _uniform(seed: int, number: int, *, salt: int) -> float:
    return (_mix(seed, number, salt=salt) >> 11) * 2.0**-53


def _mix(seed: int, number: int, *, salt: int) -> int:
    """A hash of three integers in 64 bits: the finalizer of splitmix64 (Steele, Lea, Flood 2014), applied per input."""
    state = 0
    for value in (seed, number, salt):
        state = (state + value + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state
