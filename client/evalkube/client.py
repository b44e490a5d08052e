"""The client of an evalkube service. It blocks; use one client per thread.

    with Client("http://localhost:9000") as client:          # token="..." where the service has a --token-file
        found = client.evaluate(model="qwen2.5", api_url="https://.../v1", datasets=["gsm8k"], limit=10)
        print(found.scores)

A run is submitted once, whatever the network does in between: each submission carries an Idempotency-Key, and waiting
is done on the run, not on the connection that submitted it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson

from evalkube import calls, comparing, connecting, errors, requesting
from evalkube.calls import Call
from evalkube.compared import Comparison, LoadComparison
from evalkube.comparing import Comparable
from evalkube.events import EventReader
from evalkube.models import Artifact, Health, Page, Progress, Run, RunEvent, SampleLine, Word
from evalkube.outcome import Evaluation, LoadTest, Outcome, outcome_of, result_path
from evalkube.progress import Shown, display
from evalkube_benchmarks.statistics.comparison import MOST_CHANGED
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["Client"]

T = TypeVar("T")


class Client:
    """A client of the service at `url`. Its methods raise errors.EvalkubeError only, never errors of httpx."""

    def __init__(self, url: str | None = None, *, token: str | None = None, timeout_s: float = 30.0) -> None:
        """Takes `url`, else EVALKUBE_SERVER. `token`: for a service that asks for one. `timeout_s`: the time limit of
        one answer, not of a run.
        """
        self.url, token = connecting.address(url, token)
        self._http = httpx.Client(**connecting.options(self.url, token, timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    # ------------------------------------------------------------------------------------------------- runs, whole

    def evaluate(self, request: EvalRequest | None = None, /, *, progress: Shown = None, **fields: Any) -> Evaluation:
        """Runs an evaluation: `request`, or its fields. Raises BadRequest, RunFailed.

        `progress`: whether to show it; unless given where there is a notebook or a terminal. Ctrl-C cancels the run.
        """
        found = self._whole("eval", requesting.body("eval", request, fields), progress)
        assert isinstance(found, Evaluation)
        return found

    def load_test(self, request: PerfRequest | None = None, /, *, progress: Shown = None, **fields: Any) -> LoadTest:
        """Runs a load test: `request`, or its fields. Raises BadRequest, RunFailed."""
        found = self._whole("perf", requesting.body("perf", request, fields), progress)
        assert isinstance(found, LoadTest)
        return found

    def _whole(self, word: Word, body: Mapping[str, Any], progress: Shown) -> Outcome:
        run_id = self.submit(word, body)
        return self.follow(run_id, progress=progress)

    def follow(self, run_id: str, *, progress: Shown = None) -> Outcome:
        """Waits for a run's result and shows its progress. An interruption (Ctrl-C) cancels the run."""
        try:
            with display(progress) as shown:
                for moment in self.progress(run_id):
                    shown.show(moment)
            return self.wait(run_id)
        except KeyboardInterrupt:
            with suppress(errors.EvalkubeError):  # it may have ended just now
                self.cancel(run_id)
            raise

    # ------------------------------------------------------------------------------------------------- runs, by steps

    def submit(self, word: Word, request: EvalRequest | PerfRequest | Mapping[str, Any]) -> str:
        """Starts a run ("eval" or "perf") and returns its id. Raises BadRequest."""
        body = request if isinstance(request, Mapping) else calls.body_of(request)
        return self._ask(calls.submit(word, body))

    def answer(self, run_id: str, timeout_s: float | None = None) -> dict[str, Any]:
        """The JSON answer to the submission, once the run has ended.

        Raises RunFailed; TimeoutError, and then the run goes on.
        """
        waiting = connecting.Wait(run_id, timeout_s)
        while True:
            hold_s = waiting.hold_s()
            if (found := self._ask(calls.outcome(run_id, hold_s))) is not None:
                return found
            time.sleep(waiting.pause_s(hold_s))

    def wait(self, run_id: str, timeout_s: float | None = None) -> Outcome:
        """The result of a run, once it has ended. Raises RunFailed, or TimeoutError while the run goes on."""
        answer = self.answer(run_id, timeout_s)
        return outcome_of(self.run(run_id), answer, self._document(run_id))

    def _document(self, run_id: str) -> bytes | None:
        """The result document; None if the run left none."""
        path = result_path(entry.path for entry in self.artifacts(run_id))
        return None if path is None else self.artifact(run_id, path)

    def progress(self, run_id: str) -> Iterator[Progress]:
        """The progress of a run, at every change, until it has ended. A broken stream is resumed."""
        failures = 0
        while failures < connecting.TRIES:
            try:
                for kind, moment in self._stream(f"{calls.path_of(run_id)}/progress"):
                    failures = 0
                    yield Progress.model_validate(moment)
                    if kind == "end":
                        return
            except errors.Unreachable:
                pass
            failures += 1
            time.sleep(connecting.PAUSE_S * failures)
        raise errors.Unreachable(f"{self.url}: the progress of {run_id} broke off {connecting.TRIES} times")

    def events(self) -> Iterator[RunEvent]:
        """The changes of all runs, without end. Raises Unreachable if the stream breaks off."""
        for kind, data in self._stream("/api/v1/events"):
            if (event := RunEvent.of(kind, data)) is not None:
                yield event

    def _stream(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._streamed(path, {"Accept": "text/event-stream"}) as answer:
            reader = EventReader()
            for line in answer.iter_lines():
                if (event := reader.feed(line)) is not None:
                    yield event.type, orjson.loads(event.data)

    @contextmanager
    def _streamed(self, path: str, headers: Mapping[str, str], **query: str) -> Iterator[httpx.Response]:
        """A streamed answer. An error answer is raised, and Unreachable if the stream breaks off."""
        timeout = connecting.streaming(self._http.timeout)
        try:
            with self._http.stream("GET", path, headers=dict(headers), params=query, timeout=timeout) as answer:
                if answer.status_code != 200:
                    answer.read()
                    calls.checked(answer)
                yield answer
        except httpx.TransportError as problem:
            raise connecting.broken_off(self.url, problem) from None

    def run(self, run_id: str) -> Run:
        """One run: what was asked, its phase, conditions, progress and figures. Raises NotFound."""
        return self._ask(calls.run(run_id))

    def runs(self, **query: str | int | None) -> Iterator[Run]:
        """All runs, newest first, read page by page.

        `query`: the service's filters and sort keys (kind, phase, model, tag, verdict, dataset, q, sort, order).
        """
        place: calls.Place | None = calls.FIRST
        while place is not None:
            page, place = self._ask(calls.runs(query, place))
            yield from page

    def cancel(self, run_id: str) -> None:
        """Cancels a run. Raises errors.ServiceFailed if it has ended already."""
        self._ask(calls.cancel(run_id))

    def delete(self, run_id: str, *, force: bool = False) -> str:
        """Deletes a run and its files; an active run only with `force`. Returns what happened to the files."""
        return self._ask(calls.delete(run_id, force))

    # ------------------------------------------------------------------------------------------------- what runs left

    def logs(self, run_id: str, *, tail: int | None = None) -> str:
        """The run's log so far, or its last `tail` lines."""
        return self._ask(calls.log(run_id, tail))

    def follow_logs(self, run_id: str, *, tail: int | None = None) -> Iterator[str]:
        """The lines of the run's log, until the run has ended. Raises Unreachable if the stream breaks off."""
        query = {"follow": "true"} | ({} if tail is None else {"tail": str(tail)})
        with self._streamed(f"{calls.path_of(run_id)}/logs", {}, **query) as answer:
            yield from answer.iter_lines()

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The run's files."""
        return self._ask(calls.artifacts(run_id))

    def artifact(self, run_id: str, path: str) -> bytes:
        """One file of the run. Raises NotFound."""
        return self._ask(calls.artifact(run_id, path))

    def samples(self, run_id: str, **query: str | int | None) -> Iterator[SampleLine]:
        """The samples of an evaluation (query: dataset, subset, state, sort), page by page."""
        yield from self._pages(lambda page: calls.samples(run_id, {**query, "page": page}))

    def sample(self, run_id: str, dataset: str, subset: str, index: int) -> dict[str, Any]:
        """One sample in full: prompt, thoughts, answer, target, scores, judges. Raises NotFound."""
        return self._ask(calls.sample(run_id, dataset, subset, index))

    def requests(self, run_id: str, **query: str | int | None) -> Iterator[SampleLine]:
        """The requests of a load test (query: point, state, error, sort), page by page."""
        yield from self._pages(lambda page: calls.requests(run_id, {**query, "page": page}))

    def _pages(self, call: Callable[[int], Call[Page]]) -> Iterator[SampleLine]:
        number = 1
        while True:
            page = self._ask(call(number))
            yield from page.rows
            if page.next is None:
                return
            number += 1

    def series(self, run_id: str, point: str | None = None) -> dict[str, Any]:
        """The figures of one point of a load test over time."""
        return self._ask(calls.series(run_id, point))

    def compare(
        self, baseline: Comparable, candidate: Comparable, *more: Comparable, most_changed: int = MOST_CHANGED
    ) -> Comparison | LoadComparison:
        """Compares runs of this service, folders, or results: see evalkube.compare."""
        return comparing.compare(baseline, candidate, *more, client=self, most_changed=most_changed)

    def compare_by_service(self, baseline: str, candidate: str, *, most_changed: int) -> dict[str, Any]:
        """The answer of `POST /api/v1/compare` for two evaluations."""
        return self._ask(calls.compare(baseline, candidate, most_changed))

    def health(self) -> Health:
        """Whether the service answers, and its version."""
        return self._ask(calls.health())

    # ------------------------------------------------------------------------------------------------------------- http

    def _ask(self, call: Call[T]) -> T:
        """One answer. The request is sent again if no answer came: every request here may be sent twice."""
        for attempt in range(1, connecting.TRIES + 1):
            try:
                answer = self._http.request(call.method, call.path, **call.sent_with(self._http.timeout))
                return call.read(calls.checked(answer))
            except httpx.TransportError as problem:
                if (failed := connecting.unreachable(self.url, problem, attempt)) is not None:
                    raise failed from None
                time.sleep(connecting.PAUSE_S * attempt)
        raise AssertionError("the loop returns or raises")
