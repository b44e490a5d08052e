"""Submissions for a cluster, and what an operator writes about them."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from evalkube_api.backend import Submission
from evalkube_api.kubernetes.backend import KubernetesBackend
from evalkube_api.settings import ClusterSettings
from evalkube_crds import requests
from evalkube_crds.names import Kind
from fakes.api_server import ApiServer
from fakes.bodies import eval_body, perf_body

__all__ = ["ENDED", "applied", "backend", "condition", "eval_submission", "perf_submission", "soon"]


def eval_submission(key: str | None = None, **more: Any) -> Submission:
    """Of a valid evaluation, with an API key."""
    spec, secrets = requests.split_request(requests.parse_request(requests.EvalRequest, eval_body(**more)))
    return Submission(Kind.EVAL_RUN, spec, secrets, key)


def perf_submission(key: str | None = None, **more: Any) -> Submission:
    """Of a valid load test, with an API key."""
    spec, secrets = requests.split_request(requests.parse_request(requests.PerfRequest, perf_body(**more)))
    return Submission(Kind.PERF_RUN, spec, secrets, key)


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    """One condition of a status."""
    at = "2026-11-23T20:00:00Z"
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


ENDED: dict[str, Any] = {
    "phase": "Succeeded",
    "conditions": [condition("Accepted", "True", "Accepted"), condition("Succeeded", "True", "Completed")],
    "summary": {"gsm8k/mean_acc": 1.0},
    "results": {"gsm8k": {"score": 1.0}},
    "startTime": "2026-11-23T20:00:00Z",
    "completionTime": "2026-11-23T20:00:09Z",
    "outputDir": "volume://evals/x",
}
"""The status of a run that succeeded."""


def applied(name: str, kind: str = "EvalRun", **metadata: Any) -> dict[str, Any]:
    """A run as someone applies it with kubectl."""
    spec: dict[str, Any] = {"model": "ok", "apiUrl": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"]}
    if kind == "PerfRun":
        spec = {"model": "ok", "url": "http://127.0.0.1:9/v1/chat/completions", "number": [1], "parallel": [1]}
    return {"kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


@contextlib.asynccontextmanager
async def backend(server: ApiServer, folder: Path, **settings: Any) -> AsyncIterator[KubernetesBackend]:
    """A backend in the namespace `evals`."""
    given = {"namespace": "evals", "kubeconfig": server.kubeconfig(folder / "kubeconfig"), **settings}
    opened = KubernetesBackend(ClusterSettings(**given))
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()


async def soon(look: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """The first answer that is true; `look` may be a coroutine function."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = look()
            answer = await found if inspect.isawaitable(found) else found
            if answer:
                return answer
            await asyncio.sleep(0.01)
