"""Messages between the parent of a load test and its worker processes: typed values, one line of JSON each.

A message is an object with one key, the name of its class. Headers, URL and proxy hold secrets: they go through a
worker's stdin alone and are in no `repr`. Plain values, encoded and decoded without pydantic; no I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import orjson

from evalkube_crds.proxies import Proxy
from evalkube_crds.sketch import Sketch
from evalkube_runner.http.target import Target, request_head, target_of
from evalkube_runner.perf.conversation import SessionOptions, Sessions
from evalkube_runner.perf.goodput import Criteria
from evalkube_runner.perf.payloads import Layout, Payloads
from evalkube_runner.perf.pool import Limits
from evalkube_runner.perf.schedule import Arrivals, Lane
from evalkube_runner.trust import Trust
from evalkube_runner.wire.dialect import COUNTS, DIALECTS, Dialect

__all__ = [
    "Begin",
    "CountTokens",
    "Done",
    "EndEarly",
    "Endpoint",
    "LoadOptions",
    "LoadOver",
    "Message",
    "PointLoad",
    "Progress",
    "Reached",
    "Ready",
    "Share",
    "Stop",
    "Stopped",
    "Task",
    "TokenCounting",
    "WorkerReport",
    "decode",
    "encode",
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint under load: the dialect it speaks, its URL, the headers of every request, the way to it."""

    api: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    trust: Trust = field(repr=False)
    proxy: Proxy | None

    @property
    def dialect(self) -> Dialect:
        """The dialect of the endpoint's API."""
        return DIALECTS[self.api]

    @property
    def count(self) -> Callable[[bytes], int] | None:
        """The function that counts the inputs of a request body; None where answers are words."""
        return COUNTS.get(self.api)

    @property
    def target(self) -> Target:
        """The parts of the URL that a request line and a connection need; with a proxy that forwards, what is asked of
        it.
        """
        return target_of(self.url, self.proxy)

    @property
    def head(self) -> bytes:
        """The head that all requests share."""
        return request_head(self.target, self.headers)


@dataclass(frozen=True, slots=True)
class TokenCounting:
    """The counting of tokens that the server did not count: the tokenizer's path, and the folders where it may lie."""

    tokenizer: str
    readable: tuple[Path, ...]
    closed: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The options that all points of a load test share. `max_tokens` is the range that limits are drawn from; None
    where bodies have theirs. `duration_ns` is the longest measured part of each point. `goodput` says what a good
    request is. `sessions` are the options of conversations; None where each request stands for itself.
    """

    endpoint: Endpoint
    limits: Limits
    stream: bool
    choices: int
    seed: int
    max_tokens: tuple[int, int] | None
    duration_ns: int | None
    counting: TokenCounting | None
    goodput: Criteria | None = None
    sessions: SessionOptions | None = None

    def sessions_of(self, payloads: Payloads) -> Sessions | None:
        """The conversations of `payloads`; None where those are requests."""
        if self.sessions is None:
            return None
        return Sessions(payloads, self.sessions, head=self.endpoint.head, seed=self.seed, limits=self.max_tokens)


@dataclass(frozen=True, slots=True)
class PointLoad:
    """The load of one point, of all shards and workers together. `count` includes the `warmup`; its first request has
    the body at position `first`. `addresses`: what connections go to. `run`: which run of a repeated point it is.
    Slots begin `slot_step_ns` after each other.
    """

    addresses: tuple[str, ...]
    bodies: Layout
    first: int
    count: int
    warmup: int
    rate: float | None
    arrivals: Arrivals
    slot_step_ns: int
    run: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """The part of one worker in a point: its lane of the schedule, its slots (None: open loop), the connections that it
    opens ahead, and the file for its rows.
    """

    lane: Lane
    slots: int | None
    connections: int
    rows: Path


@dataclass(frozen=True, slots=True)
class Task:
    """A message to a worker: prepare a point, then say `Ready`."""

    options: LoadOptions
    point: PointLoad
    share: Share


@dataclass(frozen=True, slots=True)
class Begin:
    """A message to a worker: the point begins at `start_ns`, on the monotonic clock."""

    start_ns: int


@dataclass(frozen=True, slots=True)
class CountTokens:
    """A message to a worker: the load of all workers is over, so that counting disturbs nobody's."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A message to a worker: send nothing more, end what is in flight as cancelled, write all rows, say `Stopped`."""


