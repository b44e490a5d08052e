"""/api/v1/runs/{id}/samples, /requests and /series: single samples and requests of a run, in pages."""

import asyncio
from dataclasses import asdict
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query

from evalkube_api import browsing, errors, openapi, selecting
from evalkube_api.indexes import Indexes
from evalkube_crds.names import SampleState
from evalkube_report.requests import page as request_page
from evalkube_report.requests import series as over_time
from evalkube_report.samples import page as sample_page

__all__ = ["router"]

Dataset = Annotated[str | None, Query(max_length=512, description="Only samples of this data set")]
Subset = Annotated[str | None, Query(max_length=512, description="Only samples of this subset")]
States = Annotated[
    str | None,
    Query(max_length=100, description=f"Only samples in one of these states, with commas: {', '.join(SampleState)}"),
]
ErrorClass = Annotated[str | None, Query(max_length=100, description="Only those with an error of this class")]
SampleOrder = Annotated[sample_page.Sort, Query(description="The run's order, the slowest or the worst first")]
Point = Annotated[str, Query(max_length=512, description="The point of the load test, as in its results")]
Outcome = Annotated[request_page.State | None, Query(description="Only those that succeeded, or failed")]
RequestOrder = Annotated[request_page.Sort, Query(description="In the order of sending, or the longest first")]
WarmUp = Annotated[bool, Query(description="The requests of the warm-up too")]
Limit = Annotated[int, Query(ge=1, le=min(sample_page.MOST, request_page.MOST), description="How many on one page")]
Page = Annotated[int, Query(ge=1, le=1_000_000, description="Number of the page, from 1")]
Buckets = Annotated[int, Query(ge=1, le=2000, description="Most intervals")]


def router(indexes: Indexes) -> APIRouter:
    """The routes of single samples and requests."""
    routes = APIRouter(prefix="/api/v1/runs", tags=["results"])
    _samples(routes, indexes)
    _requests(routes, indexes)
    return routes


def _samples(routes: APIRouter, indexes: Indexes) -> None:
    @routes.get("/{run_id}/samples", responses=openapi.BROWSING)
    async def list_samples(
        run_id: str,
        dataset: Dataset = None,
        subset: Subset = None,
        state: States = None,
        error: ErrorClass = None,
        sort: SampleOrder = "order",
        limit: Limit = 50,
        page: Page = 1,
    ) -> browsing.SampleList:
        """All samples of an evaluation, in pages."""
        query = _query(dataset, subset, state, error, sort)
        index = await indexes.samples(run_id)
        try:
            found = await asyncio.to_thread(sample_page.select, index, query, start=(page - 1) * limit, limit=limit)
        except sample_page.UnknownName as problem:
            raise errors.InvalidRequest.because(problem.reason, problem.field) from None
        return browsing.SampleList(
            id=run_id,
            samples=[_sample_line(run_id, one) for one in found.entries],
            total=found.total,
            next=None if found.next is None else page + 1,
        )

    @routes.get("/{run_id}/samples/{dataset}/{subset:path}/{index}", responses=openapi.BROWSING)
    async def get_sample(
        run_id: str,
        dataset: str,
        subset: str,
        index: int,
        state: States = None,
        error: ErrorClass = None,
        sort: SampleOrder = "order",
    ) -> browsing.SampleDetail:
        """One sample: prompt, thoughts, answer, extracted answer, scores and judges.

        `previous` and `next` are those beside it among the samples of the run that match the parameters."""
        known = await indexes.samples(run_id)
        row = known.find(dataset, subset, index)
        if row is None:
            raise errors.NotFound(f"run {run_id} has no sample {index} of {dataset}, subset {subset}")
        query = _query(None, None, state, error, sort)
        found = await indexes.sample(run_id, known, row)
        try:
            beside = await asyncio.to_thread(sample_page.around, known, query, row)
        except sample_page.UnknownName as problem:
            raise errors.InvalidRequest.because(problem.reason, problem.field) from None
        given = {"state": state, "error": error, "sort": None if sort == "order" else sort}
        tail = urlencode({name: value for name, value in given.items() if value is not None})
        links = [None if one is None else _href(run_id, one, tail) for one in (beside.previous, beside.next)]
        line = _sample_line(run_id, found.entry).model_dump()
        kept = {name: value for name, value in asdict(found).items() if name not in ("entry", "latency_s")}
        return browsing.SampleDetail(
            **line,
            **kept,
            previous=links[0],
            next=links[1],
            place=beside.place,
            total=beside.total,
        )


def _query(
    dataset: str | None, subset: str | None, state: str | None, error: str | None, sort: sample_page.Sort
) -> sample_page.SampleQuery:
    return sample_page.SampleQuery(dataset, subset, selecting.words_in(state, SampleState, "state"), error, sort)


def _sample_line(run_id: str, one: sample_page.Entry) -> browsing.SampleLine:
    return browsing.SampleLine(
        dataset=one.dataset,
        subset=one.subset,
        index=one.index,
        repeat=one.repeat,
        state=one.state,
        score=one.score,
        latency_s=one.latency_s,
        error=one.error,
        href=_href(run_id, one),
    )


def _href(run_id: str, one: sample_page.Entry, tail: str = "") -> str:
    path = "/".join(quote(part, safe="") for part in (one.dataset, one.subset, str(one.index)))
    return f"/api/v1/runs/{run_id}/samples/{path}" + (f"?{tail}" if tail else "")


def _requests(routes: APIRouter, indexes: Indexes) -> None:
    @routes.get("/{run_id}/requests", responses=openapi.BROWSING)
    async def list_requests(
        run_id: str,
        point: Point,
        state: Outcome = None,
        error: ErrorClass = None,
        sort: RequestOrder = "order",
        warmup: WarmUp = False,
        limit: Limit = 50,
        page: Page = 1,
    ) -> browsing.RequestList:
        """All requests of one point of a load test, in pages."""
        index = await indexes.requests(run_id, point)
        query = request_page.RequestQuery(state, error, sort, warmup)
        try:
            found = await asyncio.to_thread(request_page.select, index, query, start=(page - 1) * limit, limit=limit)
        except request_page.UnknownName as problem:
            raise errors.InvalidRequest.because(problem.reason, problem.field) from None
        lines = [asdict(one) for one in found.entries]
        for line in lines:
            del line["row"]
        return browsing.RequestList(
            id=run_id,
            point=point,
            requests=[browsing.RequestLine(**line) for line in lines],
            total=found.total,
            next=None if found.next is None else page + 1,
        )

    @routes.get("/{run_id}/series", responses=openapi.BROWSING)
    async def get_series(run_id: str, point: Point, buckets: Buckets = 200) -> browsing.Series:
        """One point of a load test over time, in intervals of equal length."""
        index = await indexes.requests(run_id, point)
        found = await asyncio.to_thread(over_time.series, index, buckets)
        return browsing.Series(id=run_id, point=point, **asdict(found))
