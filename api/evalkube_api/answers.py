"""The answer about a run in its current state: 200 or 500 as in the seed for an ended run, else 202."""

from starlette.responses import Response

from evalkube_api import endings, problems, seed
from evalkube_api.backend import Backend
from evalkube_crds.names import Phase
from evalkube_crds.status import Run

__all__ = ["of_run"]

_TAIL_LINES = 400


async def of_run(backend: Backend, run: Run, *, debug: bool, applied: str | None = None) -> Response:
    """The answer about a run. `debug`: a setting of the service. A run that asked for debug gets its stack trace."""
    headers = {"Preference-Applied": applied} if applied else {}
    run_id = run.metadata.name
    if not run.status.phase.terminal:
        headers |= {"Location": f"/api/v1/runs/{run_id}", "Retry-After": "1"}
        return problems.json_response(202, seed.accepted(run), headers)
    if run.status.phase is Phase.SUCCEEDED:
        results = await backend.results(run_id)
        return problems.json_response(200, seed.succeeded(run, results), headers)
    trace = await _stack_trace(backend, run_id) if debug or run.spec.debug else None
    status, body = seed.failed(run, *endings.reason_of(run), traceback=trace)
    return problems.json_response(status, body, headers)


async def _stack_trace(backend: Backend, run_id: str) -> str:
    """The last stack trace in the run's log; the last lines of the log if there is none."""
    log = b"".join([chunk async for chunk in backend.log(run_id, tail_lines=_TAIL_LINES, follow=False)])
    text = log.decode(errors="replace")
    return endings.last_traceback(text) or "\n".join(text.splitlines()[-20:])