@dataclass(frozen=True, slots=True)
class EndEarly:
    """A message to a worker: send nothing more, wait for what is in flight, some seconds at most, then report as at any
    end.
    """


@dataclass(frozen=True, slots=True)
class Ready:
    """A message from a worker: so many connections are open, and the first requests are rendered."""

    connections: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A message from a worker, at `at_ns` (monotonic): requests (or conversations) of the warm-up, and measured ones,
    that are over, and how many of these were `unsuccessful`; of the measured requests, those that were sent, and those
    that failed. `unconnected`: the last ones, of the warm-up too, that all found no connection, since when (monotonic),
    and why.

    Of measured requests that succeeded since the first one left (`since_ns`, monotonic; 0 before): how many, their
    output tokens, and how long they took. `in_flight`: requests that wait for their answer, of the warm-up too.
    """

    warmup: int = 0
    measured: int = 0
    unsuccessful: int = 0
    sent: int = 0
    failed: int = 0
    unconnected: int = 0
    unconnected_since_ns: int = 0
    problem: str = ""
    at_ns: int = 0
    since_ns: int = 0
    succeeded: int = 0
    output_tokens: int = 0
    in_flight: int = 0
    ttft: Sketch = field(default_factory=Sketch)
    latency: Sketch = field(default_factory=Sketch)


@dataclass(frozen=True, slots=True)
class Reached:
    """A message from a worker: the block of bodies that it needs now."""

    block: int


@dataclass(frozen=True, slots=True)
class LoadOver:
    """A message from a worker: its load is over, and tokens are to be counted."""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """The report of one worker on a point. `measured` and `watched` are fields of `perf_point.PerfPoint` and of its
    `ClientHealth` as plain values: counts, histograms and series. `begun_ns` is when its load began, on the monotonic
    clock; 0 where nothing was sent.
    """

    measured: dict[str, Any]
    watched: dict[str, Any]
    offered: int
    sent: int
    connections_peak: int
    connections_limit: int
    clock_step_ns: int
    begun_ns: int = 0

    @property
    def finished(self) -> int:
        """The number of measured requests, or conversations, that are over."""
        ended: dict[str, int] | None = self.measured.get("conversations")
        if ended is not None:
            return sum(ended[name] for name in ("completed", "failed", "cut"))
        succeeded, failed = self.measured["succeeded"], self.measured["failed"]
        return int(succeeded + failed)

    @property
    def unsuccessful(self) -> int:
        """The number of finished requests, or conversations, that failed."""
        ended: dict[str, int] | None = self.measured.get("conversations")
        return int(self.measured["failed"] if ended is None else ended["failed"])

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of `perf_point.PerfPoint` that a worker knows, as plain values."""
        counts = {
            "offered": self.offered,
            "sent": self.sent,
            "connections_peak": self.connections_peak,
            "connections_limit": self.connections_limit,
            "clock_step_ns": self.clock_step_ns,
        }
        return self.measured | {"health": self.measured["health"] | self.watched | counts}


@dataclass(frozen=True, slots=True)
class Done:
    """A message from a worker: the point is measured, and its rows are on disk."""

    report: WorkerReport


@dataclass(frozen=True, slots=True)
class Stopped:
    """A message from a worker: it was stopped, and the rows of all that was sent are on disk."""


Message: TypeAlias = (
    Task | Begin | CountTokens | Stop | EndEarly | Ready | Progress | Reached | LoadOver | Done | Stopped
)
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """A message as one line."""
    return orjson.dumps({type(message).__name__: message}, default=_path) + b"\n"


def decode(line: bytes) -> Message:
    """The message of one line."""
    ((kind, fields),) = orjson.loads(line).items()
    message: Message = _typed(_KINDS[kind], fields)
    return message


def _path(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError


def _typed(kind: Any, value: Any) -> Any:
    """A JSON value as the type that a field declares: dataclass, tuple, path, one of them or None; else as it is."""
    if value is None:
        return None
    if isinstance(kind, type) and is_dataclass(kind):
        types = _types(kind)
        return kind(**{name: _typed(types[name], part) for name, part in value.items()})
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        return _typed(kind, value)
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        return tuple(_typed(inner[0 if inner[-1] is Ellipsis else at], part) for at, part in enumerate(value))
    return Path(value) if kind is Path else value


@lru_cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
