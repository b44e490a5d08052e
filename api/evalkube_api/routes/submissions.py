"""POST /api/v1/eval and /api/v1/perf: make a run of a request, and answer at its end or with its place."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import answers, bodies, errors, openapi, placement, preferences
from evalkube_api.backend import WORDS, Backend, Submission
from evalkube_api.metrics import Metrics
from evalkube_api.settings import Settings
from evalkube_benchmarks import collections
from evalkube_crds import requests
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Kind
from evalkube_crds.problems import Problem, problems_of
from evalkube_crds.status import Run

__all__ = ["router", "submission_of", "waited"]

_LOG = logging.getLogger("evalkube.service")
_LONGEST_KEY: Final = 8192


def router(backend: Backend, settings: Settings, metrics: Metrics) -> APIRouter:
    """Both submissions."""
    routes = APIRouter(tags=["submit"])

    async def accepted(kind: Kind, model: Any, request: Request) -> Run:
        key = preferences.idempotency_key(request.headers.getlist("idempotency-key"))
        body = await bodies.read_object(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        submission = await asyncio.to_thread(submission_of, kind, model, body, key)  # a large one takes a while
        return await backend.submit(submission)

    async def submit(kind: Kind, model: Any, request: Request) -> Response:
        wanted = preferences.preference(request.headers.getlist("prefer"))
        with metrics.submission(WORDS[kind]):
            run = await accepted(kind, model, request)
        run_id = run.metadata.name
        _LOG.info("%s: accepted", run_id)
        if wanted.wait_s != 0:
            del run  # thousands may wait here
            run = await waited(backend, metrics, run_id, wanted.wait_s)
        return await answers.of_run(backend, run, debug=settings.debug, applied=wanted.applied)

    @routes.post("/api/v1/eval", **openapi.submission("eval"))
    async def submit_eval(request: Request) -> Response:
        """Run an evaluation. Blocks until it has ended, unless the client prefers otherwise."""
        return await submit(Kind.EVAL_RUN, requests.EvalRequest, request)

    @routes.post("/api/v1/perf", **openapi.submission("perf"))
    async def submit_perf(request: Request) -> Response:
        """Run a load test. Blocks until it has ended, unless the client prefers otherwise."""
        return await submit(Kind.PERF_RUN, requests.PerfRequest, request)

    return routes


async def waited(backend: Backend, metrics: Metrics, run_id: str, timeout_s: float | None = None) -> Run:
    """A run that was made just now, at its end or after the timeout. Raises errors.RunDeleted."""
    try:
        with metrics.waiting.track_inprogress():
            return await backend.wait(run_id, timeout_s)
    except errors.NotFound:  # it may be deleted before anyone waits for it
        raise errors.RunDeleted(f"run {run_id} was deleted before its end") from None


def submission_of(kind: Kind, model: Any, body: dict[str, Any], key: str | None) -> Submission:
    """A request's body as a submission. Raises errors.InvalidRequest. Blocking: a large body takes time."""
    beside, rest = placement.split(body)
    try:
        spec, secrets = requests.split_request(requests.parse_request(model, rest))
    except ValidationError as problem:
        raise errors.InvalidRequest(problems_of(problem, model)) from None
    _check_keys(secrets)
    if isinstance(spec, EvalRunSpec):
        _check_benchmarks(spec)
    spec = placement.placed(spec, beside)
    return Submission(kind, spec, secrets, key, namespace=beside.namespace, tags=beside.tags)


def _check_benchmarks(spec: EvalRunSpec) -> None:
    """Refuses benchmarks that this version does not know. The contract accepts any name."""
    if found := collections.problems(spec):
        raise errors.InvalidRequest([found[0], *found[1:]])


def _check_keys(secrets: Mapping[str, str]) -> None:
    """Checks that a key fits into a header line."""
    judges = {name: f"judge.models[{place}].api_key" for place, name in enumerate(requests.JUDGE_KEYS)}
    for name, field in {**{name: name for name in requests.SECRETS}, **judges}.items():
        value = secrets.get(name, "")
        if len(value) > _LONGEST_KEY or not value.isascii() or not value.isprintable() or " " in value:
            reason = f"must be printable ASCII without spaces, at most {_LONGEST_KEY} characters"
            raise errors.InvalidRequest([Problem(field, reason)])
