"""The Python client of evalkube: evaluations and load tests of LLM endpoints, with a service or without.

    from evalkube import evaluate, load_test, compare

    found = evaluate(model="qwen2.5", api_url="http://localhost:8000/v1", datasets=["gsm8k"], limit=10)
    print(found.scores)

`Client` and `AsyncClient` speak to a running service. Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from evalkube import errors
    from evalkube.async_client import AsyncClient
    from evalkube.client import Client
    from evalkube.compared import Comparison, LoadComparison
    from evalkube.comparing import compare
    from evalkube.models import Artifact, Progress, Run, RunEvent
    from evalkube.outcome import Evaluation, LoadTest, Outcome
    from evalkube.whole import evaluate, load_test
    from evalkube_crds.requests import EvalRequest, PerfRequest
    from evalkube_crds.thresholds import Gate

__all__ = [
    "Artifact",
    "AsyncClient",
    "Client",
    "Comparison",
    "EvalRequest",
    "Evaluation",
    "Gate",
    "LoadComparison",
    "LoadTest",
    "Outcome",
    "PerfRequest",
    "Progress",
    "Run",
    "RunEvent",
    "compare",
    "errors",
    "evaluate",
    "load_test",
]

_PLACES: Final = {
    "evalkube.async_client": ("AsyncClient",),
    "evalkube.client": ("Client",),
    "evalkube.compared": ("Comparison", "LoadComparison"),
    "evalkube.comparing": ("compare",),
    "evalkube.models": ("Artifact", "Progress", "Run", "RunEvent"),
    "evalkube.outcome": ("Evaluation", "LoadTest", "Outcome"),
    "evalkube.whole": ("evaluate", "load_test"),
    "evalkube_crds.requests": ("EvalRequest", "PerfRequest"),
    "evalkube_crds.thresholds": ("Gate",),
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return import_module("evalkube.errors")
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
