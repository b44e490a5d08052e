"""Sends one prompt to an OpenAI-compatible endpoint and returns its answer, trying again where that may help.

With lanes.py and guard.py the only module of the evaluation that opens a connection. The key stands in one header and
nowhere else.
"""

import asyncio
import contextlib
import random
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import httpx
import orjson

from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass, error_class_of_status
from evalkube_runner.eval import answer as answers
from evalkube_runner.eval import chat, retry
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.benchmarks.declaration import Message
from evalkube_runner.eval.lanes import Lanes
from evalkube_runner.gate import Gate, TargetForbidden
from evalkube_runner.wire import openai

__all__ = ["Client", "Listener", "RequestFailed"]

_MAX_BODY_BYTES = 64 * 1024 * 1024
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
    """Is told of each attempt; may raise to end the run."""

    def succeeded(self) -> None:
        """An attempt brought an answer."""

    def failed(self, failure: RequestFailed) -> None:
        """An attempt failed."""


@dataclass(frozen=True, slots=True)
class _Target:
    url: str
    headers: Mapping[str, str]
    model: str
    config: GenerationConfig


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
        listener: Listener | None = None,
    ) -> None:
        headers = {**(config.extra_headers or {}), **openai.headers(api_key), "Content-Type": "application/json"}
        self._target = _Target(openai.endpoint(api_url), headers, model, config)
        self._listener = listener
        self._lanes = Lanes(connections, self._target.url, gate, timeout_s=config.timeout, query=config.extra_query)

    async def __aenter__(self) -> Self:
        await self._lanes.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._lanes.__aexit__()

    async def ask(self, messages: Sequence[Message], *, repeat: int = 0) -> Answer:
        """The answer to a chat. Raises RequestFailed for the last attempt, or for one that no other would mend."""
        config = self._target.config
        body = orjson.dumps(chat.body(self._target.model, messages, config, repeat=repeat))
        for attempt in range(1, config.retries + 1):
            try:
                answer = await self._attempt(body)
            except RequestFailed as failure:
                if self._listener is not None:
                    self._listener.failed(failure)
                if attempt == config.retries or not retry.passing(failure.error, failure.status):
                    raise
                pause_s = retry.delay_s(
                    attempt, random.random(), longest_s=config.retry_interval, asked_s=failure.retry_after_s
                )
                await asyncio.sleep(pause_s)
            else:
                if self._listener is not None:
                    self._listener.succeeded()
                return replace(answer, attempts=attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, body: bytes) -> Answer:
        timeout_s = self._target.config.timeout
        async with self._lanes.lane() as http:  # waiting for one is no part of the answer's time
            begun_ns = time.perf_counter_ns()
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await self._post(http, body, begun_ns)
            except TimeoutError:
                raise RequestFailed(ErrorClass.TOTAL_TIMEOUT, f"no complete answer within {timeout_s:g} s") from None
            except TargetForbidden as refused:
                raise RequestFailed(ErrorClass.FORBIDDEN_TARGET, refused.message) from refused
            except httpx.HTTPError as problem:
                raise RequestFailed(*_transport_failure(problem)) from problem
            return answer

    async def _post(self, http: httpx.AsyncClient, body: bytes, begun_ns: int) -> Answer:
        request = http.build_request("POST", self._target.url, content=body, headers=self._target.headers)
        response = await http.send(request, stream=True)
        try:
            if not response.is_success:
                raise _refusal(response, await _read(response))
            return await _read_answer(response, begun_ns)
        finally:
            await response.aclose()


async def _parts(response: httpx.Response) -> AsyncIterator[bytes]:
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > _MAX_BODY_BYTES:
            raise RequestFailed(
                ErrorClass.TOO_LARGE, f"an answer of more than {_MAX_BODY_BYTES} bytes", status=response.status_code
            )
        yield part


async def _read(response: httpx.Response) -> bytes:
    return b"".join([part async for part in _parts(response)])


async def _read_answer(response: httpx.Response, begun_ns: int) -> Answer:
    """The answer in a body, streamed or whole, whatever was asked for and whatever its Content-Type says."""
    reader, ttft_ns, parts = openai.reader(keep_text=True), None, _parts(response)
    async for part in parts:
        reader.feed(part)
        if ttft_ns is None and reader.tracks[0].chunks:
            ttft_ns = time.perf_counter_ns() - begun_ns
        if reader.done:
            break
    latency_ns = time.perf_counter_ns() - begun_ns
    if reader.done:
        await _leave(parts)
    reader.end()
    said = reader.answer()
    fault = said.fault or answers.fault_of_silence(said)
    if fault is not None:
        raise RequestFailed(fault.error, fault.message, status=response.status_code)
    return Answer.of(said, latency_ns=latency_ns, ttft_ns=ttft_ns if reader.streamed else None)


async def _leave(parts: AsyncIterator[bytes]) -> None:
    """Wait a moment for the end of a body of which the answer is over, so that its connection can be used again. What
    still comes, or goes wrong, is no part of the answer.
    """
    with contextlib.suppress(TimeoutError, httpx.HTTPError, RequestFailed):
        async with asyncio.timeout(_LEAVE_S):
            async for _ in parts:
                pass


def _refusal(response: httpx.Response, data: bytes) -> RequestFailed:
    """Everything but a 2xx. A redirect is one too: following it would carry the key to wherever it points."""
    status = response.status_code
    message = openai.error_message(data) or response.reason_phrase
    if response.is_redirect:
        message = (
            f"the endpoint redirects to {response.headers.get('location', 'nowhere')}; use that address as api_url"
        )
    after_s = retry.retry_after_s(response.headers.get("retry-after"))
    return RequestFailed(
        error_class_of_status(status), f"HTTP {status}: {message}", status=status, retry_after_s=after_s
    )


def _transport_failure(problem: httpx.HTTPError) -> tuple[ErrorClass, str]:
    said = f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
    if isinstance(problem, httpx.ConnectError):
        causes = list(_causes(problem))
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return ErrorClass.DNS, said
        return (
            ErrorClass.TLS if any(isinstance(cause, ssl.SSLError) for cause in causes) else ErrorClass.CONNECT
        ), said
    by_type: dict[type[httpx.HTTPError], ErrorClass] = {
        httpx.ConnectTimeout: ErrorClass.CONNECT_TIMEOUT,
        httpx.ReadTimeout: ErrorClass.IDLE_TIMEOUT,
        httpx.WriteTimeout: ErrorClass.SEND,
        httpx.WriteError: ErrorClass.SEND,
        httpx.ProxyError: ErrorClass.CONNECT,
        httpx.DecodingError: ErrorClass.PARSE,
    }
    return by_type.get(type(problem), ErrorClass.DISCONNECTED), said


def _causes(problem: BaseException) -> Any:
    seen: BaseException | None = problem
    while seen is not None:
        yield seen
        # An exception group holds the failures of all addresses of a host.
        if isinstance(seen, BaseExceptionGroup):
            for inner in seen.exceptions:
                yield from _causes(inner)
        seen = seen.__cause__ or seen.__context__
