"""Run documents from the first condition to the last."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evalkube_api import endings, settings
from evalkube_api.backend import Submission
from evalkube_api.local import run_document
from evalkube_api.local.run_document import Ending
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import ConditionType, Kind, Phase, Reason
from evalkube_crds.status import EvalRun, Run
from evalkube_crds.transitions import Outcome

NOW = datetime(2025, 12, 4, 10, 0, 0, 123456, UTC)


def submission(**fields: Any) -> Submission:
    """An evaluation."""
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], **fields}
    return Submission(Kind.EVAL_RUN, EvalRunSpec.model_validate(body), {"api_key": "sk-0123456789"})


def new() -> Run:
    """A run that waits."""
    return run_document.new_run(submission(), run_id="eval-x", uid="u", now=NOW, output_dir="/out/x", annotations={})


def later(seconds: int) -> datetime:
    """Some time after the start."""
    return NOW + timedelta(seconds=seconds)


def test_the_phases_of_a_run() -> None:
    """From waiting to its end, each from the conditions."""
    run = new()
    assert run.status.phase is Phase.QUEUED
    run = run_document.started(run, 7, later(1))
    assert run.status.phase is Phase.RUNNING
    run = run_document.ended(
        run,
        Ending(Reason.COMPLETED, "well", 0),
        later(2),
        Outcome(Reason.COMPLETED, "well", summary={"score": 1.0}, results={"a": 1}),
    )
    assert run.status.phase is Phase.SUCCEEDED
    assert (run.status.start_time, run.status.completion_time) == (later(1), later(2))
    assert endings.reason_of(run) == (Reason.COMPLETED, "well")


ENDS = {
    Reason.CANCELLED: Phase.CANCELLED,
    Reason.INTERRUPTED: Phase.INTERRUPTED,
    Reason.RUNNER_CRASHED: Phase.FAILED,
    Reason.TARGET_REFUSED: Phase.FAILED,
}


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize(("reason", "phase"), ENDS.items())
def test_every_end_has_its_phase(reason: Reason, phase: Phase, started: bool) -> None:
    """Whether its turn had come or not."""
    run = run_document.started(new(), 7, later(1)) if started else new()
    run = run_document.ended(run, Ending(reason, "why"), later(2))
    assert run.status.phase is phase
    collected = run.status.condition(ConditionType.RESULTS_COLLECTED)
    assert (collected is not None and collected.status == "False") is started
    assert len(run.status.attempts) == (1 if started else 0)


def test_a_document_survives_its_file() -> None:
    """Written and read back, it is the same; and there is no secret in it."""
    run = run_document.ended(
        run_document.started(new(), 7, later(1)),
        Ending(Reason.COMPLETED, "m", 0),
        later(2),
        Outcome(Reason.COMPLETED, "m", results={"n": None}),
    )
    text = run.model_dump_json(by_alias=True)
    assert EvalRun.model_validate_json(text) == run
    assert "sk-" not in text


def test_ids_sort_by_time_and_are_dns_labels() -> None:
    """As Kubernetes will want them."""
    first, second = (
        run_document.run_id_at(Kind.PERF_RUN, later(number), "zz000000"[::step]) for number, step in ((0, 1), (1, -1))
    )
    assert first == "perf-20251204t100000123-zz000000"
    assert first < second
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])", first)


def test_the_digest_tells_requests_apart_but_not_keys() -> None:
    """Written with defaults or without, a request is the same."""
    digest = run_document.request_digest(submission())
    assert digest == run_document.request_digest(submission(limit=None, repeats=1))
    assert digest != run_document.request_digest(submission(limit=5))
    other = submission()
    assert digest == run_document.request_digest(Submission(other.kind, other.spec, {"api_key": "another"}))


def test_secrets_are_not_shown_by_accident() -> None:
    """Not where a submission is printed."""
    assert "sk-" not in repr(submission())


def test_a_runner_inherits_little() -> None:
    """What finds Python, data and the network; a hub's address, and no endpoint's key."""
    given = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "HF_ENDPOINT": "http://hub",
        "OPENAI_API_KEY": "sk",
        "EVALKUBE_API_KEY": "sk",
    }
    assert settings.runner_environment(given) == {"PATH": "/bin", "LC_ALL": "C", "HF_ENDPOINT": "http://hub"}
