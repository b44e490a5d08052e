"""Answers of runs that have ended, where what they hold was written by another version."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from evalkube_api import seed
from evalkube_crds.status import PerfRun

RUN = PerfRun.model_validate(
    {
        "metadata": {"name": "perf-1", "uid": "u", "creationTimestamp": datetime(2026, 1, 1, tzinfo=UTC)},
        "spec": {"model": "m", "url": "http://127.0.0.1:9/v1/chat/completions"},
        "status": {"phase": "Succeeded", "summary": {"rps": 1.0}},
    }
)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"variable": "parallel", "groups": [{"criteria": {"p42_ttft": "<=1"}}]}, id="an unknown figure"),
        pytest.param({"variable": "parallel", "groups": [{"criteria": {"p99_ttft": "~1"}}]}, id="an unknown condition"),
        pytest.param({"variable": "depth"}, id="an unknown variable"),
    ],
)
def test_a_search_that_cannot_be_read_has_no_sentence(found: dict[str, Any]) -> None:
    """It is answered as it is."""
    assert seed.succeeded(RUN, orjson.dumps({"sla": found}))["sla"] == found
