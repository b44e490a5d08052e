"""Sends a prompt to an endpoint, in its dialect, and returns the answer, with retries where they may help.

Its connections are those of `http.calls`. The key stands in one header and
nowhere else; further secrets are where the request has them.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import orjson

from evalkube_benchmarks.benchmark import Message
from evalkube_crds import dialects, secret_keys
from evalkube_crds.credentials import NO_CREDENTIALS, Credentials
from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass, error_class_of_status
from evalkube_crds.proxies import Proxies, Proxy
from evalkube_crds.results import TokenUsage
from evalkube_runner import arrival, urls
from evalkube_runner.eval import answer as answers
from evalkube_runner.eval import asking, retry
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.at_once import REFUSALS, Limit
from evalkube_runner.eval.room import Room
from evalkube_runner.gate import Gate, TargetForbidden
from evalkube_runner.http.calls import Calls
from evalkube_runner.http.exchange import HttpFailed, Response
from evalkube_runner.http.target import proxied_by, request_head, target_of
from evalkube_runner.trust import Trust
from evalkube_runner.wire import heads
from evalkube_runner.wire.ask import Operation
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.dialect import DIALECTS, Dialect, StreamReader
from evalkube_runner.wire.tunnel import CREDENTIALS

__all__ = ["Client", "Listener", "RequestFailed"]

_USUAL, _NO_PROXIES = Trust(), Proxies()
_MAX_ERROR_BYTES = 64 * 1024
_REFUSAL_S = 5.0  # for the words of a refusal: it is one without them
_LEAVE_S = 0.5  # for the end of a message after [DONE]: longer than a new connection takes, and no answer waits for it


class RequestFailed(Exception):
    """An attempt, or all attempts, to get an answer failed. `status` is None when there was no HTTP answer."""

    def __init__(
        self, error: ErrorClass, message: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s


class Listener(Protocol):
    """The listener to a client's attempts; it may raise to end the run."""

    def succeeded(self) -> None:
        """Note that an attempt brought an answer."""

    def failed(self, failure: RequestFailed) -> bool:
        """Note that an attempt failed; whether it does not count, because the endpoint may still be starting."""


@dataclass(frozen=True, slots=True)
class _Target:
    dialect: Dialect
    url: str
    headers: Mapping[str, str]
    model: str
    config: GenerationConfig
    secret: Mapping[str, Any] = field(repr=False)


