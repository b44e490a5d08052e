"""The page of all runs: a live table with filters, and actions on several runs."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evalkube_api import errors
from evalkube_api.backend import Backend
from evalkube_api.settings import Settings
from evalkube_api.ui import addresses, listing, pages, run_rows, sent
from evalkube_api.ui.paging import Pager
from evalkube_crds.names import Phase

__all__ = ["router"]

_MOST_AT_ONCE: Final = 500
_DOING: Final = {"cancel": "Cancel", "delete": "Delete"}


def router(backend: Backend, settings: Settings) -> APIRouter:
    """`/ui`, and `/ui/do` for actions on runs."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/ui")
    async def list_runs(request: Request) -> Response:
        asked = listing.asked_for(request.query_params)
        found = await backend.list(asked.query)
        now = datetime.now(UTC)
        rows = [run_rows.row(line, now) for line in found.runs]
        context = {
            "asked": asked,
            "rows": rows,
            "pager": Pager.of(
                asked.here, start=asked.query.offset, shown=len(rows), total=found.total, size=listing.PER_PAGE
            ),
            "total": found.total,
            "position": found.position,
            "here": asked.here,
            "phases": list(Phase),
            "active_phases": listing.ACTIVE,
            "on_cluster": settings.backend == "kubernetes",
        }
        if request.headers.get("hx-request") == "true":
            return pages.fragment(request, "runs.html.j2", context, block="list")
        return pages.page(request, "runs.html.j2", context)

    @routes.post("/ui/do")
    async def do(request: Request) -> Response:
        form = await sent.read(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        ids, action, back = form.all("run"), form.one("action"), _own(form.one("back"))
        if not ids:
            return _said(request, "No run is chosen", "Tick the runs first.", back)
        if len(ids) > _MOST_AT_ONCE:
            raise errors.InvalidRequest.because(f"names {len(ids)} runs; at most {_MOST_AT_ONCE} at once", "run")
        if action == "compare":
            return _to_comparison(request, ids, back)
        pages.check_writable(request)
        if action not in _DOING:
            raise errors.InvalidRequest.because("must be compare, cancel or delete", "action")
        if form.one("sure") != "yes":
            context = {"ids": ids, "action": action, "verb": _DOING[action], "back": back}
            return pages.page(request, "confirm.html.j2", context)
        outcomes = await asyncio.gather(*(_done(backend, action, run_id) for run_id in ids))
        if all(outcome.done for outcome in outcomes) and not any(outcome.words for outcome in outcomes):
            return RedirectResponse(back, 303)
        return pages.page(request, "outcomes.html.j2", {"outcomes": outcomes, "verb": _DOING[action], "back": back})

    return routes


@dataclass(frozen=True, slots=True)
class _Outcome:
    run_id: str
    done: bool
    words: str


async def _done(backend: Backend, action: str, run_id: str) -> _Outcome:
    try:
        if action == "cancel":
            await backend.cancel(run_id)
            return _Outcome(run_id, True, "")
        deletion = await backend.delete(run_id, force=False)
    except errors.ApiError as problem:
        return _Outcome(run_id, False, str(problem))
    return _Outcome(run_id, True, f"its files were kept: {deletion.reason}" if deletion.artifacts == "kept" else "")


def _to_comparison(request: Request, ids: list[str], back: str) -> Response:
    if len(ids) < 2:
        return _said(request, "One run is not enough", "Tick two runs or more: the first is the baseline.", back)
    return RedirectResponse(addresses.compare(ids[::-1]), 303)


def _said(request: Request, title: str, words: str, back: str) -> Response:
    return pages.page(request, "refusal.html.j2", {"title": title, "words": words, "back": back}, status=400)


def _own(back: str) -> str:
    """The page that the form was on, if it is a page of this service; else the list."""
    return back if back == "/ui" or back.startswith(("/ui?", "/ui/runs/")) else "/ui"
