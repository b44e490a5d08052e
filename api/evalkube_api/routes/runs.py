"""/api/v1/runs: lists, shows, cancels and deletes runs, and returns their results."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evalkube_api import answers, conditional, errors, openapi, preferences, responses, selecting, views
from evalkube_api.backend import KINDS, Backend, Moment, RunQuery, Sort
from evalkube_api.metrics import Metrics
from evalkube_api.settings import Settings
from evalkube_crds.names import Phase, Verdict
from evalkube_crds.status import Run

__all__ = ["router"]

Limit = Annotated[int, Query(ge=1, le=500, description="Runs on one page")]
Page = Annotated[int, Query(ge=1, le=1_000_000, description="Number of the page, from 1")]
Continue = Annotated[str | None, Query(alias="continue", max_length=200, description="The `next` of the page before")]
Phases = Annotated[str | None, Query(max_length=200, description="Only runs in one of these phases, with commas")]
Model = Annotated[str | None, Query(max_length=512, description="Only runs of this model")]
Namespace = Annotated[
    str | None,
    Query(
        max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", description="Only of this namespace; clusters only"
    ),
]
Tag = Annotated[
    str | None,
    Query(max_length=2000, description="Only runs with all of these tags, with commas: `name` or `name=value`"),
]
Verdicts = Annotated[str | None, Query(max_length=200, description="Only load tests of these verdicts, with commas")]
Dataset = Annotated[str | None, Query(max_length=512, description="Only runs with this benchmark or data set")]
Text = Annotated[str | None, Query(max_length=200, description="Only runs with this in their id, model or tags")]
SortBy = Annotated[Sort, Query(description="What runs are sorted by; those that have no such value come last")]
Order = Annotated[Literal["asc", "desc"], Query(description="Smallest or oldest first, or largest or newest")]


def router(backend: Backend, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes of existing runs."""
    routes = APIRouter(prefix="/api/v1/runs")
    _documents(routes, backend)
    _outcomes(routes, backend, settings, metrics)
    return routes


def _documents(routes: APIRouter, backend: Backend) -> None:
    @routes.get("", tags=["runs"], responses=openapi.RUNS)
    async def list_runs(
        kind: Literal["eval", "perf"] | None = None,
        phase: Phases = None,
        model: Model = None,
        namespace: Namespace = None,
        tag: Tag = None,
        verdict: Verdicts = None,
        dataset: Dataset = None,
        q: Text = None,
        sort: SortBy = "created",
        order: Order = "desc",
        limit: Limit = 50,
        page: Page = 1,
        after: Continue = None,
    ) -> responses.RunList:
        """Runs, newest first unless sorted otherwise. `continue` pages on without gaps while new runs come in, where
        they are sorted by `created`; `page` counts."""
        query = RunQuery(
            kind=KINDS[kind] if kind else None,
            phases=selecting.words_in(phase, Phase, "phase"),
            model=model,
            namespace=namespace,
            tags=selecting.tags_in(tag),
            verdicts=selecting.words_in(verdict, Verdict, "verdict"),
            dataset=dataset,
            text=q,
            sort=sort,
            descending=order == "desc",
            limit=limit,
            after=after,
            offset=(page - 1) * limit,
        )
        return views.page(await backend.list(query))

    @routes.get("/{run_id}", tags=["runs"], responses=openapi.RUN)
    async def get_run(run_id: str) -> responses.RunDetail:
        """One run: what was asked, its conditions, progress and figures."""
        run = await backend.get(run_id)
        return views.run(run, backend.queue(run))

    @routes.delete("/{run_id}", tags=["runs"], responses=openapi.DELETED)
    async def delete_run(run_id: str, force: bool = False) -> responses.Deleted:
        """Delete a run and its files. One that has not ended is refused (409), or with `force` cancelled first.

        Files stay where another run shares the folder, or where the folder was there before the run; the answer says
        so."""
        done = await backend.delete(run_id, force=force)
        return responses.Deleted(id=run_id, artifacts=done.artifacts, message=done.reason)


def _outcomes(routes: APIRouter, backend: Backend, settings: Settings, metrics: Metrics) -> None:
    @routes.post("/{run_id}/cancel", tags=["runs"], responses=openapi.CANCELLED)
    async def cancel_run(run_id: str, response: Response) -> responses.Cancelled:
        """End a run, waiting or at work. Answers when it has ended (202 where its runner takes long). A run that had
        ended is 409."""
        before = await backend.get(run_id)
        run = before if before.status.phase.terminal else await backend.cancel(run_id)
        phase = run.status.phase
        if phase.terminal and phase is not Phase.CANCELLED:
            raise errors.Conflict(f"run {run_id} had ended already: {phase}", run_id)
        response.status_code = 200 if phase.terminal else 202
        return responses.Cancelled(id=run_id, status="cancelled" if phase.terminal else "cancelling", phase=phase)

    @routes.get("/{run_id}/result", tags=["runs"], responses=openapi.RESULT)
    async def get_result(run_id: str, request: Request) -> Response:
        """Exactly what the submission answers once the run has ended; before, 202. `Prefer: wait=N` waits for it."""
        wanted = preferences.preference(request.headers.getlist("prefer"))
        if wanted.wait_s:
            with metrics.waiting.track_inprogress():
                run = await backend.wait(run_id, wanted.wait_s)
        else:
            run = await backend.get(run_id)
        tag = _tag(run, request.app.version)
        if tag is not None and conditional.is_current(request.headers, tag):
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
        answer = await answers.of_run(backend, run, debug=settings.debug, applied=wanted.applied)
        if tag is not None:
            answer.headers.update({"ETag": tag, "Cache-Control": "no-cache"})
        return answer

    @routes.get("/{run_id}/progress", tags=["runs"], responses=openapi.PROGRESS)
    async def get_progress(run_id: str, request: Request) -> Any:
        """How far the run is. With `Accept: text/event-stream` an event for every change until the run has ended."""
        now = await backend.moment(run_id)
        if "text/event-stream" not in request.headers.get("accept", ""):
            return views.moment(now)
        events = _events(backend.moments(run_id))
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def _tag(run: Run, version: str) -> str | None:
    """The entity tag of a result. Only the result of a succeeded run has one, because it never changes."""
    if run.status.phase is not Phase.SUCCEEDED:
        return None
    return conditional.etag(run.metadata.uid, run.status.completion_time, version)


async def _events(moments: AsyncIterator[Moment | None]) -> AsyncIterator[bytes]:
    number = 0
    try:
        async for moment in moments:
            if moment is None:
                yield b": still here\n\n"
                continue
            number += 1
            name = "end" if moment.phase.terminal else "progress"
            data = views.moment(moment).model_dump_json()
            yield f"id: {number}\nevent: {name}\ndata: {data}\n\n".encode()
    except errors.NotFound:  # deleted while we watched
        return
