"""Bodies of requests that are as short as may be, and what is said about wrong ones."""

from typing import Any

import pytest
from pydantic import ValidationError

from evalkube_crds import problems
from evalkube_crds.requests import EvalRequest, PerfRequest, parse_request

__all__ = ["EVAL", "PERF", "complaint"]

EVAL = {"model": "qwen", "api_url": "http://127.0.0.1:8000/v1", "datasets": ["gsm8k"]}
PERF = {"model": "qwen", "url": "http://127.0.0.1:8000/v1/chat/completions"}


def complaint(model: type[EvalRequest] | type[PerfRequest], body: Any) -> str:
    """What is said about `body`."""
    with pytest.raises(ValidationError) as caught:
        parse_request(model, body)  # type: ignore[type-var]  # either of the two
    return problems.sentence(problems.problems_of(caught.value, model))
