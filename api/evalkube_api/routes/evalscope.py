"""The paths of EvalScope's current clients beyond its service document: /api/v1/eval/... and /api/v1/perf/....

A task has an id that the client chose. The paths are thin aliases: a task is a run, which the other paths show too.
"""

import asyncio
import dataclasses
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import bodies, endings, errors, evalscope, openapi, problems, seed
from evalkube_api.backend import WORDS, Backend, Line, RunQuery
from evalkube_api.metrics import Metrics
from evalkube_api.routes import files, submissions
from evalkube_api.settings import Settings
from evalkube_benchmarks.catalogue import catalogue
from evalkube_crds import requests
from evalkube_crds.names import Kind, Phase
from evalkube_crds.status import Run

__all__ = ["router"]

_HEADER: Final = "EvalScope-Task-Id"
_REQUESTS: Final = {Kind.EVAL_RUN: requests.EvalRequest, Kind.PERF_RUN: requests.PerfRequest}
_REPORTS: Final = {Kind.EVAL_RUN: "reports/report.html", Kind.PERF_RUN: "perf_report.html"}

TaskId = Annotated[str, Query(max_length=200, description=f"The {_HEADER} of the submission")]
StartLine = Annotated[int | None, Query(ge=0, description="First line, from 0; default: the last lines")]
Lines = Annotated[int, Query(alias="page", ge=1, le=10_000, description="How many lines")]


def router(backend: Backend, settings: Settings, metrics: Metrics) -> APIRouter:
    """The aliases."""
    routes = APIRouter(tags=["evalscope"])
    for kind in Kind:
        tasks = _Tasks(backend, settings, metrics, kind)
        part = APIRouter(prefix=f"/api/v1/{WORDS[kind]}")
        _submitting(part, tasks)
        _looking(part, tasks)
        routes.include_router(part)
    _benchmarks(routes)
    return routes


