"""The page that starts a run: a form from the request's schema, and the same request for curl, CLI and YAML."""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evalkube_api import errors
from evalkube_api.backend import KINDS, WORDS, Backend, Submission
from evalkube_api.metrics import Metrics
from evalkube_api.routes.submissions import submission_of
from evalkube_api.settings import Settings
from evalkube_api.ui import addresses, form, pages, sent, spellings
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.form import Word
from evalkube_api.ui.paging import Choice
from evalkube_api.ui.run_rows import KIND_NAMES
from evalkube_benchmarks.catalogue import Catalogue, catalogue
from evalkube_crds import requests, tags
from evalkube_crds.names import Kind
from evalkube_crds.problems import Problem
from evalkube_crds.requests import SECRETS
from evalkube_crds.status import Run

__all__ = ["router"]

_LOG: Final = logging.getLogger("evalkube.service")
_NOT_CLONED: Final = ("work_dir", "use_cache")
"""A clone writes into its own folder, and sends all requests again."""
_MODELS: Final = {"eval": requests.EvalRequest, "perf": requests.PerfRequest}


def router(backend: Backend, settings: Settings, metrics: Metrics) -> APIRouter:
    """`/ui/new`."""
    routes = APIRouter(include_in_schema=False)
    cluster = settings.backend == "kubernetes"
    listed = catalogue()

    @routes.get("/ui/new")
    async def show(request: Request) -> Response:
        pages.check_writable(request)
        given = dict(request.query_params)
        word, values, cloned = _word(given.get("kind")), _without_secrets(given), given.get("clone")
        if cloned is not None:
            run = await backend.get(cloned)
            word, values = _WORDS_OF[Kind(run.kind)], _values_of_run(run, cluster=cluster)
        return _form(request, word, values, listed, cluster=cluster, cloned=cloned)

    @routes.post("/ui/new")
    async def start(request: Request) -> Response:
        pages.check_writable(request)
        filled = await sent.read(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        word, given = _word(filled.one("kind")), _joined(filled)
        try:
            with metrics.submission(word):
                key = filled.one("key") or None
                submission = await asyncio.to_thread(_submission, word, given, key, cluster=cluster)
                run = await backend.submit(submission)
        except errors.ApiError as refusal:
            found = refusal.problems if isinstance(refusal, errors.InvalidRequest) else (Problem("", str(refusal)),)
            values = _without_secrets(given)
            return _form(request, word, values, listed, cluster=cluster, problems=found, status=refusal.status)
        _LOG.info("%s: accepted", run.metadata.name)
        return RedirectResponse(addresses.run(run.metadata.name), 303)

    @routes.post("/ui/new/spellings")
    async def spelled(request: Request) -> Response:
        filled = await sent.read(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        word, given = _word(filled.one("kind")), _joined(filled)
        body, _ = form.body_of(word, given, cluster=cluster)
        return pages.fragment(request, "spellings.html.j2", _spellings(request, word, body, filled.all("has")))

    return routes


_WORDS_OF: Final[Mapping[Kind, Word]] = {kind: "eval" if word == "eval" else "perf" for kind, word in WORDS.items()}


def _word(text: str | None) -> Word:
    return "perf" if text == "perf" else "eval"


def _joined(filled: sent.Form) -> dict[str, str]:
    """The fields of the form. Each benchmark has its own checkbox."""
    return {**filled.last(), "datasets": "\n".join(filled.all("datasets"))}


def _without_secrets(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name not in SECRETS}


def _submission(word: Word, given: Mapping[str, str], key: str | None, *, cluster: bool) -> Submission:
    """The submission of a form. Raises errors.InvalidRequest. Blocking: a large request takes time."""
    body, problems = form.body_of(word, given, cluster=cluster)
    if problems:
        raise errors.InvalidRequest(problems)
    return submission_of(KINDS[word], _MODELS[word], body, key)


def _values_of_run(run: Run, *, cluster: bool) -> dict[str, str]:
    """The values that the request of a run had set, for a clone."""
    body: dict[str, Any] = run.spec.model_dump(mode="json", by_alias=False, exclude_unset=True)
    body["tags"] = tags.of_labels(run.metadata.labels)
    for name in _NOT_CLONED:
        body.pop(name, None)
    return form.values_of(_WORDS_OF[Kind(run.kind)], body, cluster=cluster)


def _form(
    request: Request,
    word: Word,
    values: Mapping[str, str],
    listed: Catalogue,
    *,
    cluster: bool,
    cloned: str | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response:
    beside: dict[str, list[str]] = {}
    for problem in problems:
        field = form.field_of_problem(word, problem, cluster=cluster)
        beside.setdefault(field or "", []).append(problem.reason if field == problem.field else str(problem))
    body, _ = form.body_of(word, _all_fields(word, values, cluster=cluster), cluster=cluster)
    context = {
        "word": word,
        "groups": form.groups(word, cluster=cluster),
        "values": values,
        "problems": beside,
        "problem_count": len(problems),
        "chosen": set(values.get("datasets", "").split("\n")),
        "catalogue": listed,
        "kinds": [
            Choice(name, None, str(Address("/ui/new", {"kind": kind})), kind == word)
            for kind, name in KIND_NAMES.items()
        ],
        "cloned": cloned,
        "cloned_url": None if cloned is None else addresses.run(cloned),
        "key": secrets.token_urlsafe(18),
        **_spellings(request, word, body, ()),
    }
    return pages.page(request, "new_run.html.j2", context, status=status)


def _all_fields(word: Word, values: Mapping[str, str], *, cluster: bool) -> dict[str, str]:
    """All fields as a browser sends them: with defaults for fields that the values do not name."""
    fields = [field for group in form.groups(word, cluster=cluster) for field in group.fields]
    return {field.name: values.get(field.name, field.default) for field in fields}


def _spellings(request: Request, word: Word, body: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    url = f"{request.url.scheme}://{request.url.netloc}"
    token = pages.shell_of(request).token
    return {"spellings": spellings.spellings(word, body, url=url, token=token, secrets=given)}