class Client:
    """A pool of `connections` kept-alive connections to one endpoint. Use as an async context manager."""

    def __init__(
        self,
        api_url: str,
        model: str,
        config: GenerationConfig,
        *,
        api_key: str | None,
        connections: int,
        gate: Gate,
        api: str = "openai",
        api_key_header: str | None = None,
        trust: Trust = _USUAL,
        proxies: Proxies = _NO_PROXIES,
        listener: Listener | None = None,
        credentials: Credentials = NO_CREDENTIALS,
        limit: Limit | None = None,
    ) -> None:
        """`limit`: how many requests may be in flight at once, where that is not all `connections`."""
        dialect = DIALECTS[api]
        operation = Operation(model, config.stream)
        endpoint = heads.with_query(dialect.endpoint(api_url, operation, base=True), config.extra_query or {})
        url = heads.with_query(urls.encoded(endpoint), credentials.query)
        ours = dialect.headers(api_key, url, api_key_header) | {"Content-Type": "application/json"}
        fixed = dialect.fixed_headers(stream=config.stream)
        headers = heads.joined(fixed, config.extra_headers or {}, credentials.headers, ours)
        self._stops = "stop_seqs" not in dialects.DIALECTS[api].lacks
        self._target = _Target(dialect, url, headers, model, config, credentials.body)
        self._listener = listener
        self._limit = limit
        self._room = None if limit is None else Room(limit)
        self._asking = 0
        self.usage = TokenUsage()
        """What its answers so far took."""
        self._resting: Counter[ErrorClass] = Counter()
        self._proxy = proxies.for_url(url)
        target = target_of(url, self._proxy)
        self._head = request_head(target, headers | proxied_by(self._proxy, tls=target.tls))
        self._calls = Calls(connections, target, gate, timeout_s=config.timeout, trust=trust, proxy=self._proxy)

    async def __aenter__(self) -> Self:
        await self._calls.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._calls.__aexit__()

    async def ask(
        self, messages: Sequence[Message], *, repeat: int = 0, stops: Sequence[str] = (), kind: str = ""
    ) -> Answer:
        """The answer to a chat. It ends at `stops` where the config names none: by the model, or here where the API has
        no parameter for them. `kind` is the question's; questions of one kind take about the same time.

        Raises RequestFailed for the last attempt, or for one that no other would mend.
        """
        config = self._target.config
        stops = stops if config.stop_seqs is None else ()
        if stops and self._stops:
            config = config.model_copy(update={"stop_seqs": list(stops)})
        ask = asking.ask_of(self._target.model, messages, config, repeat=repeat)
        try:
            made = self._target.dialect.body(replace(ask, url=self._target.url))
        except Inexpressible as problem:
            raise RequestFailed(ErrorClass.SEND, str(problem)) from None
        body = orjson.dumps(secret_keys.joined(made, self._target.secret))
        async with contextlib.nullcontext() if self._room is None else self._room.place():
            answer = await self._within_limit(body, kind)
        return answer if self._stops else answer.ended_by(stops)

    async def _within_limit(self, body: bytes, kind: str) -> Answer:
        round_ = None if self._limit is None else self._limit.asked(kind)
        self._asking += 1
        try:
            answer = await self._answer(body)
        finally:
            self._asking -= 1
        if answer.tokens is not None:
            answer.tokens.add_to(self.usage)
        if self._limit is not None and round_ is not None:
            self._limit.answered(round_, answer.latency_ns)
        return answer

    @property
    def in_flight(self) -> int:
        """The number of requests that wait for their answer."""
        return self._asking - self._resting.total()

    @property
    def resting_after(self) -> ErrorClass | None:
        """The error of most requests, where all of them wait before a retry."""
        resting = self._asking > 0 and self._resting.total() == self._asking
        return self._resting.most_common(1)[0][0] if resting else None

    async def _rest(self, pause_s: float, cause: ErrorClass) -> None:
        self._resting[cause] += 1
        try:
            await asyncio.sleep(pause_s)
        finally:
            self._resting[cause] -= 1

    async def _answer(self, body: bytes) -> Answer:
        config = self._target.config
        attempt, in_vain = 1, 0
        while True:
            try:
                answer = await self._attempt(body)
            except RequestFailed as failure:
                awaited = self._listener is not None and self._listener.failed(failure)
                if awaited or self._excused(failure):
                    in_vain += 1
                    await self._rest(arrival.pause_s(in_vain, failure.retry_after_s), failure.error)
                    continue
                if attempt == config.retries or not retry.passing(failure.error, failure.status):
                    raise
                pause_s = retry.delay_s(
                    attempt, random.random(), longest_s=config.retry_interval, asked_s=failure.retry_after_s
                )
                await self._rest(pause_s, failure.error)
                attempt += 1
            else:
                if self._listener is not None:
                    self._listener.succeeded()
                return replace(answer, attempts=attempt)

    def _excused(self, failure: RequestFailed) -> bool:
        """Whether an attempt does not count: the endpoint refused it because of the load, and the limit now goes
        down.
        """
        return self._limit is not None and failure.status in REFUSALS and self._limit.refused_for_load()

    async def _attempt(self, body: bytes) -> Answer:
        timeout_s = self._target.config.timeout
        async with self._calls.call() as call:  # waiting for one is no part of the answer's time
            begun_ns = time.perf_counter_ns()
            try:
                async with asyncio.timeout(timeout_s):
                    response = await call.send(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
                    if not 200 <= response.status < 300:
                        said = self._target.dialect.error_message(await _beginning(response))
                        raise _refusal(response, said, self._proxy)
                    return await _read_answer(self._target.dialect.reader(keep_text=True), response, begun_ns)
            except TimeoutError:
                raise RequestFailed(ErrorClass.TOTAL_TIMEOUT, f"no complete answer within {timeout_s:g} s") from None
            except TargetForbidden as refused:
                raise RequestFailed(ErrorClass.FORBIDDEN_TARGET, refused.message) from refused
            except HttpFailed as problem:
                raise RequestFailed(problem.error, problem.message, status=problem.status) from problem


async def _beginning(response: Response) -> bytes:
    """The beginning of a refusal's body, which may have no end, or be cut off or stop. The status is known."""
    found = b""
    with contextlib.suppress(TimeoutError, HttpFailed):
        async with asyncio.timeout(_REFUSAL_S):
            while len(found) < _MAX_ERROR_BYTES and (part := await response.part()):
                found += part
    return found[:_MAX_ERROR_BYTES]


async def _read_answer(reader: StreamReader, response: Response, begun_ns: int) -> Answer:
    """The answer in a body, streamed or whole, whatever was requested and whatever its Content-Type says."""
    ttft_ns = None
    while not reader.done and (part := await response.part()):
        reader.feed(part)
        if ttft_ns is None and reader.tracks[0].chunks:
            ttft_ns = time.perf_counter_ns() - begun_ns
    latency_ns = time.perf_counter_ns() - begun_ns
    if not response.over:
        await _leave(response)
    reader.end()
    said = reader.answer()
    fault = said.fault or answers.fault_of_silence(said)
    if fault is not None:
        raise RequestFailed(fault.error, fault.message, status=response.status)
    return Answer.of(said, latency_ns=latency_ns, ttft_ns=ttft_ns if reader.streamed else None)


async def _leave(response: Response) -> None:
    """Wait a moment for the end of a body whose answer is complete, so that its connection can be used again. What
    still comes, or fails, is no part of the answer.
    """
    with contextlib.suppress(TimeoutError, HttpFailed):
        async with asyncio.timeout(_LEAVE_S):
            while await response.part():
                pass


def _refusal(response: Response, said: str, proxy: Proxy | None) -> RequestFailed:
    """The refusal in an answer that is not a 2xx. A redirect is refused too: following it would carry the key to
    another place.
    """
    status = response.status
    message = said or response.reason
    if status == 407:
        message = f"proxy {proxy}: {CREDENTIALS}" if proxy is not None else f"a proxy on the way {CREDENTIALS}"
    if 300 <= status < 400 and "location" in response.headers:
        message = f"the endpoint redirects to {response.headers['location']}; use that address as api_url"
    after_s = retry.retry_after_s(response.headers.get("retry-after"))
    return RequestFailed(
        error_class_of_status(status), f"HTTP {status}: {message}", status=status, retry_after_s=after_s
    )
