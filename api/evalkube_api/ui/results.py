"""Pages of what ended runs came to: an evaluation with its samples, a load test, and runs beside one another.

`page` is the page of one ended run, `router` has the pages and the data that belong to no single run's address alone:

    /ui/runs/{id}/samples/{dataset}/{subset}/{index}    one sample
    /ui/compare?runs=a,b[,c]                            the first is the baseline
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evalkube_api import errors
from evalkube_api.backend import Backend
from evalkube_api.indexes import Indexes
from evalkube_api.ui import addresses, evaluation, head, outlines, pages, paging, samples
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.documents import Documents, NoDocument
from evalkube_crds.status import EvalRun, Run
from evalkube_report import configuration
from evalkube_report.samples import page as sample_page
from evalkube_report.samples.index import Index
from evalkube_report.samples.page import UnknownName

__all__ = ["page", "router"]


def router(backend: Backend) -> APIRouter:
    """The routes beside those of the frame."""
    routes = APIRouter()

    @routes.get("/ui/runs/{run_id}/samples/{dataset}/{subset:path}/{index}")
    async def sample(request: Request, run_id: str, dataset: str, subset: str, index: int) -> Response:
        return await _sample(request, backend, (run_id, dataset, subset, index))

    return routes


async def page(request: Request, backend: Backend, run: Run) -> Response:
    """The page of a run that ended and left a result: `GET /ui/runs/{id}`."""
    if isinstance(run, EvalRun):
        return await _evaluation(request, backend, run)
    raise NotImplementedError


def _documents(request: Request, backend: Backend) -> Documents:
    """Those of this service; made when the first page asks for one."""
    state = request.app.state
    if not hasattr(state, "documents"):
        state.documents = Documents(backend)
    found = state.documents
    assert isinstance(found, Documents)
    return found


def _indexes(request: Request) -> Indexes:
    found = request.app.state.indexes
    assert isinstance(found, Indexes)
    return found


async def _evaluation(request: Request, backend: Backend, run: EvalRun) -> Response:
    asked = addresses.asked(
        request.query_params, {"view": tuple(filter(None, evaluation.VIEWS)), "page": (), **samples.PARAMETERS}
    )
    here = Address(request.url.path, asked)
    shown = asked.get("view", "")
    context: dict[str, Any] = {"here": here, "view": shown, "run": run}
    context["head"] = head.of_run(run, read_only=pages.shell_of(request).read_only)
    context["tabs"] = head.tabs(here, [(word, name, None) for word, name in evaluation.VIEWS.items()], shown)
    if shown == "setup":
        context |= await _setup(backend, run)
    elif shown == "samples":
        index = await _indexes(request).samples(run.metadata.name)
        if _strange_subset(index, asked):
            return RedirectResponse(str(here.but(subset=None, page=None)), 303)
        context["browser"] = await _browser(backend, run.metadata.name, index, here)
    else:
        try:
            result = await _documents(request, backend).evaluation(run.metadata.name)
        except NoDocument as problem:
            return pages.page(request, "no_result.html.j2", context | await _setup(backend, run) | {"why": problem})
        context |= await asyncio.to_thread(evaluation.scores, result, run.spec, here)
    return pages.page(request, "evaluation.html.j2", context)


async def _setup(backend: Backend, run: Run) -> dict[str, Any]:
    listed = await backend.artifacts(run.metadata.name)
    return {
        "settings": configuration.settings_of(run.spec),
        "files": head.files(run.metadata.name, listed.entries),
        "complete": listed.complete,
    }


def _strange_subset(index: Index, asked: dict[str, str]) -> bool:
    """Whether the subset is another data set's: who chooses a data set in the form has still the subset before."""
    dataset, subset = asked.get("dataset"), asked.get("subset")
    return subset is not None and dataset in index.datasets and (
        subset not in index.subsets[index.datasets.index(dataset)]
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
