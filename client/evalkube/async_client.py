"""The client of an evalkube service for asyncio: `async with AsyncClient("http://localhost:9000") as client: ...`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson

from evalkube import calls, connecting, errors, requesting
from evalkube.calls import Call
from evalkube.client import Client
from evalkube.compared import Comparison, LoadComparison
from evalkube.comparing import Comparable
from evalkube.events import EventReader
from evalkube.models import Artifact, Health, Page, Progress, Run, RunEvent, SampleLine, Word
from evalkube.outcome import Evaluation, LoadTest, Outcome, outcome_of, result_path
from evalkube.progress import Shown, display
from evalkube_benchmarks.statistics.comparison import MOST_CHANGED
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient:
    """A client of the service at `url` for asyncio. It has the methods of `Client`; they raise the same errors."""

    def __init__(self, url: str | None = None, *, token: str | None = None, timeout_s: float = 30.0) -> None:
        """Takes the same arguments as `Client`."""
        self.url, self._token = connecting.address(url, token)
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(**connecting.options(self.url, self._token, timeout_s))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    # ------------------------------------------------------------------------------------------------- runs, whole

    async def evaluate(
        self, request: EvalRequest | None = None, /, *, progress: Shown = None, **fields: Any
    ) -> Evaluation:
        """Runs an evaluation: `request`, or its fields. If the task is cancelled, the run is cancelled too."""
        found = await self._whole("eval", requesting.body("eval", request, fields), progress)
        assert isinstance(found, Evaluation)
        return found

    async def load_test(
        self, request: PerfRequest | None = None, /, *, progress: Shown = None, **fields: Any
    ) -> LoadTest:
        """Runs a load test: `request`, or its fields. If the task is cancelled, the run is cancelled too."""
        found = await self._whole("perf", requesting.body("perf", request, fields), progress)
        assert isinstance(found, LoadTest)
        return found

    async def _whole(self, word: Word, body: Mapping[str, Any], progress: Shown) -> Outcome:
        return await self.follow(await self.submit(word, body), progress=progress)

    async def follow(self, run_id: str, *, progress: Shown = None) -> Outcome:
        """Waits for a run's result and shows its progress. If the task is cancelled, the run is cancelled too."""
        try:
            with display(progress) as shown:
                async for moment in self.progress(run_id):
                    shown.show(moment)
            return await self.wait(run_id)
        except asyncio.CancelledError:
            with suppress(errors.EvalkubeError):  # it may have ended just now
                await asyncio.shield(self.cancel(run_id))
            raise

    # ------------------------------------------------------------------------------------------------- runs, by steps

    async def submit(self, word: Word, request: EvalRequest | PerfRequest | Mapping[str, Any]) -> str:
        """Starts a run ("eval" or "perf") and returns its id. Raises BadRequest."""
        body = request if isinstance(request, Mapping) else calls.body_of(request)
        return await self._ask(calls.submit(word, body))

    async def answer(self, run_id: str, timeout_s: float | None = None) -> dict[str, Any]:
        """The JSON answer to the submission, once the run has ended."""
        waiting = connecting.Wait(run_id, timeout_s)
        while True:
            hold_s = waiting.hold_s()
            if (found := await self._ask(calls.outcome(run_id, hold_s))) is not None:
                return found
            await asyncio.sleep(waiting.pause_s(hold_s))

    async def wait(self, run_id: str, timeout_s: float | None = None) -> Outcome:
        """The result of a run, once it has ended. Raises RunFailed, or TimeoutError while the run goes on."""
        answer = await self.answer(run_id, timeout_s)
        path = result_path(entry.path for entry in await self.artifacts(run_id))
        document = None if path is None else await self.artifact(run_id, path)
        return outcome_of(await self.run(run_id), answer, document)

    async def progress(self, run_id: str) -> AsyncIterator[Progress]:
        """The progress of a run, at every change, until it has ended. A broken stream is resumed."""
        failures = 0
        while failures < connecting.TRIES:
            try:
                async for kind, moment in self._stream(f"{calls.path_of(run_id)}/progress"):
                    failures = 0
                    yield Progress.model_validate(moment)
                    if kind == "end":
                        return
            except errors.Unreachable:
                pass
            failures += 1
            await asyncio.sleep(connecting.PAUSE_S * failures)
        raise errors.Unreachable(f"{self.url}: the progress of {run_id} broke off {connecting.TRIES} times")

    async def events(self) -> AsyncIterator[RunEvent]:
        """The changes of all runs, without end. Raises Unreachable if the stream breaks off."""
        async for kind, data in self._stream("/api/v1/events"):
            if (event := RunEvent.of(kind, data)) is not None:
                yield event

    async def _stream(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        async with self._streamed(path, {"Accept": "text/event-stream"}) as answer:
            reader = EventReader()
            async for line in answer.aiter_lines():
                if (event := reader.feed(line)) is not None:
                    yield event.type, orjson.loads(event.data)

    @asynccontextmanager
    async def _streamed(self, path: str, headers: Mapping[str, str], **query: str) -> AsyncIterator[httpx.Response]:
        """A streamed answer. An error answer is raised, and Unreachable if the stream breaks off."""
        timeout = connecting.streaming(self._http.timeout)
        try:
            async with self._http.stream("GET", path, headers=dict(headers), params=query, timeout=timeout) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    calls.checked(answer)
                yield answer
        except httpx.TransportError as problem:
            raise connecting.broken_off(self.url, problem) from None

    async def run(self, run_id: str) -> Run:
        """One run. Raises NotFound."""
        return await self._ask(calls.run(run_id))

    async def runs(self, **query: str | int | None) -> AsyncIterator[Run]:
        """All runs, newest first, read page by page."""
        place: calls.Place | None = calls.FIRST
        while place is not None:
            page, place = await self._ask(calls.runs(query, place))
            for run in page:
                yield run

    async def cancel(self, run_id: str) -> None:
        """Cancels a run. Raises errors.ServiceFailed if it has ended already."""
        await self._ask(calls.cancel(run_id))

    async def delete(self, run_id: str, *, force: bool = False) -> str:
        """Deletes a run and its files; an active run only with `force`. Returns what happened to the files."""
        return await self._ask(calls.delete(run_id, force))

    # ------------------------------------------------------------------------------------------------- what runs left

    async def logs(self, run_id: str, *, tail: int | None = None) -> str:
        """The run's log so far, or its last `tail` lines."""
        return await self._ask(calls.log(run_id, tail))

    async def follow_logs(self, run_id: str, *, tail: int | None = None) -> AsyncIterator[str]:
        """The lines of the run's log, until the run has ended. Raises Unreachable if the stream breaks off."""
        query = {"follow": "true"} | ({} if tail is None else {"tail": str(tail)})
        async with self._streamed(f"{calls.path_of(run_id)}/logs", {}, **query) as answer:
            async for line in answer.aiter_lines():
                yield line

    async def artifacts(self, run_id: str) -> list[Artifact]:
        """The run's files."""
        return await self._ask(calls.artifacts(run_id))

    async def artifact(self, run_id: str, path: str) -> bytes:
        """One file of the run. Raises NotFound."""
        return await self._ask(calls.artifact(run_id, path))

    async def samples(self, run_id: str, **query: str | int | None) -> AsyncIterator[SampleLine]:
        """The samples of an evaluation (query: dataset, subset, state, sort), page by page."""
        async for row in self._pages(lambda page: calls.samples(run_id, {**query, "page": page})):
            yield row

    async def sample(self, run_id: str, dataset: str, subset: str, index: int) -> dict[str, Any]:
        """One sample in full. Raises NotFound."""
        return await self._ask(calls.sample(run_id, dataset, subset, index))

    async def requests(self, run_id: str, **query: str | int | None) -> AsyncIterator[SampleLine]:
        """The requests of a load test (query: point, state, error, sort), page by page."""
        async for row in self._pages(lambda page: calls.requests(run_id, {**query, "page": page})):
            yield row

    async def _pages(self, call: Callable[[int], Call[Page]]) -> AsyncIterator[SampleLine]:
        number = 1
        while True:
            page = await self._ask(call(number))
            for row in page.rows:
                yield row
            if page.next is None:
                return
            number += 1

    async def series(self, run_id: str, point: str | None = None) -> dict[str, Any]:
        """The figures of one point of a load test over time."""
        return await self._ask(calls.series(run_id, point))

    async def compare(
        self, baseline: Comparable, candidate: Comparable, *more: Comparable, most_changed: int = MOST_CHANGED
    ) -> Comparison | LoadComparison:
        """Compares runs of this service, folders, or results: see evalkube.compare. A thread reads and compares."""

        def compared() -> Comparison | LoadComparison:
            with Client(self.url, token=self._token, timeout_s=self._timeout_s) as client:
                return client.compare(baseline, candidate, *more, most_changed=most_changed)

        return await asyncio.to_thread(compared)

    async def health(self) -> Health:
        """Whether the service answers, and its version."""
        return await self._ask(calls.health())

    # ------------------------------------------------------------------------------------------------------------- http

    async def _ask(self, call: Call[T]) -> T:
        """One answer. The request is sent again if no answer came: every request here may be sent twice."""
        for attempt in range(1, connecting.TRIES + 1):
            try:
                answer = await self._http.request(call.method, call.path, **call.sent_with(self._http.timeout))
                return call.read(calls.checked(answer))
            except httpx.TransportError as problem:
                if (failed := connecting.unreachable(self.url, problem, attempt)) is not None:
                    raise failed from None
                await asyncio.sleep(connecting.PAUSE_S * attempt)
        raise AssertionError("the loop returns or raises")
