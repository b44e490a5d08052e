"""The handling of a complete request: refuse, queue, generate, or answer from the mock's own records.

It knows HTTP only as values (a Request in, bytes out through the connection), and opens no sockets.
"""

import dataclasses
import time
from collections import deque
from collections.abc import Sequence
from urllib.parse import parse_qs

import orjson

from evalkube_mock import behaviour as behaviours
from evalkube_mock import rendering, replies, wire
from evalkube_mock.answers import AnswerBook
from evalkube_mock.behaviour import Behaviour, Fate, Role
from evalkube_mock.dialects import table
from evalkube_mock.dialects.model import JSON, Ask, Dialect, Endpoint, RefusedError
from evalkube_mock.generation import Channel, Generation
from evalkube_mock.record import Outcome, Record, Stats
from evalkube_mock.rendering import Prepared, Shelf
from evalkube_mock.timerfd import Wheel

__all__ = ["Engine", "Request"]


@dataclasses.dataclass(slots=True)
class Request:
    """One request; its last byte was read at `received_ns`."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    chunked: bool  # the client understands chunked encoding (HTTP/1.1)
    keep_alive: bool
    received_ns: int
    waited: bool = False  # behind another request on its connection


class Engine:
    """The engine, which serves requests by a behaviour. There is one per server, on one event loop."""

    def __init__(self, behaviour: Behaviour, book: AnswerBook, *, record: Record, wheel: Wheel) -> None:
        self._behaviour = behaviour
        self._book = book
        self._record = record
        self._wheel = wheel
        self._shelf = Shelf()
        self._stats = Stats()
        self._requests = 0
        self._serving = 0
        self._queue: deque[Generation] = deque()
        self._filling = False
        self._started = int(time.time())

    def accept(self, peer: Channel, request: Request) -> Generation | None:
        """Takes a request. Returns its generation, if its answer is not complete, to resume or abandon it."""
        for dialect in table.DIALECTS:
            endpoint = dialect.endpoint(request.path, request.query)
            if endpoint is not None:
                return self._generate(peer, request, dialect, endpoint)
        dialect = table.claiming(request.path, request.headers)
        try:
            body = self._own(request, dialect)
            peer.send(self._whole(request, 200, body))
        except RefusedError as refused:
            peer.send(self._refusal(request, dialect, refused, self._requests))
        peer.done(keep_alive=request.keep_alive)
        return None

    def abandon(self, generation: Generation) -> None:
        """Stops a generation whose client has disconnected."""
        generation.cancel()
        if generation in self._queue:
            self._queue.remove(generation)
        else:
            self._serving -= 1
        self._stats.disconnected += 1
        self._leave(generation, 0, Outcome.DISCONNECTED)
        self._fill()

    def _generate(self, peer: Channel, request: Request, dialect: Dialect, endpoint: Endpoint) -> Generation | None:
        self._stats.entered()
        number = self._requests
        self._requests += 1
        try:
            self._admit(request, dialect)
            ask = dialect.read(endpoint, request.headers, request.body)
            self._record.bodies.append(request.body)
            if self._behaviour.strict_model and ask.model != self._behaviour.model:
                raise _unknown_model(ask.model)
            fate = behaviours.fate(self._behaviour, number)
            if fate is Fate.FAILED:
                raise self._chosen_to_fail()
            prepared = self._prepare(dialect, ask, chunked=request.chunked)
        except RefusedError as refused:
            peer.send(self._refusal(request, dialect, refused, number))
            self._stats.in_flight -= 1
            self._stats.by_status[refused.status] += 1
            self._record.add((number, request.received_ns, 0, 0, 0, refused.status, Outcome.REFUSED))
            peer.done(keep_alive=request.keep_alive)
            return None
        generation = Generation(
            behaviour=self._behaviour,
            wheel=self._wheel,
            channel=peer,
            dialect=dialect,
            ask=ask,
            prepared=prepared,
            number=number,
            fate=fate,
            chunked=request.chunked,
            keep_alive=request.keep_alive,
            received_ns=request.received_ns,
            finished=self._finished,
            late=self._stats.late,
        )
        # The queue is asked too: a place that has just become free belongs to the first that waits.
        places = self._behaviour.concurrency
        if places is not None and (self._serving >= places or self._queue):
            self._queue.append(generation)
            return generation
        self._serving += 1
        generation.begin(time.monotonic_ns() if request.waited else request.received_ns)
        return None if generation.over else generation

    def _admit(self, request: Request, dialect: Dialect) -> None:
        if request.method != "POST":
            raise _wrong_method(request, "POST")
        self._check_key(request, dialect)

    def _check_key(self, request: Request, dialect: Dialect) -> None:
        if self._behaviour.api_key is not None:
            key = dialect.credential(request.headers, request.query)
            if key != self._behaviour.api_key:
                raise dialect.wrong_key(key)

    def _chosen_to_fail(self) -> RefusedError:
        wait_s = self._behaviour.retry_after_s
        headers = () if wait_s is None else (("retry-after", str(wait_s)),)
        return RefusedError(
            self._behaviour.fail_status, "This request was chosen to fail (--fail-rate).", headers=headers
        )

    def _prepare(self, dialect: Dialect, ask: Ask, *, chunked: bool) -> Prepared:
        if ask.query is not None:
            return Prepared(replies.compose(self._behaviour, ask, None))
        answer = self._book.find(ask.prompt) if len(self._book) else None
        wanted = (ask.max_tokens, ask.min_tokens, ask.ignore_eos, ask.stop)
        # The digits of the prompt's length are in the stamp's, which the chunks' sizes count.
        form = (ask.endpoint, ask.variant, ask.stream, chunked, len(str(ask.prompt_tokens)))
        key = (ask.model, ask.choices, ask.call, answer, *form, *wanted)
        prepared = self._shelf.get(key)
        if prepared is None:
            reply = replies.compose(self._behaviour, ask, answer)
            role = self._behaviour.role is not Role.NONE
            prepared = rendering.prepare(dialect, ask, reply, role=role, chunked=chunked)
            self._shelf.put(key, prepared)
        return prepared

    def _finished(self, generation: Generation, outcome: Outcome) -> None:
        self._serving -= 1
        self._stats.by_status[200] += 1
        self._leave(generation, 200, outcome)
        generation.channel.done(keep_alive=generation.keep_alive and outcome is not Outcome.TRUNCATED)
        self._fill()

    def _leave(self, generation: Generation, status: int, outcome: Outcome) -> None:
        generation.over = True
        self._stats.in_flight -= 1
        tokens = generation.sent * generation.ask.choices
        self._stats.tokens += tokens
        times = (generation.received_ns, generation.first_token_ns, generation.last_token_ns)
        self._record.add((generation.number, *times, tokens, status, outcome))

    def _fill(self) -> None:
        """Gives free places to waiting requests, in a loop, because an answer can end inside `begin`."""
        if self._filling or self._behaviour.concurrency is None:
            return
        self._filling = True
        try:
            while self._queue and self._serving < self._behaviour.concurrency:
                self._serving += 1
                self._queue.popleft().begin(time.monotonic_ns())
        finally:
            self._filling = False

    def _own(self, request: Request, dialect: Dialect) -> bytes:
        """Answers the endpoints that generate nothing."""
        path = request.path
        if path == "/record" and request.method == "DELETE":
            self._record.clear()
            self._stats.clear()
            return b'{"cleared":true}'
        own = path in ("/health", "/record", "/requests", "/stats")
        listed = None if own else dialect.models(path, self._behaviour.model, self._started)
        if not own and listed is None:
            raise RefusedError(404, f"Unknown path: {request.method} {path}", code="unknown_url")
        if request.method != "GET":
            raise _wrong_method(request, "GET, DELETE" if path == "/record" else "GET")
        if listed is None:
            return self._books(request)
        self._check_key(request, dialect)
        name, body = listed
        if name not in ("", self._behaviour.model):
            raise _unknown_model(name)
        return body

    def _books(self, request: Request) -> bytes:
        if request.path == "/health":
            return b'{"status":"ok","service":"evalkube-mock"}'
        if request.path == "/requests":
            return b"[%s]" % b",".join(self._record.bodies)
        if request.path == "/stats":
            return orjson.dumps(self._stats.document(len(self._queue)))
        if parse_qs(request.query).get("format", ["json"]) != ["json"]:
            raise RefusedError(400, "The record has one format: json.", param="format")
        return orjson.dumps(self._record.document())

    def _refusal(self, request: Request, dialect: Dialect, refused: RefusedError, number: int) -> bytes:
        content_type, body = dialect.refusal(refused, number, request.headers)
        return self._whole(request, refused.status, body, content_type, refused.headers)

    @staticmethod
    def _whole(
        request: Request,
        status: int,
        body: bytes,
        content_type: bytes = JSON,
        headers: Sequence[tuple[str, str]] = (),
    ) -> bytes:
        return wire.response(
            status,
            body,
            content_type=content_type,
            keep_alive=request.keep_alive,
            headers=headers,
            head_only=request.method == "HEAD",
        )


def _wrong_method(request: Request, allowed: str) -> RefusedError:
    return RefusedError(
        405, f"Method {request.method} is not allowed for {request.path}.", headers=(("allow", allowed),)
    )


def _unknown_model(model: str) -> RefusedError:
    return RefusedError(404, f"The model `{model}` does not exist.", param="model", code="model_not_found")