@dataclasses.dataclass(frozen=True)
class _Tasks:
    """The tasks of one kind."""

    backend: Backend
    settings: Settings
    metrics: Metrics
    kind: Kind
    submitting: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)

    async def newest(self, task_id: str) -> Line | None:
        """The run that was last submitted with that id."""
        found = await self.backend.list(RunQuery(kind=self.kind, tags={evalscope.TAG: _checked(task_id)}, limit=1))
        return found.runs[0] if found.runs else None

    async def known(self, task_id: str) -> Line:
        """The run that was last submitted with that id. Raises errors.NotFound if there is none."""
        line = await self.newest(task_id)
        if line is None:
            raise errors.NotFound(f"No task found for task_id: {task_id}")
        return line

    async def submitted(self, request: Request) -> tuple[str, Run]:
        """Makes a run of a request."""
        settings = self.settings
        body = await bodies.read_object(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        task_id = request.headers.get(_HEADER)
        if task_id is None:
            raise errors.InvalidRequest.because(f"{_HEADER} header is required")
        asked = {name: value for name, value in body.items() if name not in evalscope.OVERRIDDEN[self.kind]}
        made = await asyncio.to_thread(submissions.submission_of, self.kind, _REQUESTS[self.kind], asked, None)
        made = dataclasses.replace(made, tags={**made.tags, evalscope.TAG: _checked(task_id)})
        async with self.submitting:  # two of the same id at once
            before = await self.newest(task_id)
            if before is not None and not before.phase.terminal:
                raise errors.Conflict(f"task {task_id} is running; stop it first, or use another id", before.run_id)
            return task_id, await self.backend.submit(made)


def _checked(task_id: str) -> str:
    if not evalscope.is_task_id(task_id):
        reason = "Invalid task_id: it is a tag of the run here, at most 63 letters, digits, '-', '_' and '.'"
        raise errors.InvalidRequest.because(reason)
    return task_id


def _submitting(routes: APIRouter, tasks: _Tasks) -> None:
    word, metrics, backend = WORDS[tasks.kind], tasks.metrics, tasks.backend

    @routes.post("/invoke", **openapi.invocation(word))
    async def invoke(request: Request) -> Response:
        """Submits a task under an id of the client, and waits for its end."""
        with metrics.submission(word):
            task_id, run = await tasks.submitted(request)
        run_id = run.metadata.name
        del run  # thousands may wait here
        ended = await submissions.waited(backend, metrics, run_id)
        return await _outcome(tasks, task_id, ended)

    @routes.post("/stop", responses=openapi.TASK)
    async def stop(task_id: TaskId) -> dict[str, Any]:
        """Ends a task."""
        line = await tasks.newest(task_id)
        if line is None or line.phase.terminal:
            raise errors.NotFound(f"No running task found for task_id: {task_id}")
        await backend.cancel(line.run_id)
        return {"status": "stopped", "task_id": task_id}


async def _outcome(tasks: _Tasks, task_id: str, run: Run) -> Response:
    phase = run.status.phase
    if not phase.terminal:
        raise errors.ShuttingDown(f"the service is stopping; task {task_id} goes on as run {run.metadata.name}")
    if phase is Phase.CANCELLED:
        return problems.json_response(200, {"status": "stopped", "task_id": task_id})
    if phase is not Phase.SUCCEEDED:
        status, failed = seed.failed(run, *endings.reason_of(run))
        return problems.json_response(status, {"status": "error", "task_id": task_id, "error": failed["error"]})
    body = seed.succeeded(run, await tasks.backend.results(run.metadata.name))
    result = body["result" if tasks.kind is Kind.EVAL_RUN else "results"]
    shown = {"result": result, "table": evalscope.table(tasks.kind, result)}
    return problems.json_response(200, {"status": "completed", "task_id": task_id, **shown})


def _looking(routes: APIRouter, tasks: _Tasks) -> None:
    backend = tasks.backend

    @routes.get("/progress", responses=openapi.TASK)
    async def progress(task_id: TaskId) -> dict[str, Any]:
        """The progress of a task."""
        line = await tasks.newest(task_id)
        return evalscope.progress(tasks.kind, None if line is None else await backend.moment(line.run_id))

    @routes.get("/log", responses=openapi.TASK)
    async def log(task_id: TaskId, start_line: StartLine = None, page: Lines = 500) -> dict[str, Any]:
        """A part of a task's log."""
        line = await tasks.known(task_id)
        return await _part(backend.log(line.run_id, tail_lines=None, follow=False), start_line, page)

    @routes.get("/report", responses=openapi.TASK, response_class=Response)
    async def report(task_id: TaskId, request: Request) -> Response:
        """The HTML report of an ended task."""
        line = await tasks.known(task_id)
        return await files.artifact(backend, line.run_id, _REPORTS[tasks.kind], request.headers)


async def _part(log: AsyncIterator[bytes], start: int | None, most: int) -> dict[str, Any]:
    """The lines from `start` on, or the last ones. Only a limited part of the log is kept."""
    kept: deque[str] = deque(maxlen=most if start is None else None)
    total = 0
    async for line in _lines(log):
        if start is None or start <= total < start + most:
            kept.append(line)
        total += 1
    return evalscope.lines_of(kept, total - len(kept) if start is None else min(start, total), total)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace") + "\n"
    if rest:
        yield rest.decode(errors="replace")


def _benchmarks(routes: APIRouter) -> None:
    listed = [evalscope.benchmark(entry) for entry in catalogue().benchmarks]

    @routes.get("/api/v1/eval/benchmarks")
    async def benchmarks(
        kind: Annotated[Literal["text", "multimodal"] | None, Query(alias="type")] = None,
        everything: Annotated[bool, Query(alias="all")] = False,
    ) -> dict[str, list[dict[str, Any]]]:
        """The benchmarks as EvalScope lists them. All of them are text benchmarks."""
        found: dict[str, list[dict[str, Any]]] = {"text": listed, "multimodal": []}
        if everything:
            found |= {"agent": [], "aigc": []}
        return found if kind is None else {kind: found[kind]}
