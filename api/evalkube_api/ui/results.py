"""Pages of ended runs: an evaluation with its samples, a load test, and comparisons.

`page` is the page of one ended run. `router` has the other pages and their data:

    /ui/runs/{id}/samples/{dataset}/{subset}/{index}    one sample
    /ui/compare?runs=a,b[,c]                            the first is the baseline
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evalkube_api import documents, errors
from evalkube_api.backend import Backend
from evalkube_api.documents import NoDocument
from evalkube_api.indexes import Indexes
from evalkube_api.ui import (
    addresses,
    evaluation,
    head,
    load_test,
    outlines,
    pages,
    paging,
    requests,
    samples,
)
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.comparing import Comparing
from evalkube_api.ui.head import Head
from evalkube_crds.status import EvalRun, PerfRun, Run
from evalkube_report import configuration
from evalkube_report.requests import index as request_index
from evalkube_report.requests import page as request_page
from evalkube_report.requests import series as over_time
from evalkube_report.samples import page as sample_page
from evalkube_report.samples.index import Index
from evalkube_report.samples.page import UnknownName

__all__ = ["page", "router"]


def router(backend: Backend) -> APIRouter:
    """The routes of results."""
    routes = APIRouter()
    comparing = Comparing(backend)

    @routes.get("/ui/runs/{run_id}/samples/{dataset}/{subset:path}/{index}")
    async def sample(request: Request, run_id: str, dataset: str, subset: str, index: int) -> Response:
        return await _sample(request, backend, (run_id, dataset, subset, index))

    @routes.get("/ui/compare")
    async def comparison(request: Request) -> Response:
        return await comparing.page(request)

    return routes


async def page(request: Request, backend: Backend, run: Run) -> Response:
    """The page of an ended run with a result: `GET /ui/runs/{id}`."""
    try:
        if isinstance(run, EvalRun):
            return await _evaluation(request, backend, run)
        return await _load_test(request, backend, run)
    except NoDocument as problem:
        context = {"head": _head(request, run), "why": str(problem), **await _setup(backend, run)}
        return pages.page(request, "no_result.html.j2", context)


def _head(request: Request, run: Run) -> Head:
    return head.of_run(run, read_only=pages.shell_of(request).read_only)


def _address(request: Request, views: Mapping[str, str], chosen: Mapping[str, tuple[str, ...]]) -> Address:
    """The address of this page, with its parameters."""
    known = {"view": tuple(filter(None, views)), "page": (), **chosen}
    return Address(request.url.path, addresses.asked(request.query_params, known))


def _context(request: Request, run: Run, here: Address, views: Mapping[str, str]) -> dict[str, Any]:
    shown = here.query.get("view", "")
    return {"here": here, "view": shown, "head": _head(request, run), "tabs": head.tabs(here, views, shown)}


def _indexes(request: Request) -> Indexes:
    found = request.app.state.indexes
    assert isinstance(found, Indexes)
    return found


async def _evaluation(request: Request, backend: Backend, run: EvalRun) -> Response:
    here = _address(request, evaluation.VIEWS, samples.PARAMETERS)
    asked, shown = here.query, here.query.get("view", "")
    context = _context(request, run, here, evaluation.VIEWS)
    if shown == "setup":
        context |= await _setup(backend, run)
    elif shown == "samples":
        try:
            index = await _indexes(request).samples(run.metadata.name)
        except (errors.NotFound, errors.Conflict) as problem:
            return pages.page(request, "evaluation.html.j2", context | {"browser": None, "why": str(problem)})
        if _strange_subset(index, asked):
            return RedirectResponse(str(here.but(subset=None, page=None)), 303)
        context["browser"] = await _browser(backend, run.metadata.name, index, here)
    else:
        result = await documents.of(request).evaluation(run.metadata.name)
        context |= await asyncio.to_thread(evaluation.scores, result, run.spec, here)
    return pages.page(request, "evaluation.html.j2", context)


async def _setup(backend: Backend, run: Run) -> dict[str, Any]:
    listed = await backend.artifacts(run.metadata.name)
    return {
        "settings": configuration.settings_of(run.spec),
        "files": head.files(run.metadata.name, listed.entries),
        "complete": listed.complete,
    }


def _strange_subset(index: Index, asked: Mapping[str, str]) -> bool:
    """Whether the subset belongs to another data set: when a user changes the data set in the form, the old subset is
    still sent.
    """
    dataset, subset = asked.get("dataset"), asked.get("subset")
    return (
        subset is not None
        and dataset in index.datasets
        and (subset not in index.subsets[index.datasets.index(dataset)])
    )


async def _browser(backend: Backend, run_id: str, index: Index, here: Address) -> samples.Browser:
    start = (paging.page_of(here.query.get("page")) - 1) * samples.PAGE
    query = samples.query_of(here.query)
    try:
        found = await asyncio.to_thread(sample_page.select, index, query, start=start, limit=samples.PAGE)
    except UnknownName as problem:
        raise errors.InvalidRequest.because(problem.reason, problem.field) from None
    read = await outlines.read(backend, run_id, index, found.entries)
    return samples.browser(run_id, index, found, read, here)


async def _sample(request: Request, backend: Backend, at: tuple[str, str, str, int]) -> Response:
    run_id, dataset, subset, place = at
    asked = addresses.asked(request.query_params, samples.PARAMETERS)
    here = Address(request.url.path, asked)
    indexes = _indexes(request)
    index, run = await asyncio.gather(indexes.samples(run_id), backend.get(run_id))
    row = index.find(dataset, subset, place)
    if row is None:
        raise samples.unknown(*at)
    try:
        around = sample_page.around(index, samples.query_of(asked), row)
    except UnknownName as problem:
        raise errors.InvalidRequest.because(problem.reason, problem.field) from None
    found = await indexes.sample(run_id, index, row)
    shown = samples.one_sample(run_id, found, around, here)
    context = {"head": head.of_run(run, read_only=True, below=shown.title), "sample": shown}
    return pages.page(request, "sample.html.j2", context)


async def _load_test(request: Request, backend: Backend, run: PerfRun) -> Response:
    here = _address(request, load_test.VIEWS, {"point": (), **requests.PARAMETERS})
    shown = here.query.get("view", "")
    context = _context(request, run, here, load_test.VIEWS)
    if shown == "setup":
        return pages.page(request, "load_test.html.j2", context | await _setup(backend, run))
    result = await documents.of(request).load_test(run.metadata.name)
    if not shown:
        context |= await asyncio.to_thread(load_test.overview, result, run.spec, here)
        return pages.page(request, "load_test.html.j2", context)
    point = load_test.chosen_point(result.points, here.query.get("point"))
    if point is None:
        names = ", ".join(one.name for one in result.points)
        raise errors.InvalidRequest.because(f"must be one of {names}" if names else "there is none", "point")
    context["loads"] = load_test.point_choices(result.points, here, point.name, shown)
    index = await _requests_of(request, run.metadata.name, point.name)
    if shown == "requests":
        context |= await _requests(backend, run.metadata.name, index, here)
    else:
        series = None
        if index is not None:
            series = await asyncio.to_thread(over_time.series, index, load_test.intervals(len(index.rows)))
        context |= await asyncio.to_thread(load_test.one_load, point, series, result, run.spec)
    return pages.page(request, "load_test.html.j2", context)


async def _requests_of(request: Request, run_id: str, point: str) -> request_index.Index | None:
    """The index of a point's requests; None if the run left none."""
    try:
        return await _indexes(request).requests(run_id, point)
    except (errors.NotFound, errors.InvalidRequest, errors.Conflict):  # of an older version, or damaged
        return None


async def _requests(backend: Backend, run_id: str, index: request_index.Index | None, here: Address) -> dict[str, Any]:
    if index is None:
        return {
            "browser": None,
            "why": "This run left no list of this load's requests that can be read here; its files may have the rows.",
        }
    start = (paging.page_of(here.query.get("page")) - 1) * requests.PAGE
    query = requests.query_of(here.query)
    try:
        found = await asyncio.to_thread(request_page.select, index, query, start=start, limit=requests.PAGE)
    except request_page.UnknownName as problem:
        raise errors.InvalidRequest.because(problem.reason, problem.field) from None
    row = await _row(backend, run_id, index, here.query.get("row"))
    return {"browser": requests.browser(index, found, here, row), "why": ""}


async def _row(backend: Backend, run_id: str, index: request_index.Index, asked: str | None) -> bytes | None:
    """The line of the open request, if one is open."""
    if asked is None:
        return None
    if not asked.isascii() or not asked.isdigit() or len(asked) > 9 or int(asked) >= len(index.rows):
        raise errors.InvalidRequest.because("is not a request of this load", "row")
    at = index.slice(int(asked))
    return None if at is None else await outlines.line(backend, run_id, at.path, at.offset, at.length)
