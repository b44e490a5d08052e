"""The answers as EvalScope's service gives them: a run in, status code and body out. Pure.

They are the compatibility target to the letter.
"""

import contextlib
from typing import Any, Final

import orjson

from evalkube_api.backend import WORDS
from evalkube_crds.names import ConditionType, Kind, Phase, Reason
from evalkube_crds.results import SlaResult
from evalkube_crds.seed import BESIDE
from evalkube_crds.status import Run
from evalkube_report import sentences

__all__ = ["ENDPOINTS", "accepted", "failed", "succeeded", "unknown_endpoint"]

ENDPOINTS: Final = {
    "GET /health": "Health check",
    "POST /api/v1/eval": "Run an evaluation",
    "POST /api/v1/perf": "Run a load test",
    "POST /api/v1/compare": "Compare two evaluations of the same questions",
    "GET /api/v1/compare": "Compare runs with a baseline: evaluations or load tests",
    "GET /api/v1/benchmarks": "List the benchmarks that an evaluation may name",
    "GET /api/v1/runs": "List runs, newest first",
    "GET /api/v1/events": "What changes about any run, as server-sent events",
    "GET /api/v1/runs/{id}": "One run",
    "DELETE /api/v1/runs/{id}": "Delete a run and its files",
    "POST /api/v1/runs/{id}/cancel": "End a run",
    "GET /api/v1/runs/{id}/result": "What the submission would have answered",
    "GET /api/v1/runs/{id}/progress": "How far a run is; as server-sent events too",
    "GET /api/v1/runs/{id}/logs": "The runner's log",
    "GET /api/v1/runs/{id}/samples": "The samples of an evaluation, by pages",
    "GET /api/v1/runs/{id}/samples/{dataset}/{subset}/{index}": "One sample",
    "GET /api/v1/runs/{id}/requests": "The requests of a point of a load test, by pages",
    "GET /api/v1/runs/{id}/series": "A point of a load test over time",
    "GET /api/v1/runs/{id}/artifacts": "The files of a run",
    "GET /api/v1/runs/{id}/artifacts.zip": "All of them in one archive",
    "GET /api/v1/runs/{id}/artifacts/{path}": "One file of a run",
    "POST /api/v1/eval/invoke": "Submit an evaluation under an id of the client's, as EvalScope's clients do",
    "POST /api/v1/eval/stop": "End it",
    "GET /api/v1/eval/progress": "How far it is",
    "GET /api/v1/eval/log": "A part of its log",
    "GET /api/v1/eval/report": "Its report",
    "POST /api/v1/perf/invoke": "Submit a load test under an id of the client's, as EvalScope's clients do",
    "POST /api/v1/perf/stop": "End it",
    "GET /api/v1/perf/progress": "How far it is",
    "GET /api/v1/perf/log": "A part of its log",
    "GET /api/v1/perf/report": "Its report",
    "GET /api/v1/eval/benchmarks": "The benchmarks as EvalScope lists them",
    "GET /metrics": "Figures about the service for Prometheus",
    "GET /docs": "These pages' documentation",
    "GET /openapi.json": "The same for programs",
}


def succeeded(run: Run, results: bytes) -> dict[str, Any]:
    """The body of 200. `results`: JSON of `crds.seed.response`."""
    shown: dict[str, Any] = {"status": "success", "id": run.metadata.name}
    if run.kind is Kind.EVAL_RUN:
        reports, beside = _apart(results)
        said = "Dry run completed: nothing was asked" if run.spec.dry_run else "Evaluation completed"
        shown |= {"message": said, "result": reports, "output_dir": run.status.output_dir, **beside}
        shown["summary"] = run.status.summary
    else:
        shown |= {"message": "Performance test completed", "output_dir": run.status.output_dir}
        points, beside = _apart(results)
        shown |= {"results": points, **beside, "summary": run.status.summary}
        if "sla" in beside:
            shown["sla"] = _with_answer(beside["sla"])
    gates = run.status.condition(ConditionType.THRESHOLDS_MET)
    if gates is not None:
        shown["thresholds"] = {"met": gates.status == "True", "message": gates.message}
    return shown


def _with_answer(found: dict[str, Any]) -> dict[str, Any]:
    """The result of a search with its answer in a sentence; without one if another version wrote the result."""
    with contextlib.suppress(ValueError, KeyError):
        return {**found, "answer": sentences.slo(SlaResult.model_validate(found))}
    return found


def _apart(results: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The points or reports, and the facts about the run as a whole."""
    found = orjson.loads(results)
    beside = {name: found.pop(name) for name in BESIDE if name in found}
    return found, beside


def failed(run: Run, reason: Reason | None, message: str, traceback: str | None = None) -> tuple[int, dict[str, Any]]:
    """Status code and body for a run that did not succeed. `traceback` is given in debug mode only.

    500 as in the seed, for cancelled runs too; 503 where the service itself cut the run short and the same request is
    welcome again; 507 where its results found no room.
    """
    body: dict[str, Any] = {
        "status": "error",
        "error": message or f"the run ended as {run.status.phase}",
        "reason": reason,
        "id": run.metadata.name,
        "output_dir": run.status.output_dir,
    }
    if traceback is not None:
        body["traceback"] = traceback
    if run.status.phase is Phase.INTERRUPTED:
        return 503, body
    return (507 if reason is Reason.STORE_FULL else 500), body


def accepted(run: Run) -> dict[str, Any]:
    """The body of 202: the run has not ended, and where to find it."""
    here = f"/api/v1/runs/{run.metadata.name}"
    word = "Evaluation" if run.kind is Kind.EVAL_RUN else "Performance test"
    return {
        "status": "accepted",
        "message": f"{word} accepted",
        "id": run.metadata.name,
        "kind": WORDS[Kind(run.kind)],
        "phase": run.status.phase,
        "output_dir": run.status.output_dir,
        "links": {
            "run": here,
            **{part: f"{here}/{part}" for part in ("result", "progress", "logs", "artifacts", "cancel")},
        },
    }


def unknown_endpoint() -> dict[str, Any]:
    """The body of 404 for an unknown path."""
    return {"error": "Endpoint not found", "available_endpoints": ENDPOINTS}
