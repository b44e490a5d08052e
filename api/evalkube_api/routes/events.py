"""GET /api/v1/events: one stream with the changes of all runs, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from evalkube_api import openapi, responses, selecting, views
from evalkube_api.backend import KINDS, Backend, RunEvent, RunQuery
from evalkube_api.routes.runs import Dataset, Model, Namespace, Tag, Text

__all__ = ["router"]

_STREAM = "text/event-stream"
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

LastEventId = Annotated[str | None, Header(max_length=100, description="The last event that was received")]
After = Annotated[
    str | None,
    Query(max_length=100, description="The same for a client that sends no headers: `position` of a list of runs"),
]


def router(backend: Backend) -> APIRouter:
    """The stream of all runs."""
    routes = APIRouter(tags=["runs"])

    @routes.get("/api/v1/events", responses=openapi.EVENTS)
    async def get_events(
        kind: Literal["eval", "perf"] | None = None,
        model: Model = None,
        namespace: Namespace = None,
        tag: Tag = None,
        dataset: Dataset = None,
        q: Text = None,
        after: After = None,
        last_event_id: LastEventId = None,
    ) -> Response:
        """The changes of all runs: `run` with a run as lists show it, `deleted` with an id.

        The stream continues after `Last-Event-ID` without a gap. If that is missing or no longer known, a `snapshot`
        comes first, then the newest runs. The filters are those filters of lists whose result never changes for a run.
        A client that reads slowly gets only the last state of each run.
        """
        query = RunQuery(
            kind=KINDS[kind] if kind else None,
            model=model,
            namespace=namespace,
            tags=selecting.tags_in(tag),
            dataset=dataset,
            text=q,
        )
        events = _written(await backend.events(query, last_event_id or after))
        return StreamingResponse(events, media_type=_STREAM, headers=_HEADERS)

    return routes


async def _written(events: AsyncIterator[RunEvent | None]) -> AsyncIterator[bytes]:
    async for event in events:
        yield b": still here\n\n" if event is None else _event(event)


def _event(event: RunEvent) -> bytes:
    place = "" if event.position is None else f"id: {event.position}\n"
    return f"{place}event: {event.name}\ndata: {_data(event)}\n\n".encode()


def _data(event: RunEvent) -> str:
    if event.line is not None:
        return views.run_line(event.line).model_dump_json()
    if event.run_id is not None:
        return responses.RunDeleted(id=event.run_id).model_dump_json()
    return responses.Snapshot().model_dump_json()
